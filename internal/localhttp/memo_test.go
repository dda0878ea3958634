package localhttp_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/zap"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
)

// service is an upstream whose values change when its version does.
type service struct {
	version atomic.Int64
	calls   atomic.Int64
}

func (s *service) Fetch(_ context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	s.calls.Add(1)
	v := s.version.Load()
	switch {
	case strings.Contains(ref.Name, "missing"):
		return paramcache.Value{}, &paramcache.Error{Kind: paramcache.KindNotFound, Message: "no"}
	case strings.Contains(ref.Name, "denied") && v%2 == 1:
		return paramcache.Value{}, &paramcache.Error{Kind: paramcache.KindAccessDenied, Message: "no"}
	case strings.Contains(ref.Name, "binary"):
		return paramcache.Value{Name: ref.Name, Binary: []byte{0, 1, byte(v)}, Version: fmt.Sprint(v)}, nil
	}
	text := fmt.Sprintf(`{"name":%q,"a":{"b":"v%d"}}`, ref.Name, v)
	if strings.Contains(ref.Name, "large") {
		text = strings.Repeat(text, 800) // written in pieces, and over what is kept of one answer
	}
	if strings.Contains(ref.Name, "middle") {
		text = strings.Repeat(text, 50) // written in pieces
	}
	return paramcache.Value{Name: ref.Name, Text: paramcache.Secret(text), IsText: true, Version: fmt.Sprint(v), Type: "String"}, nil
}

// twins are two servers before two caches of one upstream and one clock: one
// with the memo, one without.
type twins struct {
	service *service
	clock   atomic.Int64 // nanoseconds since 1970; moves between requests only
	tokens  atomic.Pointer[[]string]
	caches  [2]*paramcache.Cache
	servers [2]*localhttp.Server
}

func newTwins(t *testing.T) *twins {
	w := &twins{service: &service{}}
	w.clock.Store(time.Now().UnixNano())
	w.tokens.Store(&[]string{token})
	for i, memo := range []int{256 << 10, 0} {
		w.caches[i] = paramcache.New(w.service, zap.NewNop(), paramcache.Config{
			MaxAge: 3 * time.Second, MaxItems: 12, MaxBytes: 1 << 20, StaleIfError: time.Minute,
			Now: func() time.Time { return time.Unix(0, w.clock.Load()) },
		})
		w.servers[i] = start(t, localhttp.Deps{Parameters: w.caches[i], Context: func(context.Context, string) localhttp.Context { return localhttp.Context{} }}, localhttp.Options{
			AppConfigPort: -1, MemoBytes: memo, Tokens: func() []string { return *w.tokens.Load() },
		})
	}
	return w
}

// disturb changes the world between two requests, now and then.
func (w *twins) disturb(r *rand.Rand) {
	w.clock.Add(int64(r.IntN(int(4 * time.Millisecond))))
	switch r.IntN(300) {
	case 0:
		w.service.version.Add(1)
	case 1:
		for _, c := range w.caches {
			c.PurgeAll()
		}
	case 2:
		for _, c := range w.caches {
			c.Purge(paramcache.Ref{Source: paramcache.SSM, Name: "a"})
		}
	case 3:
		w.clock.Add(int64(r.IntN(int(5 * time.Second)))) // a freeze
	case 4:
		w.clock.Add(-int64(r.IntN(int(2 * time.Second)))) // the clock is set
	case 5:
		w.tokens.Store(&[][]string{{token}, {token, "another"}}[r.IntN(2)])
	case 6:
		w.tokens.Store(&[]string{"another"})
	case 7, 8, 9:
		w.tokens.Store(&[]string{token})
	}
}

// requests are drawn from few heads, as a function sends them, and from what
// must not be answered again.
var (
	plainTargets = []string{
		"/parameters/ssm/a", "/parameters/ssm/a?format=text", "/parameters/ssm/app/b", "/parameters/secrets/s?transform=json", "/parameters/secrets/s?key=a.b",
		"/secretsmanager/get?secretId=s", "/systemsmanager/parameters/get?name=a", "/v1/s", "/parameters/appconfig/a/e/p?flag=a",
		"/applications/a/environments/e/configurations/p", "/parameters/dynamodb/t/k", "/parameters/ssm/a?max_age=2", "/parameters/secrets/binary", "/parameters/ssm/middle",
	}
	configurationTargets = []string{
		"/applications/a/environments/e/configurations/p", "/applications/a/environments/e/configurations/p?flag=a", "/applications/a/environments/e/configurations/q",
	}
	otherTargets = []string{
		"/parameters/ssm/a?max_age=0", "/parameters/ssm/a?force_fetch=true", "/parameters/secrets/s?refresh_if_version=1", "/secretsmanager/get?secretId=s&refreshNow=true",
		"/v1/s?refreshNow=1", "/parameters/ssm?path=/app", "/parameters/ssm?name=/a&name=/b", "/parameters/ssm/missing", "/parameters/ssm/denied", "/parameters/ssm/large",
		"/healthz", "/ping", "/x", "/parameters/ssm/a?nope=1", "/openapi.json", "/context", "/parameters/ssm/a?transform=binary", "/v1/missing",
	}
	otherHeaders = []string{
		"X-Forwarded-For: 1", "Origin: x", "Host: evil", "If-None-Match: *", "Connection: close", "Expect: 100-continue", "Content-Length: 0", "Connection: keep-alive",
		"Accept: text/plain", "Upgrade: h2c", "Sec-Fetch-Site: cross-site", "Transfer-Encoding: identity", "Trailer: X", "Via: 1", "X-Vault-Token: x", "Range: bytes=0-1",
	}
)

