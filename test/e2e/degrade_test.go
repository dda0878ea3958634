package e2e

import (
	"net"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
	"powertools-extension/test/ontime"
)

// The platform refuses telemetry in every way it can: the function lives, its
// parameters are served, and the extension says it once.
func TestTelemetryRefused(t *testing.T) {
	for _, fault := range []string{"telemetry-202", "telemetry-400", "telemetry-403", "telemetry-500", "telemetry-closed"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			aws := harness.FakeAWS(t)
			s := start(t, lambdaemu.Options{
				Env:    map[string]string{"AWS_ENDPOINT_URL": aws.URL},
				Faults: []lambdaemu.Fault{{Name: fault}},
			})
			s.Must(`{}`)
			s.Must(`{}`)
			s.Shutdown()
			if got := s.Saying("no telemetry stream"); got != 1 {
				t.Errorf("said %d times that there is no telemetry, want once", got)
			}
			if len(s.Custom()) == 0 {
				t.Error("custom metrics are missing without a telemetry stream")
			}
		})
	}
}

func TestOldSchemaIsUsedWhenTheNewestIsRefused(t *testing.T) {
	t.Parallel()
	aws := harness.FakeAWS(t)
	s := start(t, lambdaemu.Options{
		Env:    map[string]string{"AWS_ENDPOINT_URL": aws.URL},
		Faults: []lambdaemu.Fault{{Name: "schema-old"}},
	})
	s.Must(`{}`)
	s.Shutdown()
	if len(s.Canonical()) != 1 || len(s.Enriched()) == 0 {
		t.Errorf("%d canonical events, %d enriched lines", len(s.Canonical()), len(s.Enriched()))
	}
	if got := s.Saying("telemetry schema refused"); got != 1 {
		t.Errorf("said %d times that the schema was refused, want once", got)
	}
}

// A stream that is open and silent costs nothing but its content.
func TestSilentTelemetryDelaysNothing(t *testing.T) {
	t.Parallel()
	aws := harness.FakeAWS(t)
	ontime.Run(t, func(late ontime.Late) {
		s := start(t, lambdaemu.Options{
			Env:    map[string]string{"AWS_ENDPOINT_URL": aws.URL},
			Faults: []lambdaemu.Fault{{Name: "telemetry-silent"}},
		})
		for range 3 {
			res := s.Invoke(`{}`)
			if res.FunctionError != "" {
				t.Errorf("error %q", res.FunctionError)
			}
			if res.PostRuntime > 100*time.Millisecond {
				late("held %s after the runtime was done", res.PostRuntime)
			}
		}
		s.Shutdown()
		for _, event := range s.Canonical() {
			if event["complete"] != false {
				t.Errorf("canonical event without a report claims to be complete: %v", event)
			}
		}
	})
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	s := start(t, lambdaemu.Options{
		Command: harness.Self(t, plain),
		Env:     map[string]string{"POWERTOOLS_EXTENSION_HTTP_PORT": port},
	})
	s.Must(`{}`)
	s.Shutdown()
	if s.Saying("POWERTOOLS_EXTENSION_HTTP_PORT") != 1 || s.Saying("AWS Parameters and Secrets") != 1 {
		t.Errorf("want one line that names the variable and the likely other layer, got %v", s.Diagnostics())
	}
	if len(s.Canonical()) != 1 || len(s.Enriched()) == 0 {
		t.Errorf("telemetry stopped with the port: %d canonical events, %d lines", len(s.Canonical()), len(s.Enriched()))
	}
}

func TestShutdownBeforeAnyInvocation(t *testing.T) {
	t.Parallel()
	ontime.Run(t, func(late ontime.Late) {
		s := start(t, lambdaemu.Options{})
		exit := s.Shutdown()
		for _, x := range exit.Extensions {
			if x.After > 50*time.Millisecond {
				late("%s took %s to end, want at most 50 ms", x.Name, x.After)
			}
		}
	})
}

func TestRegisterRefusedForAWhile(t *testing.T) {
	t.Parallel()
	aws := harness.FakeAWS(t)
	s := start(t, lambdaemu.Options{
		Env:    map[string]string{"AWS_ENDPOINT_URL": aws.URL},
		Faults: []lambdaemu.Fault{{Name: "register-500", Arg: "2"}},
	})
	s.Must(`{}`)
	s.Shutdown()
}

// The worst ends of an invocation still lead to one canonical event with the
// right word, and the next invocation works.
func TestBadEnds(t *testing.T) {
	for _, tt := range []struct{ name, payload, outcome string }{
		{"handler error", `{"fail":true}`, "error"},
		{"time-out", `{"sleep_ms":5000}`, "timeout"},
		{"runtime exits", `{"exit":3}`, "error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, lambdaemu.Options{
				Command: harness.Self(t, plain),
				Timeout: 3 * time.Second, // the next init counts
			})
			if res := s.Invoke(tt.payload); res.FunctionError == "" {
				t.Fatal("the invocation succeeded")
			}
			s.Must(`{}`)
			s.Shutdown()
			events := s.Canonical()
			if len(events) != 2 {
				t.Fatalf("%d canonical events, want one per invocation", len(events))
			}
			if got := events[0]["outcome"]; got != tt.outcome {
				t.Errorf("outcome = %v, want %s: %v", got, tt.outcome, events[0])
			}
			if events[0]["Errors"] != 1.0 || events[1]["Errors"] != 0.0 {
				t.Errorf("Errors = %v, then %v; want 1, then 0", events[0]["Errors"], events[1]["Errors"])
			}
		})
	}
}

func TestBadEnvironmentIsOneWarningEach(t *testing.T) {
	t.Parallel()
	s := start(t, lambdaemu.Options{
		Command: harness.Self(t, plain),
		Env: map[string]string{
			"POWERTOOLS_PARAMETERS_MAX_AGE": "soon",
			"POWERTOOLS_LOG_LEVEL":          "loud",
			"POWERTOOLS_EXTENSION_HTTP_PRT": "1",
		},
	})
	s.Must(`{}`)
	s.Shutdown()
	for _, name := range []string{"POWERTOOLS_PARAMETERS_MAX_AGE", "POWERTOOLS_LOG_LEVEL", "POWERTOOLS_EXTENSION_HTTP_PRT"} {
		if got := s.Saying(name + ":"); got != 1 {
			t.Errorf("%s was warned of %d times, want once", name, got)
		}
	}
}
