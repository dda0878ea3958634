package eventsource_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/eventsource"
)

const queueARN, streamARN = "arn:aws:sqs:us-east-1:123456789012:orders", "arn:aws:kinesis:us-east-1:123456789012:stream/clicks"

// start reads bodies (for FIFO written GROUP:BODY) and makes a mapping.
func start(t *testing.T, cfg eventsource.Config, bodies ...string) *eventsource.Mapping {
	t.Helper()
	cfg.ARN = map[bool]string{true: streamARN, false: queueARN}[cfg.Kind.Stream()]
	var elements []any
	for _, body := range bodies {
		group, rest, grouped := strings.Cut(body, ":")
		switch {
		case cfg.Kind == eventsource.DynamoDB:
			elements = append(elements, map[string]string{"id": body})
		case grouped:
			elements = append(elements, map[string]string{"body": rest, "messageGroupId": group})
		default:
			elements = append(elements, body)
		}
	}
	text, err := json.Marshal(elements)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := eventsource.Parse(cfg, text)
	if err != nil {
		t.Fatal(err)
	}
	return eventsource.New(cfg, messages)
}

// record is what a function looks at.
type record struct {
	MessageID  string `json:"messageId"`
	Body       string
	Attributes struct{ ApproximateReceiveCount, MessageGroupId string }
	Kinesis    struct {
		SequenceNumber string
		Data           []byte
	}
	Dynamodb struct {
		SequenceNumber string
		NewImage       struct{ ID struct{ S string } }
	}
}

func (r record) id() string {
	return r.MessageID + r.Kinesis.SequenceNumber + r.Dynamodb.SequenceNumber
}

func (r record) text() string {
	return r.Body + string(r.Kinesis.Data) + r.Dynamodb.NewImage.ID.S
}

func recordsOf(t *testing.T, b eventsource.Batch) []record {
	t.Helper()
	var event struct{ Records []record }
	if err := json.Unmarshal(b.Event, &event); err != nil {
		t.Fatalf("%s: %v", b.Event, err)
	}
	if len(event.Records) != b.Size {
		t.Fatalf("%d records, size %d", len(event.Records), b.Size)
	}
	return event.Records
}

// failures answers with batchItemFailures of the records whose text is bad.
func failures(records []record, bad ...string) eventsource.Answer {
	items := []map[string]string{}
	for _, r := range records {
		for _, b := range bad {
			if r.text() == b {
				items = append(items, map[string]string{"itemIdentifier": r.id()})
			}
		}
	}
	payload, _ := json.Marshal(map[string]any{"batchItemFailures": items})
	return eventsource.Answer{Payload: payload}
}

// play runs to the end and tells the batches and the ledger in short.
func play(t *testing.T, m *eventsource.Mapping, function func([]record) eventsource.Answer) (batches []string, ends string) {
	t.Helper()
	for {
		b, ok := m.Next()
		if !ok {
			break
		}
		records := recordsOf(t, b)
		var texts []string
		for _, r := range records {
			texts = append(texts, r.text())
		}
		batches = append(batches, strings.Join(texts, " "))
		m.Done(function(records))
		if len(batches) > 1000 {
			t.Fatal("does not end")
		}
	}
	var out []string
	for _, r := range m.Ledger().Records {
		text := fmt.Sprintf("%s×%d", r.End, r.Tries)
		if r.Overtaken {
			text += " overtaken"
		}
		out = append(out, text)
	}
	return batches, strings.Join(out, ", ")
}

