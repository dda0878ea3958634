package e2e

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
	"powertools-extension/test/ontime"
)

// printing is the handler of testdata/inplace on Python's client.
func printing(t *testing.T, env ...string) lambdaemu.Options {
	t.Helper()
	dir, err := filepath.Abs("testdata/inplace")
	if err != nil {
		t.Fatal(err)
	}
	opt := lambdaemu.Options{
		Command: []string{harness.Need(t, "python/bin/python"), "-m", "awslambdaric", "app.handler"}, Dir: dir, Handler: "app.handler",
		Timeout: 30 * time.Second, Env: map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t), "PYTHONDONTWRITEBYTECODE": "1", "POWERTOOLS_EXTENSION_LOG_LEVEL": "INFO"},
	}
	return wrapped(t, opt, env...)
}

var numbered = regexp.MustCompile(`line (\d+) of ([\w-]+)`)

// seriesOf are the numbers of the lines that carry a mark, as they are stored.
func seriesOf(s *sandbox, mark string) (numbers []int) {
	for _, l := range s.Lines(lambdaemu.OriginFunction) {
		for _, m := range numbered.FindAllStringSubmatch(l.Text, -1) {
			if m[2] == mark {
				n := 0
				_, _ = fmt.Sscan(m[1], &n) // digits
				numbers = append(numbers, n)
			}
		}
	}
	return numbers
}

// wantSeries wants 0, 1, … n-1, and no line twice.
func wantSeries(t *testing.T, what string, got []int, n int) {
	t.Helper()
	for i, v := range got {
		if v != i {
			t.Errorf("%s: line %d stands at place %d of %d", what, v, i, len(got))
			return
		}
	}
	if len(got) < n {
		t.Errorf("%s: %d lines are stored of %d", what, len(got), n)
	}
}

// SIGKILL of the runtime at random moments: every line whose write returned is
// stored, with the id of its request.
func TestInPlaceKilledRuntime(t *testing.T) {
	for _, framed := range []bool{false, true} {
		t.Run(fmt.Sprint("framed ", framed), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "count")
			if err := os.WriteFile(file, make([]byte, 8), 0o600); err != nil {
				t.Fatal(err)
			}
			s := start(t, printing(t, "POWERTOOLS_LOGS_MODE", "in-place", "COUNT_FILE", file))
			type killed struct {
				id    string
				wrote int
			}
			kills := map[string]killed{}
			for i := range 25 {
				mark := fmt.Sprintf("kill%d", i)
				res := s.Invoke(fmt.Sprintf(`{"do":"killed","framed":%t,"mark":%q}`, framed, mark))
				if !strings.Contains(res.ErrorType, "Exit") {
					t.Fatalf("invocation %d: %+v", i, res)
				}
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				kills[mark] = killed{res.RequestID, int(binary.LittleEndian.Uint64(raw))}
				if err := os.WriteFile(file, make([]byte, 8), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s.Shutdown()
			total := 0
			for mark, k := range kills {
				total += k.wrote
				wantSeries(t, mark, seriesOf(s, mark), k.wrote)
			}
			for _, l := range s.Lines(lambdaemu.OriginFunction) {
				if m := numbered.FindStringSubmatch(l.Text); m != nil && !strings.Contains(l.Text, kills[m[2]].id) {
					t.Errorf("%s: a line without the id of its request: %.300s", m[2], l.Text)
					break
				}
			}
			t.Logf("%d lines of 25 runtimes that were killed", total)
		})
	}
}

// A child that writes without end: an answer waits for what stood in the channels
// when it came, and 250 ms at most. The rest of the bar is for what a busy machine
// adds to both runs.
func TestInPlaceEndlessChild(t *testing.T) {
	ontime.Run(t, func(late ontime.Late) {
		latency := map[string]time.Duration{}
		for _, mode := range []string{"copy", "in-place"} {
			opt := printing(t, "POWERTOOLS_LOGS_MODE", mode)
			opt.Timeout = 10 * time.Second
			s := start(t, opt)
			res := s.Invoke(`{"do":"endless"}`)
			if res.FunctionError != "" {
				t.Fatalf("%s: %s %s", mode, res.ErrorType, res.Payload)
			}
			latency[mode] = res.Latency
			s.Shutdown()
		}
		t.Logf("answer after %v, without us after %v", latency["in-place"], latency["copy"])
		if by := latency["in-place"] - latency["copy"]; by > 350*time.Millisecond {
			late("the answer left %v later", by)
		}
	})
}

