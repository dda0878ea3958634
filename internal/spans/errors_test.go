package spans_test

import (
	"strings"
	"testing"

	"powertools-extension/internal/spans"
	"powertools-extension/internal/tracing"
)

func TestErrors(t *testing.T) {
	const posted = `{"errorMessage":"card 4111111111111111","errorType":"ValueError","stackTrace":["one"]}`
	mask := func(o *spans.Options) {
		o.Redact = func(text []byte, _ bool) []byte {
			return []byte(strings.ReplaceAll(string(text), "4111111111111111", "[redacted]"))
		}
	}
	for _, c := range []struct {
		name   string
		answer spans.Answer
		want   tracing.Exception
		frames int
	}{
		{"document", spans.Answer{Body: []byte(posted)}, tracing.Exception{Type: "ValueError", Message: "card [redacted]"}, 1},
		{"cause", spans.Answer{Body: []byte(posted), Cause: []byte(`{"exceptions":[{"message":"card 4111111111111111","stack":[{"path":"a","line":1},{"path":"b","line":2}]}]}`)}, tracing.Exception{Type: "ValueError", Message: "card [redacted]"}, 2},
		{"header alone", spans.Answer{ErrorType: "Function.X", Body: []byte("text")}, tracing.Exception{Type: "Function.X"}, 0},
		{"cause that is none", spans.Answer{Body: []byte(posted), Cause: []byte(`{"exceptions":`)}, tracing.Exception{Type: "ValueError", Message: "card [redacted]"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, true, mask)
			w.deliver("a", header)
			c.answer.ID, c.answer.Failed = "a", true
			w.answer(c.answer)
			s := w.one()
			if !s.Fault || s.Exception == nil || s.Exception.Type != c.want.Type || s.Exception.Message != c.want.Message || len(s.Exception.Frames) != c.frames {
				t.Errorf("%+v", s.Exception)
			}
		})
	}
	w := newWorld(t, true, func(o *spans.Options) { o.CaptureError = false })
	w.deliver("a", header)
	w.Child("a", spans.Child{Name: "idempotency", Error: "E"})
	w.answer(spans.Answer{ID: "a", Failed: true, Body: []byte(posted), ErrorType: "E"})
	for _, s := range w.done() {
		if !s.Fault || s.Exception != nil {
			t.Errorf("capture off: %+v", s)
		}
	}
}

// Of an error of which nobody says anything, it is known that it was one: an
// exception without a type and a message would be a made-up one.
func TestErrorsThatSayNothing(t *testing.T) {
	for _, nothing := range []spans.Answer{{}, {Body: []byte("{}")}, {Body: []byte("boom")}, {Body: []byte("null")}, {Body: []byte(`{"exceptions":1}`), Cause: []byte(`{"exceptions":[{}]}`)}} {
		w := newWorld(t, true)
		w.deliver("a", header)
		nothing.ID, nothing.Failed = "a", true
		w.answer(nothing)
		if s := w.one(); !s.Fault || s.Exception != nil {
			t.Errorf("%q tells of a failure, and not which: %+v", nothing.Body, s.Exception)
		}
	}
}
