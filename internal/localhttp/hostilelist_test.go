package localhttp_test

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"powertools-extension/internal/localhttp"
)

// attack is one attempt over a socket of its own, and the statuses that come
// back, in order. Only where the last one is 200 may a value leave.
type attack struct{ kind, what, request, statuses string }

const (
	secretLine  = "GET /parameters/ssm/db HTTP/1.1"
	tokenName   = "X-Aws-Parameters-Secrets-Token"
	pingRequest = "GET /ping HTTP/1.1\r\n" + withHost + "\r\n\r\n"
)

func lines(all ...string) string { return strings.Join(all, "\r\n") + "\r\n\r\n" }

// hostileList is every kind of request that tries to get round the guard, to
// confuse the parser, or to hold the server.
func hostileList() []attack {
	return slices.Concat(tokenAttacks(), hostAttacks(), browserAttacks(), verbAttacks(), pathAttacks(), smugglingAttacks(), formAttacks())
}

func tokenAttacks() (list []attack) {
	add := func(what, status string, headers ...string) {
		list = append(list, attack{"token", what, lines(append([]string{secretLine, withHost, "Connection: close"}, headers...)...), status})
	}
	add("none", "403")
	for what, value := range map[string]string{
		"empty": "", "a space": " ", "cut": token[:len(token)-1], "longer": token + "=", "doubled": token + token, "two in one": token + ", " + token, "reversed": "==NEKOT",
		"lower case": strings.ToLower(token), "upper case": strings.ToUpper(token), "escaped": strings.ReplaceAll(token, "+", "%2B"), "plus as space": strings.ReplaceAll(token, "+", " "),
		"quoted": `"` + token + `"`, "single quoted": "'" + token + "'", "bearer": "Bearer " + token, "basic": "Basic " + token, "null": "null", "undefined": "undefined", "star": "*",
		"variable": "$AWS_SESSION_TOKEN", "path": "file:///proc/self/environ", "comment": token + " (x)", "semicolon": token + ";", "high bytes": token + "\xff\xfe", "zero width": token + "\u200b",
		"a MB of it": strings.Repeat("x", 60<<10), "regex": ".*", "json": `{"token":"` + token + `"}`,
	} {
		add(what, "403", tokenName+": "+value)
	}
	for what, value := range map[string]string{"NUL behind": token + "\x00", "NUL in front": "\x00" + token, "bell": token + "\a", "carriage return": token + "\rx"} {
		add(what, "400", tokenName+": "+value)
	}
	add("twice", "403", withToken, withToken)
	add("right and wrong", "403", withToken, tokenName+": x")
	add("wrong and right", "403", tokenName+": x", withToken)
	add("in both headers", "403", withToken, "X-Vault-Token: "+token)
	add("empty vault token too", "403", withToken, "X-Vault-Token:")
	add("wrong header", "403", "X-Aws-Parameters-Secret-Token: "+token)
	add("underscores", "403", "X_Aws_Parameters_Secrets_Token: "+token)
	add("Authorization", "403", "Authorization: "+token)
	add("Cookie", "403", "Cookie: "+tokenName+"="+token)
	add("folded", "403", tokenName+": "+token[:5], " "+token[5:])
	add("space before the colon", "400", tokenName+" : "+token)
	add("no colon", "400", tokenName+" "+token)
	add("tab around", "200", tokenName+":\t"+token+"\t")
	add("header in capitals", "200", strings.ToUpper(tokenName)+": "+token)
	add("vault token", "200", "X-Vault-Token: "+token)
	add("connection names the header", "200", withToken, "Connection: "+tokenName)
	for _, target := range []string{"?token=", "?X-Aws-Parameters-Secrets-Token=", "?access_token="} {
		list = append(list, attack{"token", "in the query " + target, head("GET /parameters/ssm/db"+target+token, withHost), "403"})
	}
	return list
}

