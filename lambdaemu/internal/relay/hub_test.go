package relay

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/lambdaemu/fault"
	"powertools-extension/lambdaemu/transcript"
)

// newTestHub returns a hub with faults, whose time is that of a bubble where the
// test runs in one.
func newTestHub(t *testing.T, faults ...string) *Hub {
	t.Helper()
	set := &fault.Set{}
	for _, text := range faults {
		f, err := fault.Parse(text)
		if err == nil {
			err = set.Put(f)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return New(Deps{Gate: NewGate(), Faults: set, Script: &transcript.Log{}, Counts: &Counts{}})
}

// join subscribes without a network: what is delivered goes to out.
func (h *Hub) join(t *testing.T, agent string, out *fakeSender, types ...string) {
	t.Helper()
	err := h.subscribe(&subscriber{
		agent: agent, types: types, schema: Schema2022Dec, logFormat: "Text", sender: out,
		buffering: buffering{maxItems: 1000, maxBytes: 262144, timeout: time.Second},
		gate:      h.Gate, faults: h.Faults, script: h.Script, counts: h.Counts, wake: make(chan struct{}, 1),
	})
	if err != nil {
		t.Fatal(err)
	}
}

func functionLine(text string) Event {
	return Event{At: time.Now(), Type: "function", Category: Function, Line: text}
}

func start(id string) Event {
	return Event{At: time.Now(), Type: "platform.start", Category: Platform, RequestID: id, Record: StartRecord{RequestID: id, Version: "1"}}
}

// events are the type and the record of everything in the bodies, in order.
func delivered(t *testing.T, bodies []string) (list []string) {
	t.Helper()
	for _, body := range bodies {
		var events []struct {
			Type   string
			Record json.RawMessage
		}
		if err := json.Unmarshal([]byte(body), &events); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		for _, e := range events {
			list = append(list, e.Type+" "+string(e.Record))
		}
	}
	return list
}

// Who subscribes late in init gets what happened before, in order and of the
// types it asked for, and from there on the rest (behaviour 12).
// [DOC:telemetry-api]
func TestEarlyEventsAreReplayed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHub(t)
		defer h.Close()
		h.Emit(functionLine("before"))
		h.Emit(start("a"))
		all, platform := &fakeSender{}, &fakeSender{}
		h.join(t, "all", all, Platform, Function)
		h.Emit(functionLine("between"))
		h.join(t, "platform", platform, Platform)
		h.CloseSubscriptions()
		h.Emit(start("b"))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		const a, b = `platform.start {"requestId":"a","version":"1"}`, `platform.start {"requestId":"b","version":"1"}`
		if d := cmp.Diff([]string{`function "before\n"`, a, `function "between\n"`, b}, delivered(t, all.bodies())); d != "" {
			t.Errorf("all types (-want +got):\n%s", d)
		}
		if d := cmp.Diff([]string{a, b}, delivered(t, platform.bodies())); d != "" {
			t.Errorf("platform alone (-want +got):\n%s", d)
		}
	})
}

// A function that prints megabytes during its init does not fill the memory for
// somebody who may never subscribe; what was kept is the beginning.
func TestEarlyEventsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHub(t)
		defer h.Close()
		for i := range 50 {
			h.Emit(functionLine(fmt.Sprintf("%02d", i) + strings.Repeat("x", 200_000)))
		}
		out := &fakeSender{}
		h.join(t, "late", out, Function)
		h.EndOfStream()
		synctest.Wait()
		list := delivered(t, out.bodies())
		if len(list) != 21 || !strings.HasPrefix(list[0], `function "00x`) || !strings.HasPrefix(list[20], `function "20x`) {
			t.Errorf("%d lines of 200 kB were kept, want the first 4 MiB", len(list))
		}
	})
}

