package wire

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// exchanges records what is told, one line each.
func exchanges(list *[]Message) *Wire { return New(func(m Message) { *list = append(*list, m) }) }

func serve(w *Wire, h http.HandlerFunc, method, body string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(method, "/2018-06-01/runtime/x?y=1", strings.NewReader(body))
	req.Header.Set("X-Secret", "as it was")
	w.Watch(func(*http.Request) string { return "runtime" }, h).ServeHTTP(rec, req)
	return rec
}

// Both halves of an exchange are told under one number, in order, with headers
// and bodies as they were; what the handler does is unchanged.
func TestExchange(t *testing.T) {
	var list []Message
	w := exchanges(&list)
	rec := serve(w, func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		rw.Header().Set("X-Answer", "too")
		rw.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(rw, "got %s", body)
	}, http.MethodPost, "an event")
	if rec.Code != http.StatusAccepted || rec.Body.String() != "got an event" {
		t.Errorf("the caller got %d %s", rec.Code, rec.Body)
	}
	if len(list) != 2 {
		t.Fatalf("%d messages", len(list))
	}
	req, res := list[0], list[1]
	if req.Response || req.Who != "runtime" || req.Method != "POST" || req.URL != "/2018-06-01/runtime/x?y=1" || string(req.Body) != "an event" || req.BodyBytes != 8 || req.Header.Get("X-Secret") != "as it was" {
		t.Errorf("request: %+v", req)
	}
	if !res.Response || res.Exchange != req.Exchange || res.Status != http.StatusAccepted || string(res.Body) != "got an event" || res.Header.Get("X-Answer") != "too" || res.At.Before(req.At) {
		t.Errorf("response: %+v", res)
	}
	serve(w, func(http.ResponseWriter, *http.Request) {}, http.MethodGet, "")
	if list[2].Exchange == req.Exchange || list[3].Status != http.StatusOK {
		t.Errorf("the next exchange: %+v", list[2:])
	}
}

// A request without a body is told before its answer, which may take hours; one
// that the handler did not read is told all the same.
func TestWhenARequestIsTold(t *testing.T) {
	var list []Message
	w := exchanges(&list)
	serve(w, func(http.ResponseWriter, *http.Request) {
		if len(list) != 1 {
			t.Errorf("%d messages while the answer is awaited", len(list))
		}
	}, http.MethodGet, "")
	serve(w, func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusForbidden) }, http.MethodPost, "unread")
	if len(list) != 4 || list[2].BodyBytes != 0 || list[2].Response || list[3].Status != http.StatusForbidden {
		t.Errorf("%+v", list)
	}
}

// Of a long body the first MiB is kept and all of it counted; what passes is
// whole.
func TestLongBodies(t *testing.T) {
	var list []Message
	long := strings.Repeat("x", maxBody+5)
	rec := serve(exchanges(&list), func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = rw.Write(body)
	}, http.MethodPost, long)
	if rec.Body.Len() != len(long) {
		t.Errorf("%d bytes passed", rec.Body.Len())
	}
	for _, m := range list {
		if len(m.Body) != maxBody || m.BodyBytes != len(long) {
			t.Errorf("response %t: %d bytes kept of %d", m.Response, len(m.Body), m.BodyBytes)
		}
	}
}

// A batch that the platform posts is told like any other exchange, in the
// direction it had; nobody's answer is status 0.
func TestPosted(t *testing.T) {
	var list []Message
	w := exchanges(&list)
	began := time.Now()
	body := []byte("[]")
	w.Posted()("ext", "http://127.0.0.1:1/t", body, began, 0)
	body[0] = '!' // the sender goes on with its buffer
	if len(list) != 2 || !list[0].ToWho || !list[1].ToWho || list[0].Exchange != list[1].Exchange || !list[0].At.Equal(began) || list[0].Who != "ext" || list[1].Status != 0 || !list[1].Response {
		t.Fatalf("%+v", list)
	}
	if d := cmp.Diff("[]", string(list[0].Body)); d != "" {
		t.Errorf("the body changed after it was told: %s", d)
	}
}

// Where nobody listens nothing is in the way.
func TestNobodyListens(t *testing.T) {
	w := New(nil)
	h := http.NotFoundHandler()
	if w.Posted() != nil {
		t.Error("batches are told to nobody")
	}
	rec := httptest.NewRecorder()
	w.Watch(nil, h).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	if rec.Code != http.StatusNotFound {
		t.Errorf("%d", rec.Code)
	}
}

// The connection can be flushed and its trailers are told: a streamed answer
// needs both.
func TestStream(t *testing.T) {
	var list []Message
	w := exchanges(&list)
	rec := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(bytes.NewReader([]byte("part"))))
	req.ContentLength = -1
	req.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": {"Function.Late"}}
	w.Watch(func(*http.Request) string { return "" }, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		if err := http.NewResponseController(rw).Flush(); err != nil {
			t.Errorf("flush: %v", err)
		}
	})).ServeHTTP(rec, req)
	if !rec.Flushed || list[0].Header["Trailer:Lambda-Runtime-Function-Error-Type"][0] != "Function.Late" || string(list[0].Body) != "part" {
		t.Errorf("%+v", list)
	}
}
