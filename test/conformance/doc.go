// Package conformance holds the extension to what its predecessors promise:
// the cases of AWS's secrets agent, AppConfig's protocol, the services' own
// emulators, and clients that were written for other servers. The true binary
// runs in a sandbox; every other side is somebody else's.
//
// The rule a reader could break: a case that the binary does not serve is a
// loud skip here and a failure in CI, never a silent pass.
package conformance
