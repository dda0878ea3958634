// Package watch counts what happens to requests with an idempotency key, for
// each invocation, and says what somebody must look at.
package watch

import (
	"errors"
	"sync"

	"go.uber.org/zap"

	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/invocation"
)

// maxOpen bounds the invocations that are counted at once.
const maxOpen = 4096

// Options shape a Watch.
type Options struct {
	Log     *zap.Logger
	Attempt func(id string) *invocation.Attempt // that runs; nil: unknown
	Reason  func(error) string                  // what a failure has in common with others of its kind: no id of a call
	Free    bool                                // an answer that cannot be stored frees its key
}

// Watch keeps a tally for each running attempt. Safe for concurrent use.
type Watch struct {
	opt Options
	log *zap.Logger

	mu   sync.Mutex
	open map[*invocation.Attempt]*idempotency.Tally
	said map[string]bool
}

// New returns a Watch.
func New(opt Options) *Watch {
	return &Watch{opt: opt, log: opt.Log.Named("idempotency"), open: make(map[*invocation.Attempt]*idempotency.Tally), said: make(map[string]bool)}
}

// Observe is idempotency.Options.Observe.
func (w *Watch) Observe(f idempotency.Fact) {
	if a := w.opt.Attempt(f.Invocation); a != nil {
		w.count(a, f)
	}
	w.say(f)
}

func (w *Watch) count(a *invocation.Attempt, f idempotency.Fact) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.open) >= maxOpen {
		for old := range w.open {
			if !old.Open() {
				delete(w.open, old)
			}
		}
	}
	t := w.open[a]
	if t == nil {
		if len(w.open) >= maxOpen {
			return
		}
		t = &idempotency.Tally{}
		w.open[a] = t
	}
	t.Add(f)
}

// Take returns the tally of an attempt that is over, nil if there is none.
func (w *Watch) Take(a *invocation.Attempt) *idempotency.Tally {
	w.mu.Lock()
	defer w.mu.Unlock()
	t := w.open[a]
	delete(w.open, a)
	return t
}

// say logs. What may come with every request is said once for each reason.
func (w *Watch) say(f idempotency.Fact) {
	write, message := (*zap.Logger).Warn, ""
	switch f.What {
	case idempotency.Lost:
		w.log.Warn("an execution ran past its time and another one has taken over its record: it wrote nothing, its answer went out", zap.String("key", f.Key))
		return
	case idempotency.Refused, idempotency.Failed:
		refused, ok := errors.AsType[*idempotency.Error](f.Err)
		if !ok || refused.Kind != idempotency.Persistence {
			return // the caller's affair
		}
		write, message = (*zap.Logger).Error, "the store of records fails: requests are refused"
		if f.What == idempotency.Failed {
			message = "the store of records fails: an answer could not be stored"
		}
	case idempotency.Bypassed:
		message = "the store of records fails: requests run without a record"
	case idempotency.NotFreed:
		message = "the store of records fails: the key of a request that failed is blocked until its record expires"
	case idempotency.NotStored:
		message = "an answer cannot be stored: a repeat is refused, and not run again"
		if w.opt.Free {
			message = "an answer cannot be stored: a repeat runs again"
		}
	case idempotency.OddKey:
		message = "the key of a request is empty, and used all the same: all requests without one share a record"
	default:
		return
	}
	fields := []zap.Field{}
	for name, text := range map[string]string{"key": f.Key, "why": f.Why} {
		if text != "" {
			fields = append(fields, zap.String(name, text))
		}
	}
	why := f.Why
	if f.Err != nil {
		why += " " + w.opt.Reason(f.Err)
		fields = append(fields, zap.Error(f.Err))
	}
	if w.first(string(f.What) + " " + why) {
		write(w.log, message, fields...)
	}
}

// first reports whether a thing was not said yet.
func (w *Watch) first(thing string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.said[thing] || len(w.said) >= 100 {
		return false
	}
	w.said[thing] = true
	return true
}
