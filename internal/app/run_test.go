package app_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/extapi"
	"powertools-extension/test/harness"
	"powertools-extension/test/ontime"
)

func TestShutdownFirst(t *testing.T) {
	p := newPlatform(t)
	out := p.live()
	if out.err != nil {
		t.Fatal(out.err)
	}
	if d := cmp.Diff([]string{
		`register powertools-extension {"events":["INVOKE","SHUTDOWN"]}`,
		"/2022-07-01/telemetry 2025-01-29",
		"event/next",
	}, p.seen()); d != "" {
		t.Errorf("calls (-want +got):\n%s", d)
	}
}

// Lambda starts the runtime once all extensions have registered, so its init
// code may call the local API from that moment on.
func TestBothListenersAreBoundBeforeRegister(t *testing.T) {
	p := newPlatform(t)
	port := harness.FreePort(t)
	p.onRegister = func() {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err != nil {
			t.Errorf("local api at register: %v", err)
			return
		}
		_ = conn.Close()
	}
	p.onSubscribe = func(uri string) {
		u, err := url.Parse(uri)
		if err != nil || u.Hostname() != "sandbox.localdomain" {
			t.Errorf("destination %q: Lambda refuses every host but sandbox.localdomain", uri)
			return
		}
		conn, err := net.Dial("tcp", "127.0.0.1:"+u.Port())
		if err != nil {
			t.Errorf("telemetry listener at subscribe: %v", err)
			return
		}
		_ = conn.Close()
	}
	if out := p.live("POWERTOOLS_EXTENSION_HTTP_PORT=" + port); out.err != nil {
		t.Fatal(out.err)
	}
}

// Managed instances refuse a registration for INVOKE, and with it the whole
// function, and accept no older schema.
func TestManagedInstances(t *testing.T) {
	p := newPlatform(t)
	p.subscribe = []answer{{400, `{"errorType":"ValidationError","errorMessage":"schema"}` + "\n"}}
	if out := p.live("AWS_LAMBDA_INITIALIZATION_TYPE=lambda-managed-instances"); out.err != nil {
		t.Fatal(out.err)
	}
	if d := cmp.Diff([]string{
		`register powertools-extension {"events":["SHUTDOWN"]}`,
		"/2022-07-01/telemetry 2025-01-29",
		"event/next",
	}, p.seen()); d != "" {
		t.Errorf("calls (-want +got):\n%s", d)
	}
}

func TestRegister(t *testing.T) {
	refused := answer{403, `{"errorMessage":"Empty extension name","errorType":"Extension.InvalidExtensionName"}` + "\n"}
	broken := answer{500, `{"errorMessage":"Internal Server Error","errorType":"InternalServerError"}` + "\n"}
	for _, tt := range []struct {
		name   string
		script []answer
		calls  int
		fails  bool
	}{
		{"recovers after two failures", []answer{broken, broken, ok(registered)}, 3, false},
		{"gives up after three", []answer{broken}, 3, true},
		{"a refusal is final", []answer{refused}, 1, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlatform(t)
			p.register = tt.script
			out := p.live()
			if (out.err != nil) != tt.fails {
				t.Errorf("err = %v", out.err)
			}
			if p.counts["register"] != tt.calls {
				t.Errorf("register was called %d times, want %d", p.counts["register"], tt.calls)
			}
			var answered *extapi.APIError
			if tt.fails && !errors.As(out.err, &answered) {
				t.Errorf("the error has lost the platform's answer: %v", out.err)
			}
		})
	}
}

// No answer to the subscription ends or delays the extension, and each is
// said once.
func TestSubscribe(t *testing.T) {
	validation := answer{400, `{"errorType":"ValidationError","errorMessage":"schema"}` + "\n"}
	for _, tt := range []struct {
		name    string
		script  []answer
		schemas []string
		warning string
	}{
		{"accepted", []answer{ok(`"OK"`)}, []string{"2025-01-29"}, ""},
		{"older schema", []answer{validation, ok(`"OK"`)}, []string{"2025-01-29", "2022-12-13"}, "telemetry schema refused"},
		{"no schema", []answer{validation}, []string{"2025-01-29", "2022-12-13"}, "no telemetry stream"},
		{"not supported", []answer{{202, `{"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}` + "\n"}}, []string{"2025-01-29"}, "no telemetry stream"},
		{"closed", []answer{{403, `{"errorMessage":"Telemetry API subscription is closed already","errorType":"Telemetry.SubscriptionClosed"}` + "\n"}}, []string{"2025-01-29"}, "no telemetry stream"},
		{"broken", []answer{{500, "<html>"}}, []string{"2025-01-29"}, "no telemetry stream"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlatform(t)
			p.subscribe = tt.script
			p.next = []answer{call("8a2e4d5f-0001-4000-8000-000000000001"), bye()}
			out := p.live()
			if out.err != nil {
				t.Fatal(out.err)
			}
			var schemas []string
			for _, c := range p.seen() {
				if s, ok := strings.CutPrefix(c, "/2022-07-01/telemetry "); ok {
					schemas = append(schemas, s)
				}
			}
			if d := cmp.Diff(tt.schemas, schemas); d != "" {
				t.Errorf("schemas (-want +got):\n%s", d)
			}
			said := 0
			for _, entry := range out.logs.All() {
				if tt.warning != "" && strings.HasPrefix(entry.Message, tt.warning) {
					said++
				}
			}
			if tt.warning != "" && said != 1 {
				t.Errorf("%q was said %d times, want once", tt.warning, said)
			}
		})
	}
}

