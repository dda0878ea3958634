package relay

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/lambdaemu/fault"
	"powertools-extension/lambdaemu/transcript"
)

// fakeSender records what it gets and answers with the next status.
type fakeSender struct {
	mu       sync.Mutex
	statuses []int // 0: no answer
	hold     chan struct{}
	got      []string
	at       []time.Time
}

func (f *fakeSender) send(ctx context.Context, body []byte) (int, error) {
	f.mu.Lock()
	f.got = append(f.got, string(body))
	f.at = append(f.at, time.Now())
	status := 200
	if len(f.statuses) > 0 {
		status, f.statuses = f.statuses[0], f.statuses[1:]
	}
	hold := f.hold
	f.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	if status == 0 {
		return 0, errors.New("refused")
	}
	return status, nil
}

func (f *fakeSender) address() string { return "" }

func (f *fakeSender) close() {}

func (f *fakeSender) bodies() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got)
}

// subRig is a subscriber in a bubble of fake time.
type subRig struct {
	*subscriber
	out *fakeSender
	end func()
}

func newSubRig(t *testing.T, out *fakeSender, faultList ...string) *subRig {
	t.Helper()
	set := &fault.Set{}
	for _, text := range faultList {
		f, err := fault.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		set.Put(f)
	}
	s := &subscriber{
		agent: "shim", types: []string{"platform", "function"}, schema: "2022-12-13", logFormat: "Text",
		buffering: buffering{maxItems: 1000, maxBytes: 262144, timeout: time.Second},
		sender:    out, gate: NewGate(), faults: set, script: &transcript.Log{}, wake: make(chan struct{}, 1),
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.run(ctx) }()
	return &subRig{subscriber: s, out: out, end: func() { cancel(); <-done }}
}

func (r *subRig) line(text string) {
	r.put(Event{At: time.Now(), Type: "function", Category: "function", Line: text})
}

func (r *subRig) runtimeDone() {
	r.put(Event{At: time.Now(), Type: "platform.runtimeDone", Category: "platform", Record: RuntimeDoneRecord{RequestID: "r"}})
}

// The timer of a batch starts with its first event (behaviour 11). [DOC:telemetry-api]
func TestBatchTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newSubRig(t, &fakeSender{})
		defer r.end()
		time.Sleep(5 * time.Second)
		r.line("a")
		time.Sleep(999 * time.Millisecond)
		r.line("b")
		synctest.Wait()
		if got := r.out.bodies(); len(got) != 0 {
			t.Fatalf("too early: %v", got)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if got := r.out.bodies(); len(got) != 1 || !strings.Contains(got[0], `"a\n"`) || !strings.Contains(got[0], `"b\n"`) {
			t.Errorf("got %v", got)
		}
	})
}

// Items and the end of the stream close a batch at once (behaviour 11).
// [DOC:telemetry-api] [LMI:telemetry/internal/batch.go]
func TestBatchItemsAndEndOfStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newSubRig(t, &fakeSender{})
		defer r.end()
		for range 1001 {
			r.line("x")
		}
		synctest.Wait()
		if got := r.out.bodies(); len(got) != 1 || strings.Count(got[0], `"time"`) != 1000 {
			t.Fatalf("got %d POSTs", len(got))
		}
		r.endOfStream()
		synctest.Wait()
		if got := r.out.bodies(); len(got) != 2 || r.pending() != 0 {
			t.Errorf("after end of stream: %d POSTs, %d pending", len(got), r.pending())
		}
	})
}

// Nothing leaves a frozen sandbox; what came due leaves at the thaw
// (behaviours 8 and 13). [DOC:lambda-runtime-environment]
func TestFrozenDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newSubRig(t, &fakeSender{})
		defer r.end()
		r.line("a")
		r.gate.Set(false)
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if got := r.out.bodies(); len(got) != 0 || r.pending() != 1 {
			t.Fatalf("frozen: %v, %d pending", got, r.pending())
		}
		r.gate.Set(true)
		synctest.Wait()
		if got := r.out.bodies(); len(got) != 1 {
			t.Errorf("thawed: %v", got)
		}
	})
}

