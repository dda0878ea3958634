package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsdecode"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/idempotency/memstore"
	"powertools-extension/internal/jmes"
	"powertools-extension/internal/schema"
)

// world is a chain with what stands behind it.
type world struct {
	t     *testing.T
	chain *Chain
	store *memstore.Store
	runs  int
	n     int
}

func newWorld(t *testing.T, key string, hooks ...Hook) *world {
	t.Helper()
	w := &world{t: t, store: &memstore.Store{}}
	opt := idempotency.Options{Prefix: "fn", Format: idempotency.Python, ExpiresAfter: time.Hour}
	if key != "" {
		opt.Key = compiled(t, key)
	}
	w.chain = New(zap.NewNop(), append(hooks, Idempotency{Engine: idempotency.New(w.store, opt), AsHTTP: true}.Hook())...)
	return w
}

func enveloped(t *testing.T, text string) *awsdecode.Envelope {
	t.Helper()
	e, err := awsdecode.CompileEnvelope(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func compiled(t *testing.T, text string) *jmes.Expression {
	t.Helper()
	e, err := jmes.Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// invoke is one invocation: what the caller gets, and as what.
func (w *world) invoke(event string, function func(event string) (answer string, failed bool)) (answer string, failed bool) {
	w.n++
	id := strings.Repeat("i", w.n)
	out := w.chain.Request(w.t.Context(), Request{ID: id, Deadline: time.Now().Add(time.Minute), Body: []byte(event)})
	if out.Answer != nil {
		return string(out.Answer.Body), out.Answer.Failed
	}
	if out.Body != nil {
		event = string(out.Body)
	}
	w.runs++
	answer, failed = function(event)
	back := w.chain.Response(w.t.Context(), Response{ID: id, Failed: failed, Body: []byte(answer)}, time.Time{})
	switch {
	case back.Answer != nil:
		return string(back.Answer.Body), back.Answer.Failed
	case back.Body != nil:
		return string(back.Body), failed
	}
	return answer, failed
}

func says(answer string) func(string) (string, bool) {
	return func(string) (string, bool) { return answer, false }
}

func TestIdempotencyHook(t *testing.T) {
	w := newWorld(t, "id")
	first, _ := w.invoke(`{"id":"a"}`, says(`{"n": 1.0}`))
	again, _ := w.invoke(`{"id":"a","at":2}`, says(`{"n":2}`))
	if first != again || w.runs != 1 {
		t.Errorf("%s, then %s after %d runs", first, again, w.runs)
	}
	// A failure frees the key, and so does an HTTP answer of 500.
	if _, failed := w.invoke(`{"id":"b"}`, func(string) (string, bool) { return `{"errorType":"E"}`, true }); !failed {
		t.Error("the function's own error did not go out")
	}
	if answer, _ := w.invoke(`{"id":"b"}`, says(`1`)); answer != "1" {
		t.Errorf("after a failure: %s", answer)
	}
	// No key and none required: it runs each time.
	runs := w.runs
	w.invoke(`{"id":null}`, says(`1`))
	w.invoke(`{"id":null}`, says(`1`))
	w.invoke(`no json`, says(`1`))
	w.invoke(`no json`, says(`1`))
	if w.runs != runs+4 {
		t.Errorf("%d runs without a key, want 4", w.runs-runs)
	}
	// A durable function's replay looks like a duplicate.
	for range 2 {
		w.invoke(`{"DurableExecutionArn":"x","CheckpointToken":"y","id":"d"}`, says(`1`))
	}
	if w.runs != runs+6 {
		t.Errorf("%d runs of a durable event, want 2", w.runs-runs-4)
	}
}

const httpEvent = `{"version":"2.0","requestContext":{"http":{"method":"POST"},"domainName":"x"},"rawPath":"/","body":"{\"id\":1}"}`

func TestIdempotencyOfHTTP(t *testing.T) {
	w := newWorld(t, "powertools_json(body).id")
	if answer, _ := w.invoke(httpEvent, says(`{"statusCode":503,"body":"later"}`)); !strings.Contains(answer, "later") {
		t.Fatal(answer)
	}
	w.invoke(httpEvent, says(`{"statusCode":200,"headers":{"a":"b"},"body":"ok"}`))
	answer, _ := w.invoke(httpEvent, says(`{"statusCode":200,"body":"twice"}`))
	if want := `{"statusCode":200,"headers":{"idempotent-replayed":"true","a":"b"},"body":"ok"}`; answer != want || w.runs != 2 {
		t.Errorf("%s after %d runs\nwant %s after 2", answer, w.runs, want)
	}
	// While the first runs, a repeat is told so in HTTP's words.
	w = newWorld(t, "powertools_json(body).id")
	w.invoke(httpEvent, func(string) (string, bool) {
		answer, failed := w.invoke(httpEvent, says("never"))
		if failed || !strings.Contains(answer, `"statusCode":409`) || !strings.Contains(answer, "retry-after") {
			t.Errorf("in progress: %s", answer)
		}
		return `{}`, false
	})
	// The store fails: closed, the caller must not believe that a repeat is safe.
	w = newWorld(t, "powertools_json(body).id")
	w.store.Fail = errors.New("dynamodb PutItem: AccessDeniedException")
	if answer, _ := w.invoke(httpEvent, says("never")); !strings.Contains(answer, `"statusCode":503`) || w.runs != 0 {
		t.Errorf("store down: %s after %d runs", answer, w.runs)
	}
	w.store.Fail = nil
	answer, _ = w.invoke(httpEvent, func(string) (string, bool) {
		w.store.Fail = errors.New("down")
		return `{"statusCode":200,"body":"done"}`, false
	})
	if strings.Contains(answer, "done") || !strings.Contains(answer, `"statusCode":503`) {
		t.Errorf("the answer could not be stored: %s", answer)
	}
}

// TestValidationBeforeIdempotency: neither a bad request nor a refused answer
// is stored.
func TestValidationBeforeIdempotency(t *testing.T) {
	of := func(text string) func(context.Context) (*schema.Schema, error) {
		v, err := jmes.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		s, err := schema.Compile(v, schema.Options{})
		return func(context.Context) (*schema.Schema, error) { return s, err }
	}
	v := Validation{Event: of(`{"required":["id"],"properties":{"qty":{"minimum":1}}}`), Response: of(`{"required":["ok"]}`), Enforce: true, AsHTTP: true, Log: zap.NewNop()}
	w := newWorld(t, "id", v.Hook())
	answer, failed := w.invoke(`{"id":1,"qty":-7}`, says(`{"ok":1}`))
	if !failed || w.runs != 0 || strings.Contains(answer, "-7") || w.store.Len() != 0 {
		t.Errorf("a bad event: %s, %d runs, %d records", answer, w.runs, w.store.Len())
	}
	answer, failed = w.invoke(`{"id":1}`, says(`{"no":1}`))
	if !failed || !strings.Contains(answer, "ResponseSchemaValidationError") || w.store.Len() != 0 {
		t.Errorf("a bad answer: %s, %d records", answer, w.store.Len())
	}
	if answer, _ = w.invoke(`{"id":1}`, says(`{"ok":1}`)); answer != `{"ok":1}` || w.runs != 2 {
		t.Errorf("a good answer: %s after %d runs", answer, w.runs)
	}
	// An HTTP event is answered 400 with paths and keywords.
	v.EventEnvelope = enveloped(t, "API_GATEWAY_HTTP")
	w = newWorld(t, "", v.Hook())
	bad := strings.Replace(httpEvent, `{\"id\":1}`, `{\"qty\":0}`, 1)
	answer, failed = w.invoke(bad, says("never"))
	if failed || !strings.Contains(answer, `"statusCode":400`) || !strings.Contains(answer, `\"path\":\"/qty\",\"keyword\":\"minimum\"`) || !strings.Contains(answer, `\"path\":\"/id\",\"keyword\":\"required\"`) {
		t.Errorf("over HTTP: %s", answer)
	}
	// A schema that cannot be used refuses everything.
	v.Event = func(context.Context) (*schema.Schema, error) { return nil, errors.New("x") }
	w = newWorld(t, "", v.Hook())
	if answer, failed = w.invoke(`{"id":1}`, says("never")); !failed || w.runs != 0 || !strings.Contains(answer, "SchemaUnusableError") {
		t.Errorf("an unusable schema: %s after %d runs", answer, w.runs)
	}
	// Dropped: a success without the function.
	v.Event, v.EventEnvelope, v.Drop = of(`{"required":["id"]}`), nil, true
	w = newWorld(t, "", v.Hook())
	if answer, failed = w.invoke(`{}`, says("never")); failed || answer != "null" || w.runs != 0 {
		t.Errorf("dropped: %s %v after %d runs", answer, failed, w.runs)
	}
	if answer, _ = w.invoke(httpEvent, says("never")); !strings.Contains(answer, `"statusCode":400`) {
		t.Errorf("who waits over HTTP: %s", answer)
	}
}

// TestUnwrap: the function gets the inner bytes as they are, and its answer
// becomes an HTTP answer; keys speak of the whole event all the same.
func TestUnwrap(t *testing.T) {
	w := newWorld(t, "powertools_json(body).id", Unwrap{Event: enveloped(t, "powertools_json(body)"), HTTP: true}.Hook())
	event := strings.Replace(httpEvent, `{\"id\":1}`, `{ \"id\": 9007199254740993, \"b\":1.0,\"a\":\"\\u00e9\"}`, 1)
	seen := ""
	answer, _ := w.invoke(event, func(event string) (string, bool) {
		seen = event
		return `{"ok": true}`, false
	})
	if want := `{ "id": 9007199254740993, "b":1.0,"a":"\u00e9"}`; seen != want {
		t.Errorf("the function got %s\nwant %s", seen, want)
	}
	if want := `{"statusCode":200,"headers":{"content-type":"application/json"},"body":"{\"ok\": true}"}`; answer != want {
		t.Errorf("the caller got %s\nwant %s", answer, want)
	}
	again, _ := w.invoke(event, says("never"))
	if !strings.Contains(again, `{\"ok\": true}`) || w.runs != 1 {
		t.Errorf("the repeat: %s after %d runs", again, w.runs)
	}
	// The whole event is there while the request runs.
	kept := &Originals{}
	w = newWorld(t, "", Unwrap{Event: enveloped(t, "BODY"), Originals: kept}.Hook())
	if got, _ := w.invoke(event, func(string) (string, bool) {
		if string(kept.Find("i")) != event || string(kept.Find("another")) != event {
			t.Errorf("kept: %s", kept.Find("i"))
		}
		return `1`, false
	}); got != `1` || kept.Find("i") != nil || kept.bytes != 0 {
		t.Errorf("answered %s, and %d bytes are kept", got, kept.bytes)
	}
	for i := range 100 {
		kept.keep(strings.Repeat("i", i+1), make([]byte, 1<<20))
	}
	if kept.bytes > maxOriginals || len(kept.kept) != len(kept.order) || kept.Find("other") != nil {
		t.Errorf("%d bytes of %d events are kept", kept.bytes, len(kept.kept))
	}
	// A bare answer is wrapped byte for byte, less the space around it.
	w = newWorld(t, "", Unwrap{HTTP: true}.Hook())
	const bare = `{ "n": 9007199254740993.10, "b":"\u00e9\/é","a":[ ] }`
	wrapped, _ := w.invoke(httpEvent, says(" "+bare+"\n"))
	var http struct{ Body string }
	if err := json.Unmarshal([]byte(wrapped), &http); err != nil || http.Body != bare {
		t.Errorf("wrapped: %v: %s", err, wrapped)
	}
	// What has a status, is no JSON, or answers no HTTP request stays.
	for _, c := range []string{`{"statusCode":204}`, `not json`} {
		w = newWorld(t, "", Unwrap{HTTP: true}.Hook())
		if got, _ := w.invoke(httpEvent, says(c)); got != c {
			t.Errorf("%s became %s", c, got)
		}
	}
	w = newWorld(t, "", Unwrap{Event: enveloped(t, "detail"), HTTP: true}.Hook())
	if got, _ := w.invoke(`{"x":1}`, func(event string) (string, bool) { return event, false }); got != `{"x":1}` {
		t.Errorf("nothing found: the function got %s", got)
	}
}
