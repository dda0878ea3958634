package e2e

import (
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
	"powertools-extension/test/ontime"
)

// blackHole accepts connections and never says a word.
func blackHole(t *testing.T) string {
	return "http://" + trap(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
}

// S1: whatever is wrong with the secret of a destination, the function
// answers, and it is said once.
func TestS1SecretOfADestination(t *testing.T) {
	for _, tt := range []struct {
		name, fault, secret string
		says                string
		state               string // of the destination at the end
	}{
		{"missing", "", "demo/nothing", "disabled", "disabled"},
		{"missing member", "", "demo/database#token", "disabled", "disabled"},
		{"denied", "denied", "demo/api-key", "disabled", "disabled"},
		{"upstream fails", "error-500", "demo/api-key", "", ""},
		{"upstream hangs", "hung", "demo/api-key", "left alone", "open"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ontime.Run(t, func(late ontime.Late) {
				aws, r := harness.FakeAWS(t), newReceiver(t)
				if err := aws.SetFault(tt.fault); err != nil {
					t.Fatal(err)
				}
				s := remotely(t, "", lambdaemu.Options{Env: map[string]string{
					"AWS_ENDPOINT_URL":             aws.URL,
					"POWERTOOLS_LOGS_DESTINATION":  "stdout," + r.URL,
					"POWERTOOLS_LOGS_HTTP_HEADERS": "Authorization: Bearer secret:" + tt.secret,
				}})
				first := held(s, quick)
				var next time.Duration
				for range 4 {
					next = max(next, held(s, quick))
				}
				t.Logf("held %s first, then %s at most", first, next)
				if first > 350*time.Millisecond+slack {
					late("held %s", first)
				}
				s.Shutdown()
				if n := len(s.Enriched()); n != 10 {
					t.Errorf("%d lines on stdout, want 10", n)
				}
				if n := len(r.lines()); n != 0 {
					t.Errorf("%d lines were sent without the secret", n)
				}
				if tt.says != "" && s.Saying(tt.says) != 1 {
					late("%q was said %d times, want once", tt.says, s.Saying(tt.says))
				}
				if sink := sinksOf(ledger(t, s))[0]; tt.state != "" && sink["state"] != tt.state {
					late("the ledger says %v, want %s", sink["state"], tt.state)
				}
			})
		})
	}
}

// S1: a destination that makes no sense costs one warning, and the others work.
func TestS1BadDestination(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	s := remotely(t, "", lambdaemu.Options{Env: map[string]string{"POWERTOOLS_LOGS_DESTINATION": "kafka:topic," + r.URL + ",firehose:"}})
	held(s, quick)
	s.Shutdown()
	if n := len(r.lines()); n != 2 {
		t.Errorf("%d lines arrived, want 2", n)
	}
	if n := s.Saying("POWERTOOLS_LOGS_DESTINATION: entry"); n != 2 {
		t.Errorf("%d warnings, want one for each bad entry", n)
	}
}

// S2: without a telemetry stream nobody waits for one.
func TestS2NoStreamHoldsNobody(t *testing.T) {
	for _, fault := range []string{"telemetry-202", "telemetry-400", "telemetry-403", "telemetry-500", "telemetry-closed"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			ontime.Run(t, func(late ontime.Late) {
				s := remotely(t, newReceiver(t).URL, lambdaemu.Options{Faults: []lambdaemu.Fault{{Name: fault}}})
				for range 3 {
					if took := held(s, quick); took > 20*time.Millisecond+slack/3 {
						late("held %s", took)
					}
				}
				s.Shutdown()
				ledger(t, s)
			})
		})
	}
}

// S3: the port of the local API is taken, and telemetry goes on all the same.
func TestS3PortTaken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	ontime.Run(t, func(late ontime.Late) {
		r := newReceiver(t)
		s := remotely(t, r.URL, lambdaemu.Options{Env: map[string]string{"POWERTOOLS_EXTENSION_HTTP_PORT": port}})
		if took := held(s, quick); took > 150*time.Millisecond+slack {
			late("held %s", took)
		}
		s.Shutdown()
		if n := len(r.lines()); n != 2 {
			t.Errorf("%d lines arrived, want 2", n)
		}
	})
}

