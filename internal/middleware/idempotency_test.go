package middleware

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsevent"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/idempotency/memstore"
)

// TestReplayedHeader: the mark stands in the answer's own headers, whatever
// else looks like them, and nothing else is changed.
func TestReplayedHeader(t *testing.T) {
	one := awsevent.Event{Source: awsevent.Source{HTTP: true}}
	many := one
	many.MultiValue = true
	for _, c := range []struct {
		source     awsevent.Event
		body, want string
	}{
		{one, `{"headers":{}}`, `{"headers":{"idempotent-replayed":"true"}}`},
		{one, `{"headers":{"a":"b"}}`, `{"headers":{"idempotent-replayed":"true","a":"b"}}`},
		{one, ` {"statusCode":200, "headers" : { "a":"b" } } `, ` {"statusCode":200, "headers" : {"idempotent-replayed":"true", "a":"b" } } `},
		{one, `{"cookies":{},"headers":{}}`, `{"cookies":{},"headers":{"idempotent-replayed":"true"}}`},
		{one, `{"body":"{\"headers\":{}}","x":{"headers":{}},"headers":{"x":"{}"}}`, `{"body":"{\"headers\":{}}","x":{"headers":{}},"headers":{"idempotent-replayed":"true","x":"{}"}}`},
		{one, `{"headers":{"a":"1"},"headers":{}}`, `{"headers":{"a":"1"},"headers":{"idempotent-replayed":"true"}}`}, // the last one counts
		{one, `{"headers":null}`, `{"headers":null}`},
		{one, `{"headers":["a"]}`, `{"headers":["a"]}`},
		{one, `{"statusCode":200}`, `{"statusCode":200}`},
		{one, `"text"`, `"text"`},
		{one, `<p>`, `<p>`},
		{one, ``, ``},
		{many, `{"multiValueHeaders":{"a":["b"]}}`, `{"multiValueHeaders":{"idempotent-replayed":["true"],"a":["b"]}}`},
		{many, `{"headers":{}}`, `{"headers":{"idempotent-replayed":"true"}}`},
		{awsevent.Event{}, `{"headers":{}}`, `{"headers":{}}`},
	} {
		stored := []byte(c.body)
		if got := string(replayed(stored, c.source)); got != c.want || string(stored) != c.body {
			t.Errorf("%s: %s, want %s; stored is %s", c.body, got, c.want, stored)
		}
	}
}

// TestBadInput: what is no usable event, or no usable record.
func TestBadInput(t *testing.T) {
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	digits := strings.Repeat("7", 10_000)
	for _, c := range []struct{ name, key, event, again, want string }{ // want: errorType of the second; empty: its answer is replayed; ran: both run
		{"not JSON, whole event", "", `<xml>`, `<xml>`, "ran"},
		{"not JSON, with a key", "id", `{"id":1`, `{"id":1`, "ran"},
		{"empty", "id", ``, ``, "ran"},
		{"too deep", "", deep, deep, "ran"},
		{"the expression fails", "powertools_json(body).id", `{"body":null}`, `{"body":null}`, "ran"},
		{"the expression fails on text", "powertools_json(body).id", `{"body":"{"}`, `{"body":"{"}`, "ran"},
		{"1e400", "id", `{"id":1e400}`, `{"id":1e999}`, ""},
		{"10,000 digits", "id", `{"id":` + digits + `}`, `{"id":` + digits + `}`, ""},
		{"10,000 digits, the last one differs", "id", `{"id":` + digits + `}`, `{"id":` + digits[1:] + `8}`, "ran"},
		{"beyond a double", "id", `{"id":9007199254740993}`, `{"id":9007199254740992}`, "ran"},
		{"keys of an object in another order", "id", `{"id":{"a":1,"b":2}}`, `{"id":{"b":2,"a":1}}`, ""},
	} {
		w := newWorld(t, c.key)
		first, _ := w.invoke(c.event, says(`"once"`))
		second, failed := w.invoke(c.again, says(`"twice"`))
		if first != `"once"` || failed || (second == `"twice"`) != (c.want == "ran") || w.runs != map[bool]int{true: 2, false: 1}[c.want == "ran"] {
			t.Errorf("%s: %s, then %.200s, %d runs", c.name, first, second, w.runs)
		}
	}
}

