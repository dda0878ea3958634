// Package child starts the processes of a sandbox and reads what they print: each
// in a process group of its own, its descriptors as Lambda gives them, and no
// child outlives whoever started it.
//
// The rule a reader could break: what a process wrote before it called an API is
// handed on before the call takes effect (Drain), so output is read on demand as
// well as by a goroutine, under one lock per descriptor.
package child
