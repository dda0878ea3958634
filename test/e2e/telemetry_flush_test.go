package e2e

import (
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/ontime"
)

// slack is added to the bars of time: these machines are slower and busier
// than a sandbox. What was measured is logged.
const slack = 300 * time.Millisecond

const quick = `{}` // a function of a few milliseconds

// A healthy destination has the lines of an invocation when it ends, and
// stdout has them as well.
func TestLinesAreOutWhenTheInvocationEnds(t *testing.T) {
	t.Parallel()
	ontime.Run(t, func(late ontime.Late) {
		r := newReceiver(t)
		s := remotely(t, "", lambdaemu.Options{Env: map[string]string{"POWERTOOLS_LOGS_DESTINATION": "stdout," + r.URL}})
		for i := range 3 {
			took := held(s, quick)
			t.Logf("held %s", took)
			if got := len(r.lines()); got != 2*(i+1) {
				late("%d lines have arrived after %d invocations of 2 lines", got, i+1)
			}
			if took > 150*time.Millisecond+slack {
				late("held %s", took)
			}
		}
		s.Shutdown()
		if n := len(s.Enriched()); n != 6 {
			t.Errorf("%d lines on stdout, want 6", n)
		}
		for i, l := range r.lines() {
			for _, key := range []string{"timestamp", "message", "function_request_id"} {
				if l[key] == nil {
					t.Errorf("line %d arrived without %s: %v", i, key, l)
				}
			}
		}
		if sinks := sinksOf(ledger(t, s)); len(sinks) != 1 || sinks[0]["delivered"] != 6.0 {
			t.Errorf("ledger: %v", sinks)
		}
	})
}

// With stdout alone nothing is waited for, whatever the flush mode says.
func TestStdoutAloneIsNeverHeld(t *testing.T) {
	t.Parallel()
	ontime.Run(t, func(late ontime.Late) {
		s := remotely(t, "stdout", lambdaemu.Options{Env: map[string]string{"POWERTOOLS_EXTENSION_FLUSH": "end"}})
		var most time.Duration
		for range 5 {
			most = max(most, held(s, quick))
		}
		t.Logf("held %s at most", most)
		if most > 20*time.Millisecond+slack/3 {
			late("held %s", most)
		}
		s.Shutdown()
	})
}

// K1: a receiver that hangs, in whatever way, costs one invocation the budget
// and the next ones nothing.
func TestK1HungSinkCostsTheBudgetOnce(t *testing.T) {
	hang := func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) } // accepted, and that is all
	for name, url := range map[string]func(t *testing.T) string{
		"accepts and hangs": func(t *testing.T) string { return "http://" + trap(t, hang) },
		"stalls in TLS":     func(t *testing.T) string { return "https://" + trap(t, hang) },
		"drips its answer": func(t *testing.T) string {
			return "http://" + trap(t, func(conn net.Conn) {
				_, _ = conn.Read(make([]byte, 1<<20))
				for range 1000 {
					if _, err := fmt.Fprint(conn, "H"); err != nil {
						return
					}
					time.Sleep(100 * time.Millisecond)
				}
			})
		},
		"resets": func(t *testing.T) string {
			return "http://" + trap(t, func(conn net.Conn) {
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			})
		},
		"is not there": func(t *testing.T) string {
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer ln.Close()
			return "http://" + ln.Addr().String()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ontime.Run(t, func(late ontime.Late) {
				s := remotely(t, url(t), lambdaemu.Options{})
				first := held(s, quick)
				var next, total time.Duration
				for range 8 {
					took := held(s, quick)
					next, total = max(next, took), total+took
				}
				t.Logf("held %s first, then %s at most, %s together", first, next, total)
				if first > 350*time.Millisecond+slack {
					late("held %s, want 350ms at most", first)
				}
				// Refusals need three errors in a row before the breaker opens.
				if refuses := name == "resets" || name == "is not there"; !refuses && next > slack/3 {
					late("then held %s, want nothing", next)
				}
				took := after(t, s.Shutdown())
				t.Logf("ended after %s", took)
				if took > 1800*time.Millisecond {
					late("ended after %s", took)
				}
				ledger(t, s)
			})
		})
	}
}

// K5, K4: while the receiver is down stdout goes on; when it is back, what is
// kept arrives in order.
func TestK5RecoveryBringsEverythingInOrder(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.set(0, 0)
	s := remotely(t, "", lambdaemu.Options{Env: map[string]string{"POWERTOOLS_LOGS_DESTINATION": "stdout," + r.URL}})
	for range 3 {
		held(s, quick)
	}
	if n := len(s.Enriched()); n < 2 { // later ones come with the next wake-up
		t.Errorf("%d lines on stdout while the other destination hangs", n)
	}
	r.set(200, 0)
	time.Sleep(7 * time.Second) // the breaker is open for 4 to 6 s
	s.Invoke(`{"sleep_ms":300}`)
	held(s, quick)
	want := 10
	for ; len(r.lines()) < want && want < 20; want += 2 { // what was late comes with the next one
		held(s, quick)
	}
	if n := len(r.lines()); n != want {
		t.Errorf("%d lines have arrived, want %d", n, want)
	}
	last := ""
	for _, l := range r.lines() {
		at, _ := l["timestamp"].(string)
		if at < last {
			t.Errorf("a line of %s comes after one of %s", at, last)
		}
		last = at
	}
	s.Shutdown()
	ledger(t, s)
}

