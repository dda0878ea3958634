package paramcache

import "time"

// thawed is by how much the wall clock may run ahead of a fetch before the
// sandbox must have been stopped meanwhile.
const thawed = time.Second

// flight is one shared fetch and its outcome.
type flight struct {
	lead  read          // a copy of the read that made it
	key   string        // in Cache.flights
	began time.Time     // wall clock
	done  chan struct{} // closed when the outcome is there

	value Value
	err   *Error
	keys  []string // under which the value is to be filed
	not   []string // under which it must not be found

	// Guarded by the cache's mutex.
	stored     bool
	freshUntil time.Time // zero unless stored
}

// fetched is when the value was what the service had: when the fetch began, or
// at an earlier poll.
func (f *flight) fetched() time.Time {
	if polled := f.value.Polled; !polled.IsZero() && polled.Before(f.began) {
		return polled
	}
	return f.began
}

// joinLocked gives the read a flight: the one on its way if its answer will be
// young enough, else a new one.
func (c *Cache) joinLocked(r *read, key string) {
	if f := c.flights[key]; f != nil && c.joinable(f, r) {
		r.flight = f
		return
	}
	// A fetch with decryption, such as a prefetch, brings what a plain parameter
	// is without it. If it is not plain, the read has its own turn.
	if r.ref.Source == SSM && !r.ref.Decrypt && !r.alone {
		decrypted := r.ref
		decrypted.Decrypt = true
		if f := c.flights[c.home.Key(decrypted)]; f != nil && c.joinable(f, r) {
			r.flight, r.hopes = f, true
			return
		}
	}
	c.takeOffLocked(r, key)
}

// takeOffLocked makes the read's own flight; the read has to launch it. A
// flight that was on its way under the key goes on for those who wait for it.
func (c *Cache) takeOffLocked(r *read, key string) {
	f := &flight{lead: *r, key: key, began: r.now, done: make(chan struct{})}
	c.flights[key] = f
	r.flight, r.leads = f, true
}

// joinable tells whether the flight's answer will be young enough for the read:
// the answer is as old as the question. Within a second a question is as good
// as new.
func (c *Cache) joinable(f *flight, r *read) bool {
	age := r.now.Sub(f.began)
	if age < forceWindow {
		return true // also where the clock has gone back, or the other read was faster
	}
	return !r.force && age < c.limit(r) && c.inTime(f, r.now)
}

// inTime tells whether the flight may still arrive in the ordinary way. If it
// is older than its own time limit, the sandbox was stopped under it.
func (c *Cache) inTime(f *flight, now time.Time) bool {
	return now.Sub(f.began) < f.lead.time+thawed
}

// interrupted tells whether the sandbox was stopped while the flight was on its
// way: the wall clock went on, and the monotonic one, by which the call took
// that long, stood still; or, where it did not, the time limit was overrun.
func (c *Cache) interrupted(f *flight, took time.Duration) bool {
	now := c.now()
	return now.Sub(f.began)-took > thawed || !c.inTime(f, now)
}

// settle files the outcomes of flights that were one call of the provider.
func (c *Cache) settle(fs []*flight, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counters.UpstreamCalls++
	c.counters.UpstreamTime += took
	for _, f := range fs {
		if c.flights[f.key] == f {
			delete(c.flights, f.key)
		}
		switch {
		case f.err == nil:
			delete(c.failures, f.key)
			c.fileLocked(&f.lead, f)
		default:
			if f.err.disowns() {
				c.disownLocked(f)
			}
			if f.lead.epoch == c.epoch && !c.interrupted(f, took) {
				c.rememberLocked(f)
			}
		}
	}
}

// disownLocked forgets what is held of the flight's ref and is older than the
// flight: the service has said that it is gone, or not for this caller. Where
// the ref selects one version, only that one is concerned.
func (c *Cache) disownLocked(f *flight) {
	selected := c.home.Selects(f.lead.ref)
	for at := c.entries.order.Front(); at != nil; {
		e, ok := at.Value.(*entry)
		at = at.Next()
		if !ok || e.fetched.After(f.began) && !e.fetched.After(c.now()) {
			continue
		}
		if e == c.entries.find(f.lead.key) || !selected && c.home.Concerns(e.ref, e.keys, f.lead.ref) {
			c.entries.disown(e)
			c.generation++
		}
	}
}

// rememberLocked keeps the failure for those who come next, unless a later
// fetch was faster.
func (c *Cache) rememberLocked(f *flight) {
	e := c.entries.find(f.lead.key)
	if e != nil && e.fetched.After(f.began) && !e.fetched.After(c.now()) {
		return
	}
	c.failures.remember(f.key, failure{err: f.err, at: c.now(), forced: f.lead.force})
}

// fileLocked stores the value if the read wants that. A read that does not
// still renews what others have stored: an older value must not outlive it.
func (c *Cache) fileLocked(r *read, f *flight) {
	if f.stored || r.epoch != c.epoch || (!c.stores(r) && c.entries.find(r.key) == nil) {
		return
	}
	if e := c.entries.find(f.keys[0]); e != nil && e.fetched.After(f.fetched()) && !e.fetched.After(c.now()) {
		return // a later fetch, under another of its names, was faster
	}
	e, changed := c.entries.put(r.ref, f.keys, f.not, f.value)
	if changed {
		c.generation++
	}
	if e == nil {
		return
	}
	e.fetched, e.jitter = f.fetched(), spread(e.keys[0], f.began)
	e.disowned, e.warned = false, false
	c.filed++
	e.filed = c.filed
	if r.force {
		e.forced = f.began
	}
	f.stored, f.freshUntil = true, e.fetched.Add(c.maxAge(e, r))
}