// S4: managed instances have no INVOKE, no runtimeDone and no freeze: lines
// leave by the clock.
func TestS4ManagedInstances(t *testing.T) {
	t.Parallel()
	ontime.Run(t, func(late ontime.Late) {
		r := newReceiver(t)
		s := remotely(t, r.URL, lambdaemu.Options{InitType: "lambda-managed-instances"})
		for range 3 {
			if took := held(s, quick); took > 20*time.Millisecond+slack/3 {
				late("held %s", took)
			}
		}
		for end := time.Now().Add(12 * time.Second); len(r.lines()) < 6 && time.Now().Before(end); {
			time.Sleep(100 * time.Millisecond)
		}
		if n := len(r.lines()); n != 6 {
			t.Errorf("%d lines arrived by the clock, want 6", n)
		}
		s.Shutdown()
		ledger(t, s)
	})
}

// S5: the newest schema is refused: the older one is used, with one warning,
// and invocations are held as usual.
func TestS5OldSchema(t *testing.T) {
	t.Parallel()
	ontime.Run(t, func(late ontime.Late) {
		r := newReceiver(t)
		s := remotely(t, r.URL, lambdaemu.Options{Faults: []lambdaemu.Fault{{Name: "schema-old"}}})
		held(s, quick)
		if n := len(r.lines()); n != 2 {
			late("%d lines arrived, want 2", n)
		}
		s.Shutdown()
		if n := s.Saying("telemetry schema refused"); n != 1 {
			t.Errorf("said %d times, want once", n)
		}
	})
}

// S6: a network that swallows everything delays nothing before the first
// /next. Both variants take turns, and the medians are compared.
func TestS6BlackHoleAtInit(t *testing.T) {
	hole := blackHole(t)
	ready := func(env map[string]string) time.Duration {
		s := start(t, lambdaemu.Options{Command: harness.Self(t, plain), Env: env})
		defer s.Shutdown()
		var born time.Time
		for _, e := range s.Emu.Transcript() {
			switch {
			case e.Who == "powertools-extension" && e.What == "exec":
				born = e.At
			case e.Who == "powertools-extension" && e.What == "next":
				return e.At.Sub(born)
			}
		}
		t.Fatal("the transcript has no first next")
		return 0
	}
	ontime.Run(t, func(late ontime.Late) {
		var with, without []time.Duration
		for range 7 {
			without = append(without, ready(nil))
			with = append(with, ready(map[string]string{
				"AWS_ENDPOINT_URL":             hole,
				"POWERTOOLS_LOGS_DESTINATION":  "cloudwatch:g,firehose:f," + hole + ",otlp+" + hole,
				"POWERTOOLS_LOGS_HTTP_HEADERS": "Authorization: secret:demo/api-key",
			}))
		}
		slices.Sort(with)
		slices.Sort(without)
		t.Logf("first /next after %s, with four destinations in a black hole after %s", without[3], with[3])
		if more := with[3] - without[3]; more > 10*time.Millisecond+slack/10 {
			late("%s later", more)
		}
	})
}

// S7: after a reset a second process runs in the same /tmp. Nothing is left
// there, and no line is sent twice.
func TestS7SecondProcessInTheSameSandbox(t *testing.T) {
	t.Parallel()
	r, tmp := newReceiver(t), t.TempDir()
	s := remotely(t, r.URL, lambdaemu.Options{Timeout: 3 * time.Second, Env: map[string]string{"TMPDIR": tmp}})
	held(s, quick)
	if res := s.Invoke(`{"sleep_ms":5000}`); res.FunctionError == "" {
		t.Fatal("no time-out")
	}
	s.Invoke(`{"sleep_ms":100}`)
	s.Shutdown()
	if n := len(r.lines()); n != 6 {
		t.Errorf("%d lines arrived, want 6, each once", n)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left in /tmp: %v %v", left, err)
	}
	if n := len(s.Only(func(l line) bool { return l["lifetime_ms"] != nil })); n != 2 {
		t.Errorf("%d ledgers, want one for each process", n)
	}
}

// D1: SHUTDOWN is the very first event.
func TestD1ShutdownFirst(t *testing.T) {
	for name, url := range map[string]func(*testing.T) string{
		"up":   func(t *testing.T) string { return newReceiver(t).URL },
		"hung": blackHole,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ontime.Run(t, func(late ontime.Late) {
				s := remotely(t, url(t), lambdaemu.Options{})
				took := after(t, s.Shutdown())
				t.Logf("ended after %s", took)
				if took > 50*time.Millisecond+slack {
					late("ended after %s", took)
				}
				ledger(t, s)
			})
		})
	}
}

