package batch

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// vector is a case of the files in testdata: what a library answers.
type vector struct {
	Name     string
	Event    json.RawMessage
	Options  struct{ ThrowOnFullBatchFailure, SkipGroupOnError *bool }
	Response json.RawMessage
	Error    string
	Called   []string `json:"handler_called_for"`
}

func vectors(t *testing.T) map[string]vector {
	t.Helper()
	all := map[string]vector{}
	for _, library := range []string{"python", "typescript"} {
		text, err := os.ReadFile("testdata/batch_" + library + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ Cases []vector }
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		for _, v := range file.Cases {
			all[library+" "+v.Name] = v
		}
	}
	return all
}

// rules are those of the vector: its options, and what its name says where
// the file has none.
func (v *vector) rules() Rules {
	r := Rules{Raise: true}
	if o := v.Options.ThrowOnFullBatchFailure; o != nil {
		r.Raise = *o
	}
	if o := v.Options.SkipGroupOnError; o != nil {
		r.SkipGroup = *o
	}
	if strings.Contains(v.Name, "throwOnFullBatchFailure false") {
		r.Raise = false
	}
	if strings.Contains(v.Name, "skipGroupOnError") {
		r.SkipGroup = true
	}
	return r
}

// kindOf is the source of an event, as its first record has it.
func kindOf(event []byte) Kind {
	var e struct {
		Records []struct{ EventSource string }
	}
	if json.Unmarshal(event, &e) != nil || len(e.Records) == 0 {
		return SQS
	}
	return Kind(strings.TrimPrefix(e.Records[0].EventSource, "aws:"))
}

// fails is the handler of the vectors: a record fails when its body, data or
// message is "fail".
func fails(t *testing.T, event []byte) bool {
	t.Helper()
	var e struct {
		Records []struct {
			Body     string
			Kinesis  struct{ Data string }
			Dynamodb struct {
				NewImage struct{ Message struct{ S string } }
			}
		}
	}
	if err := json.Unmarshal(event, &e); err != nil || len(e.Records) != 1 {
		t.Fatalf("%v: %s", err, event)
	}
	data, _ := base64.StdEncoding.DecodeString(e.Records[0].Kinesis.Data)
	return e.Records[0].Body == "fail" || string(data) == "fail" || e.Records[0].Dynamodb.NewImage.Message.S == "fail"
}

