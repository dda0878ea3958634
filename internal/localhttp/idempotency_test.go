package localhttp_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/idempotency/memstore"
	"powertools-extension/internal/jmes"
	"powertools-extension/internal/localhttp"
)

func idempotent(t *testing.T, open bool) (*localhttp.Server, *memstore.Store) {
	t.Helper()
	store := &memstore.Store{}
	engine := idempotency.New(store, idempotency.Options{Prefix: "fn", Format: idempotency.Python, ExpiresAfter: time.Hour, Open: open})
	deadline := time.Now().Add(5 * time.Second)
	return newServer(localhttp.Deps{Idempotency: engine, Context: func(context.Context, string) localhttp.Context { return localhttp.Context{Deadline: deadline} }}, localhttp.Options{}), store
}

// begin asks with a text answer: the id, or the stored answer.
func begin(s *localhttp.Server, body string) (status int, text, state string) {
	w := do(s, "POST", "/idempotency/begin?format=text", body)
	return w.Code, w.Body.String(), w.Header().Get("X-Powertools-Idempotency")
}

// TestRunOnce: what a function in any language sees of the life of a key.
func TestRunOnce(t *testing.T) {
	s, _ := idempotent(t, false)
	status, id, state := begin(s, `{"key":"order-1"}`)
	if status != 201 || len(id) != 32 || state != "started" {
		t.Fatal(status, id, state)
	}
	w := do(s, "POST", "/idempotency/begin", `{"key":"order-1"}`)
	if w.Code != 409 || !strings.Contains(w.Body.String(), "request_in_progress") || w.Header().Get("Retry-After") != "5" {
		t.Errorf("while it runs: %d %s %v", w.Code, w.Body, w.Header())
	}
	if w := do(s, "POST", "/idempotency/complete?id="+id, `{"n": 1.0}`); w.Code != 204 {
		t.Fatal(w.Code, w.Body)
	}
	if w := do(s, "POST", "/idempotency/begin", `{"key":"order-1"}`); w.Code != 200 || w.Body.String() != `{"state":"completed","data":{"n": 1.0}}` {
		t.Errorf("the repeat: %d %s", w.Code, w.Body)
	}
	if status, text, state := begin(s, `{"payload":{"id":"order-1"},"key_path":"id"}`); status != 200 || text != `{"n": 1.0}` || state != "completed" {
		t.Errorf("the same key by a path: %d %s %s", status, text, state)
	}
	for _, path := range []string{"complete", "fail"} {
		if w := do(s, "POST", "/idempotency/"+path+"?id="+id, ""); w.Code != 404 {
			t.Errorf("%s once more: %d %s", path, w.Code, w.Body)
		}
	}
	if status, _, _ := begin(s, `{"key":"order-1","scope":"refund"}`); status != 201 {
		t.Errorf("another scope: %d", status)
	}
	_, id, _ = begin(s, `{"key":"order-2"}`)
	if w := do(s, "POST", "/idempotency/fail?id="+id, ""); w.Code != 204 {
		t.Error(w.Code, w.Body)
	}
	if status, _, _ := begin(s, `{"key":"order-2"}`); status != 201 {
		t.Errorf("after a failure: %d", status)
	}
}

func TestAnswersOfAnyType(t *testing.T) {
	s, _ := idempotent(t, false)
	for i, c := range []struct{ contentType, body, want, wantType, json string }{
		{"text/plain", "done, thanks", "done, thanks", "text/plain", `"done, thanks"`},
		{"", "done", "done", "text/plain", `"done"`},
		{"application/octet-stream", "\x00\xff", "\x00\xff", "application/octet-stream", `"AP8=","encoding":"base64"`},
		{"", "AP8=", "AP8=", "text/plain", `"AP8="`},
		{"text/html", "true", "true", "application/json", `true`},
		{"", "", "null", "application/json", `null`},
	} {
		key := `{"key":"` + strings.Repeat("k", i+1) + `"}`
		_, id, _ := begin(s, key)
		if w := do(s, "POST", "/idempotency/complete?id="+id, c.body, "Content-Type", c.contentType); w.Code != 204 {
			t.Fatal(w.Code, w.Body)
		}
		w := do(s, "POST", "/idempotency/begin?format=text", key)
		if w.Body.String() != c.want || w.Header().Get("Content-Type") != c.wantType {
			t.Errorf("%q: %q %s", c.body, w.Body, w.Header().Get("Content-Type"))
		}
		if w := do(s, "POST", "/idempotency/begin", key); w.Body.String() != `{"state":"completed","data":`+c.json+`}` {
			t.Errorf("%q: %s", c.body, w.Body)
		}
	}
}

