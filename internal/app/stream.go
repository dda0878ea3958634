package app

import (
	"context"

	"go.uber.org/zap"

	"powertools-extension/internal/telemetry"
)

// stream is the platform's telemetry: the listener, and whether anything is
// sent to it.
type stream struct {
	server  *telemetry.Server // nil: could not be bound
	refused bool              // the platform sends nothing
}

// arrives reports whether there is telemetry to wait for.
func (s *stream) arrives() bool { return s.server != nil && !s.refused }

// refuse closes the listener: the platform does not want it.
func (s *stream) refuse() {
	s.refused = true
	s.close()
}

// close ends the intake. It may be called again.
func (s *stream) close() {
	if s.server != nil {
		s.server.Close()
	}
}

// drain takes in what the platform still sends, for as long as settled waits
// for reports, and then what was accepted and not handled yet, which has a
// bound of its own: a report that never comes may not cost it.
func (s *stream) drain(ctx context.Context, settled func(ctx context.Context), log *zap.Logger) {
	if !s.arrives() {
		return
	}
	report, cancel := context.WithTimeout(ctx, drainBudget)
	defer cancel()
	settled(report)
	s.close()
	rest, cancel := context.WithTimeout(ctx, drainBudget)
	defer cancel()
	if err := s.server.Drain(rest); err != nil {
		log.Warn("telemetry left unread at shutdown", zap.Error(err))
	}
}

// stats are the counts so far.
func (s *stream) stats() telemetry.Stats {
	if s.server == nil {
		return telemetry.Stats{}
	}
	return s.server.Stats()
}
