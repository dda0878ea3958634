package runtimeapi

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// seen is a request as net/http, and so Lambda's own API, understands it.
type seen struct {
	Method, Target string
	Header         http.Header
	Body           string
	Trailer        http.Header
}

// understand reads one request. false: net/http refuses it.
func understand(data []byte) (seen, bool) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(data)))
	if err != nil {
		return seen{}, false
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return seen{}, false
	}
	h := r.Header.Clone()
	for _, list := range r.Header["Connection"] {
		for name := range strings.SplitSeq(list, ",") {
			h.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range []string{"Connection", "Keep-Alive", "Proxy-Connection", "Te", "Transfer-Encoding", "Upgrade", "Content-Length", "Expect"} {
		h.Del(name)
	}
	trailer := http.Header{}
	for name, values := range r.Trailer {
		if len(values) > 0 && name != "Keep-Alive" && name != "Connection" && name != "Te" && name != "Upgrade" && name != "Proxy-Connection" {
			trailer[name] = values
		}
	}
	return seen{r.Method, r.RequestURI, h, string(body), trailer}, true
}

// passOn is what the proxy would send for these bytes. false: it refuses.
func passOn(s *Server, data []byte) ([]byte, bool) {
	c := &conn{s: s, r: bufio.NewReaderSize(bytes.NewReader(data), readBuffer), resume: make(chan struct{}, 1)}
	if c.req.read(c.r) != nil {
		return nil, false
	}
	rq, err := c.req.request()
	if err != nil {
		return nil, false
	}
	f, err := c.req.requestFrame(rq.minor)
	if err != nil {
		return nil, false
	}
	if status, _ := c.req.guard(rq.minor); status != 0 {
		return nil, false
	}
	x := &exchange{conn: c, request: rq, body: newBody(f, c.r)}
	if x.gather() {
		return nil, false
	}
	var rest bytes.Buffer
	if err := move(x.body, &rest, false); err != nil {
		return nil, false
	}
	return append(c.out, rest.Bytes()...), true
}

// mayRefuse names what is refused here and not by http.ReadRequest: what its
// server refuses later, what is no path, and what two readers could
// understand differently.
func mayRefuse(data []byte) bool {
	head, _, _ := bytes.Cut(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
	unfolded := strings.NewReplacer("\n ", " ", "\n\t", " ").Replace(string(head))
	lines := strings.Split(unfolded, "\n")
	start := strings.Split(lines[0], " ")
	if len(start) != 3 || !strings.HasPrefix(start[1], "/") || start[2] != "HTTP/1.1" && start[2] != "HTTP/1.0" {
		return true
	}
	host := false
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(strings.ToLower(line), ":")
		if !isToken([]byte(name)) && !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") {
			return true
		}
		switch name {
		case "transfer-encoding", "content-length", "origin", "sec-fetch-site":
			return true
		case "host":
			host = true
			if !localHost([]byte(strings.TrimSpace(value))) {
				return true
			}
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return true
		}
	}
	return strings.Count("\n"+strings.ToLower(string(head)), "\nhost:") > 1 || !host && start[2] == "HTTP/1.1"
}

// FuzzRequest: what is passed on means what came, to net/http, and what
// net/http refuses it refuses from here too.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a\r\n\r\n",
		"POST /a?b HTTP/1.1\r\nHost: localhost:1\r\nContent-Length: 3\r\nX-A: 1\r\nx-a: 2\r\n\r\nabc",
		"POST /a HTTP/1.1\nHost: [::1]\nTransfer-Encoding: chunked\nTrailer: X-T\n\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
		"GET /%zz HTTP/1.0\r\nConnection: keep-alive, x-b\r\nX-B: 1\r\nFold: a\r\n b\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n : x\r\n\r\nz",
		"GET /a HTTP/1.1\r\nHost: localhost\r\nConnection: host, content-length\r\nContent-Length: 1\r\n\r\nz",
	} {
		f.Add([]byte(seed))
	}
	s, err := New(Options{Upstream: "127.0.0.1:9001"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		direct, taken := understand(data)
		out, passed := passOn(s, data)
		switch {
		case passed && taken:
			through, ok := understand(out)
			if !ok {
				t.Fatalf("Lambda would refuse\n%q\nand takes\n%q", out, data)
			}
			if diff := cmp.Diff(direct, through); diff != "" {
				t.Fatalf("%q\nbecame\n%q:\n%s", data, out, diff)
			}
		case passed:
			if through, ok := understand(out); ok {
				t.Fatalf("Lambda would refuse\n%q\nand takes\n%q\nas %+v", data, out, through)
			}
		case taken && !mayRefuse(data):
			t.Fatalf("refused %q, which Lambda takes as %+v", data, direct)
		}
	})
}
