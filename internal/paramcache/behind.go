package paramcache

// Awake tells whether an invocation runs. Only then refreshes start behind
// answers: between invocations the sandbox may stop at any moment, and a call
// that is stopped on its way comes back with an expired signature over a dead
// connection. A new Cache is not awake.
//
// One that is stopped all the same does no harm: its failure is not
// remembered, its answer is as old as its question, and nobody joins it.
func (c *Cache) Awake(awake bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if awake == c.awake {
		return
	}
	c.awake = awake
	if awake {
		close(c.woken)
	} else {
		c.woken = make(chan struct{})
	}
}

// wake looks again at a read that waits: it may have come before the INVOKE
// event of its own invocation, for the platform tells the function and the
// extension at the same time. Now the value may answer that was too old, and
// the fetch goes on behind.
func (c *Cache) wake(r *read) (Result, bool) {
	r.now = c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries.find(r.key)
	if e == nil || r.force {
		return Result{}, false
	}
	state, ok := c.memoryLocked(e, r)
	if !ok {
		return Result{}, false
	}
	return c.answerLocked(e, r, state), true
}

// revalidatesLocked tells whether the entry, which is too old, may answer once
// more while a refresh runs behind the answer. A caller's own limit is exact.
func (c *Cache) revalidatesLocked(e *entry, r *read) bool {
	limit := c.maxAge(e, r)
	return c.awake && limit > 0 && (r.opt.MaxAge == nil || r.opt.StaleOK) &&
		e.age(r.now)-limit < c.config.StaleWhileRevalidate
}

// refreshBehindLocked makes a flight that nobody waits for, where the entry
// that has just answered is due. A failure that is remembered holds the next
// try back as it would hold back a read.
func (c *Cache) refreshBehindLocked(e *entry, r *read, res *Result) {
	if !c.awake || r.force || !c.stores(r) || !c.dueLocked(e, r, res.State) {
		return
	}
	flight := e.keys[0]
	if failed := c.recallLocked(flight, r); failed != nil {
		if res.State == Stale {
			res.Err = failed
		}
		return
	}
	if f := c.flights[flight]; f == nil || !c.inTime(f, r.now) {
		c.takeOffLocked(r, flight)
	}
}

// dueLocked tells whether the entry should be refreshed although it answered.
func (c *Cache) dueLocked(e *entry, r *read, answered State) bool {
	if answered == Hit {
		share := c.config.RefreshAhead
		return share > 0 && float64(e.age(r.now)) >= share*float64(c.maxAge(e, r))
	}
	return answered == Stale
}
