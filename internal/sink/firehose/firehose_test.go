package firehose

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/sink"
)

// service is the other side, with the limits of PutRecordBatch.
type service struct {
	t     *testing.T
	fails func(call, record int) bool
	errs  []error
	calls [][]string
}

func (s *service) Call(_ context.Context, op awsapi.Operation, in, out any) error {
	if op.Service != "firehose" || op.Name != "PutRecordBatch" || !op.Once {
		s.t.Errorf("operation %+v", op)
	}
	body, err := json.Marshal(in)
	if err != nil {
		s.t.Fatal(err)
	}
	var call struct {
		DeliveryStreamName string
		Records            []struct{ Data []byte }
	}
	if err := json.Unmarshal(body, &call); err != nil {
		s.t.Fatal(err)
	}
	if n := len(call.Records); n == 0 || n > 500 || call.DeliveryStreamName != "own" {
		s.t.Errorf("%d records to %s", n, call.DeliveryStreamName)
	}
	if len(s.errs) > 0 {
		err := s.errs[0]
		if s.errs = s.errs[1:]; err != nil {
			return err
		}
	}
	return s.take(call.Records, out)
}

func (s *service) take(records []struct{ Data []byte }, out any) error {
	var taken, answers []string
	size, failed := 0, 0
	for i, r := range records {
		if size += len(r.Data); len(r.Data) > 1000*1024 || !bytes.HasSuffix(r.Data, []byte("\n")) || bytes.Count(r.Data, []byte("\n")) != 1 {
			s.t.Errorf("record of %d bytes: %.40q", len(r.Data), r.Data)
		}
		if s.fails != nil && s.fails(len(s.calls), i) {
			failed++
			answers = append(answers, `{"ErrorCode":"ServiceUnavailableException","ErrorMessage":"Slow down."}`)
			continue
		}
		taken = append(taken, string(r.Data))
		answers = append(answers, `{"RecordId":"x"}`)
	}
	if size > 4<<20 {
		s.t.Errorf("a call of %d bytes", size)
	}
	s.calls = append(s.calls, taken)
	return json.Unmarshal(fmt.Appendf(nil, `{"FailedPutCount":%d,"RequestResponses":[%s]}`, failed, strings.Join(answers, ",")), out)
}

func guarded(s *service, buf sink.Options) *sink.Guarded {
	sender := New(s, "own", Options{})
	return sink.NewGuarded(sender, sink.GuardOptions{Name: sender.Name(), Buffer: buf})
}

// TestOnlyFailedRecordsAreSentAgain, and three times at most.
func TestOnlyFailedRecordsAreSentAgain(t *testing.T) {
	s := &service{t: t, fails: func(call, record int) bool { return call == 0 && record%2 == 1 }}
	g := guarded(s, Bounds(0))
	for i := range 5 {
		g.Put([]byte(fmt.Sprint("line ", i)))
	}
	if err := g.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	want := [][]string{{"line 0\n", "line 2\n", "line 4\n"}, {"line 1\n", "line 3\n"}}
	if diff := cmp.Diff(want, s.calls); diff != "" {
		t.Errorf("taken (-want +got):\n%s", diff)
	}
	if st := g.Stats(); st.Delivered.Lines != 5 || st.Dropped.Lines != 0 {
		t.Errorf("%+v", st)
	}
}

func TestARecordThatFailsForEver(t *testing.T) {
	s := &service{t: t, fails: func(_, record int) bool { return record == 0 }}
	g := guarded(s, Bounds(0))
	g.Put([]byte("first"))
	g.Put([]byte("second"))
	for range 5 {
		_ = g.Flush(t.Context())
	}
	st := g.Stats()
	if len(s.calls) != 3 || st.Delivered.Lines != 1 || st.Losses[sink.Exhausted] != (sink.Count{Lines: 1, Bytes: 6}) {
		t.Errorf("%d calls, %+v", len(s.calls), st)
	}
}

func TestLimitsOfACall(t *testing.T) {
	for name, tc := range map[string]struct {
		buf          sink.Options
		lines, size  int
		calls, taken int
	}{
		"within the bounds":      {Bounds(0), 1200, 100, 3, 1200},
		"records of any batch":   {sink.Options{BatchBytes: 4 << 20}, 1200, 100, 3, 1200},
		"bytes of any batch":     {sink.Options{MaxBytes: 16 << 20, BatchBytes: 16 << 20}, 5, 1_000_000, 2, 5},
		"the largest record":     {sink.Options{MaxBytes: 4 << 20}, 1, 1000*1024 - 1, 1, 1},
		"larger than the limit":  {sink.Options{MaxBytes: 4 << 20}, 2, 1000 * 1024, 0, 0},
		"laid out over two rows": {Bounds(0), 1, -1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := &service{t: t}
			g := guarded(s, tc.buf)
			line := []byte("{\n}")
			if tc.size > 0 {
				line = bytes.Repeat([]byte("x"), tc.size)
			}
			for range tc.lines {
				g.Put(line)
			}
			_ = g.Flush(t.Context())
			taken := 0
			for _, c := range s.calls {
				taken += len(c)
			}
			st := g.Stats()
			if len(s.calls) != tc.calls || taken != tc.taken || int(st.Delivered.Lines) != taken || int(st.Losses[sink.TooLong].Lines) != tc.lines-taken {
				t.Errorf("%d records in %d calls, %+v", taken, len(s.calls), st)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	throttled := &awsapi.ServiceError{Code: "ThrottlingException", Status: 400}
	gone := &awsapi.ServiceError{Code: "ResourceNotFoundException", Status: 400}
	for _, tc := range []struct {
		name                        string
		errs                        []error
		delivered, pending, refused int
	}{
		{"throttled, then taken", []error{throttled}, 1000, 0, 0},
		{"throttled twice", []error{throttled, throttled}, 0, 1000, 0},
		{"throttled behind the first call", []error{nil, throttled, throttled}, 500, 500, 0},
		{"no such stream", []error{gone}, 0, 0, 1000},
		{"no answer", []error{&awsapi.TransportError{Err: errors.New("reset")}}, 1000, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			g := guarded(&service{t: t, errs: tc.errs}, sink.Options{BatchBytes: 1 << 20})
			for range 1000 {
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