func TestInPlaceSlowLog(t *testing.T) {
	t.Parallel()
	opt := printing(t, "POWERTOOLS_LOGS_MODE", "in-place")
	opt.Timeout = 10 * time.Second
	opt.Faults = []lambdaemu.Fault{{Name: "log-reader-slow", Arg: "400000"}}
	s := start(t, opt)
	res := s.Invoke(`{"do":"printed","lines":5000,"mark":"slow"}`)
	if res.FunctionError != "" {
		t.Fatalf("%s %s", res.ErrorType, res.Payload)
	}
	s.Shutdown()
	wantSeries(t, "slow", seriesOf(s, "slow"), 5000)
}

func TestInPlaceManyLines(t *testing.T) {
	const lines = 100_000
	took := map[string]time.Duration{}
	for _, mode := range []string{"copy", "in-place"} {
		opt := printing(t, "POWERTOOLS_LOGS_MODE", mode)
		s := start(t, opt)
		s.Invoke(`{"do":"printed","lines":10,"mark":"warm"}`)
		res := s.Invoke(fmt.Sprintf(`{"do":"printed","lines":%d,"mark":"many"}`, lines))
		if res.FunctionError != "" {
			t.Fatalf("%s %s", res.ErrorType, res.Payload)
		}
		took[mode] = res.Latency
		if mode == "in-place" {
			kilobytes, _ := s.Must(`{"do":"memory"}`)["result"].(float64)
			if t.Logf("the extension took %.1f MB at most", kilobytes/1024); kilobytes > 25<<10 || kilobytes == 0 {
				t.Errorf("the extension took %.0f kB", kilobytes)
			}
		}
		s.Shutdown()
		if mode == "in-place" {
			wantSeries(t, "many", seriesOf(s, "many"), lines)
			if sum := inPlaceLedgers(t, s); sum.Written != lines+10 || sum.Taken != 0 {
				t.Errorf("%+v", sum)
			}
		}
	}
	t.Logf("%d lines: %v in place, %v without; throughput %.2f", lines, took["in-place"], took["copy"], float64(took["copy"])/float64(took["in-place"]))
}

// Lines of a thread that the freeze stops are stored after the thaw.
func TestInPlaceFreeze(t *testing.T) {
	t.Parallel()
	s := start(t, printing(t, "POWERTOOLS_LOGS_MODE", "in-place"))
	s.Invoke(`{"do":"background","lines":200,"mark":"frozen"}`)
	for range 40 {
		time.Sleep(20 * time.Millisecond)
		s.Invoke(`{"do":"printed","lines":1,"mark":"other"}`)
	}
	time.Sleep(time.Second)
	s.Shutdown()
	got := seriesOf(s, "frozen")
	wantSeries(t, "frozen", got, len(got))
	if sum := inPlaceLedgers(t, s); sum.Taken != 0 || len(got) == 0 {
		t.Errorf("%+v, %d lines", sum, len(got))
	}
}

// Two hundred processes on one pipe: short lines stay whole.
func TestInPlaceCrowd(t *testing.T) {
	t.Parallel()
	s := start(t, printing(t, "POWERTOOLS_LOGS_MODE", "in-place"))
	if res := s.Invoke(`{"do":"crowd","children":200}`); res.FunctionError != "" {
		t.Fatalf("%s %s", res.ErrorType, res.Payload)
	}
	s.Shutdown()
	whole := 0
	for _, l := range s.Lines(lambdaemu.OriginFunction) {
		if strings.Contains(l.Text, "of child") && strings.Contains(l.Text, strings.Repeat("x", 1500)+`"`) {
			whole++
		}
	}
	if whole != 200*20 {
		t.Errorf("%d lines are whole of %d", whole, 200*20)
	}
}

