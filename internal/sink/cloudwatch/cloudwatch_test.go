package cloudwatch

import (
	"bytes"
	stdcmp "cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/sink"
)

// service is the other side: it reads the JSON that leaves, and holds the
// limits of PutLogEvents as the API reference has them.
type service struct {
	t       *testing.T
	missing string // "group", "stream" or ""
	ops     []string
	calls   []putLogEvents
	answer  string // of PutLogEvents; empty: {}
	errs    []error
}

type putLogEvents struct {
	LogGroupName  string
	LogStreamName string
	LogEvents     []struct {
		Timestamp int64
		Message   string
	}
}

func (s *service) Call(_ context.Context, op awsapi.Operation, in, out any) error {
	s.ops = append(s.ops, op.Name)
	if op.Service != "logs" || !op.Once {
		s.t.Errorf("operation %+v", op)
	}
	body, err := json.Marshal(in)
	if err != nil {
		s.t.Fatal(err)
	}
	switch op.Name {
	case "CreateLogGroup":
		s.missing = "stream"
		if string(body) != `{"logGroupName":"/my/group"}` {
			s.t.Errorf("body %s", body)
		}
		return nil
	case "CreateLogStream":
		if s.missing == "group" {
			return &awsapi.ServiceError{Code: "ResourceNotFoundException", Status: 400}
		}
		s.missing = ""
		return nil
	}
	if s.missing != "" {
		return &awsapi.ServiceError{Code: "ResourceNotFoundException", Status: 400}
	}
	if len(s.errs) > 0 {
		err := s.errs[0]
		if s.errs = s.errs[1:]; err != nil {
			return err
		}
	}
	var call putLogEvents
	if err := json.Unmarshal(body, &call); err != nil {
		s.t.Fatal(err)
	}
	s.check(call)
	s.calls = append(s.calls, call)
	return json.Unmarshal([]byte(stdcmp.Or(s.answer, "{}")), out)
}

func (s *service) check(call putLogEvents) {
	size := 0
	for i, e := range call.LogEvents {
		if size += len(e.Message) + 26; e.Message == "" {
			s.t.Error("empty message")
		}
		if i > 0 && e.Timestamp < call.LogEvents[i-1].Timestamp {
			s.t.Error("events out of order")
		}
	}
	n := len(call.LogEvents)
	if size > 1_048_576 || n > 10_000 || n == 0 || call.LogEvents[n-1].Timestamp-call.LogEvents[0].Timestamp > 86_400_000 {
		s.t.Errorf("a call of %d events, %d bytes", n, size)
	}
}

func (s *service) messages() (all []string) {
	for _, c := range s.calls {
		for _, e := range c.LogEvents {
			all = append(all, e.Message)
		}
	}
	return all
}

func guarded(s *service, buf sink.Options) *sink.Guarded {
	sender := New(s, "/my/group", "", Options{FunctionName: "orders", SandboxID: "8f3c"})
	return sink.NewGuarded(sender, sink.GuardOptions{Name: sender.Name(), Buffer: buf})
}

func stamped(at time.Time, text string) []byte {
	return fmt.Appendf(nil, `{"message":%q,"timestamp":%q}`, text, at.UTC().Format("2006-01-02T15:04:05.000Z"))
}

