package flush

import "time"

// remembered is how many invocations are known at a time: those whose events
// came before their INVOKE, and the last ones, whose events may come late.
const remembered = 16

// call is what is known about one invocation. Its channels may be waited on
// without the lock; everything else belongs to it.
type call struct {
	id       string
	begun    time.Time // INVOKE; zero before
	deadline time.Time // zero: none
	hold     bool
	probe    bool          // the hold is for sinks that are out of order
	waited   time.Duration // until the wait was given up; zero if it was not

	started, done chan struct{}
	isStarted     bool
	isDone        bool
}

func (c *call) start() {
	if !c.isStarted {
		c.isStarted = true
		close(c.started)
	}
}

func (c *call) end() {
	if !c.isDone {
		c.isDone = true
		close(c.done)
	}
}

// left is the time until the function's deadline, less the margin. ok is
// false when there is no deadline.
func (c *call) left(now time.Time) (d time.Duration, ok bool) {
	if c.deadline.IsZero() {
		return 0, false
	}
	return time.Duration(c.deadline.UnixMilli()-now.UnixMilli())*time.Millisecond - margin, true
}

// calls are the last invocations.
type calls struct {
	ring [remembered]*call
	next int // ever added
}

// of finds or makes the call of a request, the newest if there are several:
// a request that is tried again keeps its id.
func (c *calls) of(id string) *call {
	for i := 1; i <= remembered; i++ {
		have := c.ring[(c.next+remembered-i)%remembered]
		if have != nil && have.id == id {
			return have
		}
	}
	return c.add(id)
}

// begin finds the call of a request whose INVOKE comes now, which is a new
// one unless its events came before.
func (c *calls) begin(id string) *call {
	if have := c.of(id); have.begun.IsZero() {
		return have
	}
	return c.add(id)
}

func (c *calls) add(id string) *call {
	made := &call{id: id, started: make(chan struct{}), done: make(chan struct{})}
	c.ring[c.next%remembered] = made
	c.next++
	return made
}
