package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// D6: the extension is killed at some moment. The next process of the sandbox
// sends what it had left on disk: what reached it more than 100 ms before is
// not lost, and nothing is sent twice, whatever the receiver did meanwhile.
func TestD6Killed(t *testing.T) {
	for name, receive := range map[string]struct {
		answer int
		delay  time.Duration
	}{
		"up":      {200, 0},
		"slow":    {200, 40 * time.Millisecond},
		"refuses": {503, 0},
		"hangs":   {0, 0},
	} {
		for i := range 3 {
			t.Run(fmt.Sprintf("%s/%d", name, i), func(t *testing.T) {
				t.Parallel()
				r, tmp := newReceiver(t), t.TempDir()
				r.set(receive.answer, receive.delay)
				s := remotely(t, r.URL, lambdaemu.Options{Env: map[string]string{"TMPDIR": tmp, "POWERTOOLS_EXTENSION_SPOOL_BYTES": "16000000"}})
				held(s, quick) // which the kill may not touch
				wait := 300*time.Millisecond + rand.N(900*time.Millisecond)
				killed := killAfter(t, s, wait)
				for range 3 { // fails when the extension dies, as on Lambda
					if res := s.Invoke(`{"drip_ms":700,"count":1}`); res.FunctionError != "" {
						break
					}
				}
				at := <-killed
				r.set(200, 0)
				time.Sleep(100 * time.Millisecond)
				s.Invoke(`{"sleep_ms":100}`)
				s.Shutdown()
				dripped(t, s, r.lines(), at, fmt.Sprintf("killed after %s", wait))
				counted(t, s)
				ledger(t, s)
				nothingLeft(t, tmp)
			})
		}
	}
}

// With stdout alone the lines are out at once, and nothing is ever on disk,
// whatever its bound.
func TestD6KilledWithStdoutAlone(t *testing.T) {
	t.Parallel()
	tmp := t.TempDir()
	s := start(t, lambdaemu.Options{Command: harness.Self(t, plain), Env: map[string]string{
		"TMPDIR": tmp, "POWERTOOLS_EXTENSION_SPOOL_BYTES": "16000000",
	}})
	held(s, quick)
	killed := killAfter(t, s, 1600*time.Millisecond)
	request := s.Invoke(`{"drip_ms":2500,"count":2,"print":["the pilot said"]}`)
	<-killed
	nothingLeft(t, tmp)
	held(s, `{"count":1}`)
	s.Shutdown()
	events := map[any]int{}
	for _, e := range s.Canonical() {
		if events[e["function_request_id"]]++; e["replayed"] != nil {
			t.Errorf("replayed: %v", e)
		}
	}
	if len(events) < 2 || events[request.RequestID] > 1 {
		t.Errorf("canonical events by request: %v", events)
	}
	if n := s.Saying("was killed"); n != 0 {
		t.Errorf("said %d times that something was left", n)
	}
	ledger(t, s)
	nothingLeft(t, tmp)
}

// killAfter kills the extension, and tells when.
func killAfter(t *testing.T, s *sandbox, d time.Duration) <-chan time.Time {
	t.Helper()
	pid, err := strconv.Atoi(pidOf(t, s))
	if err != nil {
		t.Fatal(err)
	}
	killed := make(chan time.Time, 1)
	go func() {
		time.Sleep(d)
		at := time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Errorf("kill: %v", err)
		}
		killed <- at
	}()
	return killed
}

// dripped checks that each line arrived that the function had printed a while
// before the kill, and none twice. Between print and extension are 25 ms of the
// platform's buffering.
func dripped(t *testing.T, s *sandbox, lines []line, killed time.Time, what string) {
	t.Helper()
	arrived, replayed := map[string]int{}, 0
	for _, l := range lines {
		message, _ := l["message"].(string)
		arrived[message]++
		if l["replayed"] == true {
			replayed++
		}
	}
	printed, lost := drips(s), time.Duration(0)
	for message, at := range printed {
		age := killed.Sub(at)
		if arrived[message] == 0 {
			lost = max(lost, age)
		}
		if arrived[message] > 1 {
			t.Errorf("%s: %q arrived %d times", what, message, arrived[message])
		}
	}
	t.Logf("%s: of %d lines printed the oldest lost one was printed %s before; %d replayed", what, len(printed), lost, replayed)
	if lost > 125*time.Millisecond+slack {
		t.Errorf("%s: lines of the last %s are lost", what, lost)
	}
}

// drips are the numbered lines as the log group has them, with their times.
func drips(s *sandbox) map[string]time.Time {
	out := map[string]time.Time{}
	for text := range strings.Lines(s.Text()) {
		_, object, _ := strings.Cut(text, "{")
		var l struct {
			Message string
			At      int64
		}
		if !strings.HasPrefix(text, "function") || json.Unmarshal([]byte("{"+object), &l) != nil || l.At == 0 {
			continue
		}
		out[l.Message] = time.UnixMilli(l.At)
	}
	return out
}

// counted checks that no invocation has more than one canonical event.
func counted(t *testing.T, s *sandbox) {
	t.Helper()
	events := map[any]int{}
	for _, e := range s.Canonical() {
		events[e["function_request_id"]]++
	}
	for id, n := range events {
		if n > 1 {
			t.Errorf("request %v has %d canonical events", id, n)
		}
	}
}

// S7: the init of the next process fails to end, too: the one after it finds
// what the first one left, once, and no lock of the dead.
func TestS7SpoolSurvivesTwoKills(t *testing.T) {
	t.Parallel()
	r, tmp := newReceiver(t), t.TempDir()
	r.set(503, 0)
	s := remotely(t, r.URL, lambdaemu.Options{Env: map[string]string{"TMPDIR": tmp, "POWERTOOLS_EXTENSION_SPOOL_BYTES": "16000000"}})
	held(s, `{"print":["kept over two kills"],"sleep_ms":200}`)
	for range 2 {
		<-killAfter(t, s, 0)
		s.Invoke(quick) // fails: the extension has crashed
		held(s, `{"sleep_ms":200}`)
	}
	r.set(200, 0)
	time.Sleep(6 * time.Second) // the breaker's pause
	held(s, `{"sleep_ms":200}`)
	s.Shutdown()
	seen := map[any]int{}
	for _, l := range r.lines() {
		seen[fmt.Sprint(l["function_request_id"], l["message"])]++
	}
	for what, n := range seen {
		if n > 1 {
			t.Errorf("%v arrived %d times", what, n)
		}
	}
	kept := 0
	for _, l := range r.lines() {
		if l["message"] == "kept over two kills" && l["replayed"] == true {
			kept++
		}
	}
	if kept != 1 || len(seen) != 9 { // three of the first invocation, two of each other
		t.Errorf("%d lines arrived, want 9; %d of them kept over two kills, want one: %v", len(seen), kept, seen)
	}
	if l := ledger(t, s); l["spool"] == nil {
		t.Errorf("the ledger does not tell of the spool: %v", l)
	}
	nothingLeft(t, tmp)
}

func nothingLeft(t *testing.T, tmp string) {
	t.Helper()
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		files, _ := filepath.Glob(filepath.Join(tmp, ".*", "*"))
		t.Errorf("left in /tmp: %v %v %v", left, files, err)
	}
}