func hostAttacks() (list []attack) {
	add := func(status string, hosts ...string) {
		for _, host := range hosts {
			list = append(list, attack{"Host", host, head("GET /parameters/ssm/db", "Host: "+host, withToken), status})
		}
	}
	add("200", "127.0.0.1", "127.0.0.1:2773", "localhost", "LOCALHOST:1", "[::1]", "[::1]:2773", "localhost:65535")
	add("421", "", "evil.com", "127.0.0.1.evil.com", "evil.com:2773", "localhost.evil.com", "evil.localhost", "localhost.", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f000001",
		"0177.0.0.1", "127.0.0.2", "0.0.0.0", "0", "::1", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::1]x", "[::1", "localhost:", "localhost:0", "localhost:65536", "localhost:99999",
		"localhost:-1", "localhost:+1", "localhost:27a3", "localhost:1:2", "sandbox.localdomain", "169.254.169.254", "127.0.0.1%00")
	add("400", "localhost@evil.com", "evil.com/localhost", "localhost\x00", "local host", "localhost, evil.com", "http://localhost")
	two := func(what, status string, headers ...string) {
		list = append(list, attack{"Host", what, lines(append(append([]string{secretLine}, headers...), withToken, "Connection: close")...), status})
	}
	two("missing", "400")
	two("twice", "400", withHost, withHost)
	two("twice, second evil", "400", withHost, "Host: evil.com")
	two("twice, first evil", "400", "Host: evil.com", withHost)
	two("X-Forwarded-Host", "400", withHost, "X-Forwarded-Host: localhost")
	two("X-Host beside it", "421", "Host: evil.com", "X-Host: localhost")
	for what, line := range map[string]string{
		"absolute form": "GET http://127.0.0.1:2773/parameters/ssm/db", "absolute form, evil": "GET http://evil.com/parameters/ssm/db", "https": "GET https://localhost/parameters/ssm/db",
		"CONNECT": "CONNECT 127.0.0.1:2773", "CONNECT evil": "CONNECT evil.com:443", "OPTIONS *": "OPTIONS *",
	} {
		list = append(list, attack{"Host", what, head(line, withHost, withToken), "421"})
	}
	return list
}

func browserAttacks() (list []attack) {
	for _, route := range []string{"/parameters/ssm/db", "/ping", "/secretsmanager/get?secretId=db", "/v1/db"} {
		for _, header := range []string{"Origin: http://localhost", "Origin: null", "Origin:", "Origin: http://evil.com", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: same-site",
			"Sec-Fetch-Site:", "Sec-Fetch-Site: none\r\nSec-Fetch-Site: cross-site", "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Site: none", "Sec-Fetch-Site: none, cross-site", "Sec-Fetch-Site: NONE"} {
			list = append(list, attack{"browser", route + " " + header, head("GET "+route, withHost, withToken, header), "403"})
		}
		for _, header := range []string{"X-Forwarded-For: 10.0.0.1", "x-forwarded-proto: https", "X-Forwarded-Anything: x", "Forwarded: for=1", "Via: 1.1 x", "X-Forwarded-For:"} {
			list = append(list, attack{"relay", route + " " + header, head("GET "+route, withHost, withToken, header), "400"})
		}
	}
	list = append(list,
		attack{"browser", "Sec-Fetch-Site: none", head("GET /parameters/ssm/db", withHost, withToken, "Sec-Fetch-Site: none"), "200"},
		attack{"browser", "preflight", head("OPTIONS /parameters/ssm/db", withHost, "Origin: http://evil.com", "Access-Control-Request-Method: GET"), "403"})
	return list
}

func verbAttacks() (list []attack) {
	for _, route := range []string{"/parameters/ssm/db", "/secretsmanager/get?secretId=db", "/v1/db", "/ping", "/healthz", "/parameters/cache", "/metrics"} {
		for _, verb := range []string{"POST", "PATCH", "TRACE", "OPTIONS", "get", "GETX", "PROPFIND"} {
			status := "405"
			if route == "/metrics" && verb == "POST" {
				status = "400" // no body to read
			}
			list = append(list, attack{"verb", verb + " " + route, head(verb+" "+route, withHost, withToken), status})
		}
	}
	return append(list,
		attack{"verb", "HEAD /parameters/ssm/db", head("HEAD /parameters/ssm/db", withHost, withToken), "405"},
		attack{"verb", "HEAD /ping", head("HEAD /ping", withHost), "200"},
		attack{"verb", "HEAD /healthz", head("HEAD /healthz", withHost), "200"},
		attack{"verb", "HEAD /v1/db", head("HEAD /v1/db", withHost, withToken), "405"},
		attack{"verb", "override", head("POST /parameters/ssm/db", withHost, withToken, "X-HTTP-Method-Override: GET"), "405"},
		attack{"verb", "NUL", head("GE\x00T /ping", withHost), "400"},
		attack{"verb", "none", head(" /ping", withHost), "400"},
	)
}

