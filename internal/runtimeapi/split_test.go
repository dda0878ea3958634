package runtimeapi

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/runtimeapi/pieces"
)

// halves splits every event in two, and answers for both.
func halves(seen *[]Answer) *rules {
	given := 0
	return &rules{
		request: func(*Event) Verdict { given = 0; return Verdict{Split: true} },
		piece: func(whole string) Verdict {
			if given++; given > 2 {
				return Verdict{Post: &Post{Body: []byte("late")}}
			}
			return Verdict{Piece: pieces.Piece{ID: fmt.Sprint(whole, "-", given-1), Body: []byte("half")}}
		},
		response: func(a *Answer) Verdict {
			b := *a
			b.Beginning = append([]byte(nil), a.Beginning...)
			*seen = append(*seen, b)
			if strings.HasSuffix(a.ID, "-1") {
				return Verdict{Post: &Post{Body: []byte("both")}, For: strings.TrimSuffix(a.ID, "-1"), By: "batch"}
			}
			return Verdict{Hold: true}
		},
	}
}

// TestPiecesAreInvocations: what Lambda would say to a runtime that does not
// keep to the contract, we say.
func TestPiecesAreInvocations(t *testing.T) {
	p := &platformOf{events: []string{"whole", "next"}, sized: true}
	var seen []Answer
	s := start(t, lambda(t, p.ServeHTTP), func(o *Options) { o.Chain = halves(&seen) })
	cl := client(t)
	say := func(method, path string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.Addr()+"/2018-06-01/runtime/invocation/"+path, strings.NewReader("answer"))
		if err != nil {
			t.Fatal(err)
		}
		if method == "GET" {
			req.Body, req.ContentLength = nil, 0
		}
		res, err := cl.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(body)
	}
	const invalid = `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}` + "\n"
	for _, tt := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "next", 200, "half"},
		{"GET", "next", 403, `{"errorMessage":"State transition from Running to Ready failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}` + "\n"},
		{"POST", "id-0/response", 400, invalid},
		{"POST", "id-0/error", 400, invalid},
		{"POST", "id-0-1/response", 400, invalid},
		{"POST", "id-0-00/response", 400, invalid},
		{"POST", "id-0-0/response", 202, "{\"status\":\"OK\"}\n"},
		{"POST", "id-0-0/response", 400, invalid},
		{"GET", "next", 200, "half"},
		{"POST", "id-0-0/error", 400, invalid},
		{"POST", "id-0-1/error", 202, ""},
		{"GET", "next", 200, "half"},
		{"POST", "id-1-0/response", 202, "{\"status\":\"OK\"}\n"},
	} {
		if status, body := say(tt.method, tt.path); status != tt.status || body != tt.body {
			t.Errorf("%s %s: %d %q, want %d %q", tt.method, tt.path, status, body, tt.status, tt.body)
		}
	}
	if got := strings.Join(p.got(), "|"); got != "id-0/response  both" || len(seen) != 3 || !seen[1].Failed {
		t.Errorf("%s, %+v", got, seen)
	}
}

// TestPieceIsStreamed: an answer to a piece is read to its end, however long
// and however it comes; an error behind it is one.
func TestPieceIsStreamed(t *testing.T) {
	p := &platformOf{events: []string{"whole"}, sized: true}
	var seen []Answer
	s := start(t, lambda(t, p.ServeHTTP), func(o *Options) { o.Chain = halves(&seen) })
	cl := client(t)
	for i, tt := range []struct {
		size    int
		stream  bool
		trailer string
	}{{100, true, "Function.Broken"}, {mostKept + 100_000, false, ""}} {
		if id, _, _ := pollOne(t, cl, s); id != fmt.Sprint("id-0-", i) {
			t.Fatal(id)
		}
		req, err := http.NewRequestWithContext(t.Context(), "POST", fmt.Sprintf("http://%s/2018-06-01/runtime/invocation/id-0-%d/response", s.Addr(), i), io.MultiReader(strings.NewReader(strings.Repeat("x", tt.size))))
		if err != nil {
			t.Fatal(err)
		}
		if tt.stream {
			req.Header.Set("Lambda-Runtime-Function-Response-Mode", "streaming")
			req.Trailer = http.Header{"Lambda-Runtime-Function-Error-Type": {tt.trailer}}
		}
		res, err := cl.Do(req)
		if err != nil || res.StatusCode != 202 {
			t.Fatal(err, res)
		}
		res.Body.Close()
		if a := seen[i]; !a.Streamed || a.Failed != (tt.trailer != "") || a.ErrorType != tt.trailer || a.Beginning != nil || a.Bytes != int64(tt.size) {
			t.Errorf("%d: %+v", i, a)
		}
	}
	if got := strings.Join(p.got(), "|"); got != "id-0/response  both" {
		t.Error(got)
	}
}

// TestNextEventEndsASplit: a new event on a classic sandbox means that the one
// before was given up.
func TestNextEventEndsASplit(t *testing.T) {
	p := &platformOf{events: []string{"whole", "next"}, sized: true}
	var seen []Answer
	chain := halves(&seen)
	s := start(t, lambda(t, p.ServeHTTP), func(o *Options) { o.Chain = chain })
	cl := client(t)
	if id, _, _ := pollOne(t, cl, s); id != "id-0-0" {
		t.Fatal(id)
	}
	e := s.splits.Clear()[0]
	e.Deadline = time.Now().Add(-time.Minute) // Lambda has timed out
	s.splits.Put(e)
	if id, _, _ := pollOne(t, cl, s); id != "id-1-0" || len(chain.forgotten) != 1 || chain.forgotten[0] != "id-0" {
		t.Errorf("%s, forgotten %v", id, chain.forgotten)
	}
}