// TestRecordsOfAnotherShape: a record that cannot be judged is neither
// replayed nor run over.
func TestRecordsOfAnotherShape(t *testing.T) {
	future := time.Now().Add(time.Hour).Unix()
	for name, r := range map[string]idempotency.Record{
		"no status":     {Expiration: future, Data: []byte(`1`)},
		"other status":  {Status: "DONE", Expiration: future, Data: []byte(`1`)},
		"no expiration": {Status: idempotency.Completed, Data: []byte(`1`)},
	} {
		w := newWorld(t, "id")
		w.invoke(`{"id":1}`, says(`"x"`))
		for _, id := range w.store.Keys() {
			r.ID = id
		}
		w.chain = New(zap.NewNop(), Idempotency{Engine: idempotency.New(stubborn{w.store, r}, idempotency.Options{Prefix: "fn", Format: idempotency.Python, Key: compiled(t, "id"), ExpiresAfter: time.Hour})}.Hook())
		w.runs = 0
		if answer, failed := w.invoke(`{"id":1}`, says(`"x"`)); !failed || w.runs != 0 || !strings.Contains(answer, "IdempotencyInconsistentStateError") {
			t.Errorf("%s: %s, %d runs", name, answer, w.runs)
		}
	}
}

// stubborn refuses every create with one record.
type stubborn struct {
	*memstore.Store
	old idempotency.Record
}

func (s stubborn) Create(context.Context, *idempotency.Record, time.Time) error {
	return &idempotency.BlockedError{Old: &s.old}
}

// TestWhoIsToldWhat: the words of the service are for those who may see the
// function's errors, and not for HTTP clients.
func TestWhoIsToldWhat(t *testing.T) {
	w := newWorld(t, "")
	w.store.Fail = errors.New("User: arn:aws:sts::123456789012:assumed-role/x is not authorized")
	if answer, failed := w.invoke(httpEvent, says("never")); failed || strings.Contains(answer, "123456789012") || !strings.Contains(answer, `"statusCode":503`) {
		t.Errorf("an HTTP client is told: %s", answer)
	}
	if answer, failed := w.invoke(`{"a":1}`, says("never")); !failed || !strings.Contains(answer, "not authorized") {
		t.Errorf("the caller of the function is told: %s", answer)
	}
}

// TestStreamEnds: a stream that broke off with an error may run again, one
// that ended may not.
func TestStreamEnds(t *testing.T) {
	for _, failed := range []bool{true, false} {
		w := newWorld(t, "id")
		event := func(id string) Outcome {
			return w.chain.Request(t.Context(), Request{ID: id, Body: []byte(`{"id":1}`)})
		}
		if out := event("a"); out.Answer != nil {
			t.Fatalf("%s", out.Answer.Body)
		}
		w.chain.Response(t.Context(), Response{ID: "a", Streamed: true, Failed: failed, ErrorType: map[bool]string{true: "Function.X"}[failed]}, time.Time{})
		if out := event("b"); (out.Answer == nil) != failed {
			t.Errorf("failed %v: %+v", failed, out.Answer)
		}
	}
}

// FuzzReplayed: whatever was stored, the mark is all that is added, and what
// was JSON is JSON.
func FuzzReplayed(f *testing.F) {
	for _, seed := range []string{`{"headers":{}}`, ` { "headers" : {"a":"b"} , "x":{} } `, `{"headers":{},"headers":{"a":{}}}`, `{"multiValueHeaders":{"a":[]},"headers":{}}`, `[]`, `{"head\u0065rs":{}}`} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, many bool) {
		source := awsevent.Event{Source: awsevent.Source{HTTP: true}, MultiValue: many}
		out := replayed(body, source)
		if json.Valid(body) != json.Valid(out) {
			t.Fatalf("%q became %q", body, out)
		}
		if len(out) == len(body) {
			return
		}
		plain := bytes.Replace(bytes.Replace(out, []byte(`"idempotent-replayed":"true"`), nil, 1), []byte(`"idempotent-replayed":["true"]`), nil, 1)
		if plain = bytes.Replace(plain, []byte(`{,`), []byte(`{`), 1); !bytes.Equal(plain, body) && !bytes.Contains(body, []byte("idempotent-replayed")) && !bytes.Contains(body, []byte("{,")) {
			t.Fatalf("%q became %q", body, out)
		}
	})
}