func pathAttacks() (list []attack) {
	add := func(status, verdict string, targets ...string) {
		for _, target := range targets {
			list = append(list, attack{"path", verdict + " " + target, head("GET "+target, withHost), status})
		}
	}
	add("403", "no token:", "/%70ing", "//ping", "/ping/", "/./ping", "/x/../ping", "/ping;x", "/ping%00", "/ping%2f", "/PING", "/healthz/", "/%68ealthz", "/", "/parameters/ssm/../../ping", "/v1", "/v2/db", "/.git/config",
		"/parameters/cache", "/openapi.json", "/context", "/metrics", "/debug/pprof/", "/parameters/ssm/%2e%2e%2fping")
	token := func(status string, targets ...string) {
		for _, target := range targets {
			list = append(list, attack{"path", target, head("GET "+target, withHost, withToken), status})
		}
	}
	token("400", "/parameters/ssm/%zz", "/parameters/ssm/%", "/parameters/ssm/%0a", "/parameters/ssm/%00", "/parameters/ssm/%ff", "/parameters/ssm/%c0%af", "/parameters/ssm/a%7f", "/parameters/ssm/", "/v1/",
		"/v1/a%0d%0aX:%20y", "/parameters/ssm/db?region=evil.com", "/parameters/ssm/db?region=x%2F..", "/parameters/ssm/db?region=", "/parameters/ssm/db?role_arn=x", "/parameters/ssm/db?max_age=-1", "/parameters/ssm/db?nope=1",
		"/parameters/ssm/db?decrypt=%00", "/parameters/ssm/db?max_age=1&max_age=2", "/secretsmanager/get?secretId=", "/parameters/secrets?name="+strings.Repeat("n", 2049), "/parameters/appconfig/a/b/c?flag=a%0d%0a")
	token("404", "/parameters", "/parameters/", "/parameters/ftp/x", "/applications/a/environments/b", "/secretsmanager/get/x", "/parameters//ssm/db")
	return list
}

func smugglingAttacks() (list []attack) {
	add := func(what, statuses string, parts ...string) {
		list = append(list, attack{"smuggling", what, strings.Join(parts, ""), statuses})
	}
	hidden := lines(secretLine, withHost, withToken, "Connection: close")
	post := func(headers ...string) string {
		return lines(append([]string{"POST /metrics HTTP/1.1", withHost, withToken}, headers...)...)
	}
	add("CL.TE", "400", post("Content-Length: 4", "Transfer-Encoding: chunked"), "0\r\n\r\n", hidden)
	add("TE.CL", "400", post("Transfer-Encoding: chunked", "Content-Length: 400"), "1\r\n \r\n0\r\n\r\n", hidden)
	add("TE.TE", "501", post("Transfer-Encoding: chunked", "Transfer-Encoding: identity"), "0\r\n\r\n", hidden)
	add("TE, odd case and space", "400", post("Transfer-Encoding: \tCHUNKED"), "0\r\n\r\n", hidden)
	add("TE, list", "501", post("Transfer-Encoding: gzip, chunked"), "0\r\n\r\n", hidden)
	add("TE, with a tab in its name", "400", post("Transfer-Encoding\t: chunked"), "0\r\n\r\n", hidden)
	add("two lengths", "400", post("Content-Length: 4", "Content-Length: 5"), "hello", hidden)
	add("two lengths in one", "400", post("Content-Length: 4, 5"), "hello", hidden)
	add("length with a sign", "400", post("Content-Length: +4"), "hell", hidden)
	add("length in hex", "400", post("Content-Length: 0x4"), "hell", hidden)
	add("negative length", "400", post("Content-Length: -1"), hidden)
	add("enormous length", "400", post("Content-Length: 99999999999999999999"), hidden)
	add("body of a GET", "400", lines("GET /ping HTTP/1.1", withHost, "Content-Length: 4"), hidden)
	add("chunks of a GET", "400", lines("GET /ping HTTP/1.1", withHost, "Transfer-Encoding: chunked"), "0\r\n\r\n", hidden)
	add("body without token", "403", lines("POST /metrics HTTP/1.1", withHost, "Content-Length: 20"), hidden)
	add("bad chunk", "400", post("Transfer-Encoding: chunked"), "zz\r\n", hidden)
	add("chunk with a sign", "400", post("Transfer-Encoding: chunked"), "-1\r\n", hidden)
	add("encoded body", "415", post("Content-Encoding: gzip", "Content-Length: 4"), "hell", hidden)
	add("too long a body", "413", post("Content-Length: 262145"), hidden)
	add("refused expectation", "417", post("Expect: 200-ok", "Content-Length: 2"), hidden)
	add("behind a ping, without token", "200 403", pingRequest, lines(secretLine, withHost, "Connection: close"))
	add("behind a ping, by LF", "200 403", strings.ReplaceAll(pingRequest, "\r\n", "\n"), lines(secretLine, withHost, "Connection: close"))
	add("behind a lone CR", "400", "GET /ping HTTP/1.1\r\n", withHost, "\rX: ", secretLine, "\r\n\r\n", hidden)
	add("header ends the head", "400", lines("GET /ping HTTP/1.1", withHost, "X: a\r\n b: c", ": d"), hidden)
	return list
}

