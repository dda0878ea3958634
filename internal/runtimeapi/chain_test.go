package runtimeapi

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/internal/runtimeapi/pieces"
)

// rules is a Chain of two functions.
type rules struct {
	request  func(e *Event) Verdict
	piece    func(whole string) Verdict
	response func(a *Answer) Verdict

	mu        sync.Mutex
	forgotten []string
}

func (r *rules) Request(_ context.Context, e *Event) Verdict {
	if r.request == nil {
		return Verdict{}
	}
	return r.request(e)
}

func (r *rules) Piece(_ context.Context, whole string) Verdict { return r.piece(whole) }

func (r *rules) Response(_ context.Context, a *Answer) Verdict {
	if r.response == nil {
		return Verdict{}
	}
	return r.response(a)
}

func (r *rules) Forget(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgotten = append(r.forgotten, id)
}

// platformOf gives events one after another and remembers what was posted.
type platformOf struct {
	mu     sync.Mutex
	events []string // bodies; the id is the place
	given  int
	posted []string // path, error type, body, trailers
	sized  bool
}

func (p *platformOf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == "GET" {
		p.mu.Lock()
		n := p.given
		p.given++
		var event string
		if n < len(p.events) {
			event = p.events[n]
		}
		p.mu.Unlock()
		if n >= len(p.events) {
			<-r.Context().Done() // nothing more to do
			return
		}
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprint("id-", n))
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Hour).UnixMilli()))
		w.Header().Set("Lambda-Runtime-Trace-Id", "Root=1")
		w.Header().Set("Content-Type", "application/vnd.mine")
		if p.sized {
			w.Header().Set("Content-Length", fmt.Sprint(len(event)))
		}
		_, _ = io.WriteString(w, event)
		return
	}
	body, err := io.ReadAll(r.Body)
	text := strings.TrimPrefix(r.URL.Path, "/2018-06-01/runtime/invocation/") + " " + r.Header.Get("Lambda-Runtime-Function-Error-Type") + " " + string(body)
	for name, v := range r.Trailer {
		if len(v) > 0 {
			text += " " + name + "=" + v[0]
		}
	}
	if err != nil {
		text += " " + err.Error()
	}
	p.mu.Lock()
	p.posted = append(p.posted, text)
	p.mu.Unlock()
	w.WriteHeader(202)
}

func (p *platformOf) got() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.posted...)
}

// poll asks for an event.
func pollOne(t *testing.T, cl *http.Client, s *Server) (id, contentType, body string) {
	t.Helper()
	res, err := cl.Get("http://" + s.Addr() + nextPath)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || res.Header.Get("Lambda-Runtime-Trace-Id") != "Root=1" {
		t.Fatalf("%d %v %v", res.StatusCode, err, res.Header)
	}
	return res.Header.Get("Lambda-Runtime-Aws-Request-Id"), res.Header.Get("Content-Type"), string(text)
}

func post(t *testing.T, cl *http.Client, s *Server, path string, body io.Reader) {
	t.Helper()
	res, err := cl.Post("http://"+s.Addr()+"/2018-06-01/runtime/invocation/"+path, "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if res.StatusCode != 202 {
		t.Errorf("%s: status %d", path, res.StatusCode)
	}
}

// TestChainLetsThrough: what a chain only looks at stays as it was, whatever
// its length and framing; what is longer than Lambda takes goes on unseen.
func TestChainLetsThrough(t *testing.T) {
	for _, sized := range []bool{true, false} {
		for _, size := range []int{0, 10, together + 1, mostKept - 1, mostKept, mostKept + 1, mostKept + 200_000} {
			p := &platformOf{events: []string{strings.Repeat("e", size)}, sized: sized}
			seen := ""
			chain := &rules{
				request:  func(e *Event) Verdict { seen += fmt.Sprint(" in ", len(e.Beginning), e.Whole); return Verdict{} },
				response: func(a *Answer) Verdict { seen += fmt.Sprint(" out ", len(a.Beginning), a.Whole); return Verdict{} },
			}
			s := start(t, lambda(t, p.ServeHTTP), func(o *Options) { o.Chain = chain })
			cl := client(t)
			id, contentType, body := pollOne(t, cl, s)
			if id != "id-0" || contentType != "application/vnd.mine" || len(body) != size {
				t.Errorf("%d sized %v: id %s, %s, %d bytes", size, sized, id, contentType, len(body))
			}
			answer := io.Reader(strings.NewReader(strings.Repeat("a", size)))
			if !sized {
				answer = io.MultiReader(answer)
			}
			post(t, cl, s, "id-0/response", answer)
			if got := p.got(); len(got) != 1 || got[0] != "id-0/response  "+strings.Repeat("a", size) {
				t.Errorf("%d sized %v: Lambda got %d posts", size, sized, len(got))
			}
			want := fmt.Sprint(" in ", size, true, " out ", size, true)
			if size > mostKept {
				want = ""
			}
			if seen != want {
				t.Errorf("%d sized %v: saw%q, want%q", size, sized, seen, want)
			}
		}
	}
}

