// Package fault is the table of what may go wrong on the platform, how a fault is
// written, and which faults are in force.
//
// The rule a reader could break: the table is the only place where a fault is
// named for people; who acts on one asks a Set by that name.
package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Info describes one fault for documentation and --help.
type Info struct {
	Name    string
	Arg     string // what the argument means and its default; "" when there is none
	Meaning string
}

// argKind says how a fault's argument is read.
type argKind int

const (
	argNone argKind = iota
	argTimes
	argMillis
	argBytes
	argPort
	argRate
)

type spec struct {
	Info
	kind     argKind
	fallback int // the argument's value when absent; for argTimes 0 means always
}

const timesArg = "how many times, then normal again; default always"

// allSpecs is the one table of faults: parsing, behaviour and documentation
// all read it.
func allSpecs() []spec {
	return []spec{
		{Info{"telemetry-202", timesArg, "the subscription is answered 202 Telemetry.NotSupported, as by AWS's emulator and sam local"}, argTimes, 0},
		{Info{"telemetry-400", timesArg, "the subscription is answered 400 ValidationError"}, argTimes, 0},
		{Info{"telemetry-403", timesArg, "the subscription is answered 403 Extension.UnknownExtensionIdentifier"}, argTimes, 0},
		{Info{"telemetry-500", timesArg, "the subscription is answered 500 InternalServerError"}, argTimes, 0},
		{Info{"telemetry-closed", timesArg, "the subscription is answered 403 Telemetry.SubscriptionClosed"}, argTimes, 0},
		{Info{"telemetry-silent", "", "the subscription is answered 200 but nothing is ever delivered"}, argNone, 0},
		{Info{"telemetry-root", "", "batches are posted to / whatever path the subscription names"}, argNone, 0},
		{Info{"schema-old", "", "schema version 2025-01-29 is answered 400, older ones work"}, argNone, 0},
		{Info{"logs-dropped", "bytes, default 65536", "the platform's buffer holds only so much; the rest is dropped and reported as platform.logsDropped"}, argBytes, 65536},
		{Info{"runtime-done-lost", timesArg, "platform.runtimeDone is never delivered"}, argTimes, 0},
		{Info{"runtime-done-late", "milliseconds, default 500", "platform.runtimeDone is generated late"}, argMillis, 500},
		{Info{"runtime-done-twice", timesArg, "platform.runtimeDone is generated twice"}, argTimes, 0},
		{Info{"runtime-done-early", timesArg, "platform.runtimeDone is generated before INVOKE is handed out"}, argTimes, 0},
		{Info{"report-never", timesArg, "platform.report is never delivered"}, argTimes, 0},
		{Info{"report-first", timesArg, "managed instances: every platform.report comes before the lines its request printed in the last second; without it a seed chooses for each request"}, argTimes, 0},
		{Info{"report-handler-error", timesArg, "platform.report has status error and the error's type after a handler that threw, as on managed instances; otherwise it says success"}, argTimes, 0},
		{Info{"events-unknown", "", "every invocation also brings an event of unknown type and a platform.fault with a string record"}, argNone, 0},
		{Info{"record-forms", "", "records in every form that is allowed or has been seen: lines as string, object, number, array and null, platform records without their optional members and with unknown ones"}, argNone, 0},
		{Info{"clock-jump", "milliseconds, default 3600000", "the clock jumps by this before the first invocation, or the one after @: what was said before is dated that much earlier"}, argMillis, 3600000},
		{Info{"batch-duplicated", timesArg, "every batch is posted twice"}, argTimes, 0},
		{Info{"batch-reordered", timesArg, "the events of a batch are posted in reverse order"}, argTimes, 0},
		{Info{"batch-split", "bytes, default 64", "a record longer than this is cut over two POSTs, neither of them valid JSON"}, argBytes, 64},
		{Info{"batch-split-lost", "bytes, default 64", "like batch-split, and the second POST is lost with the events in it"}, argBytes, 64},
		{Info{"batch-truncated", timesArg, "the last ten bytes of the body are missing"}, argTimes, 0},
		{Info{"register-500", timesArg, "register is answered 500 InternalServerError"}, argTimes, 0},
		{Info{"register-403", timesArg, "register is answered 403 Extension.InvalidExtensionState"}, argTimes, 0},
		{Info{"next-500", timesArg, "an extension's /next is answered 500 InternalServerError"}, argTimes, 0},
		{Info{"next-403", timesArg, "an extension's /next is answered 403 Extension.InvalidExtensionState"}, argTimes, 0},
		{Info{"shutdown-first", "", "the first sandbox is shut down right after init, without an invocation; the first invocation gets a new one"}, argNone, 0},
		{Info{"shutdown-unflushed", "", "SHUTDOWN does not wait for telemetry under way, so the last report may come after it or never"}, argNone, 0},
		{Info{"short-deadline", "milliseconds, default 900", "the budget of SHUTDOWN is this instead of 2000 ms"}, argMillis, 900},
		{Info{"port-taken", "port, default 2773", "another program listens on this port of 127.0.0.1 and answers 404"}, argPort, 2773},
		{Info{"out-of-memory", timesArg, "the runtime is killed as soon as it has the invocation, as when the memory is used up: Runtime.ExitError, on managed instances Runtime.OutOfMemory"}, argTimes, 0},
		{Info{"function-hung", timesArg, "the runtime is stopped as soon as it has the invocation, so that its time runs out; on managed instances it never gets the invocation"}, argTimes, 0},
		{Info{"log-reader-slow", "bytes per second, default 65536", "the platform reads what the function prints slowly, so that its writes block when the descriptor is full; END does not wait for the lines"}, argRate, 65536},
		{Info{"log-reader-eof", "", "a runtime that has ended counts as dead only when nobody has its log descriptors any more, as on AWS's emulator of managed instances"}, argNone, 0},
		{Info{"sink-hung", timesArg, "the built-in sink, named {sink} in a value of --env, never answers"}, argTimes, 0},
		{Info{"sink-500", timesArg, "the built-in sink answers 500"}, argTimes, 0},
		{Info{"sink-slow", "milliseconds, default 2000", "the built-in sink answers late"}, argMillis, 2000},
	}
}

