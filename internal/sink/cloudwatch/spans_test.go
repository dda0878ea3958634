package cloudwatch

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/sink"
)

// A request to CloudWatch's endpoint for spans is signed for X-Ray, and
// compressed if it was; throttling is tried again, a missing permission is not.
func TestPostSpans(t *testing.T) {
	status := http.StatusOK
	var got *http.Request
	var body string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		var in io.Reader = r.Body
		if r.Header.Get("Content-Encoding") == "gzip" {
			in, _ = gzip.NewReader(r.Body)
		}
		text, _ := io.ReadAll(in)
		body = string(text)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"partialSuccess":{}}`)
	}))
	defer srv.Close()
	env := map[string]string{"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t", "AWS_ENDPOINT_URL_XRAY": srv.URL}
	client := awsapi.New(awsapi.Options{Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	defer client.CloseIdle()
	post := PostSpans(client)
	answer, err := post(t.Context(), "", []byte(`{"resourceSpans":[]}`), false)
	if err != nil || string(answer) != `{"partialSuccess":{}}` {
		t.Fatalf("%s %v", answer, err)
	}
	if got.URL.Path != "/v1/traces" || got.Method != "POST" || !strings.Contains(got.Header.Get("Authorization"), "/eu-central-1/xray/aws4_request") || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Content-Encoding") != "" {
		t.Errorf("%s %s %v", got.Method, got.URL, got.Header)
	}
	var zipped strings.Builder
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte("compressed"))
	_ = z.Close()
	if _, err := post(t.Context(), "", []byte(zipped.String()), true); err != nil || body != "compressed" {
		t.Errorf("%v: %q", err, body)
	}
	status = http.StatusTooManyRequests
	if _, err := post(t.Context(), "", []byte(`{}`), false); !errors.As(err, new(*sink.RetryableError)) {
		t.Errorf("429: %v", err)
	}
	status = http.StatusForbidden
	if _, err := post(t.Context(), "", []byte(`{}`), false); err == nil || errors.As(err, new(*sink.RetryableError)) {
		t.Errorf("403: %v", err)
	}
}