// A function that reports b as failed, in front of every kind, with and without
// the setting. What must be lost is lost, and nothing else.
func TestOneFails(t *testing.T) {
	reports := func(bad ...string) func([]record) eventsource.Answer {
		return func(r []record) eventsource.Answer { return failures(r, bad...) }
	}
	throws := func(bad string) func([]record) eventsource.Answer {
		return func(r []record) eventsource.Answer {
			for _, one := range r {
				if one.text() == bad {
					return eventsource.Answer{FunctionError: true, Payload: []byte(`{"errorType":"E"}`)}
				}
			}
			return eventsource.Answer{Payload: []byte("null")}
		}
	}
	queue, fifo, kinesis, dynamo := eventsource.SQS, eventsource.FIFO, eventsource.Kinesis, eventsource.DynamoDB
	for _, tt := range []struct {
		outcome  string
		kind     eventsource.Kind
		report   bool
		dead     bool
		messages string
		size     int
		function func([]record) eventsource.Answer
		batches  []string
		ends     string
	}{
		{"queue, reported, setting", queue, true, true, "a b c", 0, reports("b"), []string{"a b c", "b", "b"}, "done×1, dead-letter×3, done×1"},
		{"queue, reported, no setting", queue, false, true, "a b c", 0, reports("b"), []string{"a b c"}, "done×1, lost×1, done×1"},
		{"queue, thrown", queue, false, true, "a b c", 0, throws("b"), []string{"a b c", "a b c", "a b c"}, "dead-letter×3, dead-letter×3, dead-letter×3"},
		{"queue, thrown, no dead-letter queue", queue, true, false, "b", 0, throws("b"), []string{"b", "b", "b"}, "discarded×3"},
		{"queue, others first", queue, true, true, "a b c d", 2, reports("a"), []string{"a b", "c d", "a", "a"}, "dead-letter×3, done×1, done×1, done×1"},
		{"fifo, setting: the group waits", fifo, true, true, "g:a g:b g:c h:x h:y", 2, reports("a", "b"), []string{"a b", "x y", "a b", "a b", "c"}, "dead-letter×3, dead-letter×3, done×1, done×1, done×1"},
		{"fifo, a later one of the group is done", fifo, true, true, "g:a g:b", 0, reports("a"), []string{"a b", "a", "a"}, "dead-letter×3 overtaken, done×1"},
		{"fifo, no setting", fifo, false, true, "g:a g:b h:x", 0, reports("a"), []string{"a b x"}, "lost×1, done×1, done×1"},
		{"stream, setting: from the lowest", kinesis, true, true, "a b c d", 0, reports("d", "b"), []string{"a b c d", "b c d", "b c d"}, "done×1, dead-letter×3, dead-letter×3, dead-letter×3"},
		{"stream, no setting", kinesis, false, true, "a b c", 0, reports("b"), []string{"a b c"}, "done×1, lost×1, done×1"},
		{"stream, thrown: nothing passes before it is over", kinesis, false, false, "a b c", 2, throws("b"), []string{"a b", "a b", "a b", "c"}, "discarded×3, discarded×3, done×1"},
		{"table, setting", dynamo, true, true, "a b", 0, reports("b"), []string{"a b", "b", "b"}, "done×1, dead-letter×3"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			m := start(t, eventsource.Config{Kind: tt.kind, ReportBatchItemFailures: tt.report, DeadLetter: tt.dead, BatchSize: tt.size}, strings.Fields(tt.messages)...)
			batches, ends := play(t, m, tt.function)
			if diff := cmp.Diff(tt.batches, batches); diff != "" {
				t.Error(diff)
			}
			if ends != tt.ends {
				t.Errorf("%s, want %s", ends, tt.ends)
			}
		})
	}
}

// The tries of a stream's batch start anew when its checkpoint moves.
func TestCheckpointStartsTheTriesAnew(t *testing.T) {
	m := start(t, eventsource.Config{Kind: eventsource.Kinesis, ReportBatchItemFailures: true, DeadLetter: true}, "a", "b", "c")
	n := 0
	batches, ends := play(t, m, func(r []record) eventsource.Answer {
		if n++; n <= 2 {
			return failures(r, "b")
		}
		return failures(r, "c")
	})
	if diff := cmp.Diff([]string{"a b c", "b c", "b c", "c", "c"}, batches); diff != "" || ends != "done×1, done×3, dead-letter×5" {
		t.Errorf("%s %s", ends, diff)
	}
}

