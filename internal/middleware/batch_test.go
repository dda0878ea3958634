package middleware

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsevent"
)

// unread is a mapping without the setting.
type unread struct{ asked []string }

func (u *unread) Ask(function, source string) { u.asked = append(u.asked, function+" "+source) }

func (u *unread) Reads(context.Context, string, string) (bool, string) { return false, "nobody reads" }

func records(ids ...string) []byte {
	var list []string
	for _, id := range ids {
		list = append(list, `{"messageId":"`+id+`","eventSource":"aws:sqs","eventSourceARN":"q"}`)
	}
	return []byte(`{"Records":[` + strings.Join(list, ",") + `]}`)
}

// runs plays a runtime that answers each piece by its record.
func runs(t *testing.T, c *Chain, event []byte, act func(id string, body []byte) Response) (out Outcome, gave []string) {
	t.Helper()
	first := c.Request(t.Context(), Request{ID: "w", FunctionARN: "f", Body: event, Deadline: time.Now().Add(time.Minute)})
	if !first.Split {
		return first, nil
	}
	for range 100 {
		out = c.Piece(t.Context(), "w")
		if out.Piece.ID == "" {
			return out, gave
		}
		gave = append(gave, out.Piece.ID)
		r := act(out.Piece.ID, out.Piece.Body)
		r.ID = out.Piece.ID
		if out = c.Response(t.Context(), r, time.Now().Add(time.Minute)); !out.Hold {
			return out, gave
		}
	}
	t.Fatal("does not end")
	return out, gave
}

// TestBatchHook: what becomes of a batch with what hooks behind it do, and what
// passes whole.
func TestBatchHook(t *testing.T) {
	problem := func(kind string) *Post { return Problem{Type: kind, Detail: "d"}.Post(awsevent.Event{}, false) }
	ok := func(string, []byte) Response { return Response{Body: []byte(`"done"`)} }
	const failedB = `{"batchItemFailures":[{"itemIdentifier":"b"}]}`
	for _, tt := range []struct {
		name  string
		event string
		hooks []Hook
		act   func(id string, body []byte) Response
		gave  int
		want  string // the answer; empty: the event goes on whole
	}{
		{"all", string(records("a", "b")), nil, ok, 2, `{"batchItemFailures":[]}`},
		{"one", string(records("b")), nil, ok, 1, `{"batchItemFailures":[]}`},
		{"none", `{"Records":[]}`, nil, ok, 0, `{"batchItemFailures":[]}`},
		{"none, and more", `{"Records":[],"x":1}`, nil, ok, 0, ""},
		{"an error", string(records("a", "b", "c")), nil, func(id string, _ []byte) Response {
			return Response{Failed: id == "w-1", ErrorType: "E"}
		}, 3, failedB},
		{"a library's own answer", string(records("a", "b")), nil, func(id string, _ []byte) Response {
			if id == "w-1" {
				return Response{Body: []byte(failedB)}
			}
			return Response{Body: []byte(`{"batchItemFailures":[]}`)}
		}, 2, failedB},
		{"an HTTP error is none", string(records("a")), nil, func(string, []byte) Response { return Response{Body: []byte(`{"statusCode":500}`)} }, 1, `{"batchItemFailures":[]}`},
		{"a broken stream", string(records("a", "b")), nil, func(id string, _ []byte) Response {
			return Response{Streamed: true, Failed: id == "w-1", ErrorType: "Function.X"}
		}, 2, failedB},
		{"a record that does not fit", string(records("a", "b")), []Hook{{Name: "validate", Request: func(_ context.Context, r *Request) (Action, error) {
			if strings.Contains(string(r.Body), `"b"`) {
				return Action{Answer: problem("SchemaValidationError")}, nil
			}
			return Action{}, nil
		}}}, ok, 1, failedB},
		{"a replay is a success", string(records("a", "b")), []Hook{{Name: "idempotency", Request: func(context.Context, *Request) (Action, error) {
			return Action{Answer: &Post{Body: []byte("stored")}}, nil
		}}}, ok, 0, `{"batchItemFailures":[]}`},
		{"one that runs elsewhere", string(records("a", "b")), []Hook{{Name: "idempotency", Request: func(_ context.Context, r *Request) (Action, error) {
			if strings.HasSuffix(r.ID, "-1") {
				return Action{Answer: problem("IdempotencyAlreadyInProgressError")}, nil
			}
			return Action{}, nil
		}}}, ok, 1, failedB},
		{"one that ran and cannot be replayed", string(records("a")), []Hook{{Name: "idempotency", Response: func(context.Context, *Response) (Reaction, error) {
			return Reaction{Post: problem("IdempotencyNotReplayableError")}, nil
		}}}, ok, 1, `{"batchItemFailures":[]}`},
		{"the function says so itself", string(records("a", "b")), nil, func(id string, _ []byte) Response {
			return Response{Failed: id == "w-1", ErrorType: "Function.IdempotencyNotReplayableError"}
		}, 2, failedB},
		{"unwrapped", string(records("a")), []Hook{{Name: "unwrap", Request: func(context.Context, *Request) (Action, error) {
			return Action{Replace: []byte("inner")}, nil
		}}}, func(_ string, body []byte) Response { return Response{Failed: string(body) != "inner", ErrorType: "E"} }, 1, `{"batchItemFailures":[]}`},
		{"cut off", string(records("a"))[:70] + `,"x`, nil, ok, 0, `UnexpectedBatchTypeError`},
		{"twice", string(records("a", "a")), nil, ok, 0, ""},
		{"another source", `{"Records":[{"eventSource":"aws:sns"}]}`, nil, ok, 0, ""},
		{"Records is an object", `{"Records":{"eventSource":"aws:sqs"}}`, nil, ok, 0, ""},
		{"a list of events", "[" + string(records("a")) + "]", nil, ok, 0, ""},
		{"durable", `{"DurableExecutionArn":"a","CheckpointToken":"t","Records":[]}`, nil, ok, 0, ""},
		{"nothing", ``, nil, ok, 0, ""},
	} {
		c := New(zap.NewNop(), append(tt.hooks, Batch{Kinds: []string{"sqs"}}.Hook())...)
		out, gave := runs(t, c, []byte(tt.event), tt.act)
		got := ""
		if out.Answer != nil {
			got = string(out.Answer.Body)
		}
		if len(gave) != tt.gave || got != tt.want && !(out.Answer != nil && out.Answer.Failed && strings.Contains(got, tt.want) && tt.want != "") {
			t.Errorf("%s: gave %v, answer %q", tt.name, gave, got)
		}
		if len(c.split) != 0 || tt.want != "" && len(c.open) != 0 {
			t.Errorf("%s: %d split, %d open", tt.name, len(c.split), len(c.open))
		}
	}
}

