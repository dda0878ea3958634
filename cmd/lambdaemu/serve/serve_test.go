package serve

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"powertools-extension/lambdaemu"
)

const requestID = "11111111-1111-1111-1111-111111111111"

// function is what a test puts behind the API.
type function func(req lambdaemu.Request) (lambdaemu.Response, error)

// ok is the answer of an invocation that went well.
func ok(lambdaemu.Request) (lambdaemu.Response, error) {
	return lambdaemu.Response{RequestID: requestID, Payload: []byte(`{"a":1}`)}, nil
}

// serving is the invoke API in front of a function.
func serving(ctx context.Context, f function) *invokeAPI {
	if f == nil {
		f = ok
	}
	return newInvokeAPI(ctx, "function", "127.0.0.1:9000", func(ctx context.Context, req lambdaemu.Request) Result {
		if ctx.Err() != nil {
			return Result{Err: ctx.Err()}
		}
		resp, err := f(req)
		return Result{Response: resp, Err: err, Lines: []lambdaemu.Line{{Origin: lambdaemu.OriginPlatform, Text: "REPORT RequestId: " + resp.RequestID + "\tDuration: 1.00 ms\t"}}}
	})
}

const path = "/2015-03-31/functions/function/invocations"

func TestInvokeAPI(t *testing.T) {
	failing := func(lambdaemu.Request) (lambdaemu.Response, error) {
		return lambdaemu.Response{RequestID: "r-1", FunctionError: "Unhandled", Payload: []byte(`{"errorType":"E"}`)}, nil
	}
	for _, tt := range []struct {
		outcome, method, path, body string
		header                      map[string]string
		invoke                      func(lambdaemu.Request) (lambdaemu.Response, error)
		status                      int
		want                        string            // of the body
		headers                     map[string]string // of the answer
	}{
		{outcome: "answers", body: `{"x":1}`, status: 200, want: `{"a":1}`, headers: map[string]string{"X-Amzn-Requestid": "11111111-1111-1111-1111-111111111111", "X-Amz-Executed-Version": "$LATEST", "X-Amz-Function-Error": ""}},
		{outcome: "function error is a 200 with a header", invoke: failing, status: 200, want: `{"errorType":"E"}`, headers: map[string]string{"X-Amz-Function-Error": "Unhandled"}},
		{outcome: "log tail", header: map[string]string{"X-Amz-Log-Type": "Tail"}, status: 200, want: `{"a":1}`, headers: map[string]string{"X-Amz-Log-Result": base64.StdEncoding.EncodeToString([]byte("REPORT RequestId: 11111111-1111-1111-1111-111111111111\tDuration: 1.00 ms\t\n"))}},
		{outcome: "function by ARN", path: "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Afunction%3A%24LATEST/invocations", status: 200, want: `{"a":1}`},
		{outcome: "function with qualifier", path: "/2015-03-31/functions/function:live/invocations", status: 200, want: `{"a":1}`},
		{outcome: "unknown function", path: "/2015-03-31/functions/other/invocations", status: 404, want: "Function not found", headers: map[string]string{"X-Amzn-Errortype": "ResourceNotFoundException"}},
		{outcome: "unknown path", path: "/", status: 404, want: "lambdaemu serves POST " + path},
		{outcome: "wrong method", method: "GET", status: 404, want: "not GET"},
		{outcome: "broken JSON", body: `{`, status: 400, want: "Could not parse request body into json"},
		{outcome: "too large", body: `"` + strings.Repeat("x", 6<<20) + `"`, status: 413, want: "Request must be smaller than 6291456 bytes"},
		{outcome: "dry run", header: map[string]string{"X-Amz-Invocation-Type": "DryRun"}, status: 204},
		{outcome: "unknown type", header: map[string]string{"X-Amz-Invocation-Type": "Later"}, status: 400, want: "want RequestResponse, Event or DryRun"},
		{outcome: "broken client context", header: map[string]string{"X-Amz-Client-Context": "{}"}, status: 400, want: "not JSON in base64"},
		{outcome: "web page", header: map[string]string{"Origin": "https://evil.example"}, status: 403, want: "web pages are refused"},
		{outcome: "opaque origin", header: map[string]string{"Origin": "null"}, status: 403, want: "web pages are refused"},
		{outcome: "name that resolves here", header: map[string]string{"Host": "evil.example:9000"}, status: 421, want: "is not this machine's"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			api := serving(t.Context(), tt.invoke)
			if tt.method == "" {
				tt.method = "POST"
			}
			if tt.path == "" {
				tt.path = path
			}
			req := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
			req.Host = "127.0.0.1:9000"
			for name, value := range tt.header {
				req.Header.Set(name, value)
				if name == "Host" {
					req.Host = value
				}
			}
			rec := httptest.NewRecorder()
			api.ServeHTTP(rec, req)
			api.running.Wait()
			if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.want) {
				t.Errorf("%d %.300s, want %d %s", rec.Code, rec.Body, tt.status, tt.want)
			}
			for name, want := range tt.headers {
				if got := rec.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestRequestReachesTheFunction(t *testing.T) {
	var got lambdaemu.Request
	api := serving(t.Context(), func(req lambdaemu.Request) (lambdaemu.Response, error) {
		got = req
		return ok(req)
	})
	req := httptest.NewRequest("POST", path, strings.NewReader(" {\"x\": 1}\n"))
	req.Host = "localhost:9000"
	req.Header.Set("X-Amz-Client-Context", base64.StdEncoding.EncodeToString([]byte(`{"c":1}`)))
	req.Header.Set("X-Amzn-Trace-Id", "Root=1-a-b")
	req.Header.Set("X-Amz-Tenant-Id", "blue")
	api.ServeHTTP(httptest.NewRecorder(), req)
	api.running.Wait()
	if string(got.Payload) != `{"x": 1}` || got.ClientContext != `{"c":1}` || got.TraceHeader != "Root=1-a-b" || got.TenantID != "blue" {
		t.Errorf("got %+v", got)
	}
}

// The client has its answer when the function has given it, not when the
// extensions are done.
func TestAnswerComesBeforeTheExtensionsEnd(t *testing.T) {
	extensionsDone := make(chan struct{})
	api := serving(t.Context(), func(req lambdaemu.Request) (lambdaemu.Response, error) {
		resp, err := ok(req)
		req.OnResponse(resp)
		<-extensionsDone
		return resp, err
	})
	req := httptest.NewRequest("POST", path, nil)
	req.Host = "127.0.0.1"
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, req) // returns although the invocation goes on
	close(extensionsDone)
	api.running.Wait()
	if rec.Body.String() != `{"a":1}` {
		t.Errorf("got %s", rec.Body)
	}
}

func TestAsynchronousInvocation(t *testing.T) {
	var got lambdaemu.Request
	api := serving(t.Context(), func(req lambdaemu.Request) (lambdaemu.Response, error) {
		got = req
		return ok(req)
	})
	req := httptest.NewRequest("POST", path, strings.NewReader(`{"async":true}`))
	req.Host = "127.0.0.1"
	req.Header.Set("X-Amz-Invocation-Type", "Event")
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, req)
	api.running.Wait()
	if rec.Code != 202 || rec.Body.Len() != 0 || string(got.Payload) != `{"async":true}` {
		t.Errorf("%d %q, ran with %s", rec.Code, rec.Body, got.Payload)
	}
}

func TestNothingStartsAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ran := false
	api := serving(ctx, func(req lambdaemu.Request) (lambdaemu.Response, error) {
		ran = true
		return ok(req)
	})
	req := httptest.NewRequest("POST", path, nil)
	req.Host = "127.0.0.1"
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, req)
	api.running.Wait()
	if rec.Code != http.StatusServiceUnavailable || ran {
		t.Errorf("%d, ran: %t", rec.Code, ran)
	}
}
