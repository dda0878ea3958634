package relay

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"sync"
	"time"

	"powertools-extension/lambdaemu/fault"
	"powertools-extension/lambdaemu/transcript"
)

// earlyBytes bounds the lines kept for subscribers that are still to come.
const earlyBytes = 4 << 20

var (
	// ErrClosed is the answer to a subscription after init.
	ErrClosed = errors.New("subscription closed")
	// ErrSubscribed is the answer to a second subscription of one agent.
	ErrSubscribed = errors.New("subscribed already")
)

// Hub distributes the events of one sandbox. A reset begins with a new hub:
// subscriptions do not survive it (AWS source: rapid/handlers reinitialize).
type Hub struct {
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	Deps

	mu     sync.Mutex
	open   bool // subscriptions are accepted, and events kept for them
	closed bool
	early  []Event
	size   int
	subs   []*subscriber
	timers []*time.Timer
}

// Deps are what a hub works with.
type Deps struct {
	Gate   *Gate // telemetry leaves while it is open
	Faults *fault.Set
	Script *transcript.Log
	Counts *Counts // nil: nothing is counted
	Posted Posted  // nil: nobody listens
}

// Posted is told of every body that was posted, with the status of the answer; 0:
// there was none. url is "" for TCP. It is called from several goroutines.
type Posted func(agent, url string, body []byte, begin time.Time, status int)

// New makes a hub that accepts subscriptions.
func New(d Deps) *Hub {
	h := &Hub{Deps: d, open: true}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	return h
}

// Emit hands e to every subscriber. It never waits for one.
func (h *Hub) Emit(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.emitLocked(e)
}

func (h *Hub) emitLocked(e Event) {
	if h.closed {
		return
	}
	if ms, ok := h.Faults.Until("clock-jump"); ok {
		e.At = e.At.Add(-time.Duration(ms) * time.Millisecond)
	}
	if h.open && h.size < earlyBytes {
		h.early = append(h.early, e)
		h.size += len(e.Line) + 200
	}
	for _, s := range h.subs {
		s.put(e)
	}
}

// EmitAfter emits e when d has passed, unless the sandbox is gone by then.
func (h *Hub) EmitAfter(d time.Duration, e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timers = append(h.timers, time.AfterFunc(d, func() {
		e.At = time.Now()
		h.Emit(e)
	}))
}

// Subscription is who wants what, checked.
type Subscription struct {
	Agent     string // the subscriber's name
	Types     []string
	Schema    string
	Logs      bool   // events in the form of the Logs API
	LogFormat string // of the function: Text or JSON
	MaxItems  int
	MaxBytes  int
	Timeout   time.Duration
	To        *url.URL // an HTTP destination, whose port on the loopback interface counts; or
	TCP       int      // a port
}

// Subscribe replays what happened before, and goes on from there (AWS source:
// aws-lambda-rie telemetry relay). It returns ErrClosed, ErrSubscribed, or a
// *DestinationError.
func (h *Hub) Subscribe(ctx context.Context, sub Subscription) error {
	out, err := open(ctx, sub)
	if err != nil {
		return &DestinationError{err}
	}
	err = h.subscribe(&subscriber{
		agent: sub.Agent, types: sub.Types, schema: sub.Schema, logs: sub.Logs, logFormat: sub.LogFormat,
		buffering: buffering{maxItems: sub.MaxItems, maxBytes: sub.MaxBytes, timeout: sub.Timeout},
		tcp:       sub.TCP != 0, sender: out, gate: h.Gate, faults: h.Faults, script: h.Script, posted: h.Posted, counts: h.Counts,
		wake: make(chan struct{}, 1),
	})
	if err != nil {
		out.close()
	}
	return err
}

func open(ctx context.Context, sub Subscription) (sender, error) {
	if sub.TCP != 0 {
		return newTCPSender(ctx, sub.TCP)
	}
	return newHTTPSender(sub.To), nil
}

// DestinationError is a destination that nobody listens at.
type DestinationError struct{ Err error }

func (e *DestinationError) Error() string { return e.Err.Error() }

// subscribe closes the sender only when it succeeds.
func (h *Hub) subscribe(s *subscriber) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.open {
		return ErrClosed
	}
	if slices.ContainsFunc(h.subs, func(o *subscriber) bool { return o.agent == s.agent }) {
		return ErrSubscribed
	}
	s.counts.subscribed()
	for _, e := range h.early {
		s.put(e)
	}
	h.subs = append(h.subs, s)
	h.wg.Go(func() { s.run(h.ctx) })
	return nil
}

// Accepts reports whether subscriptions are still possible.
func (h *Hub) Accepts() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open
}

// CloseSubscriptions ends the window at the end of init.
func (h *Hub) CloseSubscriptions() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open, h.early = false, nil
}

// EndOfStream closes every batch, as the exit of the runtime does.
func (h *Hub) EndOfStream() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.subs {
		s.endOfStream()
	}
}

// Pending counts the events that have not been delivered.
func (h *Hub) Pending() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, s := range h.subs {
		n += s.pending()
	}
	return n
}

// Close drops what is left and waits for the workers.
func (h *Hub) Close() {
	h.mu.Lock()
	h.open, h.closed = false, true
	for _, t := range h.timers {
		t.Stop()
	}
	h.mu.Unlock()
	h.cancel()
	h.wg.Wait()
}

// Withheld counts an event that a fault keeps from everybody.
func (h *Hub) Withheld() { h.Counts.withheld() }
