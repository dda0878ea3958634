package paramcache

import "time"

// How long a failure answers in place of another call, and how many are
// remembered: names that do not exist are the function's to invent, so their
// number must be bounded.
const (
	rememberTransient  = time.Second
	rememberDefinitive = 5 * time.Second // access denied, not found
	maxFailures        = 256
)

// failure is an upstream's answer that was not a value.
type failure struct {
	err    *Error
	at     time.Time // wall clock, when it arrived
	forced bool
}

// lasts tells whether the failure still answers the read. A forced read asks
// whether it may be answered by an earlier forced read; nobody is answered by a
// failure that is older than a value might be. A failure from the future is
// one from before the clock went back: it does not last.
func (f failure) lasts(r *read, maxAge time.Duration) bool {
	age := r.now.Sub(f.at)
	limit := rememberTransient
	switch {
	case r.force:
		return f.forced && age >= 0 && age < forceWindow
	case f.err.Kind != KindAccessDenied && f.err.Kind != KindNotFound:
	case r.opt.RememberDenial > 0:
		limit = r.opt.RememberDenial
	default:
		limit = rememberDefinitive
	}
	return age >= 0 && age < min(limit, maxAge)
}

// failures is the negative memory, by flight key. Not safe for concurrent use.
type failures map[string]failure

// recallLocked returns the failure that answers the read again, nil if none
// does.
func (c *Cache) recallLocked(key string, r *read) *Error {
	f, ok := c.failures[key]
	if !ok || !f.lasts(r, c.limit(r)) {
		return nil
	}
	again := *f.err
	again.Remembered, again.Age = true, r.now.Sub(f.at)
	return &again
}

func (fs failures) remember(key string, f failure) {
	if len(fs) >= maxFailures {
		fs.makeRoom(f.at)
	}
	fs[key] = f
}

// makeRoom forgets what is over, or anything if nothing is.
func (fs failures) makeRoom(now time.Time) {
	for key, f := range fs {
		if age := now.Sub(f.at); age < 0 || age >= rememberDefinitive {
			delete(fs, key)
		}
	}
	for key := range fs {
		if len(fs) < maxFailures {
			return
		}
		delete(fs, key)
	}
}