// TestTooLarge: it ran, and a repeat must not run it again.
func TestTooLarge(t *testing.T) {
	s, _ := idempotent(t, false)
	_, id, _ := begin(s, `{"key":"big"}`)
	w := do(s, "POST", "/idempotency/complete?id="+id, strings.Repeat("x", 400_000))
	if w.Code != 204 || w.Header().Get("X-Powertools-Idempotency") != "not-stored" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	if w := do(s, "POST", "/idempotency/begin", `{"key":"big"}`); w.Code != 409 || !strings.Contains(w.Body.String(), "too_large") {
		t.Errorf("the repeat: %d %s", w.Code, w.Body)
	}
}

func TestIdempotencyRefusals(t *testing.T) {
	s, store := idempotent(t, false)
	_, id, _ := begin(s, `{"key":"paid","validate":{"amount":10}}`)
	do(s, "POST", "/idempotency/complete?id="+id, "1")
	for body, want := range map[string]string{
		`{"key":"paid","validate":{"amount":11}}`:   "422 payload_differs",
		`{"key":"paid","validate":{"amount":10.0}}`: "422 payload_differs",
		`{}`:                                 "400 no_idempotency_key",
		`{"payload":{}}`:                     "400 no_idempotency_key",
		`{"payload":{"a":1},"key_path":"b"}`: "400 no_idempotency_key",
		`{"payload":{"a":1},"key_path":"powertools_json(a)"}`: "400 no_idempotency_key",
		`{"payload":{"a":1},"key_path":"a["}`:                 "422 bad_expression",
		`{"key":""}`:                                          "400 bad_argument",
		`{"key":7}`:                                           "400 bad_argument",
		`{"kye":"x"}`:                                         "400 unknown_argument",
		`{"key":"x","wait":-1}`:                               "400 bad_argument",
		`{"key":"x","expires_after":"soon"}`:                  "400 bad_argument",
		`[]`:                                                  "400 bad_argument",
		`{"key":"x","scope":7}`:                               "400 bad_argument", // two scopes must not become one
		`{"key":"x","scope":null}`:                            "400 bad_argument",
		`{"key":"x","request_id":1}`:                          "400 bad_argument",
		`{"payload":{"a":1},"key_path":1}`:                    "400 bad_argument",
		`{"key":"x","payload":{"a":1}}`:                       "400 bad_argument",
		`{"payload":{"a":1},"key":"x","key_path":"a"}`:        "400 bad_argument",
		`{`: "400 body_not_json",
		`{"key":"` + strings.Repeat("k", 500<<10) + `"}`: "413 body_too_large",
	} {
		w := do(s, "POST", "/idempotency/begin", body)
		status, code, _ := strings.Cut(want, " ")
		if !strings.Contains(w.Body.String(), `"status":`+status) || !strings.Contains(w.Body.String(), code) {
			t.Errorf("%.60s: %d %s, want %s", body, w.Code, w.Body, want)
		}
	}
	store.Fail = errors.New("dynamodb PutItem: ResourceNotFoundException")
	if w := do(s, "POST", "/idempotency/begin", `{"key":"x"}`); w.Code != 503 || !strings.Contains(w.Body.String(), "ResourceNotFoundException") || !strings.Contains(w.Body.String(), "dynamodb:PutItem") {
		t.Errorf("the store fails: %d %s", w.Code, w.Body)
	}
	off := newServer(localhttp.Deps{}, localhttp.Options{})
	if w := do(off, "POST", "/idempotency/begin", `{"key":"x"}`); w.Code != 503 || !strings.Contains(w.Body.String(), "POWERTOOLS_IDEMPOTENCY_TABLE") {
		t.Errorf("not configured: %d %s", w.Code, w.Body)
	}
}