// D2: a receiver hangs while lines are pending: the sandbox ends in time, and
// the ledger is printed.
func TestD2HungAtShutdown(t *testing.T) {
	t.Parallel()
	ontime.Run(t, func(late ontime.Late) {
		s := remotely(t, blackHole(t), lambdaemu.Options{Env: map[string]string{"POWERTOOLS_EXTENSION_FLUSH": "continuous"}})
		for range 3 {
			held(s, quick)
		}
		took := after(t, s.Shutdown())
		t.Logf("ended after %s", took)
		if took > 1800*time.Millisecond {
			late("ended after %s", took)
		}
		if sink := sinksOf(ledger(t, s))[0]; sink["received"] != 6.0 || sink["delivered"] != 0.0 {
			t.Errorf("ledger: %v", sink)
		}
	})
}

// D3: with nothing pending the end takes no time.
func TestD3NothingPending(t *testing.T) {
	t.Parallel()
	ontime.Run(t, func(late ontime.Late) {
		s := remotely(t, newReceiver(t).URL, lambdaemu.Options{})
		held(s, quick)
		took := after(t, s.Shutdown())
		t.Logf("ended after %s", took)
		if took > 20*time.Millisecond+slack {
			late("ended after %s", took)
		}
	})
}

// D4: whatever the reason, the last lines and the record of the open
// invocation are out before the process ends.
func TestD4EveryReason(t *testing.T) {
	for _, tt := range []struct{ name, payload, outcome, reason string }{
		{"spindown", `{"print":["the last line"]}`, "success", "spindown"},
		{"timeout", `{"sleep_ms":5000,"print":["the last line"]}`, "timeout", "timeout"},
		{"failure", `{"exit":3,"print":["the last line"]}`, "error", "failure"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			s := remotely(t, r.URL, lambdaemu.Options{Timeout: 3 * time.Second})
			s.Invoke(tt.payload)
			s.Shutdown()
			if !slices.ContainsFunc(r.lines(), func(l line) bool { return l["message"] == "the last line" }) {
				t.Errorf("the last line is missing: %v", r.lines())
			}
			events := s.Canonical()
			if len(events) != 1 || events[0]["outcome"] != tt.outcome {
				t.Errorf("canonical events %v, want one with outcome %s", events, tt.outcome)
			}
			if l := ledger(t, s); l["shutdown_reason"] != tt.reason {
				t.Errorf("shutdown_reason %v, want %s", l["shutdown_reason"], tt.reason)
			}
		})
	}
}

// D5: what the platform delivers while the sandbox shuts down is delivered or
// counted.
func TestD5DeliveredDuringShutdown(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	s := remotely(t, r.URL, lambdaemu.Options{
		Env:    map[string]string{"POWERTOOLS_EXTENSION_FLUSH": "continuous"},
		Faults: []lambdaemu.Fault{{Name: "shutdown-unflushed"}},
	})
	for range 3 {
		held(s, `{"lines":50,"length":100}`)
	}
	s.Shutdown()
	sink := sinksOf(ledger(t, s))[0]
	if got := float64(len(r.lines())); sink["delivered"] != got {
		t.Errorf("%v lines arrived, the ledger says %v", got, sink)
	}
}

