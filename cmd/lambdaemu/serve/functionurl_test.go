package serve

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/lambdaemu"
)

// answering is a function that streams parts and then answers.
func answering(resp lambdaemu.Response, parts ...lambdaemu.Part) function {
	resp.RequestID = "11111111-1111-1111-1111-111111111111"
	return func(req lambdaemu.Request) (lambdaemu.Response, error) {
		for _, p := range parts {
			req.OnPart(p)
		}
		req.OnResponse(resp)
		return resp, nil
	}
}

func call(t *testing.T, f function, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	api := serving(t.Context(), f)
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Host = "127.0.0.1:9000"
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, req)
	api.running.Wait()
	return rec
}

// What a function URL makes of the function's answer.
// [DOC:urls-invocation, response payload format]
func TestFunctionURLAnswers(t *testing.T) {
	for _, tt := range []struct {
		outcome, payload string
		failed           bool
		status           int
		body             string
		headers          map[string]string
	}{
		{outcome: "an object is the body", payload: `{"a":1}`, status: 200, body: `{"a":1}`, headers: map[string]string{"Content-Type": "application/json"}},
		{outcome: "a string is the body", payload: `"hello"`, status: 200, body: "hello"},
		{outcome: "an HTTP answer", payload: `{"statusCode":201,"headers":{"content-type":"text/html","x-a":"b"},"cookies":["c=1","d=2; Path=/"],"body":"<p>"}`, status: 201, body: "<p>",
			headers: map[string]string{"Content-Type": "text/html", "X-A": "b", "Set-Cookie": "c=1|d=2; Path=/"}},
		{outcome: "base64", payload: `{"statusCode":200,"body":"AAEC","isBase64Encoded":true}`, status: 200, body: "\x00\x01\x02"},
		{outcome: "broken base64", payload: `{"statusCode":200,"body":"%","isBase64Encoded":true}`, status: 502, body: "Internal Server Error"},
		{outcome: "a status that is none", payload: `{"statusCode":1.5}`, status: 502, body: "Internal Server Error"},
		{outcome: "a function error", payload: `{"errorType":"E"}`, failed: true, status: 502, body: "Internal Server Error"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			resp := lambdaemu.Response{Payload: []byte(tt.payload)}
			if tt.failed {
				resp.FunctionError = "Unhandled"
			}
			rec := call(t, answering(resp), "GET", "/url/", "")
			if rec.Code != tt.status || rec.Body.String() != tt.body {
				t.Errorf("got %d %q", rec.Code, rec.Body)
			}
			for name, want := range tt.headers {
				if got := strings.Join(rec.Header().Values(name), "|"); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// The event of payload format 2.0. [DOC:urls-invocation, request payload format]
func TestFunctionURLEvent(t *testing.T) {
	var event map[string]any
	f := func(req lambdaemu.Request) (lambdaemu.Response, error) {
		if err := json.Unmarshal(req.Payload, &event); err != nil {
			t.Error(err)
		}
		return ok(req)
	}
	call(t, f, "POST", "/url/orders/1%202?b=2&a=1&a=3", `{"x":1}`, "Content-Type", "application/json", "Cookie", "k=v; l=w", "User-Agent", "test/1", "X-Two", "2")
	requestContext := event["requestContext"].(map[string]any)
	for _, volatile := range []string{"requestId", "time", "timeEpoch"} {
		if requestContext[volatile] == "" || requestContext[volatile] == nil {
			t.Errorf("no %s", volatile)
		}
		delete(requestContext, volatile)
	}
	want := map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": "/orders/1%202", "rawQueryString": "b=2&a=1&a=3",
		"cookies": []any{"k=v", "l=w"},
		"headers": map[string]any{"host": "127.0.0.1:9000", "content-type": "application/json", "user-agent": "test/1", "x-two": "2",
			"x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "http"},
		"queryStringParameters": map[string]any{"a": "1,3", "b": "2"},
		"requestContext": map[string]any{
			"accountId": "anonymous", "apiId": "lambdaemu", "domainName": "127.0.0.1:9000", "domainPrefix": "lambdaemu", "routeKey": "$default", "stage": "$default",
			"http": map[string]any{"method": "POST", "path": "/orders/1%202", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test/1"},
		},
		"body": `{"x":1}`, "isBase64Encoded": false,
	}
	if diff := cmp.Diff(want, event); diff != "" {
		t.Error(diff)
	}
	call(t, f, "POST", "/url/", "a=1", "Content-Type", "application/x-www-form-urlencoded")
	if event["body"] != "YT0x" || event["isBase64Encoded"] != true {
		t.Errorf("a form: %v %v", event["body"], event["isBase64Encoded"])
	}
}

// A streamed answer with a prelude, torn in its middle, and one without.
// [DOC:configuration-response-streaming, HTTP integration]
func TestFunctionURLStream(t *testing.T) {
	part := func(contentType, data string) lambdaemu.Part {
		return lambdaemu.Part{ContentType: contentType, Data: []byte(data)}
	}
	const prelude = "application/vnd.awslambda.http-integration-response"
	rec := call(t, answering(lambdaemu.Response{Streamed: true},
		part(prelude, `{"statusCode":418,"headers":{"x-a":"b"},`), part(prelude, `"cookies":["c=1"]}`+"\x00\x00\x00"), part(prelude, "\x00\x00\x00\x00\x00first "), part(prelude, "second")),
		"GET", "/url/tea", "")
	if rec.Code != 418 || rec.Body.String() != "first second" || rec.Header().Get("X-A") != "b" || rec.Header().Get("Set-Cookie") != "c=1" || !rec.Flushed {
		t.Errorf("got %d %q %v", rec.Code, rec.Body, rec.Header())
	}
	rec = call(t, answering(lambdaemu.Response{Streamed: true}, part("text/plain", "a"), part("text/plain", "b")), "GET", "/url/", "")
	if rec.Code != 200 || rec.Body.String() != "ab" || rec.Header().Get("Content-Type") != "text/plain" {
		t.Errorf("got %d %q %v", rec.Code, rec.Body, rec.Header())
	}
	rec = call(t, answering(lambdaemu.Response{Streamed: true}, part(prelude, "{\x00\x00\x00\x00\x00\x00\x00\x00x")), "GET", "/url/", "")
	if rec.Code != 502 {
		t.Errorf("broken prelude: %d", rec.Code)
	}
}

// A stream that fails half way ends without its end: the status is out already.
func TestFunctionURLStreamFails(t *testing.T) {
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("the answer looks complete: %v", err)
		}
	}()
	call(t, answering(lambdaemu.Response{Streamed: true, FunctionError: "Unhandled"}, lambdaemu.Part{ContentType: "text/plain", Data: []byte("a")}), "GET", "/url/", "")
}

// InvokeWithResponseStream: the first message byte for byte, then the kinds.
// [Lambda API reference: InvokeWithResponseStream; Smithy: Amazon Event Stream]
func TestInvokeWithResponseStream(t *testing.T) {
	const path = "/2021-11-15/functions/function/response-streaming-invocations"
	rec := call(t, answering(lambdaemu.Response{Streamed: true}, lambdaemu.Part{Data: []byte("hi")}), "POST", path, "{}")
	if rec.Code != 200 || rec.Header().Get("Content-Type") != "application/vnd.amazon.eventstream" {
		t.Errorf("got %d %v", rec.Code, rec.Header())
	}
	kinds := decodeEvents(t, rec.Body.Bytes())
	if diff := cmp.Diff([]string{"PayloadChunk hi", "InvokeComplete {}"}, kinds); diff != "" {
		t.Error(diff)
	}
	// 90 bytes of headers: 27 + 41 + 22; 12 before them, 2 of payload, 4 behind
	if got := hex.EncodeToString(rec.Body.Bytes()[:8]); got != "0000006c0000005a" {
		t.Errorf("begins with %s", got)
	}
	rec = call(t, answering(lambdaemu.Response{Streamed: true, FunctionError: "Unhandled", ErrorType: "Function.Late", Payload: []byte(`{"errorMessage":"late"}`)}, lambdaemu.Part{Data: []byte("hi")}), "POST", path, "{}")
	want := []string{"PayloadChunk hi", `InvokeComplete {"ErrorCode":"Function.Late","ErrorDetails":"{\"errorMessage\":\"late\"}"}`}
	if diff := cmp.Diff(want, decodeEvents(t, rec.Body.Bytes())); diff != "" {
		t.Error(diff)
	}
	rec = call(t, answering(lambdaemu.Response{Payload: []byte(`{"buffered":1}`)}), "POST", path, "{}")
	if diff := cmp.Diff([]string{`PayloadChunk {"buffered":1}`, "InvokeComplete {}"}, decodeEvents(t, rec.Body.Bytes())); diff != "" {
		t.Error(diff)
	}
	if rec = call(t, nil, "POST", strings.Replace(path, "/function/", "/other/", 1), "{}"); rec.Code != 404 {
		t.Errorf("another function: %d", rec.Code)
	}
}

// decodeEvents takes messages apart by the specification.
func decodeEvents(t *testing.T, body []byte) []string {
	t.Helper()
	var out []string
	for len(body) > 0 {
		total, headers := binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
		if int(total) > len(body) || crc32.ChecksumIEEE(body[:8]) != binary.BigEndian.Uint32(body[8:]) || crc32.ChecksumIEEE(body[:total-4]) != binary.BigEndian.Uint32(body[total-4:]) {
			t.Fatalf("broken message %x", body)
		}
		head := body[12 : 12+headers]
		_, kind, _ := bytes.Cut(head, []byte(":event-type\x07\x00"))
		out = append(out, string(kind[1:1+int(kind[0])])+" "+string(body[12+headers:total-4]))
		body = body[total:]
	}
	return out
}