// What counts as a success and as a failure of the whole batch.
// (Success and failure conditions, Lambda developer guide)
func TestAnswers(t *testing.T) {
	for payload, want := range map[string]string{
		``: "", `null`: "", `""`: "", `{}`: "", `{"batchItemFailures":[]}`: "", `{"batchItemFailures":null}`: "", `{"statusCode":500}`: "", ` { } `: "",
		`{"batchItemFailures":[{"itemIdentifier":"ID"}]}`:                         "b",
		`{"batchItemFailures":[{"itemIdentifier":"ID","x":1}],"more":true}`:       "b",
		`{"batchItemFailures":[{"itemIdentifier":"ID"},{"itemIdentifier":"ID"}]}`: "b",
		`{`: "all", `ok`: "all", `"ok"`: "all", `[]`: "all", `3`: "all", `true`: "all",
		`{"batchItemFailures":{}}`: "all", `{"batchItemFailures":"ID"}`: "all", `{"batchItemFailures":["ID"]}`: "all", `{"batchItemFailures":[null]}`: "all",
		`{"batchItemFailures":[{}]}`: "all", `{"batchItemFailures":[{"itemIdentifier":""}]}`: "all", `{"batchItemFailures":[{"itemIdentifier":null}]}`: "all",
		`{"batchItemFailures":[{"itemIdentifier":7}]}`: "all", `{"batchItemFailures":[{"itemidentifier":"ID"}]}`: "all", `{"batchItemFailures":[{"id":"ID"}]}`: "all",
		`{"batchItemFailures":[{"itemIdentifier":"other"}]}`: "all", `{"batchItemFailures":[{"itemIdentifier":"ID"},{"itemIdentifier":"other"}]}`: "all",
	} {
		for _, kind := range []eventsource.Kind{eventsource.SQS, eventsource.Kinesis} {
			m := start(t, eventsource.Config{Kind: kind, ReportBatchItemFailures: true, Tries: 9}, "a", "b")
			b, _ := m.Next()
			v := m.Done(eventsource.Answer{Payload: []byte(strings.ReplaceAll(payload, "ID", recordsOf(t, b)[1].id()))})
			got := map[int]string{0: "", 1: "b", 2: "all"}[len(v.Again)]
			if got != want || (v.Reason != "") != (want == "all") {
				t.Errorf("%s, %s: %q comes again (%s), want %q", kind, payload, got, v.Reason, want)
			}
		}
	}
}

// Asynchronous: two retries under the request id it had, behind the others.
func TestAsync(t *testing.T) {
	cfg := eventsource.Config{Kind: eventsource.Async, DeadLetter: true}
	messages, err := eventsource.Parse(cfg, []byte(`[{"n":1},{"n":2}]`))
	if err != nil {
		t.Fatal(err)
	}
	m := eventsource.New(cfg, messages)
	var got []string
	for {
		b, ok := m.Next()
		if !ok {
			break
		}
		got = append(got, fmt.Sprintf("%s %t", b.Event, b.Again))
		m.Done(eventsource.Answer{FunctionError: b.First == 0, Payload: []byte(`{"batchItemFailures":[{"itemIdentifier":"2"}]}`)})
	}
	if diff := cmp.Diff([]string{`{"n":1} false`, `{"n":2} false`, `{"n":1} true`, `{"n":1} true`}, got); diff != "" {
		t.Error(diff)
	}
	l := m.Ledger()
	if l.Records[0].End != eventsource.DeadLetter || l.Records[1].End != eventsource.Done || l.OK() {
		t.Errorf("%+v", l)
	}
}

func TestReceiveCountGrows(t *testing.T) {
	m := start(t, eventsource.Config{Kind: eventsource.FIFO}, "g:a")
	for want := range 3 {
		b, _ := m.Next()
		if r := recordsOf(t, b)[0]; r.Attributes.ApproximateReceiveCount != fmt.Sprint(want+1) || r.Attributes.MessageGroupId != "g" {
			t.Errorf("try %d: %+v", want+1, r)
		}
		m.Done(eventsource.Answer{FunctionError: true})
	}
}
