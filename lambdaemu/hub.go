package lambdaemu

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"powertools-extension/lambdaemu/fault"
)

// earlyBytes bounds the lines kept for subscribers that are still to come.
const earlyBytes = 4 << 20

var (
	errSubscriptionClosed = errors.New("subscription closed")
	errSubscribed         = errors.New("subscribed already")
)

// hub distributes the events of one sandbox. A reset begins with a new hub:
// subscriptions do not survive it (AWS source: rapid/handlers reinitialize).
type hub struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	faults *fault.Set
	counts *telemetryCounts // nil: not counted

	mu     sync.Mutex
	open   bool // subscriptions are accepted, and events kept for them
	closed bool
	early  []event
	size   int
	subs   []*subscriber
	timers []*time.Timer
}

func newHub(f *fault.Set) *hub {
	h := &hub{faults: f, open: true}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// emit hands e to every subscriber. It never waits for one.
func (h *hub) emit(e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.emitLocked(e)
}

func (h *hub) emitLocked(e event) {
	if h.closed {
		return
	}
	if ms, ok := h.faults.Until("clock-jump"); ok {
		e.at = e.at.Add(-time.Duration(ms) * time.Millisecond)
	}
	if h.open && h.size < earlyBytes {
		h.early = append(h.early, e)
		h.size += len(e.line) + 200
	}
	for _, s := range h.subs {
		s.put(e)
	}
}

// emitAfter emits e when d has passed, unless the sandbox is gone by then.
func (h *hub) emitAfter(d time.Duration, e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timers = append(h.timers, time.AfterFunc(d, func() {
		e.at = time.Now()
		h.emit(e)
	}))
}

// subscribe replays what happened before, and goes on from there (AWS source:
// aws-lambda-rie telemetry relay). The caller's sender is closed by the hub only
// when subscribe succeeds.
func (h *hub) subscribe(s *subscriber) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open {
		return errSubscriptionClosed
	}
	if slices.ContainsFunc(h.subs, func(o *subscriber) bool { return o.agent == s.agent }) {
		return errSubscribed
	}
	s.counts = h.counts
	s.counts.subscribed()
	for _, e := range h.early {
		s.put(e)
	}
	h.subs = append(h.subs, s)
	h.wg.Go(func() { s.run(h.ctx) })
	return nil
}

// accepts reports whether subscriptions are still possible.
func (h *hub) accepts() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open
}

// closeSubscriptions ends the window at the end of init.
func (h *hub) closeSubscriptions() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open, h.early = false, nil
}

func (h *hub) endOfStream() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.subs {
		s.endOfStream()
	}
}

func (h *hub) pending() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, s := range h.subs {
		n += s.pending()
	}
	return n
}

// close drops what is left and waits for the workers.
func (h *hub) close() {
	h.mu.Lock()
	h.open, h.closed = false, true
	for _, t := range h.timers {
		t.Stop()
	}
	h.mu.Unlock()
	h.cancel()
	h.wg.Wait()
}
