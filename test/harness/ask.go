package harness

import (
	"io"
	"net/http"
	"strings"
	"time"
)

// TokenHeader is the header that carries Token.
const TokenHeader = "X-Aws-Parameters-Secrets-Token"

// Ask sends one request to the local API. Header values are set as given;
// "Host" sets the host. The sandbox must not be frozen.
func (s *Sandbox) Ask(method, path string, header ...string) (int, http.Header, string) {
	s.T.Helper()
	return s.Send(method, path, "", header...)
}

// Send is Ask with a body.
func (s *Sandbox) Send(method, path, body string, header ...string) (int, http.Header, string) {
	s.T.Helper()
	req, err := http.NewRequest(method, "http://127.0.0.1:"+s.Port+path, strings.NewReader(body))
	if err != nil {
		s.T.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Add(header[i], header[i+1])
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		s.T.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		s.T.Fatal(err)
	}
	return res.StatusCode, res.Header, string(answer)
}

// Get is Ask with the token.
func (s *Sandbox) Get(path string) (int, http.Header, string) {
	s.T.Helper()
	return s.Ask(http.MethodGet, path, TokenHeader, Token)
}