// A failing next is tried a few times and then ends the process with a report:
// never a hot loop, never a hang.
func TestNextFails(t *testing.T) {
	broken := answer{500, `{"errorMessage":"Internal Server Error","errorType":"InternalServerError"}` + "\n"}
	forbidden := answer{403, `{"errorMessage":"State transition from Ready to Ready failed for extension x. Error: State transition is not allowed","errorType":"Extension.InvalidExtensionState"}` + "\n"}
	for _, tt := range []struct {
		name   string
		script []answer
		calls  int
		fails  bool
	}{
		{"recovers", []answer{broken, broken, bye()}, 3, false},
		{"gives up after three", []answer{broken}, 3, true},
		{"a refusal is tried again", []answer{forbidden, bye()}, 2, false},
		{"refusals end it too", []answer{forbidden}, 3, true},
		{"an event resets the count", []answer{broken, broken, call("8a2e4d5f-0001-4000-8000-000000000001"), broken, broken, bye()}, 6, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPlatform(t)
			p.next = tt.script
			out := p.live()
			if (out.err != nil) != tt.fails {
				t.Errorf("err = %v", out.err)
			}
			if p.counts["event/next"] != tt.calls {
				t.Errorf("next was called %d times, want %d", p.counts["event/next"], tt.calls)
			}
			if want := map[bool]int{true: 1}[tt.fails]; p.counts["exit/error"] != want {
				t.Errorf("exit/error was called %d times, want %d", p.counts["exit/error"], want)
			}
			if !strings.Contains(out.stdout, `"powertools-extension shut down"`) {
				t.Error("what was in hand is lost: there is no ledger")
			}
		})
	}
}

func TestUnknownEventIsIgnored(t *testing.T) {
	p := newPlatform(t)
	p.next = []answer{ok(`{"eventType":"HIBERNATE","deadlineMs":1}`), bye()}
	if out := p.live(); out.err != nil {
		t.Fatal(out.err)
	}
}

// Every invocation leaves one canonical event, the ledger comes last, and
// every line is one JSON object.
func TestOutputAtShutdown(t *testing.T) {
	p := newPlatform(t)
	p.next = []answer{call("8a2e4d5f-0001-4000-8000-000000000001"), call("8a2e4d5f-0002-4000-8000-000000000002"), bye()}
	out := p.live()
	if out.err != nil {
		t.Fatal(out.err)
	}
	lines := strings.Split(strings.TrimSuffix(out.stdout, "\n"), "\n")
	var ids []any
	for i, text := range lines {
		var l map[string]any
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("line %d is no JSON object: %q", i, text)
		}
		if id := l["function_request_id"]; id != nil {
			ids = append(ids, id)
			if l["complete"] != false {
				t.Errorf("no report was seen, but the event claims to be complete: %s", text)
			}
		}
		if (l["lifetime_ms"] != nil) != (i == len(lines)-1) {
			t.Errorf("the ledger is not the last line: %s", text)
		}
	}
	if d := cmp.Diff([]any{"8a2e4d5f-0001-4000-8000-000000000001", "8a2e4d5f-0002-4000-8000-000000000002"}, ids); d != "" {
		t.Errorf("canonical events (-want +got):\n%s", d)
	}
}

// With nothing to wait for, shutting down takes no time worth the name; with
// an open invocation it waits for the report, briefly.
func TestShutdownIsQuick(t *testing.T) {
	ontime.Run(t, func(late ontime.Late) {
		p := newPlatform(t)
		if out := p.live(); out.took > time.Second {
			late("a life without an invocation took %s", out.took)
		}
	})
}