// TestChainAnswers: many in a row, over one poll of the runtime, which sees
// the first event that nobody answers.
func TestChainAnswers(t *testing.T) {
	p := &platformOf{events: []string{"a", "b", "c", "d"}, sized: true}
	o := &record{}
	s := start(t, lambda(t, p.ServeHTTP), func(opt *Options) {
		opt.Observer = o
		opt.Chain = &rules{request: func(e *Event) Verdict {
			switch string(e.Beginning) {
			case "a", "b":
				return Verdict{Post: &Post{Body: []byte("for " + string(e.Beginning))}, By: "hook", Errors: 2}
			case "c":
				return Verdict{Post: &Post{Failed: true, ErrorType: "Function.No", Body: []byte("{}")}, By: "hook"}
			}
			return Verdict{Body: []byte("other")}
		}}
	})
	cl := client(t)
	id, contentType, body := pollOne(t, cl, s)
	if id != "id-3" || body != "other" || contentType != "application/json" {
		t.Errorf("id %s, %s, %q", id, contentType, body)
	}
	post(t, cl, s, "id-3/response", strings.NewReader("done"))
	want := "id-0/response  for a|id-1/response  for b|id-2/error Function.No {}|id-3/response  done"
	if got := strings.Join(p.got(), "|"); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if len(o.events) != 4 || len(o.answers) != 4 || o.answers[0].By != "hook" || o.answers[0].HookErrors != 2 || !o.answers[2].Failed || o.answers[3].By != "" || s.Open() != 0 {
		t.Errorf("%+v, %d open", o.answers, s.Open())
	}
}

// TestChainChanges: other bytes, with trailers kept, and streams left alone.
func TestChainChanges(t *testing.T) {
	p := &platformOf{events: []string{"a", "b"}, sized: true}
	streamed := 0
	s := start(t, lambda(t, p.ServeHTTP), func(opt *Options) {
		opt.Chain = &rules{response: func(a *Answer) Verdict {
			if a.Streamed {
				streamed++
			}
			if a.Failed != (a.ErrorType != "") {
				t.Errorf("%+v", a)
			}
			return Verdict{Body: bytes.ToUpper(append([]byte("changed "), a.Beginning...))}
		}}
	})
	c, r := connect(t, s.Addr())
	for i, head := range []string{"", "Lambda-Runtime-Function-Response-Mode: streaming\r\n"} {
		for _, text := range []string{"GET " + nextPath + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
			fmt.Sprintf("POST /2018-06-01/runtime/invocation/id-%d/response HTTP/1.1\r\nHost: localhost\r\n%sTransfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type\r\n\r\n3\r\nabc\r\n0\r\nLambda-Runtime-Function-Error-Type: Function.X\r\n\r\n", i, head)} {
			_, _ = io.WriteString(c, text)
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
		}
	}
	want := "id-0/response  CHANGED ABC Lambda-Runtime-Function-Error-Type=Function.X|id-1/response  abc Lambda-Runtime-Function-Error-Type=Function.X"
	if got := strings.Join(p.got(), "|"); got != want || streamed != 1 {
		t.Errorf("got %s\nwant %s\n%d streams", got, want, streamed)
	}
}

