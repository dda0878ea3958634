// Package procstat reads what the kernel says about the sandbox: processor
// time, network traffic, the use of /tmp, open files and threads.
//
// The rule a reader could break: a figure that cannot be read, or that makes
// no sense, is absent and never zero. Files may be missing, look different or
// belong to somebody else; none of that is an error worth a line.
package procstat

import "os"

// Figure is a measurement that may be missing.
type Figure struct {
	Value float64
	Set   bool
}

func figure(v float64) Figure { return Figure{Value: v, Set: true} }

// Want is a set of figures to read. What is not asked for costs nothing.
type Want uint8

// The figures, by what it takes to read them.
const (
	CPU       Want = 1 << iota // CPUUserMs, CPUSystemMs
	Network                    // RxBytes, TxBytes
	Tmp                        // TmpUsedBytes
	FDs                        // FDs
	Threads                    // Threads
	OwnCPU                     // OwnCPUMs
	OwnMemory                  // OwnMemoryMB
)

// Counters are the figures that only grow: a difference of two readings says
// what happened between them. The others are levels.
const Counters = CPU | Network | OwnCPU

// Sample is one reading, or the difference of two.
type Sample struct {
	CPUUserMs    Figure // milliseconds in user mode, all processes and processors, in steps of 10
	CPUSystemMs  Figure // milliseconds in the kernel, likewise
	RxBytes      Figure // received by the function's network
	TxBytes      Figure // sent by it
	TmpUsedBytes Figure // bytes of /tmp that are taken
	FDs          Figure // open files of all processes but this one
	Threads      Figure // threads of all processes but this one
	OwnCPUMs     Figure // milliseconds this process took
	OwnMemoryMB  Figure // resident memory of this process, MiB
}

// Since returns the counters as what they grew by since the base, and the
// levels as they are. A counter that shrank was set back (a restored
// snapshot, another interface): its growth is unknown.
func (s Sample) Since(base Sample) Sample {
	for _, f := range []struct {
		now  *Figure
		then Figure
	}{
		{&s.CPUUserMs, base.CPUUserMs},
		{&s.CPUSystemMs, base.CPUSystemMs},
		{&s.RxBytes, base.RxBytes},
		{&s.TxBytes, base.TxBytes},
		{&s.OwnCPUMs, base.OwnCPUMs},
	} {
		grown := f.now.Value - f.then.Value
		if !f.now.Set || !f.then.Set || grown < 0 {
			*f.now = Figure{}
			continue
		}
		f.now.Value = round(grown)
	}
	return s
}

// Options says where to look. The zero value is the sandbox.
type Options struct {
	Root string // of the proc file system; empty means /proc
	Tmp  string // directory whose file system is measured; empty means /tmp
}

// Reader reads. It keeps nothing open and nothing between two readings, so it
// is safe for concurrent use and for snapshots.
type Reader struct {
	opt  Options
	self string // process id of this process
	real bool   // the root is the kernel's and no copy
}

// New returns a reader. It opens nothing.
func New(opt Options) *Reader {
	r := &Reader{opt: opt, self: itoa(os.Getpid())}
	if r.opt.Root == "" {
		r.opt.Root, r.real = "/proc", true
	}
	if r.opt.Tmp == "" {
		r.opt.Tmp = "/tmp"
	}
	return r
}

// Read returns the figures that are asked for, as far as they can be had.
func (r *Reader) Read(want Want) Sample {
	var s Sample
	if want&CPU != 0 {
		s.CPUUserMs, s.CPUSystemMs = r.cpu()
	}
	if want&Network != 0 {
		s.RxBytes, s.TxBytes = r.network()
	}
	if want&Tmp != 0 {
		s.TmpUsedBytes = used(r.opt.Tmp)
	}
	if want&(FDs|Threads) != 0 {
		s.FDs, s.Threads = r.processes(want)
	}
	if want&OwnCPU != 0 {
		s.OwnCPUMs = ownCPU()
	}
	if want&OwnMemory != 0 {
		s.OwnMemoryMB = r.ownMemory()
	}
	return s
}
