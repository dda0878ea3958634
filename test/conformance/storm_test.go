package conformance

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"powertools-extension/test/harness"
)

const (
	stormReaders = 200
	stormNames   = 50
	stormLimit   = 40 // calls per second that the upstream lets through
	stormRounds  = 10 // reads of each reader
)

// stormData holds the names of the storm; values are of version one.
func stormData() string {
	var b strings.Builder
	b.WriteString("parameters:\n")
	for i := range stormNames {
		fmt.Fprintf(&b, "  /storm/p%02d: {value: \"value %d\"}\n", i, i)
	}
	b.WriteString("secrets:\n")
	for i := range stormNames {
		fmt.Fprintf(&b, "  storm/s%02d: \"secret %d\"\n", i, i)
	}
	return b.String()
}

// tally is what all readers of a storm saw.
type tally struct {
	mu      sync.Mutex
	status  map[int]int
	state   map[string]int
	wrong   int
	slowest time.Duration
	samples []string // of errors
}

func (t *tally) note(status int, state, body, want string, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.status[status]++
	t.state[state]++
	t.slowest = max(t.slowest, took)
	if status != 200 && len(t.samples) < 3 {
		t.samples = append(t.samples, body)
	}
	if status == 200 && body != want {
		t.wrong++
	}
}

// storm has all readers read at once, each the names in an order of its own.
func storm(t *testing.T, s *harness.Sandbox, path, want, args string) *tally {
	t.Helper()
	seen := &tally{status: map[int]int{}, state: map[string]int{}}
	// As a function with many sockets would: connections are kept.
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: stormReaders}}
	defer client.CloseIdleConnections()
	var wg sync.WaitGroup
	gate := make(chan struct{})
	var broken atomic.Value
	for reader := range stormReaders {
		wg.Go(func() {
			<-gate
			for round := range stormRounds {
				n := (reader*7 + round*13) % stormNames
				req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%s"+path+"?format=text%s", s.Port, n, args), nil)
				if err != nil {
					broken.Store(err)
					return
				}
				req.Header.Set(header, token)
				began := time.Now()
				res, err := client.Do(req)
				if err != nil {
					broken.Store(err)
					return
				}
				body, _ := io.ReadAll(res.Body)
				res.Body.Close()
				seen.note(res.StatusCode, res.Header.Get("X-Powertools-Cache"), string(body), fmt.Sprintf(want, n), time.Since(began))
			}
		})
	}
	close(gate)
	wg.Wait()
	if err := broken.Load(); err != nil {
		t.Fatalf("a reader got no answer: %v", err)
	}
	return seen
}

// Many readers over an upstream that throttles: one call per batch and name,
// and a value that is there, stale or not, is never answered with an error.
func TestStorm(t *testing.T) {
	for _, source := range []struct{ name, path, want, single, batch string }{
		{"parameters", "/parameters/ssm/storm/p%02d", "value %d", "ssm:GetParameter", "ssm:GetParameters"},
		{"secrets", "/parameters/secrets/storm/s%02d", "secret %d", "secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue"},
	} {
		t.Run(source.name, func(t *testing.T) {
			fake := harness.FakeAWSWith(t, stormData())
			s := awake(t, fake.URL)
			if err := fake.SetFault(fmt.Sprintf("throttled:%d", stormLimit)); err != nil {
				t.Fatal(err)
			}
			cold := storm(t, s, source.path, source.want, "")
			report(t, "cold", cold, fake, 0)
			for _, c := range fake.Counts() {
				for name, n := range c.Names {
					if n > 1 {
						t.Errorf("%s asked for %s %d times in a storm that begins cold", c.Operation, name, n)
					}
				}
			}
			// Past its age, while every call is throttled: all of it stale.
			time.Sleep(1200 * time.Millisecond)
			before := fake.Calls()
			if err := fake.SetFault("throttled"); err != nil {
				t.Fatal(err)
			}
			stale := storm(t, s, source.path, source.want, "&max_age=1")
			report(t, "stale", stale, fake, before)
			s.Shutdown()
			if stale.status[200]+stale.status[429] != stormReaders*stormRounds {
				t.Errorf("%v: a reader was refused although a stale value was there: %q", stale.status, stale.samples)
			}
			if calls := fake.Calls() - before; calls > stormReaders*stormRounds/4 {
				t.Errorf("%d calls for %d reads while throttled", calls, stormReaders*stormRounds)
			}
			if cold.wrong+stale.wrong > 0 {
				t.Errorf("%d answers with the value of another name", cold.wrong+stale.wrong)
			}
			if cold.status[200]+cold.status[429] != stormReaders*stormRounds {
				t.Errorf("cold: %v %q", cold.status, cold.samples)
			}
			if n := cold.status[429] + stale.status[429]; n > 0 {
				t.Errorf("%d of %d reads were answered 429 although the value was there: %q", n, 2*stormReaders*stormRounds, stale.samples)
			}
		})
	}
}

func report(t *testing.T, when string, seen *tally, fake harness.Fake, before int) {
	t.Helper()
	requests, failed := 0, 0
	for status, n := range seen.status {
		requests += n
		if status != 200 {
			failed += n
		}
	}
	states := ""
	for _, state := range slices.Sorted(maps.Keys(seen.state)) {
		states += fmt.Sprintf(" %s %d", state, seen.state[state])
	}
	calls := ""
	for _, c := range fake.Counts() {
		calls += fmt.Sprintf(" %s %d (%d refused)", c.Operation, c.Calls, c.Failed)
	}
	t.Logf("%s: %d readers, %d names, limit %d/s: %d requests, %d errors, %d upstream calls;%s; slowest %s; so far%s",
		when, stormReaders, stormNames, stormLimit, requests, failed, fake.Calls()-before, states, seen.slowest.Round(time.Millisecond), calls)
}