// K2: a receiver that refuses for ever gets each batch three times at most.
func TestK2NoRetryStorm(t *testing.T) {
	for _, status := range []int{301, 403, 413, 429, 500, 503} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t)
			r.set(status, 0)
			s := remotely(t, r.URL, lambdaemu.Options{})
			for range 10 {
				held(s, quick)
			}
			s.Shutdown()
			posts, batches, most := r.tries()
			t.Logf("%d posts of %d batches", posts, batches)
			if most > 3 {
				t.Errorf("a batch was sent %d times", most)
			}
			if retried := status == 429 || status >= 500; !retried && most > 1 {
				t.Errorf("a batch that was refused for good was sent %d times", most)
			}
			ledger(t, s)
		})
	}
}

// L3: runtimeDone lost, late, twice, early: held two seconds at most, once.
func TestL3RuntimeDoneFaults(t *testing.T) {
	for _, tt := range []struct {
		fault       lambdaemu.Fault
		first, next time.Duration
	}{
		{lambdaemu.Fault{Name: "runtime-done-lost"}, 2 * time.Second, 0},
		{lambdaemu.Fault{Name: "runtime-done-late", Arg: "3000"}, 2 * time.Second, 0},
		{lambdaemu.Fault{Name: "runtime-done-twice"}, 100 * time.Millisecond, 100 * time.Millisecond},
		{lambdaemu.Fault{Name: "runtime-done-early"}, 100 * time.Millisecond, 100 * time.Millisecond},
		{lambdaemu.Fault{Name: "telemetry-silent"}, 300 * time.Millisecond, 0},
		{lambdaemu.Fault{Name: "batch-reordered"}, 100 * time.Millisecond, 100 * time.Millisecond},
		{lambdaemu.Fault{Name: "batch-duplicated"}, 100 * time.Millisecond, 100 * time.Millisecond},
		{lambdaemu.Fault{Name: "batch-split"}, 100 * time.Millisecond, 100 * time.Millisecond},
	} {
		t.Run(tt.fault.Name, func(t *testing.T) {
			t.Parallel()
			ontime.Run(t, func(late ontime.Late) {
				r := newReceiver(t)
				s := remotely(t, r.URL, lambdaemu.Options{Timeout: 10 * time.Second, Faults: []lambdaemu.Fault{tt.fault}})
				first := held(s, quick)
				var next time.Duration
				for range 5 {
					next = max(next, held(s, quick))
				}
				t.Logf("held %s first, then %s at most", first, next)
				if first > tt.first+slack {
					late("held %s, want %s at most", first, tt.first)
				}
				if next > tt.next+slack/3 {
					late("then held %s, want %s at most", next, tt.next)
				}
				s.Shutdown()
				if l := ledger(t, s); tt.fault.Name != "telemetry-silent" && sinksOf(l)[0]["delivered"] != 12.0 {
					t.Errorf("%v lines delivered, want 12", sinksOf(l)[0]["delivered"])
				}
			})
		})
	}
}

// L3: the stream comes back, and invocations are held again.
func TestL3StreamComesBack(t *testing.T) {
	t.Parallel()
	ontime.Run(t, func(late ontime.Late) {
		r := newReceiver(t)
		s := remotely(t, r.URL, lambdaemu.Options{Faults: []lambdaemu.Fault{{Name: "telemetry-silent"}}})
		t.Logf("held %s, then %s", held(s, quick), held(s, quick))
		s.Emu.ClearFault("telemetry-silent")
		s.Invoke(`{"sleep_ms":200}`) // long enough for its start to arrive
		before := len(r.lines())
		held(s, quick)
		if got := len(r.lines()); got <= before {
			late("%d lines before, %d after an invocation: it was not waited for", before, got)
		}
		s.Shutdown()
		ledger(t, s)
	})
}

