package runtimeapi

import "time"

// Drain brings out what the function has printed before Lambda hears of what
// comes behind it: lines of an invocation stand between its START and its END.
type Drain interface {
	// Drain returns when that is out, when stop is closed, or when limit is
	// over, unless it is 0.
	Drain(stop <-chan struct{}, limit time.Duration, before Ending)
}

// Ending is a request of the runtime that ends something.
type Ending struct {
	Polls  bool   // for the next event; else it is an answer, or an error
	Failed bool   // an error
	ID     string // of the invocation; empty: none, or the init
}

// drainTime bounds how long an answer waits for a log that takes nothing. The
// next event is waited for without a limit: nobody is kept by that.
const drainTime = 250 * time.Millisecond

// drain is called when the request is here and nothing of it has gone on.
func (x *exchange) drain(stop <-chan struct{}) {
	switch d := x.s.opt.Drain; {
	case d == nil:
	case x.kind == next:
		d.Drain(stop, 0, Ending{Polls: true})
	case x.kind == response || x.kind == failure:
		d.Drain(stop, drainTime, Ending{Failed: x.kind == failure, ID: x.id})
	case x.posts() && string(x.path) == "/2018-06-01/runtime/init/error":
		d.Drain(stop, drainTime, Ending{Failed: true})
	}
}
