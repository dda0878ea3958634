package paramcache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
)

// await waits for the read's flight, as long as the caller has a use for it.
func (c *Cache) await(ctx context.Context, r *read) (Result, error) {
	for {
		deadline := c.deadline()
		switch c.wait(ctx, r, deadline) {
		case landed:
			if res, done, err := c.reconsider(r); done {
				return res, err
			}
		case gone:
			return c.abandon(ctx.Err(), r)
		case late:
			if c.deadline().Equal(deadline) {
				return c.abandon(context.DeadlineExceeded, r)
			} // else it was that of the invocation before
		case woken:
			if res, ok := c.wake(r); ok {
				return res, nil
			}
			r.woken = nil // the deadline is known now
		}
	}
}

// reconsider answers a read whose flight has landed. One that hoped for a plain
// parameter and was mistaken waits for a flight of its own.
func (c *Cache) reconsider(r *read) (res Result, done bool, err error) {
	if f := r.flight; !r.hopes || f.err == nil && f.value.plain() {
		res, err = c.land(r)
		return res, true, err
	}
	r.hopes, r.alone, r.flight, r.now = false, true, nil, c.now()
	res, done, err = c.recall(r)
	if r.leads {
		c.launch(r.flight)
	}
	return res, done, err
}

// What ends a wait.
type ending int

const (
	landed ending = iota // the flight
	gone                 // the caller
	late                 // the deadline is near
	woken                // an invocation begins
)

func (c *Cache) wait(ctx context.Context, r *read, deadline time.Time) ending {
	var soon <-chan time.Time
	if left := c.left(deadline); left > 0 {
		timer := time.NewTimer(left)
		defer timer.Stop()
		soon = timer.C
	}
	select {
	case <-r.flight.done:
		return landed
	case <-ctx.Done():
		return gone
	case <-soon:
		return late
	case <-r.woken:
		return woken
	}
}

func (c *Cache) deadline() time.Time {
	if c.config.Deadline == nil {
		return time.Time{}
	}
	return c.config.Deadline()
}

// left is how long a read may wait by the running invocation: an upstream that
// hangs is answered with a stale value or a time-out while the function can
// still use it, and not by the function's own time-out. 0: there is no such
// bound, or it is late anyway, and the fetch's own limit counts.
func (c *Cache) left(deadline time.Time) time.Duration {
	// The wall clock on both sides: the deadline is the platform's.
	left := time.Duration(deadline.UnixMilli()-c.now().UnixMilli())*time.Millisecond - answerMargin
	if deadline.IsZero() || left <= 0 {
		return 0
	}
	return max(left, answerMargin/2) // for an INVOKE that is still to be read
}

// groupTime is the limit of a group's fetch, whose pages each have the limit of
// a call: the end of the running invocation.
func (c *Cache) groupTime(page time.Duration) time.Duration {
	deadline := c.deadline()
	switch left := c.left(deadline); {
	case left > 0:
		return left - groupMargin
	case deadline.IsZero():
		return max(page, maxGroupTime)
	}
	return page
}

// fly calls the provider for one flight or several, with a time limit of its
// own because those who wait have different ones, and files the outcomes.
func (c *Cache) fly(fs []*flight) {
	defer func() {
		if p := recover(); p != nil {
			c.crash(fs, p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), fs[0].lead.time)
	defer cancel()
	began := time.Now() // monotonic: a freeze is not the upstream's time
	c.call(ctx, fs)
	took := time.Since(began)
	for _, f := range fs {
		if f.err == nil {
			f.keys, f.not = c.home.Names(f.lead.ref, f.value.answer())
		}
	}
	c.settle(fs, took)
	c.tellSize()
	for _, f := range fs {
		close(f.done)
	}
}

// crash ends flights under which this package panicked.
func (c *Cache) crash(fs []*flight, p any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range fs {
		if c.flights[f.key] == f {
			delete(c.flights, f.key)
		}
		f.err = c.panicked(f.lead.ref, p)
		close(f.done)
	}
}

// call is the provider's answer with every failure made an *Error, a panic
// too: it must not end the process, and it is remembered like other failures.
func (c *Cache) call(ctx context.Context, fs []*flight) {
	defer func() {
		if p := recover(); p != nil {
			for _, f := range fs {
				f.value, f.err = Value{}, c.panicked(f.lead.ref, p)
			}
		}
	}()
	if keeps, ok := c.provider.(Forgetter); ok {
		for _, f := range fs {
			if f.lead.force {
				keeps.ForgetRef(f.lead.ref)
			}
		}
	}
	values, errs := c.ask(ctx, fs)
	for i, f := range fs {
		switch {
		case len(values) != len(fs) || len(errs) != len(fs):
			f.err = &Error{Kind: KindInternal, Ref: f.lead.ref, Code: "InternalFailure", Message: "the provider lost an answer"}
		case errs[i] != nil:
			f.err = c.asError(f.lead.ref, errs[i])
		default:
			f.value = values[i]
		}
	}
}

// ask makes the one call that fits the number of flights.
func (c *Cache) ask(ctx context.Context, fs []*flight) ([]Value, []error) {
	if batcher, ok := c.provider.(Batcher); ok && len(fs) > 1 {
		refs := make([]Ref, len(fs))
		for i, f := range fs {
			refs[i] = f.lead.ref
		}
		return batcher.FetchMany(ctx, refs)
	}
	v, err := c.provider.Fetch(ctx, fs[0].lead.ref)
	return []Value{v}, []error{err}
}

// panicked logs where, but not the panic's words: they may quote the value.
func (c *Cache) panicked(ref Ref, p any) *Error {
	c.log.Error("panic while fetching, please report it", zap.Stringer("ref", ref),
		zap.String("type", fmt.Sprintf("%T", p)), zap.ByteString("stack", debug.Stack()))
	return &Error{Kind: KindInternal, Ref: ref, Code: "InternalFailure", Message: "the extension failed, its log says where"}
}

// land answers one of those who waited for the flight.
func (c *Cache) land(r *read) (Result, error) {
	f := r.flight
	r.now = c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.err != nil {
		return c.failLocked(c.entries.find(r.key), r, f.err)
	}
	c.fileLocked(r, f) // the one who led may not have wanted it stored
	state := Miss
	switch {
	case !r.leads:
		state = Coalesced
	case r.known:
		state = Refreshed
	}
	res := Result{Value: f.value, State: state, Fetched: f.fetched(), FreshUntil: f.freshUntil}
	if polled := f.value.Polled; !polled.IsZero() && polled.Before(f.began) { // the service did not let itself be asked
		res.State, res.Age = Hit, max(r.now.Sub(polled), 0)
		if res.Age >= c.limit(r) {
			res.State = Stale
		}
	}
	c.counters.count(res.State)
	return res, nil
}

// abandon answers a caller that cannot wait any longer. One whose time is over
// can use an older value; one that has gone needs none.
func (c *Cache) abandon(cause error, r *read) (Result, error) {
	r.now = c.now()
	failed := &Error{Kind: KindTimeout, Ref: r.ref, Region: c.regionOf(r.ref), Code: "TimeoutError",
		Message: "the caller's time was over before the answer came", Err: cause}
	c.mu.Lock()
	defer c.mu.Unlock()
	var e *entry
	if errors.Is(cause, context.DeadlineExceeded) {
		e = c.entries.find(r.key)
	}
	return c.failLocked(e, r, failed)
}
