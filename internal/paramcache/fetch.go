package paramcache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"
)

// flight is one shared fetch and its outcome.
type flight struct {
	began time.Time // wall clock
	value Value
	err   *Error
	keys  []string // under which the value is to be filed

	// Guarded by the cache's mutex.
	stored     bool
	freshUntil time.Time // zero unless stored
}

// fetch joins the flight of the ref or starts it, and waits for it or for ctx.
func (c *Cache) fetch(ctx context.Context, r *read) (Result, error) {
	led, flown := false, *r // a copy: one who abandons r goes on using it
	landed := r.flights.DoChan(r.flight, func() (any, error) {
		led = true
		return c.fly(flown), nil
	})
	select {
	case result := <-landed:
		f, _ := result.Val.(*flight)
		return c.land(r, f, led)
	case <-ctx.Done():
		return c.abandon(ctx, r)
	}
}

// fly calls the provider, with a time limit of its own because those who wait
// have different ones, and files the outcome.
func (c *Cache) fly(r read) (f *flight) {
	defer func() {
		if p := recover(); p != nil {
			f = &flight{err: c.panicked(r.ref, p)}
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), c.config.timeout(r.ref.Source))
	defer cancel()
	f = &flight{began: c.now()}
	began := time.Now() // monotonic: a freeze is not the upstream's time
	f.value, f.err = c.call(ctx, r.ref)
	took := time.Since(began)
	if f.err == nil {
		f.keys = c.home.names(r.ref, f.value)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	c.counters.UpstreamCalls++
	c.counters.UpstreamTime += took
	if f.err != nil {
		c.rememberLocked(&r, f.err)
	} else {
		delete(c.failures, r.flight)
		c.fileLocked(&r, f)
	}
	return f
}

// call is the provider's answer with every failure made an *Error, a panic
// too: it must not end the process, and it is remembered like other failures.
func (c *Cache) call(ctx context.Context, ref Ref) (v Value, failed *Error) {
	defer func() {
		if p := recover(); p != nil {
			v, failed = Value{}, c.panicked(ref, p)
		}
	}()
	v, err := c.provider.Fetch(ctx, ref)
	if err != nil {
		return Value{}, asError(ref, err)
	}
	return v, nil
}

// panicked logs where, but not the panic's words: they may quote the value.
func (c *Cache) panicked(ref Ref, p any) *Error {
	c.log.Error("panic while fetching, please report it", zap.Stringer("ref", ref),
		zap.String("type", fmt.Sprintf("%T", p)), zap.ByteString("stack", debug.Stack()))
	return &Error{Kind: KindInternal, Ref: ref, Code: "InternalFailure", Message: "the extension failed, its log says where"}
}

// rememberLocked keeps the failure for those who come next.
func (c *Cache) rememberLocked(r *read, failed *Error) {
	if r.epoch != c.epoch {
		return
	}
	c.failures.remember(r.flight, failure{err: failed, at: c.now(), forced: r.force})
	if e := c.shelf.find(r.key); e != nil && (failed.Kind == KindNotFound || failed.Kind == KindAccessDenied) {
		e.disowned = true
	}
}

// fileLocked stores the value if the read wants that. A read that does not
// still renews what others have stored: an older value must not outlive it.
func (c *Cache) fileLocked(r *read, f *flight) {
	if f.stored || r.epoch != c.epoch || (!c.stores(r) && c.shelf.find(r.key) == nil) {
		return
	}
	if e := c.shelf.find(f.keys[0]); e != nil && e.fetched.After(f.began) && !e.fetched.After(c.now()) {
		return // a later fetch, under another of its names, was faster
	}
	e, changed := c.shelf.put(r.ref, f.keys, f.value)
	if changed {
		c.generation++
	}
	if e == nil {
		return
	}
	e.fetched, e.jitter = f.began, spread(e.keys[0], f.began)
	e.disowned, e.warned = false, false
	if r.force {
		e.forced = f.began
	}
	f.stored, f.freshUntil = true, e.fetched.Add(c.maxAge(e, r))
}

// land answers one of those who waited for the flight.
func (c *Cache) land(r *read, f *flight, led bool) (Result, error) {
	r.now = c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.err != nil {
		return c.failLocked(c.shelf.find(r.key), r, f.err)
	}
	c.fileLocked(r, f) // the one who led may not have wanted it stored
	state := Miss
	switch {
	case !led:
		state = Coalesced
	case r.known:
		state = Refreshed
	}
	c.counters.count(state)
	return Result{Value: f.value, State: state, Fetched: f.began, FreshUntil: f.freshUntil}, nil
}

// abandon answers a caller that cannot wait any longer. One whose time is over
// can use an older value; one that has gone needs none.
func (c *Cache) abandon(ctx context.Context, r *read) (Result, error) {
	r.now = c.now()
	failed := &Error{Kind: KindTimeout, Ref: r.ref, Code: "TimeoutError",
		Message: "the caller's time was over before the answer came", Err: ctx.Err()}
	c.mu.Lock()
	defer c.mu.Unlock()
	var e *entry
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		e = c.shelf.find(r.key)
	}
	return c.failLocked(e, r, failed)
}
