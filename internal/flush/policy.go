package flush

import "time"

// policy is the part of the decisions that needs no clock and no goroutine.
// It belongs to the Scheduler's lock.
type policy struct {
	mode Mode
	gaps ring
	runs ring

	silent   bool   // no platform.start came in time; no holding until one is seen
	silences int    // in a row
	demoted  int    // invocations still to go without a hold
	blamed   string // the request whose end did not come in time

	cuts     int // flushes in a row that a freeze cut off
	patience int // how many of them are put up with; 0: firstPatience
}

// ring holds the last few durations.
type ring struct {
	values [samples]time.Duration
	n      int // ever added
}

func (r *ring) add(d time.Duration) {
	r.values[r.n%samples] = max(d, 0)
	r.n++
}

func (r *ring) full() bool { return r.n >= samples }

func (r *ring) mean() time.Duration {
	var sum time.Duration
	for _, v := range r.values {
		sum += v / samples // divided first: a sum of years must not overflow
	}
	return sum
}

func (r *ring) longest() time.Duration {
	var longest time.Duration
	for _, v := range r.values {
		longest = max(longest, v)
	}
	return longest
}

// after reports whether this invocation is to be flushed at its end, and
// counts it.
func (p *policy) after() bool {
	demoted := p.demoted > 0
	if demoted {
		p.demoted--
	}
	switch {
	case demoted, p.silent, p.mode == Continuous:
		return false
	case p.mode == End, p.starving():
		return true
	}
	return !p.gaps.full() || p.gaps.mean() >= seldom
}

// cap is how long the end of a run may be waited for.
func (p *policy) cap() time.Duration { return max(shortestCap, capFactor*p.runs.longest()) }

// began takes note that the stream lives. timely says that the start came
// while somebody waited for it.
func (p *policy) began(timely bool) {
	p.silent = false
	if timely {
		p.silences = 0
	}
}

// missed takes note of a start that did not come. The first time one more
// sign of life is enough; a stream that is only late would have it every
// time, and cost every invocation the wait.
func (p *policy) missed() {
	p.silent = true
	if p.silences++; p.silences > 1 {
		p.demoted = demotion
	}
}

// lost takes note of a runtimeDone that did not come in time.
func (p *policy) lost(id string) { p.demoted, p.blamed = demotion, id }

// isLost reports, once, that it has not come for long enough to be sure. The
// end of a run that only took long comes with the next thaw.
func (p *policy) isLost() bool {
	if p.blamed == "" || p.demoted > demotion-2 {
		return false
	}
	p.blamed = ""
	return true
}

// ran takes note of a run. A run that lasted longer than it was waited for
// explains why its end did not come: nothing was lost.
func (p *policy) ran(id string, run, waited time.Duration) {
	p.runs.add(run)
	if id == p.blamed && run >= waited {
		p.demoted, p.blamed = 0, ""
	}
}

// cutOff takes note of a flush that a freeze cut off.
func (p *policy) cutOff() { p.cuts++ }

// landed takes note of a flush that was not cut off.
func (p *policy) landed() { p.cuts = 0 }

// starving reports whether flushes beside the function have been cut off so
// often that one must be waited for: a function of ten milliseconds leaves no
// time for a handshake.
func (p *policy) starving() bool { return p.cuts >= max(p.patience, firstPatience) }

// fed takes note that an invocation is held because of that. If the sink is
// still out of order, it takes twice as many the next time.
func (p *policy) fed(working bool) {
	p.cuts = 0
	p.patience = min(2*max(p.patience, firstPatience), demotion)
	if working {
		p.patience = firstPatience
	}
}