// TestVectors: both libraries' answers, and the records they ran.
func TestVectors(t *testing.T) {
	for name, v := range vectors(t) {
		t.Run(name, func(t *testing.T) {
			e, err := Split(v.Event, kindOf(v.Event))
			if v.Name == "event without Records" {
				if err != ErrRecords {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			b := New(e, v.rules(), time.Time{})
			called := []string{}
			now := time.Unix(0, 0)
			for {
				i, event, ok := b.Next(now)
				if !ok {
					break
				}
				called = append(called, b.RecordID(i))
				if fails(t, event) {
					b.Fail(now, "", "")
				} else {
					b.Succeed(now)
				}
			}
			answer := b.Answer()
			if diff := cmp.Diff(v.Called, called); diff != "" {
				t.Errorf("called: -want +got\n%s", diff)
			}
			if (v.Error != "") != answer.Failed || answer.Failed && !strings.HasPrefix(answer.Message, "All records failed processing.") {
				t.Errorf("%+v, want %q", answer, v.Error)
			}
			if !answer.Failed && cmp.Diff(parsed(t, v.Response), parsed(t, answer.Body)) != "" {
				t.Errorf("%s, want %s", answer.Body, v.Response)
			}
		})
	}
}

func parsed(t *testing.T, text []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSplitKeepsBytes: whatever surrounds a record stays, to the byte.
func TestSplitKeepsBytes(t *testing.T) {
	const head, tail = "\n{ \"before\" : 1e400,\t\"Records\":[", " ] , \"after\":[{\"Records\":[]}]}\r\n"
	records := []string{
		`{"messageId":"a\"ä\u00e4","eventSource":"aws:sqs","n":12345678901234567890.10,"html":"<&>","dup":1,"dup":2}`,
		"{\"eventSource\" :\"aws:sqs\",\n\"body\":\"]},{\",\"attributes\":{\"MessageGroupId\":\"g\"},\"messageId\":\"2\"}",
		`{"messageId":"once","messageId":"3","eventSource":"aws:sqs","nested":[[{"messageId":"no"}]]}`,
	}
	e, err := Split([]byte(head+" "+strings.Join(records, " ,\n ")+tail), SQS)
	if err != nil {
		t.Fatal(err)
	}
	b := New(e, Rules{}, time.Time{})
	var ids []string
	for i, want := range records {
		n, event, ok := b.Next(time.Time{})
		if !ok || n != i || string(event) != head+want+strings.TrimPrefix(tail, " ") && string(event) != head+want+tail {
			t.Errorf("%d: %q", i, event)
		}
		ids = append(ids, b.RecordID(n))
		b.Fail(time.Time{}, "E", "m")
	}
	if diff := cmp.Diff([]string{`a"ää`, "2", "3"}, ids); diff != "" {
		t.Error(diff)
	}
	const want = `{"batchItemFailures":[{"itemIdentifier":"a\"ä\u00e4"},{"itemIdentifier":"2"},{"itemIdentifier":"3"}]}`
	if got := string(b.Answer().Body); got != want || !json.Valid([]byte(got)) {
		t.Errorf("%s", got)
	}
}

// TestNotSplit: an event that cannot be told apart goes on whole.
func TestNotSplit(t *testing.T) {
	record := func(id string) string {
		return `{"messageId":"` + id + `","eventSource":"aws:sqs","eventSourceARN":"q"}`
	}
	for event, want := range map[string]error{
		`{"Records":[` + record("a") + `]`:      ErrMalformed,
		`[` + record("a") + `]`:                 ErrMalformed,
		`"Records"`:                             ErrMalformed,
		``:                                      ErrMalformed,
		`{"Records":{"0":` + record("a") + `}}`: ErrRecords,
		`{"Records":[` + record("a") + `,1]}`:   ErrRecords,
		`{"Records":[` + record("a") + `],"Records":[]}`: ErrRecords,
		`{"records":[]}`:                                      ErrRecords,
		`{"Rec\u006frds":[` + record("a") + `]}`:              errUnreadable,
		`{"Records":[` + record("a") + `,{"messageId":"b"}]}`: ErrMixed,
		`{"Records":[` + record("a") + `,{"messageId":"b","eventSource":"aws:sqs","eventSourceARN":"other"}]}`: ErrMixed,
		`{"Records":[` + record("a") + `,{"messageId":"b","eventSource":"aws:sns","eventSourceARN":"q"}]}`:     ErrMixed,
		`{"Records":[` + record("") + `]}`:                                          ErrNoID,
		`{"Records":[{"messageId":7,"eventSource":"aws:sqs"}]}`:                     ErrNoID,
		`{"Records":[` + record("a") + `,` + record("b") + `,` + record("a") + `]}`: ErrTwice,
		`{"Records":[` + record("a") + `,` + record(`\u0061`) + `]}`:                ErrTwice,
		`{"window":{"start":"x"},"state":{},"Records":[` + record("a") + `]}`:       ErrWindow,
	} {
		if _, err := Split([]byte(event), SQS); err != want {
			t.Errorf("%s: %v, want %v", event, err, want)
		}
	}
}

// TestTime: a record for which the time may be too short is reported and does
// not run; those that succeeded stay done.
func TestTime(t *testing.T) {
	start := time.Unix(100, 0)
	for _, tt := range []struct {
		name     string
		deadline time.Duration
		took     []time.Duration
		ran      int
	}{
		{"no deadline", 0, []time.Duration{time.Hour, time.Hour, time.Hour, time.Hour}, 4},
		{"enough", time.Minute, []time.Duration{time.Second, time.Second, time.Second, time.Second}, 4},
		{"half a second is left", 1499 * time.Millisecond, []time.Duration{time.Millisecond, time.Second}, 2},
		{"one and a half of the slowest", 10 * time.Second, []time.Duration{time.Second, 4 * time.Second}, 2},
		{"exactly that", 10 * time.Second, []time.Duration{4 * time.Second, 0, 0, 0}, 4},
		{"a little less", 10*time.Second - 1, []time.Duration{4 * time.Second}, 1},
		{"from the start", 499 * time.Millisecond, nil, 0},
	} {
		b := New(sqs(t, "q", "a", "b", "c", "d"), Rules{Raise: true}, time.Time{})
		if tt.deadline > 0 {
			b.deadline = start.Add(tt.deadline)
		}
		now, ran := start, 0
		for {
			if _, _, ok := b.Next(now); !ok {
				break
			}
			if ran < len(tt.took) {
				now = now.Add(tt.took[ran])
			}
			ran++
			b.Succeed(now)
		}
		if c := b.Counts(); c.Late != 4-ran || c.Unprocessed != c.Late || ran != tt.ran {
			t.Errorf("%s: ran %d, %+v", tt.name, ran, c)
		}
		var want []string
		for _, id := range []string{"a", "b", "c", "d"}[ran:] {
			want = append(want, `{"itemIdentifier":"`+id+`"}`)
		}
		answer := b.Answer()
		if ran == 0 {
			if !answer.Failed {
				t.Errorf("%s: %s", tt.name, answer.Body)
			}
		} else if got := string(answer.Body); got != `{"batchItemFailures":[`+strings.Join(want, ",")+`]}` {
			t.Errorf("%s: %s", tt.name, got)
		}
	}
}

// sqs makes an event; an id may have a group behind a colon.
func sqs(t testing.TB, queue string, ids ...string) *Event {
	t.Helper()
	e, err := Split(sqsEvent(queue, ids...), SQS)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func sqsEvent(queue string, ids ...string) []byte {
	var b bytes.Buffer
	b.WriteString(`{"Records":[`)
	for i, id := range ids {
		id, group, _ := strings.Cut(id, ":")
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"messageId":%q,"body":"b","attributes":{"MessageGroupId":%q},"eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:123456789012:%s"}`, id, group, queue)
	}
	b.WriteString("]}")
	return b.Bytes()
}

// TestAllFailed: the libraries' words, with the first error behind them.
func TestAllFailed(t *testing.T) {
	b := New(sqs(t, "q", "a", "b"), Rules{Raise: true}, time.Time{})
	for _, words := range []string{"first", strings.Repeat("x", 1<<20)} {
		b.Next(time.Time{})
		b.Fail(time.Time{}, "ValueError", words)
	}
	const want = "All records failed processing. 2 individual errors logged separately below.\nFirst error: ValueError: first"
	if got := b.Answer(); !got.Failed || got.Message != want || got.Partial {
		t.Errorf("%+v", got)
	}
}

// TestAllFailedForWantOfTime: who reads the error must not look for errors of
// records that never ran.
func TestAllFailedForWantOfTime(t *testing.T) {
	start := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		left, each time.Duration
		want       string
	}{
		{300 * time.Millisecond, 0, "No record was processed: the time left of the invocation was too short for one. All come again; a longer time-out helps."},
		{700 * time.Millisecond, 250 * time.Millisecond, "All records failed processing. 1 individual errors logged separately below. For 2 others there was no time.\nFirst error: E: m"},
		{900 * time.Millisecond, 250 * time.Millisecond, "All records failed processing. 2 individual errors logged separately below. For 1 others there was no time.\nFirst error: E: m"},
		{time.Minute, 250 * time.Millisecond, "All records failed processing. 3 individual errors logged separately below.\nFirst error: E: m"},
	} {
		b := New(sqs(t, "q", "a", "b", "c"), Rules{Raise: true}, start.Add(c.left))
		now := start
		for {
			if _, _, ok := b.Next(now); !ok {
				break
			}
			now = now.Add(c.each)
			b.Fail(now, "E", "m")
		}
		if got := b.Answer(); !got.Failed || got.Message != c.want {
			t.Errorf("%v left: %q", c.left, got.Message)
		}
	}
}

// TestFirstErrorIsCut: at a rune, wherever the bound falls.
func TestFirstErrorIsCut(t *testing.T) {
	for lead := range 4 {
		b := New(sqs(t, "q", "a"), Rules{Raise: true}, time.Time{})
		b.Next(time.Time{})
		b.Fail(time.Time{}, "", strings.Repeat("x", lead)+strings.Repeat("😀", maxWords))
		got := b.Answer().Message
		_, words, _ := strings.Cut(got, "First error: ")
		if !utf8.ValidString(got) || len(words) > maxWords || len(words) < maxWords-3 || !strings.HasSuffix(words, "😀") {
			t.Errorf("%d before: %d bytes, ends with %q", lead, len(words), words[len(words)-4:])
		}
	}
}

func TestReportsFailures(t *testing.T) {
	for answer, want := range map[string]bool{
		`{"batchItemFailures":[{"itemIdentifier":"a"}]}`: true, ` {"x":1, "batchItemFailures" : [ 1 ] }`: true, `{"batchItemFailures":"a"}`: true,
		`{"batchItemFailures":[ ]}`: false, `{"batchItemFailures":null}`: false, `{}`: false, ``: false, `null`: false, `"batchItemFailures"`: false,
		`{"batchItemFailures":[{"itemIdentifier":"a"}]`: false, `[{"batchItemFailures":[1]}]`: false, `{"statusCode":500}`: false,
	} {
		if got := ReportsFailures([]byte(answer)); got != want {
			t.Errorf("%s: %v", answer, got)
		}
	}
}
