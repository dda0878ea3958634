package runtimeapi

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// hello shakes hands as the wrapper does.
func hello(t *testing.T, s *Server, body string, header ...string) (int, string) {
	t.Helper()
	c, r := connect(t, s.Addr())
	head := "POST /powertools/v1/runtime HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n"
	for _, h := range header {
		head += h + "\r\n"
	}
	_, _ = io.WriteString(c, head+"\r\n"+body)
	res, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

const right = "X-Aws-Parameters-Secrets-Token: " + token

func TestHandshake(t *testing.T) {
	first := lambda(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "first") })
	second := lambda(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "second "+r.URL.Path) })
	var asked Hello
	s := start(t, first, func(o *Options) {
		o.Handshake = func(_ context.Context, h Hello) Reply {
			asked = h
			return Reply{Proxy: true, Env: map[string]string{"A": "v"}, Failed: []EnvError{{"B", "ssm:/b", "not_found", "create it"}}}
		}
	})
	get := func() string {
		res, err := client(t).Get("http://" + s.Addr() + "/a")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return string(body)
	}
	if got := get(); got != "first" {
		t.Errorf("before the handshake: %q", got)
	}
	_, own, _ := net.SplitHostPort(s.Addr())
	for name, test := range map[string]struct {
		body   string
		header []string
		status int
	}{
		"no token":          {`{"upstream":"` + second + `"}`, nil, 403},
		"wrong token":       {`{"upstream":"` + second + `"}`, []string{right + "x"}, 403},
		"two tokens":        {`{"upstream":"` + second + `"}`, []string{right, right}, 403},
		"malformed":         {`{"upstream":`, []string{right}, 400},
		"no object":         {`[]`, []string{right}, 400},
		"no upstream":       {`{}`, []string{right}, 400},
		"too large":         {`{"upstream":"` + strings.Repeat("x", maxHello) + `"}`, []string{right}, 413},
		"foreign host":      {`{"upstream":"10.1.2.3:9001"}`, []string{right}, 400},
		"foreign name":      {`{"upstream":"evil.example:9001"}`, []string{right}, 400},
		"link-local prefix": {`{"upstream":"169.254.1.1.evil.example:80"}`, []string{right}, 400},
		"no port":           {`{"upstream":"127.0.0.1"}`, []string{right}, 400},
		"user":              {`{"upstream":"x@127.0.0.1:80"}`, []string{right}, 400},
		"itself":            {`{"upstream":"` + s.Addr() + `"}`, []string{right}, 400},
		"itself by name":    {`{"upstream":"http://localhost:` + own + `/x"}`, []string{right}, 400},
		"https":             {`{"upstream":"https://127.0.0.1:80"}`, []string{right}, 400},
	} {
		if status, text := hello(t, s, test.body, test.header...); status != test.status || !strings.Contains(text, `"errorMessage":"`) {
			t.Errorf("%s: status %d, want %d: %s", name, status, test.status, text)
		}
	}
	if got := get(); got != "first" || s.Hello() != nil {
		t.Errorf("after refusals: %q", got)
	}
	status, text := hello(t, s, `{"upstream":"http://`+second+`/some/path/","handler":"app.h","more":[1],"env":{"A":"powertools+ssm:/a"},"env_path":"/p/"}`, right)
	want := fmt.Sprintf(`{"proxy":true,"address":%q,"env":{"A":"v"},"env_error":[{"name":"B","ref":"ssm:/b","code":"not_found","cure":"create it"}]}`, s.Addr())
	if status != 200 || text != want {
		t.Errorf("status %d\n got %s\nwant %s", status, text, want)
	}
	if diff := cmp.Diff(Hello{Upstream: "http://" + second + "/some/path/", Handler: "app.h", Env: map[string]string{"A": "powertools+ssm:/a"}, EnvPath: "/p/"}, asked); diff != "" {
		t.Error(diff)
	}
	if got := get(); got != "second /some/path/a" {
		t.Errorf("after the handshake: %q", got)
	}
}

func TestAddresses(t *testing.T) {
	lambda, err := parseAddress("169.254.100.1:9001")
	if err != nil {
		t.Fatal(err)
	}
	for text, near := range map[string]bool{
		"127.0.0.1:9001": true, "127.9.9.9:1": true, "[::1]:9001": true, "http://[::]:9000/.rt": true, "localhost:5050/Fn": true,
		"169.254.79.129:2000": true, "[fe80::1]:80": true, "169.254.100.1:9001": true, "8.8.8.8:80": false, "example.com:80": false,
	} {
		a, err := parseAddress(text)
		if err != nil || a.near(lambda) != near {
			t.Errorf("%s: %v, near %v, want %v", text, err, !near, near)
		}
	}
}

