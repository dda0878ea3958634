package app

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/telemetry"
)

// TestReportAfterShutdownIsWaitedFor: the platform sends what it buffers every
// 25 to 100 ms, so the last report may come as late as that after SHUTDOWN. One
// that never comes costs 100 ms and no more.
func TestReportAfterShutdownIsWaitedFor(t *testing.T) {
	for _, tt := range []struct {
		comes, waited time.Duration
		seen          bool
	}{
		{0, 0, true},
		{25 * time.Millisecond, 25 * time.Millisecond, true},
		{90 * time.Millisecond, 90 * time.Millisecond, true},
		{time.Hour, 100 * time.Millisecond, false},
	} {
		t.Run(tt.comes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, err := telemetry.Listen(zap.NewNop(), telemetry.Options{Host: "127.0.0.1"})
				if err != nil {
					t.Fatal(err)
				}
				s := stream{server: server}
				began, seen := time.Now(), false
				var waited time.Duration
				s.drain(t.Context(), func(ctx context.Context) {
					select {
					case <-time.After(tt.comes):
						seen = true
					case <-ctx.Done():
					}
					waited = time.Since(began)
				}, zap.NewNop())
				if seen != tt.seen || waited != tt.waited {
					t.Errorf("waited %v, seen %v; want %v, %v", waited, seen, tt.waited, tt.seen)
				}
			})
		})
	}
}

// TestBudgetOfAShutdown: Lambda kills at 2,000 ms, less what the deadline says,
// and a deadline that is past leaves time to print.
func TestBudgetOfAShutdown(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		name     string
		deadline time.Time
		want     time.Duration
	}{
		{"none", time.Time{}, 1800 * time.Millisecond},
		{"of the platform", now.Add(2 * time.Second), 1800 * time.Millisecond},
		{"the runtime took its share", now.Add(1400 * time.Millisecond), 1200 * time.Millisecond},
		{"far away", now.Add(time.Hour), 1800 * time.Millisecond},
		{"near", now.Add(250 * time.Millisecond), 100 * time.Millisecond},
		{"past", now.Add(-time.Hour), 100 * time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := budget(now, tt.deadline); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
