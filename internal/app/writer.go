package app

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
)

// flusher moves what is pending out of the process.
type flusher interface {
	Flush(ctx context.Context) error
}

// writer writes stdout on a goroutine of its own, so that a reader of our
// stdout that stands still can hold neither the event loop nor the telemetry
// worker. While it stands still lines pile up in the buffer, which is bounded.
type writer struct {
	out  flusher
	log  *zap.Logger
	work chan struct{} // one pending wake-up is enough
	quit chan struct{}
	once sync.Once
	said bool // a failing stdout was reported

	mu      sync.Mutex
	waiting []chan struct{} // closed when what was put before is written
}

// mostWaiting bounds who waits for a stdout that stands still.
const mostWaiting = 64

func newWriter(out flusher, log *zap.Logger) *writer {
	return &writer{out: out, log: log, work: make(chan struct{}, 1), quit: make(chan struct{})}
}

// wake asks for a flush and returns at once. The first one starts the
// goroutine, which is not needed before.
func (w *writer) wake() {
	w.once.Do(func() { go w.run() })
	select {
	case w.work <- struct{}{}:
	default:
	}
}

// write asks for a flush and waits for its end, but no longer than d.
func (w *writer) write(d time.Duration) {
	done := make(chan struct{})
	if !w.enqueue(done) {
		return
	}
	w.wake()
	limit := time.NewTimer(d)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
	case <-w.quit:
	}
}

func (w *writer) enqueue(done chan struct{}) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == mostWaiting {
		return false
	}
	w.waiting = append(w.waiting, done)
	return true
}

func (w *writer) take() []chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.waiting
	w.waiting = nil
	return all
}

func (w *writer) run() {
	defer func() {
		if p := recover(); p != nil {
			w.log.Error("panic while writing stdout; lines wait for shutdown", zap.String("panic", panicText(p)))
		}
	}()
	for {
		select {
		case <-w.work:
			w.flush()
		case <-w.quit:
			return
		}
	}
}

func (w *writer) flush() {
	waiting := w.take()
	defer func() {
		for _, done := range waiting {
			close(done)
		}
	}()
	if err := w.out.Flush(context.Background()); err != nil && !w.said {
		w.said = true
		w.log.Warn("stdout refused lines; the loss ledger counts them", zap.Error(err))
	}
}

// stop ends the goroutine. A wake that comes later, from a batch that was not
// handled in time, does nothing: what it leaves behind is in the ledger.
func (w *writer) stop() { close(w.quit) }