// One subscription for each extension, and none after init (behaviour 12).
// [DOC:telemetry-api]
func TestWhoMaySubscribe(t *testing.T) {
	h := newTestHub(t)
	defer h.Close()
	to := &url.URL{Scheme: "http", Host: "sandbox.localdomain:1", Path: "/"}
	sub := Subscription{Agent: "a", Types: []string{Platform}, Schema: Schema2022Dec, MaxItems: 1000, MaxBytes: 1 << 18, Timeout: time.Second, To: to}
	if err := h.Subscribe(t.Context(), sub); err != nil || !h.Accepts() {
		t.Fatalf("%v, accepts %t: an HTTP destination is not tried before there is something to send", err, h.Accepts())
	}
	if err := h.Subscribe(t.Context(), sub); !errors.Is(err, ErrSubscribed) {
		t.Errorf("a second time: %v", err)
	}
	h.CloseSubscriptions()
	sub.Agent = "b"
	if err := h.Subscribe(t.Context(), sub); !errors.Is(err, ErrClosed) || h.Accepts() {
		t.Errorf("after init: %v, accepts %t", err, h.Accepts())
	}
	if n := h.Counts.Stats().Subscriptions; n != 1 {
		t.Errorf("%d subscriptions are counted", n)
	}
}

// A TCP destination is dialled when it is subscribed, so that one nobody listens
// at is refused; a listener gets one JSON object per line.
// [RIE:telemetry client]
func TestTCPDestination(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := ln.Addr().(*net.TCPAddr).Port
	lines := make(chan string, 10)
	go func() {
		defer close(lines)
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for s := bufio.NewScanner(conn); s.Scan(); {
			lines <- s.Text()
		}
	}()
	h := newTestHub(t)
	sub := Subscription{Agent: "a", Types: []string{Platform, Function}, Schema: Schema2022Dec, MaxItems: 1000, MaxBytes: 1 << 18, Timeout: 25 * time.Millisecond, TCP: port}
	if err := h.Subscribe(t.Context(), sub); err != nil {
		t.Fatal(err)
	}
	h.Emit(functionLine(`a "quoted" line`))
	h.Emit(start("a"))
	for _, want := range []string{`"record":"a \"quoted\" line\n"}`, `"type":"platform.start","record":{"requestId":"a","version":"1"}}`} {
		if got := <-lines; !strings.HasSuffix(got, want) || !json.Valid([]byte(got)) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	h.Close()
	if _, more := <-lines; more {
		t.Error("the connection outlives the sandbox")
	}
	ln.Close()
	sub.Agent = "b"
	other := newTestHub(t)
	defer other.Close()
	err = other.Subscribe(t.Context(), sub)
	if unreached, ok := errors.AsType[*DestinationError](err); !ok || !strings.Contains(unreached.Error(), fmt.Sprint(port)) || other.Counts.Stats().Subscriptions != 0 {
		t.Errorf("nobody listens: %v", err)
	}
}

// An HTTP destination gets its batches at the port of its URI on the loopback
// interface, with path, query and host as it wrote them. Whoever watches the
// wire is told of each, refused ones included.
func TestHTTPDestination(t *testing.T) {
	type call struct{ method, host, uri, contentType, body string }
	calls := make(chan call, 10)
	refuse := true
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if refuse {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		refuse = false
		calls <- call{r.Method, r.Host, r.URL.RequestURI(), r.Header.Get("Content-Type"), string(body)}
	}))
	defer srv.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(srv.URL, "http://"), ":")
	var mu sync.Mutex
	var statuses []int
	h := newTestHub(t)
	h.Posted = func(agent, url string, body []byte, _ time.Time, status int) {
		mu.Lock()
		defer mu.Unlock()
		if agent != "a" || !strings.HasSuffix(url, "/t?x=1") || len(body) == 0 {
			t.Errorf("told of %q %q, %d bytes", agent, url, len(body))
		}
		statuses = append(statuses, status)
	}
	to, err := url.Parse("http://sandbox.localdomain:" + port + "/t?x=1")
	if err != nil {
		t.Fatal(err)
	}
	err = h.Subscribe(t.Context(), Subscription{Agent: "a", Types: []string{Function}, Schema: Schema2025Jan, MaxItems: 1000, MaxBytes: 1 << 18, Timeout: 25 * time.Millisecond, To: to})
	if err != nil {
		t.Fatal(err)
	}
	h.Emit(functionLine("x"))
	first, second := <-calls, <-calls
	if first != second || first.method != "POST" || first.host != "sandbox.localdomain:"+port || first.uri != "/t?x=1" || first.contentType != "application/json" {
		t.Errorf("%+v, %+v", first, second)
	}
	h.EndOfStream()
	h.Close()
	mu.Lock()
	defer mu.Unlock()
	if len(statuses) == 0 || statuses[0] != http.StatusTooManyRequests {
		t.Errorf("told of %v", statuses)
	}
	if s := h.Counts.Stats(); s.Refused != 1 {
		t.Errorf("%+v", s)
	}
}