func formAttacks() (list []attack) {
	add := func(what, statuses, request string) { list = append(list, attack{"form", what, request, statuses}) }
	add("TLS", "400", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
	add("HTTP/2", "421", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	add("HTTP/0.9", "400", "GET /ping\r\n\r\n")
	add("HTTP/3.0", "505", lines("GET /ping HTTP/3.0", withHost))
	add("HTTP/1.2", "505", lines("GET /ping HTTP/2.1", withHost))
	add("http/1.1", "400", lines("GET /ping http/1.1", withHost))
	add("HTTP/1.0 without Host", "421", "GET /ping HTTP/1.0\r\n\r\n")
	add("line ends only", "400", "\r\n\r\n\r\n")
	add("two spaces", "400", lines("GET  /ping HTTP/1.1", withHost))
	add("tab", "400", lines("GET\t/ping HTTP/1.1", withHost))
	add("space in the path", "400", lines("GET /a b HTTP/1.1", withHost))
	add("NUL in the path", "400", lines("GET /a\x00b HTTP/1.1", withHost))
	add("header without name", "400", lines("GET /ping HTTP/1.1", withHost, ": x"))
	add("header with NUL", "400", lines("GET /ping HTTP/1.1", withHost, "X: \x00"))
	add("10 MB header", "431", lines(secretLine, withHost, "X: "+strings.Repeat("a", 10<<20)))
	add("10 MB of headers", "431", lines(secretLine, withHost, strings.Repeat("X-A: b\r\n", 10<<17)+"X-B: c"))
	add("10 MB path", "431", lines("GET /"+strings.Repeat("a", 10<<20)+" HTTP/1.1", withHost))
	add("upgrade to h2c", "200", lines("GET /ping HTTP/1.1", withHost, "Connection: Upgrade, HTTP2-Settings, close", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"))
	add("upgrade to websocket", "403", head("GET /parameters/ssm/db", withHost, "Upgrade: websocket"))
	return list
}

// TestHostileList: every attempt gets its status, only those that are allowed
// to read get the value, and the server lives. The table says how many of each.
func TestHostileList(t *testing.T) {
	list := hostileList()
	s := start(t, localhttp.Deps{Parameters: always(textResult("CANARY-VALUE")), Metrics: &fakeMetrics{}}, localhttp.Options{MemoBytes: 1 << 20})
	seen := map[string]map[string]int{}
	for _, a := range list {
		c, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		go func() {
			_, _ = io.WriteString(c, a.request) // the server may stop reading
			if len(a.request) < 1<<20 {
				_ = c.(*net.TCPConn).CloseWrite()
			}
		}()
		raw, _ := io.ReadAll(c)
		_ = c.Close()
		got := rawStatuses(string(raw))
		if got != a.statuses {
			t.Errorf("%s, %s: %s, want %s", a.kind, cut(a.what), got, a.statuses)
		}
		if leaks := strings.Contains(string(raw), "CANARY-VALUE"); leaks && !strings.HasSuffix(a.statuses, "200") || strings.Contains(string(raw), token) {
			t.Errorf("%s, %s: answer leaks: %q", a.kind, cut(a.what), raw)
		}
		if seen[a.kind] == nil {
			seen[a.kind] = map[string]int{}
		}
		seen[a.kind][got]++
	}
	if answer := raw(t, s.Addr(), head("GET /ping", withHost)); status(answer) != "200" {
		t.Errorf("the server does not live: %s", answer)
	}
	table := fmt.Sprintf("%d requests\n", len(list))
	for _, kind := range slices.Sorted(maps.Keys(seen)) {
		for _, statuses := range slices.Sorted(maps.Keys(seen[kind])) {
			table += fmt.Sprintf("%-10s %-8s %3d\n", kind, statuses, seen[kind][statuses])
		}
	}
	t.Log(table)
	if len(list) < 178 {
		t.Errorf("%d requests", len(list))
	}
}

func cut(s string) string { return s[:min(len(s), 80)] }

// rawStatuses lists the statuses in what came back.
func rawStatuses(answer string) string {
	var list []string
	for part := range strings.SplitSeq(answer, "HTTP/1.") {
		if len(part) > 6 && part[1] == ' ' && part[5] == ' ' {
			list = append(list, part[2:5])
		}
	}
	return strings.Join(list, " ")
}

// TestSlowClients: a head that never ends, an answer that nobody reads and a
// body that stops cost their own connections and nobody else's time.
func TestSlowClients(t *testing.T) {
	s := start(t, localhttp.Deps{Parameters: always(textResult(strings.Repeat("x", 3000)))}, localhttp.Options{MemoBytes: 1 << 20})
	var slow []net.Conn
	for range 50 {
		for _, first := range []string{"GET /par", "", "POST /metrics HTTP/1.1\r\n" + withHost + "\r\n" + withToken + "\r\nContent-Length: 100\r\n\r\n{"} {
			c, err := net.Dial("tcp", s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, _ = io.WriteString(c, first)
			slow = append(slow, c)
		}
		c, err := net.Dial("tcp", s.Addr()) // asks and does not read
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		go func() {
			_ = c.SetWriteDeadline(time.Now().Add(time.Second))
			for {
				if _, err := io.WriteString(c, getA); err != nil {
					return
				}
			}
		}()
	}
	for range 20 {
		if answer := raw(t, s.Addr(), head("GET /parameters/ssm/db", withHost, withToken)); status(answer) != "200" {
			t.Fatalf("beside slow clients: %s", answer)
		}
	}
	for i, c := range slow {
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		if i%3 == 0 {
			if answer, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") {
				t.Fatalf("a head that does not end: %v %q", err, answer)
			}
		}
		if i%3 == 1 {
			if answer, err := io.ReadAll(c); err != nil || len(answer) != 0 {
				t.Fatalf("a silent one: %v %q", err, answer)
			}
		}
	}
}

// TestManyConnections: 700 at once, each of which asks again and again. The
// bound is 512, so idle ones are closed for others; a client that finds its
// connection closed opens another, as HTTP libraries do, and is answered.
func TestManyConnections(t *testing.T) {
	s := start(t, localhttp.Deps{Parameters: always(textResult("v"))}, localhttp.Options{MemoBytes: 1 << 20})
	statuses := map[string]int{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 700 {
		all.Go(func() {
			var c net.Conn
			defer func() {
				if c != nil {
					_ = c.Close()
				}
			}()
			var r *bufio.Reader
			for range 5 {
				got := ""
				for try := 0; got == "" && try < 50; try++ {
					if c == nil {
						var err error
						if c, err = net.Dial("tcp", s.Addr()); err != nil {
							continue
						}
						r = bufio.NewReader(c)
					}
					_ = c.SetDeadline(time.Now().Add(20 * time.Second))
					_, _ = io.WriteString(c, getA)
					if line, err := r.ReadString('\n'); err == nil && len(line) > 12 {
						got = line[9:12]
						if err := skipAnswer(r); err == nil && got == "200" {
							break
						}
					}
					_ = c.Close()
					c = nil
				}
				mu.Lock()
				statuses[got]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	t.Logf("answers by status: %v", statuses)
	if statuses["200"]+statuses["429"] != 3500 || statuses["200"] < 700 {
		t.Errorf("answers by status: %v", statuses)
	}
}

// skipAnswer reads the rest of an answer with a Content-Length.
func skipAnswer(r *bufio.Reader) error {
	length := 0
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return err
		}
		_, _ = fmt.Sscanf(line, "Content-Length: %d", &length)
		if line == "\r\n" {
			_, err = r.Discard(length)
			return err
		}
	}
}