// L7: a long invocation does not keep its lines to itself: every 20 s they
// leave beside the function.
func TestL7LongInvocation(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	s := remotely(t, r.URL, lambdaemu.Options{Timeout: time.Minute})
	held(s, quick)
	ended := make(chan lambdaemu.Response, 1)
	began := time.Now()
	go func() { ended <- s.Invoke(`{"print":["said early"],"sleep_ms":30000}`) }()
	for !slices.ContainsFunc(r.lines(), func(l line) bool { return l["message"] == "said early" }) {
		select {
		case res := <-ended:
			t.Fatalf("%s: what was said early had to wait for the end: %s", time.Since(began), res.FunctionError)
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Logf("arrived after %s", time.Since(began))
	if res := <-ended; res.FunctionError != "" {
		t.Errorf("%s %s", res.ErrorType, res.Payload)
	}
	s.Shutdown()
	if n := len(r.lines()); n != 5 {
		t.Errorf("%d lines have arrived, want 5", n)
	}
	ledger(t, s)
}

// L8: the sandbox is frozen while a batch is on its way. After the thaw it
// arrives, once, and the receiver is not blamed for it.
func TestL8FrozenInTheMiddleOfASend(t *testing.T) {
	t.Parallel()
	r := newReceiver(t)
	r.set(200, 2*time.Second) // the function is long over by then
	s := remotely(t, r.URL, lambdaemu.Options{Env: map[string]string{"POWERTOOLS_EXTENSION_FLUSH": "continuous"}})
	held(s, quick) // its lines are not there yet when it begins
	for range 2 {
		held(s, quick) // the flush beside it is cut off
		time.Sleep(3 * time.Second)
	}
	r.set(200, 0)
	s.Invoke(`{"sleep_ms":500}`)
	s.Shutdown()
	if n := len(r.lines()); n != 8 {
		t.Errorf("%d lines have arrived, want 8, each once", n)
	}
	if sink := sinksOf(ledger(t, s))[0]; sink["delivered"] != 8.0 || sink["state"] != "closed" {
		t.Errorf("ledger: %v", sink)
	}
}

// L9: the clock jumps while the sandbox is frozen: no wait, no storm, and the
// lines keep their own times.
func TestL9ClockJump(t *testing.T) {
	t.Parallel()
	ontime.Run(t, func(late ontime.Late) {
		r := newReceiver(t)
		s := remotely(t, r.URL, lambdaemu.Options{Faults: []lambdaemu.Fault{{Name: "clock-jump", Arg: "3600000", From: 2}}})
		for range 4 {
			if took := held(s, quick); took > 150*time.Millisecond+slack {
				late("held %s", took)
			}
		}
		s.Shutdown()
		if n := len(r.lines()); n != 8 {
			t.Errorf("%d lines have arrived, want 8", n)
		}
		if posts, _, _ := r.tries(); posts > 5 {
			late("%d posts for 4 invocations", posts)
		}
		ledger(t, s)
	})
}

// I5: a hundred thousand lines in one invocation. Every batch is accepted,
// every line is delivered or counted, and memory stays small. How much of it is
// in use at once depends on who gets the processor.
func TestFloodIsBounded(t *testing.T) {
	const flood = `{"lines":100000,"length":200}`
	for _, tt := range []struct{ name, destination string }{
		{"stdout", "stdout"}, {"up", ""}, {"hung", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ontime.Run(t, func(late ontime.Late) {
				r := newReceiver(t)
				if tt.name == "hung" {
					r.set(0, 0)
				}
				s := remotely(t, r.URL, lambdaemu.Options{
					Timeout: 2 * time.Minute,
					Env:     map[string]string{"POWERTOOLS_LOGS_DESTINATION": tt.destination},
				})
				res := s.Invoke(flood)
				if res.FunctionError != "" {
					t.Fatalf("%s %s", res.ErrorType, res.Payload)
				}
				held(s, quick)
				peak := memory(t, s)
				took := after(t, s.Shutdown())
				l := ledger(t, s)
				t.Logf("%s: %.1f MB at most, held %s, ended after %s, lines %v, telemetry %v, stdout %v, sinks %v",
					tt.name, float64(peak)/(1<<20), res.PostRuntime, took, l["lines"], l["telemetry"], l["stdout"], sinksOf(l))
				if peak > 25<<20 {
					late("%.1f MB resident, want 25 at most", float64(peak)/(1<<20))
				}
				telemetry := l["telemetry"].(map[string]any)
				seen := l["lines"].(map[string]any)["received"].(float64) + telemetry["dropped_lines"].(float64)
				if seen != 100_004 {
					t.Errorf("%v lines are accounted for, want 100004", seen)
				}
			})
		})
	}
}

// K1: a receiver that hangs for a thousand invocations costs neither time nor
// memory.
func TestK1ThousandInvocationsOfAHungSink(t *testing.T) {
	t.Parallel()
	s := remotely(t, blackHole(t), lambdaemu.Options{})
	// A sandbox that never holds tells what this machine takes at this time.
	idle := remotely(t, "stdout", lambdaemu.Options{})
	var total, without time.Duration
	rounds := func(n int) {
		for range n {
			without += 5 * held(idle, quick)
			for range 5 {
				total += held(s, quick)
			}
		}
	}
	rounds(40)
	early := memory(t, s)
	rounds(160)
	late := memory(t, s)
	t.Logf("held %s together, without a receiver %s, %.1f MB after 200, %.1f MB after 1000", total, without, float64(early)/(1<<20), float64(late)/(1<<20))
	if late-early > 6<<20 { // the buffer fills up meanwhile
		t.Errorf("grew by %d bytes", late-early)
	}
	if total > 20*time.Second+without {
		t.Errorf("held %s together, without a receiver %s", total, without)
	}
	s.Shutdown()
	idle.Shutdown()
	ledger(t, s)
}
