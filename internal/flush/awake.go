package flush

import (
	"context"
	"sync"
	"time"
)

// until is a context that ends when it is told to, with the error it is told.
// A deadline of package context would be over at the thaw, whatever the sink
// did before; this one expires by time awake and says so to the breaker.
type until struct {
	done chan struct{}
	once sync.Once
	err  error // written before done is closed
}

func newUntil() *until { return &until{done: make(chan struct{})} }

func (u *until) end(err error) {
	u.once.Do(func() {
		u.err = err
		close(u.done)
	})
}

// Deadline implements context.Context: there is none on any clock.
func (*until) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done implements context.Context.
func (u *until) Done() <-chan struct{} { return u.done }

// Err implements context.Context.
func (u *until) Err() error {
	select {
	case <-u.done:
		return u.err
	default:
		return nil
	}
}

// Value implements context.Context.
func (*until) Value(any) any { return nil }

var _ context.Context = (*until)(nil)

// step is how often awake time is looked at.
const step = 250 * time.Millisecond

// awake counts time in which the sandbox was awake: after a freeze of hours
// one step has passed, not the whole limit.
type awake struct{ quit, gone chan struct{} }

// watchAwake calls f once limit has passed awake, unless stop comes first.
func watchAwake(limit time.Duration, f func()) *awake {
	w := &awake{quit: make(chan struct{}), gone: make(chan struct{})}
	go w.run(limit, f)
	return w
}

func (w *awake) run(limit time.Duration, f func()) {
	defer close(w.gone)
	timer := time.NewTimer(step)
	defer timer.Stop()
	for passed := step; ; passed += step {
		select {
		case <-w.quit:
			return
		case <-timer.C:
		}
		if passed >= limit {
			f()
			return
		}
		timer.Reset(step)
	}
}

func (w *awake) stop() {
	close(w.quit)
	<-w.gone
}
