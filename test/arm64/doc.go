// Package arm64 runs the binaries that most functions of today get, those for
// arm64, under qemu's user emulation: the extension and the wrapper as their
// layer has them, beside a function of this machine, on lambdaemu.
//
// The rule a reader could break: what is asserted here are answers, never
// times, because an emulated instruction costs many.
package arm64
