package lambdaemu

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/lambdaemu/internal/wire"
)

// The platform kills a runtime that has used up its memory: the error is that of
// any death, and REPORT shows all of the memory as used; managed instances name
// the cause. [DOC:troubleshooting-invocation] [LMI:rapid/model]
func TestOutOfMemory(t *testing.T) {
	t.Run("classic", func(t *testing.T) {
		r := newRig(t, Options{Faults: []Fault{{Name: "out-of-memory", Arg: "1", From: 2}}}, map[string]extConfig{"ext-a": {}})
		if resp := r.invoke(fnEvent{}); resp.FunctionError != "" {
			t.Errorf("before: %+v", resp)
		}
		resp := r.invoke(fnEvent{})
		want := fmt.Sprintf(`{"errorType":"Runtime.ExitError","errorMessage":"RequestId: %s Error: Runtime exited with error: signal: killed"}`, resp.RequestID)
		if string(resp.Payload) != want || resp.MaxMemoryUsedMB != 128 {
			t.Errorf("got %s, %d MB", resp.Payload, resp.MaxMemoryUsedMB)
		}
		if !contains(r.logs.texts(OriginPlatform), "Max Memory Used: 128 MB\tStatus: error\tError Type: Runtime.ExitError") {
			t.Errorf("lines %q", r.logs.texts(OriginPlatform))
		}
		if resp := r.invoke(fnEvent{}); resp.FunctionError != "" {
			t.Errorf("afterwards: %+v", resp)
		}
	})
	t.Run("managed", func(t *testing.T) {
		opt := managedOptions("1")
		opt.Faults = []Fault{{Name: "out-of-memory", Arg: "1"}}
		r := newRig(t, opt, managedExtension())
		if resp := r.invoke(fnEvent{}); resp.ErrorType != "Runtime.OutOfMemory" {
			t.Errorf("got %+v", resp)
		}
	})
}

// What was said before the jump is dated earlier by it, what comes after is not
// (behaviour 8). [DOC:lambda-runtime-environment, snapstart]
func TestClockJump(t *testing.T) {
	r := newRig(t, Options{Faults: []Fault{{Name: "clock-jump", Arg: "86400000"}}},
		map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, WaitDone: true}})
	r.invoke(fnEvent{})
	events := r.events("ext-a")
	at := func(typ string) time.Time {
		when, err := time.Parse(time.RFC3339, only(events, typ)[0].Time)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	if gap := at("platform.start").Sub(at("platform.initReport")); gap < 24*time.Hour || gap > 25*time.Hour {
		t.Errorf("the clock jumped by %s", gap)
	}
	if age := time.Since(at("platform.start")); age > time.Minute {
		t.Errorf("platform.start is %s old", age)
	}
}

// The built-in sink takes what is posted, late, never, or with a 500.
func TestSink(t *testing.T) {
	for _, tt := range []struct {
		fault  string
		status int // 0: no answer
		want   SinkStats
	}{
		{"", 200, SinkStats{Requests: 1, Accepted: 1, Bytes: 4, Lines: 2}},
		{"sink-500", 500, SinkStats{Requests: 1}},
		{"sink-slow:30", 200, SinkStats{Requests: 1, Accepted: 1, Bytes: 4, Lines: 2}},
		{"sink-hung", 0, SinkStats{Requests: 1}},
	} {
		t.Run("fault "+tt.fault, func(t *testing.T) {
			opt := Options{Env: map[string]string{"TARGET": "{sink}/logs?a=b"}}
			if tt.fault != "" {
				f, err := ParseFault(tt.fault)
				if err != nil {
					t.Fatal(err)
				}
				opt.Faults = []Fault{f}
			}
			r := newRig(t, opt, nil)
			env := string(r.invoke(fnEvent{Env: true}).Payload)
			_, rest, _ := strings.Cut(env, `"TARGET=`)
			url, _, _ := strings.Cut(rest, `"`)
			if !strings.HasSuffix(url, "/logs?a=b") {
				t.Fatalf("the function got %q", url)
			}
			begin := time.Now()
			status := r.post(url, "a\nb\n", tt.status == 0)
			if status != tt.status || r.Sink() != tt.want {
				t.Errorf("status %d, sink %+v", status, r.Sink())
			}
			if strings.HasPrefix(tt.fault, "sink-slow") && time.Since(begin) < 30*time.Millisecond {
				t.Error("it was not slow")
			}
		})
	}
}

// post returns the status of the sink's answer, 0 without one. A sink that
// hangs is given a while once it has the request.
func (r *rig) post(url, body string, hangs bool) int {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	if hangs {
		go func() {
			for r.Sink().Requests == 0 && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			time.Sleep(300 * time.Millisecond)
			cancel()
		}()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

// Everything that crosses the wire is told: both halves of each exchange, who
// called, bodies, and the telemetry batches the platform sent.
func TestWire(t *testing.T) {
	var mu sync.Mutex
	var got []Message
	opt := Options{OnWire: func(m Message) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, m)
	}}
	r := newRig(t, opt, map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, WaitDone: true}})
	resp := r.invoke(fnEvent{})
	r.stop()
	mu.Lock()
	defer mu.Unlock()
	find := func(who, method, path string) (request, response Message) {
		for _, m := range got {
			if !m.Response && m.Who == who && m.Method == method && strings.Contains(m.URL, path) {
				request = m
			}
		}
		for _, m := range got {
			if m.Response && m.Exchange == request.Exchange {
				response = m
			}
		}
		return request, response
	}
	request, response := find("ext-a", "POST", "/2020-01-01/extension/register")
	if string(request.Body) != `{"events":["INVOKE","SHUTDOWN"]}` || response.Status != 200 || response.Header.Get("Lambda-Extension-Identifier") == "" {
		t.Errorf("register: %+v %+v", request, response)
	}
	request, response = find("runtime", "POST", "/2018-06-01/runtime/invocation/"+resp.RequestID+"/response")
	if string(request.Body) != `{}` || response.Status != 202 || string(response.Body) != "{\"status\":\"OK\"}\n" {
		t.Errorf("response: %+v %+v", request, response)
	}
	request, response = find("ext-a", "POST", "/telemetry/path")
	if !request.ToWho || !strings.HasPrefix(string(request.Body), `[{"time":`) || response.Status != 200 {
		t.Errorf("telemetry: %+v %+v", request, response)
	}
	if stats := r.Telemetry(); stats.Subscriptions != 1 || stats.Events == 0 || stats.Delivered != stats.Events || stats.Lost != 0 {
		t.Errorf("stats %+v", stats)
	}
}

// Long bodies are kept in part, and counted in full.
func TestWireBodyIsBounded(t *testing.T) {
	var got []Message
	e := &Emulator{wire: wire.New(func(m Message) { got = append(got, m) })}
	h := e.wire.Watch(e.caller, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var buf [4096]byte
		for {
			if _, err := r.Body.Read(buf[:]); err != nil {
				break
			}
		}
		w.WriteHeader(413)
	}))
	body := strings.Repeat("x", 1<<20+10)
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/2018-06-01/x", strings.NewReader(body)))
	if len(got) != 2 || len(got[0].Body) != 1<<20 || got[0].BodyBytes != 1<<20+10 || got[1].Status != 413 {
		t.Errorf("%d messages, first has %d of %d bytes", len(got), len(got[0].Body), got[0].BodyBytes)
	}
}
