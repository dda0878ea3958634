package lambdaemu

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	runtimeNext = "/2018-06-01/runtime/invocation/next"
	requestPath = "/2018-06-01/runtime/invocation/3da1f2dc-3222-475e-9205-e2e6c6318895"
)

// runtimeNext calls /next in the background and returns when it is suspended.
func (r *apiRig) runtimeNext() <-chan answer {
	r.t.Helper()
	done := r.background(runtimeNext)
	eventually(r.t, "runtime suspended", func() bool {
		r.box.mu.Lock()
		defer r.box.mu.Unlock()
		return len(r.box.runtime.machine.parked) > 0
	})
	return done
}

// The headers of an invocation; empty ones are absent.
// [RIE:rapi/rendering/rendering.go renderInvokeHeaders]
func TestRuntimeNextHeaders(t *testing.T) {
	r := newAPIRig(t)
	pending := r.runtimeNext()
	inv := testInvocation()
	inv.trace = newTrace("Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1;Lineage=1:73f724a8:0")
	inv.req.ClientContext, inv.req.TenantID = `{"custom":{}}`, "blue"
	r.release(inv)
	got := <-pending
	r.want(got, 200, `{"a":1}`)
	want := map[string]string{
		"Lambda-Runtime-Aws-Request-Id":       "3da1f2dc-3222-475e-9205-e2e6c6318895",
		"Lambda-Runtime-Deadline-Ms":          "1676051031000",
		"Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest",
		"Lambda-Runtime-Client-Context":       `{"custom":{}}`,
		"Lambda-Runtime-Aws-Tenant-Id":        "blue",
		"Content-Type":                        "application/json",
		// The runtime's parent is the function's own segment, not the caller's.
		"Lambda-Runtime-Trace-Id": "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=" + inv.trace.spanID + ";Sampled=1;Lineage=1:73f724a8:0",
	}
	have := make(map[string]string)
	for key := range want {
		have[key] = got.header.Get(key)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}

	r = newAPIRig(t)
	pending = r.runtimeNext()
	r.release(testInvocation())
	got = <-pending
	for _, key := range []string{"Lambda-Runtime-Client-Context", "Lambda-Runtime-Trace-Id", "Lambda-Runtime-Cognito-Identity", "Lambda-Runtime-Aws-Tenant-Id"} {
		if _, present := got.header[key]; present {
			t.Errorf("empty header %s was sent", key)
		}
	}
}

// The errors of the Runtime API. [RIE:rapi/rendering/render_error.go, core/states.go]
func TestRuntimeAPIErrors(t *testing.T) {
	const (
		badID   = `{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}` + "\n"
		badMode = `{"errorMessage":"Invalid function response mode","errorType":"InvalidFunctionResponseMode"}` + "\n"
	)
	r := newAPIRig(t)
	r.want(r.do("POST", requestPath+"/response", "1"), 400, badID)
	pending := r.runtimeNext()
	inv := testInvocation()
	r.release(inv)
	<-pending
	if again := r.do("GET", runtimeNext, ""); again.header.Get("Lambda-Runtime-Aws-Request-Id") != inv.id {
		t.Errorf("a repeated /next got %v", again)
	}
	r.want(r.do("POST", "/2018-06-01/runtime/invocation/other/response", "1"), 400, badID)
	r.want(r.do("POST", "/2018-06-01/runtime/init/error", "{}"), 403,
		`{"errorMessage":"State transition from Running to InitError failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}`+"\n")
	r.want(r.do("POST", requestPath+"/response", "1", "Lambda-Runtime-Function-Response-Mode", "buffered"), 400, badMode)
	r.want(r.do("POST", requestPath+"/response", "1"), 403,
		`{"errorMessage":"State transition from ResponseSent to InvocationResponse failed for runtime. Error: State transition is not allowed","errorType":"InvalidStateTransition"}`+"\n")
	if got := inv.reply.errorType; got != "Runtime.InvalidResponseModeHeader" {
		t.Errorf("the client got %q", got)
	}
}

// A response whose body ends too early. [RIE:rapi/handler/invocationresponse.go]
func TestTruncatedResponse(t *testing.T) {
	r := newAPIRig(t)
	pending := r.runtimeNext()
	inv := testInvocation()
	r.release(inv)
	<-pending
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST %s/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf", requestPath)
	conn.(*net.TCPConn).CloseWrite()
	text, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"errorMessage":"HTTP request detected as truncated","errorType":"TruncatedHTTPRequest"}`; !strings.HasPrefix(string(text), "HTTP/1.1 400 ") || !strings.Contains(string(text), want) {
		t.Errorf("got %s", text)
	}
	if inv.reply.errorType != "Runtime.TruncatedResponse" {
		t.Errorf("the client got %q", inv.reply.errorType)
	}
}

// A response is accepted with 202 and {"status":"OK"} (behaviour 4), up to 6 MiB
// and 100 bytes (behaviour 20). [RIE:interop MaxPayloadSize]
func TestResponseSize(t *testing.T) {
	tests := []struct {
		name   string
		bytes  int
		status int
		body   string
		error  string
	}{
		{"largest", 6*1024*1024 + 100, 202, `{"status":"OK"}` + "\n", ""},
		{"too large", 6*1024*1024 + 101, 413,
			`{"errorMessage":"Exceeded maximum allowed payload size (6291556 bytes).","errorType":"RequestEntityTooLarge"}` + "\n",
			"Function.ResponseSizeTooLarge"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newAPIRig(t)
			pending := r.runtimeNext()
			inv := testInvocation()
			r.release(inv)
			<-pending
			r.want(r.do("POST", requestPath+"/response", strings.Repeat("x", tt.bytes)), tt.status, tt.body)
			if inv.reply.errorType != tt.error {
				t.Errorf("the client got %q", inv.reply.errorType)
			}
		})
	}
}

// The caller sees the error without the cause, which is for X-Ray.
// [RIE:rapi/handler/invocationerror.go]
func TestErrorCauseIsStripped(t *testing.T) {
	r := newAPIRig(t)
	pending := r.runtimeNext()
	inv := testInvocation()
	r.release(inv)
	<-pending
	body := `{"errorMessage":"m","errorType":"T","stackTrace":["a"],"errorCause":{"exceptions":[]}}`
	got := r.do("POST", requestPath+"/error", body, "Content-Type", "application/vnd.aws.lambda.error.cause+json",
		"Lambda-Runtime-Function-Error-Type", "Unhandled")
	r.want(got, 202, `{"status":"OK"}`+"\n")
	if want := `{"errorMessage":"m","errorType":"T","stackTrace":["a"]}`; string(inv.reply.payload) != want {
		t.Errorf("payload %s", inv.reply.payload)
	}
	if inv.reply.errorType != "Runtime.Unknown" {
		t.Errorf("type %s", inv.reply.errorType)
	}
}

// [RIE:fatalerror/fatalerror.go]
func TestValidErrorType(t *testing.T) {
	for in, want := range map[string]string{
		"Runtime.ExitError":   "Runtime.ExitError",
		"Function.MyError":    "Function.MyError",
		"Function.myError":    "Function.Unknown",
		"Function.X9":         "Function.Unknown",
		"Runtime.":            "Runtime.Unknown",
		"Unhandled":           "Runtime.Unknown",
		"":                    "Runtime.Unknown",
		"Runtime.Bad Request": "Runtime.Unknown",
	} {
		if got := validErrorType(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
