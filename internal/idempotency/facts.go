package idempotency

import "time"

// What says what became of a request, or of the record of one.
type What string

// Of a request, one each: these are the words of the canonical event's member
// `idempotency`, but for Bypassed.
const (
	Ran      What = "run"
	Replayed What = "replayed"
	Blocked  What = "in_progress"
	Skipped  What = "skipped" // it has no key, and none is required
	Refused  What = "error"
	Bypassed What = "bypassed" // the store failed, and it runs without a record
)

// Of the record of a request that ran.
const (
	Stored    What = "stored"
	Freed     What = "freed"
	NotStored What = "not_stored" // the answer is not in it, Why says why
	Lost      What = "lost"       // another execution had taken over
	Failed    What = "failed"     // the store failed to take the answer
	NotFreed  What = "not_freed"  // the store failed to free the key
)

// OddKey is told of a key that is used although it is empty: every request
// that lacks one would share a record. TypeScript's library warns as well.
const OddKey What = "odd_key"

// Fact is one thing that happened, for whoever counts and logs. It holds no
// value of a request.
type Fact struct {
	What       What
	Invocation string        // as the request named it
	Key        string        // of the record; empty: the request has none
	Why        string        // with NotStored: too_large, streamed …
	Err        error         // what the store or the engine said; may be nil
	Store      time.Duration // that calls of the store took
}

// tell reports a fact.
func (e *Engine) tell(f Fact) {
	if e.opt.Observe != nil {
		e.opt.Observe(f)
	}
}

// outcome is what Begin's results say.
func outcome(x *Execution, r *Record, err error) What {
	refused, _ := err.(*Error) // Begin makes it itself
	switch {
	case refused != nil && refused.Kind == Running:
		return Blocked
	case err != nil:
		return Refused
	case r != nil:
		return Replayed
	case x == nil:
		return Skipped
	case !x.Recorded():
		return Bypassed
	}
	return Ran
}