// sending is what is written on a connection: whole heads, split or not.
type sending struct {
	bytes []byte
	heads []string // that are answered
	cuts  int
	end   bool // the client sends nothing more
}

func draw(r *rand.Rand, plain []string) sending {
	line := func() string {
		target := plain[r.IntN(len(plain))]
		if r.IntN(12) == 0 {
			target = otherTargets[r.IntN(len(otherTargets))]
		}
		given := token
		if r.IntN(30) == 0 {
			given = []string{token + "x", "another", ""}[r.IntN(3)]
		}
		method, version := "GET", "HTTP/1.1"
		if r.IntN(60) == 0 {
			method = []string{"HEAD", "POST", "DELETE", "get"}[r.IntN(3)]
		}
		if r.IntN(100) == 0 {
			version = "HTTP/1.0"
		}
		head := method + " " + target + " " + version + "\r\n" + withHost + "\r\nX-Aws-Parameters-Secrets-Token: " + given + "\r\n"
		if r.IntN(12) == 0 {
			head += otherHeaders[r.IntN(len(otherHeaders))] + "\r\n"
		}
		return head + "\r\n"
	}
	s := sending{heads: []string{line()}}
	s.bytes = []byte(s.heads[0])
	both := func() { // one behind the other
		s.heads = append(s.heads, line())
		s.bytes = append(s.bytes, s.heads[1]...)
	}
	switch r.IntN(60) {
	case 0, 1:
		s.cuts = 1 + r.IntN(3)
	case 2:
		both()
	case 3: // lines may end without CR
		s.bytes = bytes.ReplaceAll(s.bytes, []byte("\r\n"), []byte("\n"))
		if r.IntN(2) == 0 {
			both()
		}
	case 4: // a bit flips, but not of a line's end, after which the server would wait for more
		if i := r.IntN(len(s.bytes)); s.bytes[i] >= ' ' {
			s.bytes[i] ^= 1 << r.IntN(7)
			s.end = true
		}
	case 5: // something in front, or a rest behind
		s.bytes, s.end = append([]byte([]string{"\r\n", "X", "GE"}[r.IntN(3)]), s.bytes...), true
	case 6:
		s.bytes, s.end = append(s.bytes, "GET /par"...), true
	}
	return s
}

// drawSeries draws what is sent on one connection, one after the other: mostly
// one thing, and else what shows only when it comes again or after another.
func drawSeries(r *rand.Rand, plain []string) []sending {
	s := draw(r, plain)
	get := func(front string, end bool) sending {
		head := "GET " + plain[0] + " HTTP/1.1\r\n" + withHost + "\r\n" + withToken + "\r\n\r\n"
		return sending{bytes: []byte(front + head), heads: []string{head}, end: end}
	}
	switch r.IntN(25) {
	case 0, 1: // the same again
		return []sending{s, s, s, s}
	case 2: // a rest that belongs to what comes next
		rest := get("", false)
		rest.bytes = append(rest.bytes, "XY"...)
		return []sending{get("", false), get("", false), rest, get("", false)}
	case 3: // net/http takes a line end after a POST, and only there
		post := "POST /ping HTTP/1.1\r\n" + withHost + "\r\n\r\n"
		return []sending{get("", false), get("", false), {bytes: []byte(post), heads: []string{post}}, get("", false), get("\r\n", true)}
	}
	return []sending{s}
}

// link is a client's connection.
type link struct {
	net.Conn
	seen    bytes.Buffer // what has come, up to what answers has taken
	answers *bufio.Reader
}

func dial(t *testing.T, addr string) *link {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	l := &link{Conn: c}
	l.answers = bufio.NewReader(io.TeeReader(c, &l.seen))
	return l
}

// read reads one answer, byte for byte as it came, and tells whether the
// connection lives.
func (l *link) read(method string) (raw []byte, alive bool) {
	answer, err := http.ReadResponse(l.answers, &http.Request{Method: method})
	if err == nil {
		_, err = io.Copy(io.Discard, answer.Body)
	}
	raw = bytes.Clone(l.seen.Next(l.seen.Len() - l.answers.Buffered()))
	if err != nil {
		return append(raw, err.Error()...), false
	}
	return raw, !answer.Close
}