// TestStreamIsHeardAtItsEnd: the chain knows how a stream ended, and Lambda
// does not have its end before the chain has said so.
func TestStreamIsHeardAtItsEnd(t *testing.T) {
	long := strings.Repeat("x", 100_000)
	for _, c := range []struct {
		name, framing string
		pieces        []string
		failed        bool
	}{
		{"short", "Transfer-Encoding: chunked", []string{"3\r\nabc\r\n0\r\n\r\n"}, false},
		{"empty", "Content-Length: 0", nil, false},
		{"sized", "Content-Length: 100000", []string{long[:50_000], long[50_000:]}, false},
		{"long", "Transfer-Encoding: chunked", []string{"186a0\r\n" + long + "\r\n", "0\r\n\r\n"}, false},
		{"long, failed", "Transfer-Encoding: chunked\r\nTrailer: Lambda-Runtime-Function-Error-Type",
			[]string{"186a0\r\n" + long + "\r\n", "0\r\nLambda-Runtime-Function-Error-Type: Function.X\r\n\r\n"}, true},
	} {
		p := &platformOf{events: []string{"a"}, sized: true}
		heard := make(chan string, 9)
		s := start(t, lambda(t, p.ServeHTTP), func(opt *Options) {
			opt.Chain = &rules{response: func(a *Answer) Verdict {
				heard <- fmt.Sprint(a.Failed, a.ErrorType, a.ContentType, len(p.got()))
				return Verdict{}
			}}
		})
		conn, r := connect(t, s.Addr())
		ask := func(parts ...string) {
			for _, text := range parts {
				_, _ = io.WriteString(conn, text)
				time.Sleep(time.Millisecond) // pieces come one by one
			}
			res, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
		}
		ask("GET " + nextPath + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
		ask(append([]string{"POST /2018-06-01/runtime/invocation/id-0/response HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/x\r\nLambda-Runtime-Function-Response-Mode: streaming\r\n" + c.framing + "\r\n\r\n"}, c.pieces...)...)
		want := "false" + "text/x0"
		if c.failed {
			want = "trueFunction.Xtext/x0"
		}
		if got := <-heard; strings.ReplaceAll(got, " ", "") != want || len(heard) != 0 || len(p.got()) != 1 {
			t.Errorf("%s: heard %s, want %s; then %d more; Lambda got %d answers", c.name, got, want, len(heard), len(p.got()))
		}
	}
}

// TestChainPieces: several runtimes ask, one after another has a piece of the
// event, and the last answer posts for all.
func TestChainPieces(t *testing.T) {
	const parts = 20
	p := &platformOf{events: []string{"whole"}, sized: true}
	var mu sync.Mutex
	given, answered, bodies, at := 0, 0, 0, 0
	s := start(t, lambda(t, p.ServeHTTP), func(opt *Options) {
		opt.Managed = true
		opt.Chain = &rules{
			request: func(*Event) Verdict { return Verdict{Split: true} },
			piece: func(whole string) Verdict {
				mu.Lock()
				defer mu.Unlock()
				if at++; at > 1 || whole != "id-0" {
					t.Errorf("%d pieces of %s at once", at, whole)
				}
				given++
				return Verdict{Piece: pieces.Piece{ID: fmt.Sprint("id-0-", given-1), Body: fmt.Append(nil, given-1)}}
			},
			response: func(a *Answer) Verdict {
				mu.Lock()
				defer mu.Unlock()
				bodies += len(a.Beginning)
				at--
				if answered++; answered < parts {
					return Verdict{Hold: true}
				}
				return Verdict{Post: &Post{Body: []byte("all")}, For: "id-0", By: "batch"}
			},
		}
	})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			cl := &http.Client{Transport: &http.Transport{}, Timeout: 2 * time.Second}
			defer cl.CloseIdleConnections()
			for {
				res, err := cl.Get("http://" + s.Addr() + nextPath)
				if err != nil {
					return // nothing more comes
				}
				body, _ := io.ReadAll(res.Body)
				res.Body.Close()
				id := res.Header.Get("Lambda-Runtime-Aws-Request-Id")
				if id != "id-0-"+string(body) {
					t.Errorf("%s got %q", id, body)
				}
				res, err = cl.Post("http://"+s.Addr()+"/2018-06-01/runtime/invocation/"+id+"/response", "", bytes.NewReader(body))
				if err != nil || res.StatusCode != 202 {
					t.Error(err)
					return
				}
				res.Body.Close()
			}
		})
	}
	wg.Wait()
	if got := strings.Join(p.got(), "|"); got != "id-0/response  all" || s.Open() != 0 || bodies != 30 || s.splits.Len() != 0 {
		t.Errorf("%s, %d open, %d bytes", got, s.Open(), bodies)
	}
}