// Names lists every fault, in the order in which documentation prints them.
func Names() []Info {
	table := allSpecs()
	infos := make([]Info, len(table))
	for i, spec := range table {
		infos[i] = spec.Info
	}
	return infos
}

// Fault is a named fault of the platform: Name, optional argument, and the
// first invocation (counted from 1) it applies to; 0 means from the start.
type Fault struct {
	Name string
	Arg  string
	From int
}

// Parse reads NAME[:ARG][@FROM], e.g. "next-500:2@3".
func Parse(s string) (Fault, error) {
	var f Fault
	rest, from, hasFrom := strings.Cut(s, "@")
	f.Name, f.Arg, _ = strings.Cut(rest, ":")
	if hasFrom {
		n, err := strconv.Atoi(from)
		if err != nil || n < 0 {
			return Fault{}, fmt.Errorf("fault %q: %q is not the number of an invocation", s, from)
		}
		f.From = n
	}
	_, _, err := f.resolve()
	return f, err
}

// String returns the form Parse reads.
func (f Fault) String() string {
	s := f.Name
	if f.Arg != "" {
		s += ":" + f.Arg
	}
	if f.From != 0 {
		s += "@" + strconv.Itoa(f.From)
	}
	return s
}

func (f Fault) resolve() (found spec, value int, err error) {
	table := allSpecs()
	i := slices.IndexFunc(table, func(s spec) bool { return s.Name == f.Name })
	if i < 0 {
		return found, 0, fmt.Errorf("unknown fault %q: the names are %s", f.Name, allNames(table))
	}
	found = table[i]
	if f.Arg == "" {
		return found, found.fallback, nil
	}
	if found.kind == argNone {
		return found, 0, fmt.Errorf("fault %s takes no argument, got %q", f.Name, f.Arg)
	}
	n, err := strconv.Atoi(f.Arg)
	if err != nil || n <= 0 || found.kind == argPort && n > 65535 {
		return found, 0, fmt.Errorf("fault %s: argument %q, want %s", f.Name, f.Arg, found.Arg)
	}
	return found, n, nil
}

func allNames(table []spec) string {
	names := make([]string, len(table))
	for i, spec := range table {
		names[i] = spec.Name
	}
	return strings.Join(names, ", ")
}

// Set is the faults in force. A fault counted in times wears off. The zero value
// has none.
type Set struct {
	mu         sync.Mutex
	active     []activeFault
	invocation int // of the sandbox's life, from 1; 0 before the first
}

type activeFault struct {
	Fault
	kind  argKind
	value int
	spent bool
}

// Put puts a fault in force, in place of one of the same name. The error says what is
// wrong with its name or argument.
func (f *Set) Put(fault Fault) error {
	spec, value, err := fault.resolve()
	if err != nil {
		return err
	}
	f.Clear(fault.Name)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = append(f.active, activeFault{Fault: fault, kind: spec.kind, value: value})
	return nil
}

// Clear ends a fault; an unknown name is no error.
func (f *Set) Clear(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = slices.DeleteFunc(f.active, func(a activeFault) bool { return a.Name == name })
}

// Begin says which invocation of the sandbox's life begins, counted from 1.
func (f *Set) Begin(invocation int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.invocation = invocation
}

// Hit reports whether the fault applies now, and uses one of its times up.
func (f *Set) Hit(name string) bool {
	_, ok := f.Value(name)
	return ok
}

// Value returns the argument of a fault that applies now.
func (f *Set) Value(name string) (int, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.active {
		a := &f.active[i]
		if a.Name != name || a.spent || f.invocation < a.From {
			continue
		}
		if a.kind == argTimes && a.value > 0 {
			a.value--
			a.spent = a.value == 0
		}
		return a.value, true
	}
	return 0, false
}

// Until returns the argument of a fault that ends something: it applies before
// its invocation, the first by default.
func (f *Set) Until(name string) (int, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.active {
		if a.Name == name && f.invocation < max(a.From, 1) {
			return a.value, true
		}
	}
	return 0, false
}

// Millis is Value as a duration, or fallback without the fault.
func (f *Set) Millis(name string, fallback time.Duration) time.Duration {
	if n, ok := f.Value(name); ok {
		return time.Duration(n) * time.Millisecond
	}
	return fallback
}