// TestHandshakeInInvocation: the answer goes where its event came from.
func TestHandshakeInInvocation(t *testing.T) {
	addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "a")
			return
		}
		w.WriteHeader(202)
	})
	s := start(t, addr)
	cl := client(t)
	res, err := cl.Get("http://" + s.Addr() + nextPath)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if status, _ := hello(t, s, `{"upstream":"`+addr+`"}`, right); status != 409 {
		t.Errorf("status %d", status)
	}
	res, err = cl.Post("http://"+s.Addr()+"/2018-06-01/runtime/invocation/a/response", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if status, _ := hello(t, s, `{"upstream":"`+addr+`"}`, right); status != 200 {
		t.Errorf("after the answer: status %d", status)
	}
}

// TestHandshakeGivenUp: a wrapper that leaves ends what is fetched for it.
func TestHandshakeGivenUp(t *testing.T) {
	asked, ended := make(chan struct{}), make(chan struct{})
	s := start(t, "127.0.0.1:1", func(o *Options) {
		o.Handshake = func(ctx context.Context, _ Hello) Reply {
			close(asked)
			<-ctx.Done()
			close(ended)
			return Reply{}
		}
	})
	body := `{"upstream":"127.0.0.1:9001"}`
	c, _ := connect(t, s.Addr())
	fmt.Fprintf(c, "POST /powertools/v1/runtime HTTP/1.1\r\nHost: localhost\r\n%s\r\nContent-Length: %d\r\n\r\n%s", right, len(body), body)
	<-asked
	c.Close()
	<-ended
}

// record is an Observer.
type record struct {
	mu       sync.Mutex
	events   []Event
	answers  []Answer
	late     []string
	restored int
}

func (r *record) Delivered(e Event) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e.Beginning = append([]byte(nil), e.Beginning...)
	r.events = append(r.events, e)
	return false
}

func (r *record) Answered(a Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.Beginning = append([]byte(nil), a.Beginning...)
	r.answers = append(r.answers, a)
}

func (r *record) Late(id string, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.late = append(r.late, id)
}

func (r *record) wasLate() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.late
}

func (r *record) Restored() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.restored++
}

// TestObserved: what an invocation's life looks like from here.
func TestObserved(t *testing.T) {
	deadline := time.Now().Add(time.Hour).Truncate(time.Millisecond)
	addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			h := w.Header()
			h.Set("Lambda-Runtime-Aws-Request-Id", "id-1")
			h.Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(deadline.UnixMilli()))
			h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:x")
			h.Set("Lambda-Runtime-Trace-Id", "Root=1")
			h.Set("Lambda-Runtime-Aws-Tenant-Id", "t")
			_, _ = io.WriteString(w, `{"a":1}`)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(202)
	})
	o := &record{}
	s := start(t, addr, func(opt *Options) { opt.Observer = o })
	c, r := connect(t, s.Addr())
	exchange := func(text string) {
		t.Helper()
		_, _ = io.WriteString(c, text)
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
	}
	for i, post := range []string{
		"response HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nok",
		"error HTTP/1.1\r\nHost: localhost\r\nLambda-Runtime-Function-Error-Type: Function.X\r\nContent-Length: 2\r\n\r\n{}",
		"response HTTP/1.1\r\nHost: localhost\r\nLambda-Runtime-Function-Response-Mode: streaming\r\nTrailer: Lambda-Runtime-Function-Error-Type\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nLambda-Runtime-Function-Error-Type: Function.Y\r\n\r\n",
	} {
		exchange("GET " + nextPath + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
		if s.Open() != 1 {
			t.Errorf("%d: %d open", i, s.Open())
		}
		time.Sleep(2 * time.Millisecond)
		exchange("POST /2018-06-01/runtime/invocation/id-1/" + post)
	}
	exchange("POST /2018-06-01/runtime/invocation/other/response HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
	exchange("GET /2018-06-01/runtime/restore/next HTTP/1.1\r\nHost: localhost\r\n\r\n")
	want := Event{ID: "id-1", FunctionARN: "arn:x", TraceHeader: "Root=1", TenantID: "t", Deadline: deadline, Bytes: 7, Beginning: []byte(`{"a":1}`), Whole: true}
	for _, e := range o.events {
		e.At = time.Time{}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Error(diff)
		}
	}
	for i := range o.answers {
		a := &o.answers[i]
		if a.Known && (a.Handler < 2*time.Millisecond || a.Proxy <= 0 || a.Proxy > a.Handler+time.Second) {
			t.Errorf("answer %d: handler %v, proxy %v", i, a.Handler, a.Proxy)
		}
		if a.At.IsZero() {
			t.Errorf("answer %d: no time", i)
		}
		a.Handler, a.Proxy, a.At = 0, 0, time.Time{}
	}
	if diff := cmp.Diff([]Answer{
		{ID: "id-1", Status: 202, Bytes: 2, Beginning: []byte("ok"), Whole: true, Known: true},
		{ID: "id-1", Status: 202, Bytes: 2, Beginning: []byte("{}"), Whole: true, Known: true, Failed: true, ErrorType: "Function.X"},
		{ID: "id-1", Status: 202, Bytes: 2, Beginning: []byte("ab"), Whole: true, Known: true, Failed: true, ErrorType: "Function.Y", Streamed: true},
		{ID: "other", Status: 202, Whole: true},
	}, o.answers); diff != "" {
		t.Error(diff)
	}
	if len(o.events) != 3 || o.restored != 1 || s.Open() != 0 {
		t.Errorf("%d events, %d restores, %d open", len(o.events), o.restored, s.Open())
	}
}

