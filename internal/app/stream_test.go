package app

import (
	"context"
	"testing"

	"go.uber.org/zap"

	"powertools-extension/internal/telemetry"
)

// A listener that could not be bound, or that the platform refused, has
// nothing to drain.
func TestStreamThatNeverArrives(t *testing.T) {
	var s stream
	s.close()
	s.drain(t.Context(), func(context.Context) { t.Error("waited for reports") }, zap.NewNop())
	if s.arrives() || s.stats() != (telemetry.Stats{}) {
		t.Errorf("%+v", s)
	}
	server, err := telemetry.Listen(zap.NewNop(), telemetry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.server = server
	if !s.arrives() {
		t.Error("bound, and nothing arrives")
	}
	s.refuse()
	s.drain(t.Context(), func(context.Context) { t.Error("waited for reports") }, zap.NewNop())
}