// A POST that a freeze interrupts may finish hours later; one that hangs in an
// awake sandbox is given up and repeated (behaviours 8 and 14).
func TestAttemptLimitIgnoresFreeze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		r := newSubRig(t, &fakeSender{hold: hold})
		defer r.end()
		r.line("a")
		time.Sleep(2 * time.Second)
		r.gate.Set(false)
		time.Sleep(6 * time.Second)
		r.gate.Set(true)
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if n := len(r.out.bodies()); n != 1 {
			t.Fatalf("%d attempts within the limit", n)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		if n := len(r.out.bodies()); n < 2 {
			t.Errorf("a hanging POST was not repeated")
		}
		close(hold)
	})
}

// The same body again after an error, with back-off; then the batch is dropped
// and reported once delivery works (behaviour 14). [DOC:telemetry-api]
func TestRetryThenLogsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newSubRig(t, &fakeSender{statuses: []int{500, 0, 503, 404, 301}})
		defer r.end()
		r.line("lost")
		time.Sleep(10 * time.Second)
		synctest.Wait()
		got := r.out.bodies()
		if len(got) != 5 {
			t.Fatalf("%d attempts", len(got))
		}
		for _, body := range got {
			if body != got[0] {
				t.Errorf("a repeated body differs: %s", body)
			}
		}
		var pauses []time.Duration
		for i := range r.out.at[1:] {
			pauses = append(pauses, r.out.at[i+1].Sub(r.out.at[i]))
		}
		if diff := cmp.Diff([]time.Duration{100e6, 200e6, 400e6, 800e6}, pauses); diff != "" {
			t.Error(diff)
		}
		r.line("kept")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		got = r.out.bodies()
		if len(got) != 7 || !strings.Contains(got[6], `"type":"platform.logsDropped","record":{"reason":"Some logs were dropped`) ||
			!strings.Contains(got[6], `"droppedRecords":1,`) {
			t.Errorf("got %v", got[5:])
		}
	})
}

// Back-pressure: what does not fit the buffer is dropped and reported; platform
// events pass (behaviour 14). [DOC:telemetry-api]
func TestSlowConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		r := newSubRig(t, &fakeSender{hold: hold}, "logs-dropped:1000")
		defer r.end()
		for range 100 {
			r.line(strings.Repeat("x", 50))
		}
		r.runtimeDone()
		time.Sleep(2 * time.Second)
		close(hold)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		all := strings.Join(r.out.bodies(), "")
		if n := strings.Count(all, `"function"`); n == 0 || n > 10 {
			t.Errorf("%d lines went through a buffer for few", n)
		}
		if !strings.Contains(all, "platform.runtimeDone") || !strings.Contains(all, "platform.logsDropped") {
			t.Errorf("platform events are missing: %s", all)
		}
	})
}

// The faults of delivery.
func TestDeliveryFaults(t *testing.T) {
	tests := []struct {
		fault string
		check func(got []string) bool
	}{
		{"batch-duplicated", func(got []string) bool { return len(got) == 2 && got[0] == got[1] }},
		{"batch-reordered", func(got []string) bool {
			return len(got) == 1 && strings.Index(got[0], "runtimeDone") < strings.Index(got[0], "aaa")
		}},
		{"batch-truncated", func(got []string) bool { return len(got) == 1 && !strings.HasSuffix(got[0], "]") }},
		{"batch-split:4", func(got []string) bool {
			return len(got) > 2 && strings.HasSuffix(got[0], `"record":"aaa}]`) && strings.Contains(strings.Join(got[1:], ""), "runtimeDone")
		}},
		{"batch-split-lost:4", func(got []string) bool { return len(got) == 1 && strings.HasSuffix(got[0], `"record":"aaa}]`) }},
		{"telemetry-silent", func(got []string) bool { return len(got) == 0 }},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newSubRig(t, &fakeSender{}, tt.fault)
				defer r.end()
				r.line("aaa")
				r.runtimeDone()
				time.Sleep(time.Minute)
				synctest.Wait()
				if got := r.out.bodies(); !tt.check(got) {
					t.Errorf("got %q", got)
				}
			})
		})
	}
}
