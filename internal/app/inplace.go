package app

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/logpipe"
	"powertools-extension/internal/pipeline"
	"powertools-extension/internal/runtimeapi"
)

// inPlace are the function's log descriptors, where POWERTOOLS_LOGS_MODE asks
// for lines to be changed where they are written.
type inPlace struct {
	*App
	pipes *logpipe.Pipes
	owner atomic.Pointer[invocation.Attempt] // that the runtime has, or had last; nil: none yet
	sent  atomic.Int64                       // events that the log had been given when the first request began, and one more; 0: none has

	mu       sync.Mutex
	bypassed int64 // lines that are told already
}

// newInPlace returns nil where lines are copied.
func newInPlace(a *App) *inPlace {
	if a.cfg.LogsMode != "in-place" {
		return nil
	}
	switch {
	case a.managed():
		a.log.Info("POWERTOOLS_LOGS_MODE=in-place: lines are copied, because the workers of managed instances bring log descriptors of their own")
		return nil
	case a.cfg.RuntimeProxy == "off":
		a.log.Warn("POWERTOOLS_LOGS_MODE=in-place needs the Runtime API proxy, and POWERTOOLS_RUNTIME_PROXY is off: lines are copied")
		return nil
	}
	p := &inPlace{App: a}
	p.pipes = logpipe.New(logpipe.Options{
		Rules:    p.rules,
		Withhold: len(a.cfg.LogsRedact) > 0,
		Degrade:  func(reason string) { a.degrade("logs", reason) },
		Log:      a.log,
	})
	return p
}

// listen opens the meeting place, before the runtime can start.
func (p *inPlace) listen() bool {
	err := p.pipes.Listen()
	if err != nil {
		p.degrade("logs", err.Error())
		p.log.Warn("lines are not changed in place but copied", zap.Error(err))
	}
	return err == nil
}

// rules are the pipeline's, for one descriptor.
func (p *inPlace) rules(place logpipe.Place) logpipe.Rules {
	return streamRules{p.pipeline.Stream(p.owner.Load, place)}
}

// streamRules lets package logpipe ask package pipeline; neither knows the
// other.
type streamRules struct{ *pipeline.Stream }

// Line implements logpipe.Rules.
func (r streamRules) Line(dst []byte, l logpipe.Line) ([]byte, logpipe.Fate) {
	dst, fate := r.Stream.Line(dst, pipeline.Written(l))
	return dst, logpipe.Fate(fate)
}

// on reports whether lines of the telemetry stream are those that came through
// here.
func (p *inPlace) on() bool { return p != nil && p.pipes.On() }

// invite is where a runtime's wrapper hands over its descriptors; nil: nowhere.
func (p *inPlace) invite(hello *runtimeapi.Hello) *runtimeapi.Logs {
	if p == nil || hello.MaxConcurrency != "" {
		return nil
	}
	socket, nonce := p.pipes.Invite()
	if socket == "" {
		return nil
	}
	return &runtimeapi.Logs{Socket: socket, Nonce: nonce}
}

// begin is told which attempt the runtime gets.
func (p *inPlace) begin(attempt *invocation.Attempt) {
	if p != nil {
		p.owner.Store(attempt)
		p.sent.CompareAndSwap(0, p.pipes.Stats().Written+1)
	}
}

// Drain implements runtimeapi.Drain.
func (p *inPlace) Drain(stop <-chan struct{}, limit time.Duration, before runtimeapi.Ending) {
	if before.Polls {
		p.pipes.Polled()
	}
	if before.Failed && before.ID != "" {
		p.pipeline.Failed(before.ID)
	}
	p.pipes.Drain(stop, limit)
	if before.Polls {
		p.ways.Spool.Touch()
	}
}

// shutdown brings out what is in the descriptors. The runtime is gone, or
// about to be.
func (p *inPlace) shutdown(limit time.Duration) {
	if p != nil {
		p.pipes.Shutdown(limit)
	}
}

// drain does the same, and lets more come.
func (p *inPlace) drain(limit time.Duration) {
	if p != nil {
		p.pipes.Drain(nil, limit)
	}
}

// takeBypassed returns how many lines the log has beyond those that it got
// from here, since it was last asked. What came before the first request is
// left out on both sides, for a wrapper of another vendor may have printed it.
func (p *inPlace) takeBypassed() uint64 {
	sent, stats := p.sent.Load(), p.pipes.Stats()
	if sent == 0 || stats.Uncounted || !p.pipes.On() {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	more := p.stream.stats().SkippedLater - (stats.Written - (sent - 1)) - p.bypassed
	if more <= 0 {
		return 0
	}
	if p.bypassed == 0 {
		p.log.Warn("lines of the function reach its log without passing the extension: something writes to descriptors that were opened before, and these lines are neither enriched nor redacted")
	}
	p.bypassed += more
	return uint64(more)
}

// ledger is the account of lines in place; nil: they are copied.
func (p *inPlace) ledger() *inPlaceLedger {
	if p == nil {
		return nil
	}
	s := p.pipes.Stats()
	p.mu.Lock()
	defer p.mu.Unlock()
	return &inPlaceLedger{s.HandOvers, s.Lines, s.Written, s.Parts, s.Withheld, s.Panics, s.Taken, p.bypassed, p.stream.stats().Skipped}
}

type inPlaceLedger struct {
	HandOvers int64 `json:"hand_overs"`
	Lines     int64 `json:"lines"`              // whole lines and frames that came
	Written   int64 `json:"written"`            // events that the log was given
	Parts     int64 `json:"parts"`              // of lines without an end, or too long
	Withheld  int64 `json:"withheld,omitempty"` // objects in the place of what must not leave
	Panics    int64 `json:"panics,omitempty"`
	Taken     int64 `json:"taken,omitempty"` // descriptors that were taken from rules that hung
	Bypassed  int64 `json:"bypassed,omitempty"`
	Events    int64 `json:"events"` // of the telemetry stream that were not read
}