func (l *link) ask(request string) string {
	_ = l.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(l, request) // the server may have closed
	method, _, _ := strings.Cut(request, " ")
	answer, _ := l.read(method)
	return string(answer)
}

// exchange sends and returns what came back, and whether the connection lives.
func (l *link) exchange(s sending, cuts []int) (answers [][]byte, alive bool) {
	_ = l.SetDeadline(time.Now().Add(20 * time.Second))
	from := 0
	for _, cut := range append(cuts, len(s.bytes)) {
		_, _ = l.Write(s.bytes[from:cut]) // the server may have closed
		if from = cut; cut < len(s.bytes) {
			time.Sleep(100 * time.Microsecond)
		}
	}
	for _, head := range s.heads {
		method, _, _ := strings.Cut(head, " ")
		answer, alive := l.read(method)
		if answers = append(answers, answer); !alive {
			return answers, false
		}
	}
	if s.end { // not before the answer: a client that goes ends its fetch
		_ = l.Conn.(*net.TCPConn).CloseWrite()
		rest, _ := io.ReadAll(l.answers)
		return append(answers, rest), false
	}
	return answers, true
}

// ownLines differ between two servers that answer alike: the time, and a tag
// with a key of the process in it.
var ownLines = regexp.MustCompile(`(?m)^(Date|Etag): .*\r\n`)

// compare sends to both, and reports whether the connections live.
func (w *twins) compare(t *testing.T, links [2]*link, s sending, r *rand.Rand, statuses map[string]int) bool {
	t.Helper()
	var cuts []int
	for range s.cuts {
		cuts = append(cuts, len(s.bytes)*(len(cuts)+1)/(s.cuts+1)+r.IntN(3)-1)
	}
	with, alive := links[0].exchange(s, cuts)
	without, lives := links[1].exchange(s, cuts)
	if alive != lives || len(with) != len(without) {
		t.Fatalf("%q cut at %v: connection lives %v with, %v without; answers %q and %q", s.bytes, cuts, alive, lives, with, without)
	}
	for k := range with {
		statuses[status(string(with[k]))]++
		if d := cmp.Diff(string(ownLines.ReplaceAll(with[k], nil)), string(ownLines.ReplaceAll(without[k], nil))); d != "" {
			t.Fatalf("%q cut at %v, answer %d (-with +without):\n%s", s.bytes, cuts, k, d)
		}
	}
	return alive
}

// TestMemoIsEqual: random requests, whole, split, one behind the other and
// broken, through purges, expiries, freezes, clocks that go back and changing
// tokens, get the same bytes with the memo and without; Age included, for both
// caches have one clock. The books of both are the same in the end.
func TestMemoIsEqual(t *testing.T) {
	const rounds = 20_000
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	w := newTwins(t)
	statuses := map[string]int{}
	for _, port := range []struct {
		addr   func(*localhttp.Server) string
		plain  []string
		rounds int
	}{{(*localhttp.Server).Addr, plainTargets, rounds}, {(*localhttp.Server).AppConfigAddr, configurationTargets, rounds / 4}} {
		for part := 0; part < port.rounds; {
			links := [2]*link{dial(t, port.addr(w.servers[0])), dial(t, port.addr(w.servers[1]))}
			for i, alive := 0, true; i < 20 && alive; i++ {
				w.disturb(r)
				for _, s := range drawSeries(r, port.plain) {
					if part++; alive {
						alive = w.compare(t, links, s, r, statuses)
					}
				}
			}
			_, _ = links[0].Close(), links[1].Close()
		}
	}
	with, without := w.servers[0].Stats(), w.servers[1].Stats()
	t.Logf("answers by status: %v", statuses)
	t.Logf("requests %d, of these from the memo %d; upstream calls %d", with.Requests, with.Repeated, w.service.calls.Load())
	if with.Repeated < with.Requests/4 {
		t.Errorf("only %d of %d answers came from the memo: the test says little about it", with.Repeated, with.Requests)
	}
	if without.Repeated != 0 {
		t.Errorf("%d answers from a memo that is off", without.Repeated)
	}
	with.Repeated = 0
	if d := cmp.Diff(with, without); d != "" {
		t.Errorf("counters (-with +without):\n%s", d)
	}
	if d := cmp.Diff(w.caches[0].Entries(), w.caches[1].Entries()); d != "" {
		t.Errorf("entries, their order of use and their hits (-with +without):\n%s", d)
	}
	if d := cmp.Diff(w.caches[0].Take(), w.caches[1].Take(), cmpopts.IgnoreFields(paramcache.Counters{}, "UpstreamTime")); d != "" {
		t.Errorf("the caches' counters (-with +without):\n%s", d)
	}
}
