package remote

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/flush"
	"powertools-extension/internal/telemetry"
)

// With stdout alone there is nothing to wait for: no method does anything, and
// the stream is handled by the pipeline itself.
func TestWaysOutOfStdoutAlone(t *testing.T) {
	var w Ways
	next := handlerFunc(func([]telemetry.Event) {})
	w.Start(true)
	w.Begin("a", time.Now())
	w.Hold(t.Context())
	w.Restored()
	w.Stop()
	w.Last(t.Context())
	w.Spool.End("failure")
	if _, same := w.Handler(next).(handlerFunc); !same || w.Any() || w.Ledger() != nil || w.Spool.Ledger() != nil {
		t.Error("stdout alone has ways out to see to")
	}
}

type handlerFunc func([]telemetry.Event)

func (f handlerFunc) HandleEvents(events []telemetry.Event) { f(events) }

// fakeSinks note how they are flushed.
type fakeSinks struct {
	mu  sync.Mutex
	how []flush.How
}

func (s *fakeSinks) Flush(_ context.Context, how flush.How) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.how = append(s.how, how)
}

func (s *fakeSinks) Condition() flush.Condition { return flush.Condition{Pending: true, Working: true} }

// The invocation is held until its end was seen in the stream, and its lines
// are flushed behind it.
func TestWaysOutHoldUntilTheEndIsSeen(t *testing.T) {
	sinks := &fakeSinks{}
	w := Ways{log: zap.NewNop(), guard: func(_ string, f func()) { f() },
		scheduler: flush.New(sinks, flush.Options{Mode: flush.End, Budget: time.Second, Buffering: time.Minute})}
	handled := make(chan string, 2)
	h := w.Handler(handlerFunc(func(events []telemetry.Event) { handled <- events[0].Platform.RequestID }))
	w.Start(true)
	w.Begin("a", time.Now().Add(time.Minute))
	held := make(chan struct{})
	go func() {
		defer close(held)
		w.Hold(t.Context())
	}()
	event := func(kind telemetry.Kind) []telemetry.Event {
		return []telemetry.Event{{Kind: kind, Platform: &telemetry.Platform{RequestID: "a"}}}
	}
	h.HandleEvents(event(telemetry.KindStart))
	select {
	case <-held:
		t.Error("let go before its end")
	default:
	}
	h.HandleEvents(event(telemetry.KindRuntimeDone))
	<-held
	if len(handled) != 2 {
		t.Errorf("%d batches reached the pipeline", len(handled))
	}
	w.Stop()
	w.Last(t.Context())
	sinks.mu.Lock()
	defer sinks.mu.Unlock()
	if !slices.Contains(sinks.how, flush.Held) || w.Ledger().Held != 1 {
		t.Errorf("flushed %v, ledger %+v", sinks.how, w.Ledger())
	}
}
