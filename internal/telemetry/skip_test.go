package telemetry

import (
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/zap"
)

// Lines that were handled where they were written are counted, and only
// platform events are handed out; what is said behind the first start is
// counted once more.
func TestSkipLines(t *testing.T) {
	const (
		line     = `{"time":"2026-01-31T12:00:00.000Z","type":"function","record":"x"}`
		platform = `{"time":"2026-01-31T12:00:00.000Z","type":"platform.start","record":{"requestId":"r"}}`
	)
	var skip atomic.Bool
	skip.Store(true)
	var kinds []Kind
	s := start(t, zap.NewNop(), Options{SkipLines: skip.Load}, handlerFunc(func(events []Event) {
		for _, e := range events {
			kinds = append(kinds, e.Kind)
		}
	}))
	c := client(t)
	send(t, c, s, "POST", "/", strings.NewReader("["+line+","+platform+","+line+","+line+"]"))
	send(t, c, s, "POST", "/", strings.NewReader("["+line+"]"))
	if err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(kinds) != 1 || kinds[0] != KindStart {
		t.Errorf("handed out %v", kinds)
	}
	if got := s.Stats(); got.Skipped != 4 || got.SkippedLater != 3 || got.Events != 1 {
		t.Errorf("%+v", got)
	}
	skip.Store(false)
	send(t, c, s, "POST", "/", strings.NewReader("["+line+" ]"))
	if err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(kinds) != 2 || kinds[1] != KindFunction {
		t.Errorf("handed out %v", kinds)
	}
}
