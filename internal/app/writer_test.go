package app

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"powertools-extension/internal/config"
	"powertools-extension/internal/emf"
)

type countingFlusher struct{ flushed chan struct{} }

func (c countingFlusher) Flush(context.Context) error {
	c.flushed <- struct{}{}
	return nil
}

// A batch may be handled after the writer has stopped: waking it then must
// not panic.
func TestWakeAfterStop(t *testing.T) {
	out := countingFlusher{make(chan struct{})}
	w := newWriter(out, zap.NewNop())
	w.wake()
	<-out.flushed
	w.stop()
	w.wake()
	w.wake()
}

// standing is a stdout whose reader stands still until it is let go.
type standing struct{ let chan struct{} }

func (s standing) Flush(context.Context) error {
	<-s.let
	return nil
}

// What waits for a write waits for no longer than its budget, whoever reads
// stdout, and few wait at all.
func TestWriteWaitsNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := standing{make(chan struct{})}
		w := newWriter(out, zap.NewNop())
		defer w.stop()
		from := time.Now()
		w.write(100 * time.Millisecond)
		if took := time.Since(from); took != 100*time.Millisecond {
			t.Errorf("waited %v for a stdout that stands still", took)
		}
		for range 2 * mostWaiting {
			go w.write(time.Hour)
		}
		synctest.Wait()
		if n := len(w.waiting); n != mostWaiting {
			t.Errorf("%d wait, want at most %d", n, mostWaiting)
		}
		close(out.let)
		synctest.Wait()
		from = time.Now()
		w.write(time.Hour)
		if took := time.Since(from); took != 0 || len(w.waiting) != 0 {
			t.Errorf("waited %v for a stdout that is read, %d wait", took, len(w.waiting))
		}
	})
}

// The namespace that nobody chose is said with the first metric that goes
// there, once, whichever it is.
func TestNamespaceIsSaidAtTheFirstMetric(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  []string
		own  string // namespace of the sample
		want int
	}{
		{"unset", nil, "", 1},
		{"unset, the sample has its own", nil, "shop", 0},
		{"set", []string{"POWERTOOLS_METRICS_NAMESPACE=shop"}, "", 0},
		{"set to the default", []string{"POWERTOOLS_METRICS_NAMESPACE=default_namespace"}, "", 0},
		{"disabled", []string{"POWERTOOLS_METRICS_DISABLED=1"}, "", 0},
	} {
		core, logs := observer.New(zapcore.WarnLevel)
		cfg, problems := config.Load(append(tt.env, "AWS_LAMBDA_FUNCTION_NAME=fn"))
		if problems != nil {
			t.Fatal(problems)
		}
		a := New(cfg, Deps{Log: zap.New(core), Stdout: discard{}})
		if logs.Len() != 0 {
			t.Errorf("%s: said at the start: %v", tt.name, logs.All())
		}
		for range 2 {
			if err := a.metrics.Record(emf.Sample{Namespace: tt.own, Name: "n", Values: []float64{1}}); err != nil {
				t.Fatal(err)
			}
		}
		if tt.want == 1 {
			a.namespace.missing() // the first canonical event with a metric
		}
		if logs.Len() != tt.want {
			t.Errorf("%s: said %d times", tt.name, logs.Len())
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
