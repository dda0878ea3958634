// Package bind opens a TCP port on an IPv4 address with the three system calls
// that it takes.
//
// The rule a reader could break: it is on the way to the registration.
// net.Listen first looks which families and protocols the machine knows, with
// half a dozen sockets that it throws away, and starts threads for it.
package bind
