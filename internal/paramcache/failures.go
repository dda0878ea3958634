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

// lasts tells whether the failure still answers. A forced read asks whether it
// may be answered by an earlier forced read. A failure from the future is one
// from before the clock went back: it does not last.
func (f failure) lasts(now time.Time, force bool) bool {
	age := now.Sub(f.at)
	switch {
	case age < 0:
		return false
	case force:
		return f.forced && age < forceWindow
	case f.err.Kind == KindAccessDenied, f.err.Kind == KindNotFound:
		return age < rememberDefinitive
	}
	return age < rememberTransient
}

// failures is the negative memory, by flight key. Not safe for concurrent use.
type failures map[string]failure

// recall returns the failure that answers now, nil if none does.
func (fs failures) recall(key string, now time.Time, force bool) *Error {
	f, ok := fs[key]
	if !ok || !f.lasts(now, force) {
		return nil
	}
	return f.err
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
		if !f.lasts(now, false) {
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