// Nothing is emitted after the end, a late event included, and the end waits for
// whoever delivers.
func TestEndOfAHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHub(t)
		out := &fakeSender{hold: make(chan struct{})} // hangs until it is cancelled
		h.join(t, "a", out, Function)
		h.EmitAfter(time.Hour, functionLine("late"))
		h.Emit(functionLine("under way"))
		h.EndOfStream()
		synctest.Wait()
		if n := h.Pending(); n != 1 {
			t.Errorf("%d pending while a POST hangs", n)
		}
		h.Close()
		h.Emit(functionLine("after"))
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if got := out.bodies(); len(got) != 1 || !strings.Contains(got[0], "under way") {
			t.Errorf("%q", got)
		}
	})
}

// An event that comes late has the time at which it came.
func TestLateEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHub(t)
		defer h.Close()
		out := &fakeSender{}
		h.join(t, "a", out, Function)
		from := time.Now()
		h.EmitAfter(500*time.Millisecond, functionLine("late"))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		want := from.Add(500 * time.Millisecond).UTC().Format(ISOMillis)
		if got := out.bodies(); len(got) != 1 || !strings.Contains(got[0], want) {
			t.Errorf("%q, want one of %s", got, want)
		}
	})
}

// The fault clock-jump: events before the invocation it names carry a time that
// lies back, and later ones the true one.
func TestClockJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHub(t, "clock-jump:60000@2")
		defer h.Close()
		out := &fakeSender{}
		h.join(t, "a", out, Function)
		now := time.Now()
		for invocation := range 3 {
			h.Faults.Begin(invocation + 1)
			h.Emit(functionLine("x"))
			h.EndOfStream()
			synctest.Wait()
		}
		for i, jump := range []time.Duration{time.Minute, 0, 0} {
			if want := now.Add(-jump).UTC().Format(ISOMillis); !strings.Contains(out.bodies()[i], want) {
				t.Errorf("invocation %d: %s, want %s", i+1, out.bodies()[i], want)
			}
		}
	})
}

// Whatever the faults and whoever refuses: once all is quiet every line that
// somebody had subscribed to was delivered or lost, and none is both, unless a
// fault damages what is delivered.
func TestEveryEventIsAccountedFor(t *testing.T) {
	for faults, damages := range map[string]bool{
		"": false, "telemetry-silent": false, "logs-dropped:2000": false, "batch-split:50": false, "batch-duplicated": false,
		"batch-reordered": false, "record-forms": false, "batch-split-lost:50": true, "batch-truncated": true, "logs-dropped:2000 batch-truncated": true,
	} {
		t.Run(faults, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(7, 1))
				h := newTestHub(t, strings.Fields(faults)...)
				defer h.Close()
				out := &fakeSender{}
				for range 200 {
					out.statuses = append(out.statuses, []int{200, 200, 500, 0}[random.IntN(4)])
				}
				h.join(t, "a", out, Function)
				told := 0
				for n := range 300 {
					h.Emit(functionLine(strings.Repeat("x", random.IntN(200))))
					if n%10 == 0 {
						h.Emit(start(fmt.Sprint(n))) // nobody asked for it
						h.EndOfStream()
						time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond)
						told += h.Counts.NewlyLost()
					}
				}
				h.EndOfStream()
				time.Sleep(time.Minute)
				synctest.Wait()
				told += h.Counts.NewlyLost()
				s := h.Counts.Stats()
				if h.Pending() != 0 || s.Events != 300 || s.Lost != told || !damages && s.Delivered+s.Lost != 300 || damages && s.Delivered+s.Lost < 300 {
					t.Errorf("%+v, %d pending, told of %d lost", s, h.Pending(), told)
				}
			})
		})
	}
}

