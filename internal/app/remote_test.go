package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/test/ontime"
)

// Only somebody who waits for events wants them at once: each batch is a
// request that the function's processor serves. A copy on stdout should stand
// behind the end of its own invocation.
func TestBufferingIsShortOnlyWhereSomebodyWaits(t *testing.T) {
	const remote = "POWERTOOLS_LOGS_DESTINATION=http://127.0.0.1:9"
	for _, tt := range []struct {
		name string
		env  []string
		want int
	}{
		{"stdout alone", nil, 100},
		{"stdout alone, with a mode", []string{"POWERTOOLS_EXTENSION_FLUSH=end"}, 100},
		{"nothing", []string{"POWERTOOLS_LOGS_DESTINATION=none"}, 100},
		{"remote", []string{remote}, 25},
		{"remote, held always", []string{remote, "POWERTOOLS_EXTENSION_FLUSH=end"}, 25},
		{"remote, never held", []string{remote, "POWERTOOLS_EXTENSION_FLUSH=continuous"}, 1000},
		{"managed instances", []string{remote, "AWS_LAMBDA_INITIALIZATION_TYPE=lambda-managed-instances"}, 1000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlatform(t)
			if out := p.live(tt.env...); out.err != nil {
				t.Fatal(out.err)
			}
			if p.timeoutMs != tt.want {
				t.Errorf("timeoutMs = %d, want %d", p.timeoutMs, tt.want)
			}
		})
	}
}

// stream posts to the telemetry listener of the extension.
func stream(t *testing.T, uri *string, events ...string) {
	t.Helper()
	address := strings.Replace(*uri, "sandbox.localdomain", "127.0.0.1", 1)
	res, err := http.Post(address, "application/json", strings.NewReader("["+strings.Join(events, ",")+"]"))
	if err != nil {
		t.Error(err)
		return
	}
	_ = res.Body.Close()
}

// The platform's stream in front of a receiver: the invocation is held until
// runtimeDone, and its lines are out before the next event is asked for.
func TestNextIsAskedForOnceTheLinesAreOut(t *testing.T) {
	ontime.Run(t, func(late ontime.Late) { nextAfterLines(t, late) })
}

func nextAfterLines(t *testing.T, late ontime.Late) {
	t.Helper()
	var mu sync.Mutex
	var order []string
	note := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		order = append(order, what)
	}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		note("lines arrive")
	}))
	defer receiver.Close()
	const id = "8a2e4d5f-0001-4000-8000-000000000001"
	p := newPlatform(t)
	var uri string
	p.onSubscribe = func(u string) { uri = u }
	calls := 0 // of next, which come one after the other
	p.onNext = func() {
		calls++
		note(fmt.Sprint("next ", calls))
		if calls != 1 {
			return
		}
		go func() {
			stream(t, &uri, `{"time":"2026-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"`+id+`","version":"$LATEST"}}`)
			stream(t, &uri, `{"time":"2026-01-01T00:00:00.001Z","type":"function","record":"hello\n"}`,
				`{"time":"2026-01-01T00:00:00.002Z","type":"platform.runtimeDone","record":{"requestId":"`+id+`","status":"success","metrics":{"durationMs":2.5}}}`)
		}()
	}
	p.next = []answer{call(id), bye()}
	out := p.live("POWERTOOLS_LOGS_DESTINATION="+receiver.URL, "NO_PROXY=*")
	if out.err != nil {
		t.Fatal(out.err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(order, ", "); got != "next 1, lines arrive, next 2" {
		late("order: %s", got)
	}
	lines := strings.Split(strings.TrimSpace(out.stdout), "\n")
	var ledger struct {
		Sinks []struct {
			Name                       string
			Received, Delivered, Tries int
			Dropped, Pending           int
			DroppedBy                  map[string]int `json:"dropped_by"`
			State                      string
		}
		Flush struct{ Held int }
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &ledger); err != nil {
		t.Fatal(err)
	}
	if len(ledger.Sinks) != 1 || ledger.Sinks[0].Received != 1 || ledger.Sinks[0].Delivered != 1 || ledger.Sinks[0].State != "closed" || ledger.Flush.Held != 1 {
		late("ledger: %+v", ledger)
	}
}

// With stdout alone the ledger says nothing of sinks and flushing: there are
// none.
func TestLedgerOfStdoutAlone(t *testing.T) {
	out := newPlatform(t).live()
	if strings.Contains(out.stdout, `"sinks"`) || strings.Contains(out.stdout, `"flush"`) {
		t.Errorf("ledger: %s", out.stdout)
	}
}

// S8: answers to register that are no registration.
func TestS8RegisterAnswers(t *testing.T) {
	busy := answer{429, `{"errorMessage":"Rate exceeded","errorType":"TooManyRequestsException"}` + "\n"}
	broken := answer{500, ""}
	torn := ok(`{"accountId":"1234567`)
	for _, tt := range []struct {
		name   string
		script []answer
		fails  bool
	}{
		{"500, 500, 200", []answer{broken, broken, ok(registered)}, false},
		{"429", []answer{busy, ok(registered)}, false},
		{"429 for ever", []answer{busy}, true},
		{"torn body", []answer{torn, ok(registered)}, false},
		{"HTML", []answer{{503, "<html>"}, ok(registered)}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlatform(t)
			p.register = tt.script
			out := p.live()
			if (out.err != nil) != tt.fails {
				t.Errorf("err = %v", out.err)
			}
			if n := p.counts["register"]; n > 3 {
				t.Errorf("register was called %d times", n)
			}
			if out.took > 5*time.Second {
				t.Errorf("took %s", out.took)
			}
		})
	}
}