// TestBatchUnread: what nobody reads is an error, and only where something is
// to be read.
func TestBatchUnread(t *testing.T) {
	for failing, want := range map[string]string{
		"": `{"batchItemFailures":[]}`, "w-0": "1 of 2 records did not succeed, and nobody reads", "w-1": "1 of 2 records did not succeed, and nobody reads",
	} {
		u := &unread{}
		c := New(zap.NewNop(), Batch{Kinds: []string{"sqs"}, Mapping: u}.Hook())
		out, _ := runs(t, c, records("a", "b"), func(id string, _ []byte) Response { return Response{Failed: id == failing, ErrorType: "E"} })
		if out.Answer == nil || out.Answer.Failed != (failing != "") || !strings.Contains(string(out.Answer.Body), want) || fmt.Sprint(u.asked) != "[f q]" || out.For != "w" {
			t.Errorf("%q: %+v, asked %v", failing, out.Answer, u.asked)
		}
	}
}

// TestBatchDefect: a hook that breaks leaves no batch without an answer, and
// none that deletes anything.
func TestBatchDefect(t *testing.T) {
	c := New(zap.NewNop(), Batch{Kinds: []string{"sqs"}, Now: func() time.Time { panic("clock") }}.Hook())
	out, _ := runs(t, c, records("a", "b"), func(string, []byte) Response { return Response{} })
	if out.Answer == nil || !out.Answer.Failed || out.For != "w" {
		t.Errorf("%+v", out)
	}
}

// BenchmarkOtherSource is what an event costs that is not split: 3 kB.
func BenchmarkOtherSource(b *testing.B) {
	c := New(zap.NewNop(), Batch{Kinds: []string{"sqs", "kinesis", "dynamodb"}}.Hook())
	event := []byte(`{"version":"2.0","requestContext":{"http":{"method":"GET"},"domainName":"x"},"body":"` + strings.Repeat("x", 3000) + `"}`)
	b.ReportAllocs()
	for b.Loop() {
		c.Request(b.Context(), Request{ID: "w", Body: event})
		c.Response(b.Context(), Response{ID: "w"}, time.Time{})
	}
}