// The Logs API has fewer events with fewer members, and a report is two.
// [DOC:runtimes-logs-api]
func TestLogsForms(t *testing.T) {
	tracing := &TracingRecord{SpanID: "s", Type: "X-Amzn-Trace-Id", Value: "v"}
	for name, tt := range map[string]struct {
		event Event
		old   []string // of 2020-08-15
		newer []string // of 2021-03-18, where that differs
	}{
		"start":       {start("a"), []string{`platform.start {"requestId":"a","version":"1"}`}, nil},
		"runtimeDone": {Event{Type: "platform.runtimeDone", Category: Platform, Record: RuntimeDoneRecord{RequestID: "a", Status: "success"}}, nil, []string{`platform.runtimeDone {"requestId":"a","status":"success"}`}},
		"report": {Event{Type: "platform.report", Category: Platform, Record: ReportRecord{RequestID: "a", Status: "success", Metrics: InitMetrics{DurationMs: 1}, Tracing: tracing}}, []string{
			`platform.end {"requestId":"a"}`, `platform.report {"requestId":"a","metrics":{"durationMs":1},"tracing":{"spanId":"s","type":"X-Amzn-Trace-Id","value":"v"}}`,
		}, nil},
		"extension":      {Event{Type: "platform.extension", Category: Platform, Record: ExtensionRecord{Name: "e", State: "Ready", Events: []string{"INVOKE"}, ErrorType: "x"}}, []string{`platform.extension {"name":"e","state":"Ready","events":["INVOKE"]}`}, nil},
		"init":           {Event{Type: "platform.initStart", Category: Platform, Record: InitStartRecord{}}, nil, nil},
		"restore":        {Event{Type: "platform.restoreReport", Category: Platform, Record: RestoreReportRecord{}}, nil, nil},
		"its own":        {Event{Type: "platform.logsSubscription", Category: Platform, Record: SubscriptionRecord{Name: "e", State: "Subscribed", Types: []string{"function"}}}, []string{`platform.logsSubscription {"name":"e","state":"Subscribed","types":["function"]}`}, nil},
		"that of others": {Event{Type: "platform.telemetrySubscription", Category: Platform, Record: SubscriptionRecord{}}, nil, nil},
		"line":           {functionLine("x"), []string{`function "x\n"`}, nil},
	} {
		for schema, want := range map[string][]string{Logs2020: tt.old, Logs2021: tt.newer} {
			if schema == Logs2021 && want == nil {
				want = tt.old
			}
			var got []string
			for _, e := range tt.event.asLogs(schema) {
				got = append(got, e.Type+" "+string(e.encode(schema, "Text").record))
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s in %s (-want +got):\n%s", name, schema, d)
			}
		}
	}
}

// A gate that is closed holds whoever waits until it opens or the sandbox ends,
// and counts how often it closed.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate()
		if g.wait(t.Context()) != nil {
			t.Error("an open gate holds")
		}
		g.Set(false)
		g.Set(false) // twice is once
		if n := g.closings(); n != 1 {
			t.Errorf("%d closings", n)
		}
		passed := make(chan error, 2)
		ctx, cancel := context.WithCancel(context.Background())
		go func() { passed <- g.wait(context.Background()) }()
		go func() { passed <- g.wait(ctx) }()
		synctest.Wait()
		if len(passed) != 0 {
			t.Error("a closed gate lets pass")
		}
		cancel()
		if err := <-passed; err == nil {
			t.Error("who was cancelled passed")
		}
		g.Set(true)
		if err := <-passed; err != nil {
			t.Error(err)
		}
	})
}