// TestStoreFailsOpen: the user chose that a store that fails keeps nobody.
func TestStoreFailsOpen(t *testing.T) {
	s, store := idempotent(t, true)
	store.Fail = errors.New("down")
	status, id, state := begin(s, `{"key":"x"}`)
	if status != 201 || state != "bypassed" {
		t.Fatal(status, id, state)
	}
	if w := do(s, "POST", "/idempotency/complete?id="+id, "1"); w.Code != 204 {
		t.Error(w.Code, w.Body)
	}
}

// TestManyOpen: begun executions are bounded; the oldest are left to their
// expiry, and nothing else of them is.
func TestManyOpen(t *testing.T) {
	s, _ := idempotent(t, false)
	ids := make([]string, 10_050)
	for i := range ids {
		_, ids[i], _ = begin(s, `{"key":`+string(jmes.Text(strings.Repeat("x", i%7)+ids[max(i-1, 0)]).Append(nil))+`}`)
		if i == 0 {
			_, ids[0], _ = begin(s, `{"key":"first"}`)
		}
	}
	if w := do(s, "POST", "/idempotency/fail?id="+ids[0], ""); w.Code != 404 {
		t.Errorf("the oldest: %d", w.Code)
	}
	if w := do(s, "POST", "/idempotency/fail?id="+ids[len(ids)-1], ""); w.Code != 204 {
		t.Errorf("the newest: %d %s", w.Code, w.Body)
	}
}

// TestBeyondWhatIsRead: an answer of any size did run. It is read to its end,
// and the record says that it is not there.
func TestBeyondWhatIsRead(t *testing.T) {
	s, _ := idempotent(t, false)
	_, id, _ := begin(s, `{"key":"huge"}`)
	if w := do(s, "POST", "/idempotency/complete?id="+id, strings.Repeat("x", 7<<20)); w.Code != 204 || w.Header().Get("X-Powertools-Idempotency") != "not-stored" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := do(s, "POST", "/idempotency/begin", `{"key":"huge"}`); w.Code != 409 || !strings.Contains(w.Body.String(), "too_large") {
		t.Errorf("the repeat: %d %s", w.Code, w.Body)
	}
}

// TestCompleteAgain: a store that fails takes the answer later; what is done,
// or another's, is not done again.
func TestCompleteAgain(t *testing.T) {
	s, store := idempotent(t, false)
	complete := func(id string) int { return do(s, "POST", "/idempotency/complete?id="+id, "1").Code }
	_, id, _ := begin(s, `{"key":"a"}`)
	store.Set(func(s *memstore.Store) { s.Fail = errors.New("down") })
	if code := complete(id); code != 503 {
		t.Errorf("the store fails: %d", code)
	}
	store.Set(func(s *memstore.Store) { s.Fail = nil })
	if one, two := complete(id), complete(id); one != 204 || two != 404 {
		t.Errorf("once more, and twice: %d, %d", one, two)
	}
	if code := complete(strings.Repeat("0", 32)); code != 404 {
		t.Errorf("another process's id: %d", code)
	}

	_, id, _ = begin(s, `{"key":"b","in_progress_timeout":0.001}`)
	time.Sleep(5 * time.Millisecond)
	if status, _, _ := begin(s, `{"key":"b"}`); status != 201 {
		t.Fatalf("after its time: %d", status)
	}
	if code := complete(id); code != 409 {
		t.Errorf("overtaken: %d", code)
	}
}

// TestSwitchedOffOrUnusable: Powertools' switch lets everything pass; a
// configuration that cannot be used says which variable.
func TestSwitchedOffOrUnusable(t *testing.T) {
	s := newServer(localhttp.Deps{Idempotency: idempotency.New(nil, idempotency.Options{Disabled: true})}, localhttp.Options{})
	for range 2 {
		status, id, state := begin(s, `{"key":"x"}`)
		if w := do(s, "POST", "/idempotency/complete?id="+id, "1"); status != 201 || state != "bypassed" || w.Code != 204 {
			t.Errorf("switched off: %d %s, complete %d", status, state, w.Code)
		}
	}
	s = newServer(localhttp.Deps{}, localhttp.Options{IdempotencyBad: "idempotency cannot be used: POWERTOOLS_IDEMPOTENCY_KEY: position 3"})
	if w := do(s, "POST", "/idempotency/begin", `{"key":"x"}`); w.Code != 503 || !strings.Contains(w.Body.String(), "POWERTOOLS_IDEMPOTENCY_KEY") {
		t.Errorf("unusable: %d %s", w.Code, w.Body)
	}
}
