package localhttp_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
)

// hostileServer has one secret and remembers whether it was read.
func hostileServer(t *testing.T) (*localhttp.Server, *fakeParameters) {
	fake := always(textResult("CANARY-VALUE"))
	fake.set = func(ref paramcache.Ref, _ paramcache.Setting) (string, error) {
		fake.refs = append(fake.refs, ref)
		return "1", nil
	}
	return start(t, localhttp.Deps{Parameters: fake, Metrics: &fakeMetrics{}}, localhttp.Options{Write: true}), fake
}

// TestHostileBytes sends what no client sends. Each case says the statuses
// that come back on the connection, in order; none may read the secret.
func TestHostileBytes(t *testing.T) {
	line := func(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }
	const secretLine = "GET /parameters/ssm/db HTTP/1.1"
	for name, test := range map[string]struct {
		request  string
		statuses []string
	}{
		"nothing but lines":        {"\r\n\r\n\r\n", []string{"400"}},
		"garbage":                  {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", []string{"400"}},
		"HTTP/0.9":                 {"GET /ping\r\n\r\n", []string{"400"}},
		"HTTP/3.0":                 {line("GET /ping HTTP/3.0", withHost), []string{"505"}},
		"NUL in path":              {line("GET /parameters/ssm/a\x00b HTTP/1.1", withHost, withToken), []string{"400"}},
		"bad escape in path":       {line("GET /parameters/ssm/%zz HTTP/1.1", withHost, withToken), []string{"400"}},
		"cut escape in path":       {line("GET /parameters/ssm/%2 HTTP/1.1", withHost, withToken), []string{"400"}},
		"space in path":            {line("GET /parameters/ssm/a b HTTP/1.1", withHost, withToken), []string{"400"}},
		"NUL in token":             {line(secretLine, withHost, withToken+"\x00"), []string{"400"}},
		"NUL in header name":       {line(secretLine, withHost, "X-\x00: 1"), []string{"400"}},
		"space before colon":       {line(secretLine, withHost, "X-Aws-Parameters-Secrets-Token : "+token), []string{"400"}},
		"folded token":             {line(secretLine, withHost, "X-Aws-Parameters-Secrets-Token: IQoJb3", " JpZ2luX2VjE"), []string{"403"}},
		"body on GET":              {line("GET /ping HTTP/1.1", withHost, "Content-Length: 5") + "hello", []string{"400"}},
		"hidden behind GET's body": {line("GET /ping HTTP/1.1", withHost, "Content-Length: 4") + line("GET /ping HTTP/1.1", withHost), []string{"400"}},
		"chunked GET": {line("GET /ping HTTP/1.1", withHost, "Transfer-Encoding: chunked") + "0\r\n\r\n" +
			line("GET /ping HTTP/1.1", withHost), []string{"400"}},
		"CL.TE": {line("POST /metrics HTTP/1.1", withHost, withToken, "Content-Length: 4", "Transfer-Encoding: chunked") + "0\r\n\r\n" +
			line("GET /ping HTTP/1.1", withHost), []string{"400"}},
		"TE.CL": {line("POST /metrics HTTP/1.1", withHost, withToken, "Transfer-Encoding: chunked", "Content-Length: 1000") + "1\r\n \r\n0\r\n\r\n" +
			line(secretLine, withHost), []string{"400"}},
		"TE.TE":              {line("POST /metrics HTTP/1.1", withHost, withToken, "Transfer-Encoding: chunked", "Transfer-Encoding: identity") + "0\r\n\r\n", []string{"501"}},
		"odd TE":             {line("POST /metrics HTTP/1.1", withHost, withToken, "Transfer-Encoding: xchunked") + "0\r\n\r\n", []string{"501"}},
		"two lengths":        {line("POST /metrics HTTP/1.1", withHost, withToken, "Content-Length: 4", "Content-Length: 5") + "hello", []string{"400"}},
		"negative length":    {line("POST /metrics HTTP/1.1", withHost, withToken, "Content-Length: -1"), []string{"400"}},
		"enormous length":    {line("POST /metrics HTTP/1.1", withHost, withToken, "Content-Length: 99999999999999999999"), []string{"400"}},
		"length over limit":  {line("POST /metrics HTTP/1.1", withHost, withToken, "Content-Length: 262145"), []string{"413"}},
		"endless chunks":     {line("POST /metrics HTTP/1.1", withHost, withToken, "Transfer-Encoding: chunked") + strings.Repeat("10000\r\n"+strings.Repeat("x", 65536)+"\r\n", 8), []string{"413"}},
		"bad chunk":          {line("POST /metrics HTTP/1.1", withHost, withToken, "Transfer-Encoding: chunked") + "zz\r\n", []string{"400"}},
		"body without token": {line("POST /metrics HTTP/1.1", withHost, "Content-Length: 20") + line("GET /ping HTTP/1.1", withHost), []string{"403"}},
		"wrong expectation":  {line("POST /metrics HTTP/1.1", withHost, withToken, "Expect: 200-ok", "Content-Length: 2"), []string{"417"}},
		"10 MB header":       {line(secretLine, withHost, "X-Big: "+strings.Repeat("a", 10<<20)), []string{"431"}},
		"10 MB of headers":   {line(secretLine, withHost, strings.Repeat("X-A: b\r\n", 10<<17)+"X-B: c"), []string{"431"}},
		"10 MB path":         {line("GET /"+strings.Repeat("a", 10<<20)+" HTTP/1.1", withHost), []string{"431"}},
		"header just fits": {line("GET /ping HTTP/1.1", withHost, "Connection: close", "X-Big: "+strings.Repeat("a",
			64<<10-len("GET /ping HTTP/1.1\r\n\r\nConnection: close\r\nX-Big: \r\n\r\n")-len(withHost))), []string{"200"}},
		"header a little too large": {line("GET /ping HTTP/1.1", withHost, "Connection: close", "X-Big: "+strings.Repeat("a", 64<<10)), []string{"431"}},
		"pipelined, one without token": {line("GET /ping HTTP/1.1", withHost) + line(secretLine, withHost) + line("GET /ping HTTP/1.1", withHost, "Connection: close"),
			[]string{"200", "403", "200"}},
		"NUL in secret id":        {line("GET /v1/a%00b HTTP/1.1", withHost, withToken), []string{"400"}},
		"line end in secret id":   {line("GET /v1/a%0d%0aX:%20y HTTP/1.1", withHost, withToken), []string{"400"}},
		"NUL in one of the names": {line("GET /parameters/ssm?name=a&name=b%00c HTTP/1.1", withHost, withToken), []string{"400"}},
		"NUL in path argument":    {line("GET /parameters/ssm?path=%2Fa%00 HTTP/1.1", withHost, withToken), []string{"400"}},
		"slash in profile":        {line("GET /parameters/appconfig/a/b/c%2F..%2Fd HTTP/1.1", withHost, withToken), []string{"400"}},
		"line end in flag":        {line("GET /parameters/appconfig/a/b/c?flag=a%0d%0a HTTP/1.1", withHost, withToken), []string{"400"}},
		"overlong name":           {line("GET /parameters/secrets?name="+strings.Repeat("n", 2049)+" HTTP/1.1", withHost, withToken), []string{"400"}},
		"PUT, CL.TE": {line("PUT /parameters/ssm/db HTTP/1.1", withHost, withToken, "Content-Length: 4", "Transfer-Encoding: chunked") + "0\r\n\r\n" +
			line(secretLine, withHost, withToken), []string{"400"}},
		"PUT, two lengths":     {line("PUT /parameters/ssm/db HTTP/1.1", withHost, withToken, "Content-Length: 4", "Content-Length: 5") + "hello", []string{"400"}},
		"PUT, over limit":      {line("PUT /parameters/secrets/db HTTP/1.1", withHost, withToken, "Content-Length: 262145"), []string{"413"}},
		"PUT, endless chunks":  {line("PUT /parameters/secrets/db HTTP/1.1", withHost, withToken, "Transfer-Encoding: chunked") + strings.Repeat("10000\r\n"+strings.Repeat("x", 65536)+"\r\n", 8), []string{"413"}},
		"PUT, hidden request":  {line("PUT /parameters/ssm/db HTTP/1.1", withHost, "Content-Length: 60") + line("GET /ping HTTP/1.1", withHost), []string{"403"}},
		"DELETE with a body":   {line("DELETE /parameters/cache HTTP/1.1", withHost, withToken, "Content-Length: 4") + "abcd", []string{"400"}},
		"method override":      {line("POST /parameters/cache HTTP/1.1", withHost, withToken, "X-HTTP-Method-Override: DELETE"), []string{"405"}},
		"upgrade to h2c":       {line("GET /ping HTTP/1.1", withHost, "Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"), []string{"200"}},
		"upgrade to websocket": {line(secretLine, withHost, "Connection: Upgrade", "Upgrade: websocket", "Origin: http://evil.com"), []string{"403"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, fake := hostileServer(t)
			c, err := net.Dial("tcp", s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			go func() {
				_, _ = io.WriteString(c, test.request) // the server may stop reading
				if half, ok := c.(*net.TCPConn); ok && len(test.request) < 1<<20 {
					_ = half.CloseWrite()
				}
			}()
			got := statuses(t, bufio.NewReader(c))
			if fmt.Sprint(got) != fmt.Sprint(test.statuses) {
				t.Errorf("statuses %v, want %v", got, test.statuses)
			}
			if len(fake.refs) != 0 {
				t.Errorf("the secret was read: %v", fake.refs)
			}
			if answer := raw(t, s.Addr(), head("GET /ping", withHost)); status(answer) != "200" {
				t.Errorf("the server does not live: %s", answer)
			}
		})
	}
}

// statuses reads answers until the connection ends.
func statuses(t *testing.T, r *bufio.Reader) (list []string) {
	t.Helper()
	for {
		answer, err := http.ReadResponse(r, nil)
		if err != nil {
			return list
		}
		body, _ := io.ReadAll(answer.Body)
		if strings.Contains(string(body), "CANARY") {
			t.Errorf("leaks: %s", body)
		}
		list = append(list, fmt.Sprint(answer.StatusCode))
		if answer.Close {
			return list
		}
	}
}

// TestRefusedBodyClosesConnection: after a refusal of a body the rest of it
// must never be read as a request.
func TestRefusedBodyClosesConnection(t *testing.T) {
	s, _ := hostileServer(t)
	for name, request := range map[string]string{
		"too large": "POST /metrics HTTP/1.1\r\n" + withHost + "\r\n" + withToken + "\r\nContent-Length: 300000\r\n\r\nGET /ping HTTP/1.1\r\n" + withHost + "\r\n\r\n",
		"on GET":    "GET /ping HTTP/1.1\r\n" + withHost + "\r\nContent-Length: 300000\r\n\r\nGET /ping HTTP/1.1\r\n" + withHost + "\r\n\r\n",
		"encoded":   "POST /metrics HTTP/1.1\r\n" + withHost + "\r\n" + withToken + "\r\nContent-Encoding: gzip\r\nContent-Length: 300000\r\n\r\nGET /ping HTTP/1.1\r\n" + withHost + "\r\n\r\n",
	} {
		answer := raw(t, s.Addr(), request)
		if strings.Count(answer, "HTTP/1.1 ") != 1 || !strings.Contains(answer, "Connection: close") {
			t.Errorf("%s: %s", name, answer)
		}
	}
}

// TestChunkedMetrics: clients that stream their body are welcome.
func TestChunkedMetrics(t *testing.T) {
	metrics := &fakeMetrics{}
	s := start(t, localhttp.Deps{Metrics: metrics}, localhttp.Options{})
	body := `{"metrics":[{"name":"a","value":1}]}`
	answer := raw(t, s.Addr(), fmt.Sprintf("POST /metrics HTTP/1.1\r\n%s\r\n%s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", withHost, withToken, len(body), body))
	if status(answer) != "202" || len(metrics.samples) != 1 {
		t.Errorf("got %s", answer)
	}
	answer = raw(t, s.Addr(), fmt.Sprintf("POST /metrics HTTP/1.1\r\n%s\r\n%s\r\nExpect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", withHost, withToken, len(body), body))
	if !strings.HasPrefix(answer, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 ") {
		t.Errorf("got %s", answer)
	}
}

// TestOtherAccount: names of foreign things are the service's business, not ours.
func TestOtherAccount(t *testing.T) {
	fake := failing(&paramcache.Error{Kind: paramcache.KindAccessDenied, Code: "AccessDeniedException", Message: "no"})
	s := start(t, localhttp.Deps{Parameters: fake}, localhttp.Options{})
	const arn = "arn:aws:ssm:us-east-1:999999999999:parameter/theirs"
	if answer := raw(t, s.Addr(), head("GET /parameters/ssm/"+arn, withHost, withToken)); status(answer) != "403" {
		t.Errorf("got %s", answer)
	}
	if ref, _ := fake.last(t); ref.Name != arn {
		t.Errorf("asked for %v", ref)
	}
}