// D7: the platform gives less time than usual.
func TestD7ShortDeadline(t *testing.T) {
	t.Parallel()
	ontime.Run(t, func(late ontime.Late) {
		s := remotely(t, blackHole(t), lambdaemu.Options{
			Env:    map[string]string{"POWERTOOLS_EXTENSION_FLUSH": "continuous"},
			Faults: []lambdaemu.Fault{{Name: "short-deadline", Arg: "900"}},
		})
		held(s, quick)
		held(s, quick)
		exit, err := s.Emu.Shutdown(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !exit.Clean() {
			late("it had to be killed: %+v", exit)
			return
		}
		t.Logf("ended after %s of 900ms", after(t, exit))
		ledger(t, s)
	})
}

// H1: neither a key nor a payload is in the extension's own words, at any
// level, whatever the receiver does.
func TestH1NoSecretIsPrinted(t *testing.T) {
	const key = "c4n4ry-k3y"
	for _, answer := range []int{200, 403, 500, 0} {
		t.Run(fmt.Sprint(answer), func(t *testing.T) {
			t.Parallel()
			aws := harness.FakeAWSWith(t, "secrets:\n  demo/receiver: { value: { token: "+key+" } }\n")
			r := newReceiver(t)
			r.set(answer, 0)
			s := remotely(t, "", lambdaemu.Options{Env: map[string]string{
				"AWS_ENDPOINT_URL":               aws.URL,
				"POWERTOOLS_LOGS_DESTINATION":    r.URL + "/" + key + "?key=" + key + ",otlp+" + r.URL + "/" + key,
				"POWERTOOLS_LOGS_HTTP_HEADERS":   "Authorization: Bearer secret:demo/receiver#token, X-Plain: " + key,
				"POWERTOOLS_EXTENSION_LOG_LEVEL": "DEBUG",
			}})
			for range 4 {
				s.Invoke(`{"print":["payload ` + key + `"]}`)
			}
			s.Shutdown()
			if answer == 200 && r.header("Authorization") != "Bearer "+key {
				t.Errorf("Authorization: %q", r.header("Authorization"))
			}
			for text := range strings.Lines(s.Text()) {
				if strings.HasPrefix(text, "extension") && strings.Contains(text, key) {
					t.Errorf("printed: %s", text)
				}
			}
		})
	}
}

// H3: every option of the log pipeline changes what arrives.
func TestH3OptionsHaveAnEffect(t *testing.T) {
	const lines = `{"print":["{\"level\":\"DEBUG\",\"message\":\"noise\"}","keep me 4111111111111111","{\"level\":\"INFO\",\"message\":\"login\",\"Password\":\"hunter2\"}"]}`
	for _, tt := range []struct {
		option, value string
		want, never   string // a text in the lines that arrive; empty: not looked at
	}{
		{"POWERTOOLS_LOGS_INCLUDE", "keep", "keep me", "login"},
		{"POWERTOOLS_LOGS_EXCLUDE", "keep", "login", "keep me"},
		{"POWERTOOLS_LOGS_REDACT", `password,re:\d{13,16}`, "[redacted]", "hunter2"},
		{"POWERTOOLS_LOGS_REDACT", `password,re:\d{13,16}`, "keep me [redacted]", "4111"},
		{"POWERTOOLS_LOG_LEVEL", "DEBUG", "noise", ""},
		{"POWERTOOLS_LOGS_BUFFER", "INFO", "", "login"}, // the invocation goes well
		{"POWERTOOLS_LOGS_HTTP_HEADERS", "X-Team: pay", "", ""},
	} {
		t.Run(tt.option+"="+tt.value, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			s := remotely(t, r.URL, lambdaemu.Options{Env: map[string]string{tt.option: tt.value}})
			held(s, lines)
			s.Shutdown()
			text := fmt.Sprint(r.lines())
			if !strings.Contains(text, tt.want) || tt.never != "" && strings.Contains(text, tt.never) {
				t.Errorf("want %q and not %q in %s", tt.want, tt.never, text)
			}
			if tt.option == "POWERTOOLS_LOGS_HTTP_HEADERS" && r.header("X-Team") != "pay" {
				t.Errorf("X-Team: %q", r.header("X-Team"))
			}
			ledger(t, s)
		})
	}
}

// H4: the proxy variables are for the function's traffic, not for the
// platform's nor for what is on this machine.
func TestH4ProxyVariables(t *testing.T) {
	t.Parallel()
	dead := "http://127.0.0.1:1"
	r := newReceiver(t)
	s := remotely(t, r.URL, lambdaemu.Options{Env: map[string]string{
		"HTTP_PROXY": dead, "HTTPS_PROXY": dead, "http_proxy": dead, "https_proxy": dead, "ALL_PROXY": dead,
	}})
	held(s, quick)
	s.Shutdown()
	if n := len(r.lines()); n != 2 {
		t.Errorf("%d lines arrived, want 2", n)
	}
}

// SnapStart: what the snapshot holds is dropped, the secret is read after the
// restore, and lines arrive.
func TestSnapStart(t *testing.T) {
	t.Parallel()
	aws, r := harness.FakeAWS(t), newReceiver(t)
	s := remotely(t, r.URL, lambdaemu.Options{InitType: "snap-start", Env: map[string]string{
		"AWS_ENDPOINT_URL":             aws.URL,
		"POWERTOOLS_LOGS_HTTP_HEADERS": "Authorization: secret:demo/api-key",
	}})
	if n := aws.Calls(); n != 0 {
		t.Errorf("%d calls before the snapshot", n)
	}
	for range 3 {
		held(s, `{"sleep_ms":50}`)
	}
	s.Shutdown()
	if n := len(r.lines()); n != 6 {
		t.Errorf("%d lines arrived, want 6", n)
	}
	if got := r.header("Authorization"); got != "key-4f9a-example" {
		t.Errorf("Authorization: %q", got)
	}
}