// What no log expects is stored as it would have been, or by the rules of
// copies.
func TestInPlaceBadInput(t *testing.T) {
	t.Parallel()
	s := start(t, printing(t, "POWERTOOLS_LOGS_MODE", "in-place"))
	if res := s.Invoke(`{"do":"bad"}`); res.FunctionError != "" {
		t.Fatalf("%s %s", res.ErrorType, res.Payload)
	}
	if res := s.Invoke(`{"do":"closed"}`); res.FunctionError != "" {
		t.Errorf("%s %s", res.ErrorType, res.Payload)
	}
	s.Shutdown()
	log := s.Text()
	for _, want := range []string{
		`"message":"\u0000\ufffd\ufffd binary"`, `"message":"crlf"`, `"message":"to stderr"`, `"message":"opened again"`, `"message":"dup of 1"`,
		"function  no newline yet\n", strings.Repeat("z", 100_000),
	} {
		if !strings.Contains(log, want) {
			t.Errorf("no %.60s", want)
		}
	}
}

// Redaction holds for objects, texts and parts.
func TestInPlaceRedaction(t *testing.T) {
	t.Parallel()
	s := start(t, printing(t, "POWERTOOLS_LOGS_MODE", "in-place", "POWERTOOLS_LOGS_REDACT", "password", "POWERTOOLS_LOGS_TEXT", "keep"))
	if res := s.Invoke(`{"do":"secrets"}`); res.FunctionError != "" {
		t.Fatalf("%s %s", res.ErrorType, res.Payload)
	}
	s.Shutdown()
	log := s.Text()
	if strings.Contains(log, "hunter2") || strings.Count(log, "[redacted]") != 3 || !strings.Contains(log, "in text") {
		t.Errorf("%d redacted", strings.Count(log, "[redacted]"))
	}
}

// Held lines are let go where they were written when the runtime dies, and
// are gone when all went well.
func TestInPlaceFlightRecorder(t *testing.T) {
	for _, descriptor := range []string{"off", "pipe", "socket"} {
		t.Run(descriptor, func(t *testing.T) {
			t.Parallel()
			opt := printing(t, "POWERTOOLS_LOGS_MODE", "in-place", "POWERTOOLS_LOGS_BUFFER", "DEBUG")
			opt.LogDescriptor = descriptor
			s := start(t, opt)
			s.Invoke(`{"do":"levels"}`)
			if n := strings.Count(s.Text(), `"held `); n != 0 {
				t.Errorf("%d held lines of an invocation that went well", n)
			}
			res := s.Invoke(`{"do":"levels","fail":true}`)
			if res.FunctionError == "" {
				t.Error("it did not fail")
			}
			s.Shutdown()
			held := 0
			for _, l := range s.Lines(lambdaemu.OriginFunction) {
				if strings.Contains(l.Text, "held") && strings.Contains(l.Text, res.RequestID) && l.Framed == (descriptor != "off") {
					held++
				}
			}
			if held != 4 { // three, and one that was not held
				t.Errorf("%d lines", held)
			}
		})
	}
}

// The extension is killed: the sandbox ends, and nothing hangs.
func TestInPlaceExtensionKilled(t *testing.T) {
	t.Parallel()
	opt := printing(t, "POWERTOOLS_LOGS_MODE", "in-place")
	s := start(t, opt)
	if res := s.Invoke(`{"do":"printed","lines":3,"mark":"before"}`); res.FunctionError != "" {
		t.Fatalf("%s %s", res.ErrorType, res.Payload)
	}
	res := s.Invoke(`{"do":"outlives"}`)
	if res.FunctionError == "" || res.Latency > 25*time.Second {
		t.Errorf("%s after %v", res.ErrorType, res.Latency)
	}
	wantSeries(t, "before", seriesOf(s, "before"), 3)
}

// How long a line takes from the function's write to the log, with and without
// the extension in between.
func TestInPlaceDelay(t *testing.T) {
	written := regexp.MustCompile(`written at (\d+)`)
	for _, mode := range []string{"copy", "in-place"} {
		s := start(t, printing(t, "POWERTOOLS_LOGS_MODE", mode))
		s.Invoke(`{"do":"dated","lines":1000}`)
		s.Shutdown()
		var delays []time.Duration
		for _, l := range s.Lines(lambdaemu.OriginFunction) {
			var at int64
			if m := written.FindStringSubmatch(l.Text); m != nil {
				_, _ = fmt.Sscan(m[1], &at) // digits
				delays = append(delays, l.Time.Sub(time.UnixMicro(at)))
			}
		}
		slices.Sort(delays)
		if len(delays) != 1000 {
			t.Fatalf("%s: %d lines", mode, len(delays))
		}
		t.Logf("%s: p50 %v, p99 %v", mode, delays[500], delays[990])
	}
}