func TestEventsInOrderOfTheirOwnTimes(t *testing.T) {
	s := &service{t: t}
	g := guarded(s, Bounds(0))
	now := time.Now().Truncate(time.Millisecond)
	lines := [][]byte{
		stamped(now.Add(-time.Second), "b <&> \"☕\" \t"),
		stamped(now, "c"),
		[]byte("no time: that of the batch"),
		stamped(now.Add(-time.Hour), "a: released late"),
		stamped(now.Add(-60*24*time.Hour), "a business date: that of the batch"),
	}
	for _, l := range lines {
		g.Put(l)
	}
	if err := g.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{string(lines[3]), string(lines[0]), string(lines[1]), string(lines[2]), string(lines[4])}
	if diff := cmp.Diff(want, s.messages()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	times := []int64{}
	for _, e := range s.calls[0].LogEvents {
		times = append(times, (now.UnixMilli()-e.Timestamp+999)/1000) // the batch is made a moment later than now
	}
	if diff := cmp.Diff([]int64{3600, 1, 0, 0, 0}, times); diff != "" {
		t.Errorf("ages in s (-want +got):\n%s", diff)
	}
	if c := s.calls[0]; c.LogGroupName != "/my/group" || c.LogStreamName != "orders/[$LATEST]8f3c" {
		t.Errorf("%s, %s", c.LogGroupName, c.LogStreamName)
	}
}

func TestMissingGroupAndStreamAreCreated(t *testing.T) {
	for missing, want := range map[string][]string{
		"":       {"PutLogEvents", "PutLogEvents"},
		"stream": {"PutLogEvents", "CreateLogStream", "PutLogEvents", "PutLogEvents"},
		"group":  {"PutLogEvents", "CreateLogStream", "CreateLogGroup", "CreateLogStream", "PutLogEvents", "PutLogEvents"},
	} {
		s := &service{t: t, missing: missing}
		g := guarded(s, Bounds(0))
		for range 2 {
			g.Put([]byte("line"))
			if err := g.Flush(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, s.ops); diff != "" {
			t.Errorf("%q missing (-want +got):\n%s", missing, diff)
		}
	}
}

// TestLimitsOfACall: whatever the batch is, every call keeps the limits, which
// the service checks, and everything arrives.
func TestLimitsOfACall(t *testing.T) {
	now := time.Now()
	for name, tc := range map[string]struct {
		buf   sink.Options
		put   func(put func([]byte))
		lines int
		calls int
		lost  sink.Losses
	}{
		"events": {sink.Options{MaxBytes: 8 << 20, BatchBytes: 4 << 20}, func(put func([]byte)) {
			for range 20_001 {
				put([]byte("x"))
			}
		}, 20_001, 3, sink.Losses{}},
		"bytes with 26 for each": {sink.Options{MaxBytes: 8 << 20, BatchBytes: 4 << 20}, func(put func([]byte)) {
			for range 2048 {
				put(bytes.Repeat([]byte("x"), 1024-26))
			}
		}, 2048, 2, sink.Losses{}},
		"a batch within the bounds is one call": {Bounds(0), func(put func([]byte)) {
			for range 10_000 {
				put(bytes.Repeat([]byte("x"), 76))
			}
		}, 10_000, 1, sink.Losses{}},
		"a day": {Bounds(0), func(put func([]byte)) {
			for i := range 5 {
				put(stamped(now.Add(-time.Duration(i)*20*time.Hour), "x"))
			}
		}, 5, 3, sink.Losses{}},
		"too long": {sink.Options{MaxBytes: 8 << 20}, func(put func([]byte)) {
			put(make([]byte, 1<<20-26+1))
			put(bytes.Repeat([]byte("x"), 1<<20-26))
			put(nil)
		}, 1, 1, sink.Losses{sink.TooLong: {Lines: 1, Bytes: 1<<20 - 24}, sink.Rejected: {Lines: 1, Bytes: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{t: t}
			g := guarded(s, tc.buf)
			tc.put(g.Put)
			_ = g.Flush(t.Context())
			if n := len(s.messages()); n != tc.lines || len(s.calls) != tc.calls {
				t.Errorf("%d events in %d calls, want %d in %d", n, len(s.calls), tc.lines, tc.calls)
			}
			st := g.Stats()
			if diff := cmp.Diff(tc.lost, st.Losses); diff != "" || st.Delivered.Lines != uint64(tc.lines) || st.Pending.Lines != 0 {
				t.Errorf("%+v (-want +got):\n%s", st, diff)
			}
		})
	}
}

// TestRejectedEventsAreCounted: the indexes are those of the sorted call.
func TestRejectedEventsAreCounted(t *testing.T) {
	s := &service{t: t, answer: `{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":2,"expiredLogEventEndIndex":1,"tooNewLogEventStartIndex":4}}`}
	g := guarded(s, Bounds(0))
	now := time.Now()
	for i, age := range []int{1, 5, 3, 4, 2} { // sorted: 5 4 3 2 1
		g.Put(stamped(now.Add(-time.Duration(age)*time.Minute), strings.Repeat("x", i)))
	}
	if err := g.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "without 3 of its 5 lines") {
		t.Error(err)
	}
	n := uint64(len(stamped(now, "")) + 1)
	want := sink.Losses{sink.TooOld: {Lines: 2, Bytes: 2*n + 1 + 3}, sink.TooNew: {Lines: 1, Bytes: n}}
	st := g.Stats()
	if diff := cmp.Diff(want, st.Losses); diff != "" || st.Delivered.Lines != 2 || !g.Ready() {
		t.Errorf("%+v (-want +got):\n%s", st, diff)
	}
}

func TestFailures(t *testing.T) {
	throttled := &awsapi.ServiceError{Code: "ThrottlingException", Status: 400}
	denied := &awsapi.ServiceError{Code: "AccessDeniedException", Status: 400}
	big := sink.Options{MaxBytes: 8 << 20, BatchBytes: 4 << 20} // two calls to a batch
	for _, tc := range []struct {
		name                        string
		errs                        []error
		delivered, pending, refused int
	}{
		{"throttled, then taken", []error{throttled}, 11_000, 0, 0},
		{"throttled twice", []error{throttled, throttled}, 0, 11_000, 0},
		{"throttled behind the first call", []error{nil, throttled, throttled}, 10_000, 1_000, 0},
		{"denied", []error{denied}, 0, 0, 11_000},
		{"denied behind the first call", []error{nil, denied}, 10_000, 0, 1_000},
		{"no answer", []error{&awsapi.TransportError{Err: errors.New("reset")}}, 11_000, 0, 0},
		{"no credentials yet", []error{&awsapi.CredentialsError{Missing: true}}, 11_000, 0, 0},
		{"accepted before", []error{&awsapi.ServiceError{Code: "DataAlreadyAcceptedException", Status: 400}}, 11_000, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := guarded(&service{t: t, errs: tc.errs}, big)
			for range 11_000 {
				g.Put([]byte("x"))
			}
			_ = g.Flush(t.Context())
			s := g.Stats()
			if got := [3]int{int(s.Delivered.Lines), int(s.Pending.Lines), int(s.Losses[sink.Refused].Lines)}; got != [3]int{tc.delivered, tc.pending, tc.refused} {
				t.Errorf("delivered, pending, refused: %v; %+v", got, s)
			}
		})
	}
}

func TestDefaultStream(t *testing.T) {
	if got := defaultStream(Options{FunctionName: "a:b*c", FunctionVersion: "7", SandboxID: "id"}); got != "a_b_c/[7]id" {
		t.Error(got)
	}
	a, b := defaultStream(Options{}), defaultStream(Options{})
	if a == b || len(a) != len("[$LATEST]")+32 {
		t.Errorf("%s, %s", a, b)
	}
	s := New(nil, "g", "", Options{})
	if first := s.streamName(); first != s.streamName() {
		t.Error("the stream's name changes")
	}
	if got := defaultStream(Options{FunctionName: strings.Repeat("x", 600), SandboxID: "id"}); len(got) != 512 || !strings.HasSuffix(got, "]id") {
		t.Error(got)
	}
}

// TestLedgerUnderFaults: nothing is delivered twice in the books, and nothing
// is missing there.
func TestLedgerUnderFaults(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	s := &service{t: t}
	g := guarded(s, sink.Options{BatchLines: 40})
	for range 100 {
		for range rnd.IntN(50) {
			g.Put(stamped(time.Now().Add(-time.Duration(rnd.IntN(100))*time.Hour), "x"))
		}
		s.errs = nil
		for range 6 {
			var err error
			if rnd.IntN(4) == 0 {
				err = &awsapi.ServiceError{Code: "ServiceUnavailableException", Status: []int{503, 400}[rnd.IntN(2)]}
			}
			s.errs = append(s.errs, err)
		}
		_ = g.Drain(t.Context())
	}
	st := g.Stats()
	if st.Received.Lines != st.Delivered.Lines+st.Dropped.Lines+st.Pending.Lines || int(st.Delivered.Lines) != len(s.messages()) {
		t.Errorf("%d events at the service, %+v", len(s.messages()), st)
	}
}

func BenchmarkSend(b *testing.B) {
	g := sink.NewGuarded(New(nothing{}, "g", "s", Options{}), sink.GuardOptions{Buffer: Bounds(0)})
	line := stamped(time.Now(), strings.Repeat("x", 200))
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		g.Put(line)
		if i%2000 == 1999 {
			_ = g.Flush(context.Background())
		}
	}
}

type nothing struct{}

func (nothing) Call(_ context.Context, _ awsapi.Operation, in, _ any) error {
	_, err := json.Marshal(in)
	return err
}