// TestLife: lateness, what never comes back, and the bound.
func TestLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &record{}
		var classic, managed life
		classic.init(false, o)
		managed.init(true, o)
		at := func(id string, d time.Duration) *Event {
			now := time.Now()
			return &Event{ID: id, At: now, Deadline: now.Add(d)}
		}
		classic.deliver(at("one", time.Second))
		classic.deliver(at("two", time.Second)) // one will not come back
		managed.deliver(at("three", 2*time.Second))
		managed.deliver(at("four", 3*time.Second))
		if classic.count() != 1 || managed.count() != 2 {
			t.Errorf("open %d and %d", classic.count(), managed.count())
		}
		time.Sleep(749 * time.Millisecond)
		if late := o.wasLate(); len(late) != 0 {
			t.Errorf("late too early: %v", late)
		}
		time.Sleep(2 * time.Second)
		managed.answer(&Answer{ID: "four"}, time.Now())
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]string{"two", "three"}, o.wasLate()[:2]); diff != "" || len(o.wasLate()) > 3 {
			t.Errorf("late: %v", o.wasLate())
		}
		if classic.count()+managed.count() != 0 {
			t.Errorf("open %d and %d", classic.count(), managed.count())
		}
		for i := range maxOpen + 10 {
			if ok := managed.deliver(&Event{ID: fmt.Sprint(i), At: time.Now()}); ok != (i < maxOpen) {
				t.Fatalf("%d: followed %v", i, ok)
			}
		}
		managed.stop()
		classic.stop()
	})
}

// TestTwoProxies: one before the other, as two layers with proxies stack.
func TestTwoProxies(t *testing.T) {
	addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Host, r.RequestURI, body, r.Trailer.Get("X-T"))
	})
	outer := start(t, addr)
	inner := start(t, addr)
	if status, text := hello(t, inner, `{"upstream":"`+outer.Addr()+`"}`, right); status != 200 {
		t.Fatal(status, text)
	}
	c, r := connect(t, inner.Addr())
	for range 3 {
		_, _ = io.WriteString(c, "POST /a?b HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n1\r\nz\r\n0\r\nX-T: v\r\n\r\n")
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(res.Body); string(body) != addr+" /a?b z v" {
			t.Errorf("Lambda saw %q", body)
		}
	}
	if outer.Stats().Requests != 3 || inner.Stats().Requests != 3 {
		t.Errorf("requests %d and %d", outer.Stats().Requests, inner.Stats().Requests)
	}
}

// TestManyAtOnce: managed instances poll and answer side by side, and every
// answer goes with its event.
func TestManyAtOnce(t *testing.T) {
	var mu sync.Mutex
	n := 0
	addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			mu.Lock()
			n++
			id := fmt.Sprint("id-", n)
			mu.Unlock()
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", id)
			_ = json.NewEncoder(w).Encode(id)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if !strings.Contains(r.URL.Path, "/"+strings.Trim(string(body), "\"\n")+"/") {
			t.Errorf("%s got %q", r.URL.Path, body)
		}
		w.WriteHeader(202)
	})
	o := &record{}
	s := start(t, addr, func(opt *Options) { opt.Observer, opt.Managed = o, true })
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			c, err := net.Dial("tcp", s.Addr())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			r := bufio.NewReader(c)
			for range 50 {
				_, _ = io.WriteString(c, "GET "+nextPath+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
				res, err := http.ReadResponse(r, nil)
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(res.Body)
				fmt.Fprintf(c, "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s",
					res.Header.Get("Lambda-Runtime-Aws-Request-Id"), len(body), body)
				if res, err = http.ReadResponse(r, nil); err != nil || res.StatusCode != 202 {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	known := 0
	for _, a := range o.answers {
		if a.Known {
			known++
		}
	}
	if known != 800 || s.Open() != 0 {
		t.Errorf("%d answers with their events, %d open", known, s.Open())
	}
}
