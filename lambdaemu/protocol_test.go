package lambdaemu

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"powertools-extension/lambdaemu/fault"
	"powertools-extension/lambdaemu/transcript"
)

// apiRig is a sandbox without processes behind a real HTTP server.
type apiRig struct {
	t   *testing.T
	box *sandbox
	url string
}

// newAPIRig has one launched external extension, "shim".
func newAPIRig(t *testing.T, faultList ...string) *apiRig {
	t.Helper()
	opt, err := Options{Command: []string{"/bin/true"}, FunctionName: "helloWorld", Handler: "lambda_function.lambda_handler"}.resolve()
	if err != nil {
		t.Fatal(err)
	}
	e := &Emulator{opt: opt, faults: &fault.Set{}, hooks: newNotifier(nil, nil)}
	e.script = &transcript.Log{Tell: e.hooks.entry}
	for _, text := range faultList {
		f, err := ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		e.SetFault(f)
	}
	box := e.newSandbox()
	box.ext.agents = append(box.ext.agents, newAgent("shim", false))
	server := httptest.NewServer(e.routes())
	t.Cleanup(func() {
		close(box.gone)
		server.Close()
		box.hub.Close()
		e.hooks.close()
		http.DefaultClient.CloseIdleConnections()
	})
	return &apiRig{t: t, box: box, url: server.URL}
}

// answer is a response as it came over the wire.
type answer struct {
	status int
	header http.Header
	body   string
}

func (r *apiRig) do(method, path, body string, headers ...string) answer {
	r.t.Helper()
	got, err := r.try(method, path, body, headers...)
	if err != nil {
		r.t.Fatal(err)
	}
	return got
}

func (r *apiRig) try(method, path, body string, headers ...string) (answer, error) {
	req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

// background makes a call that is suspended; one that never ends has no answer.
func (r *apiRig) background(path string, headers ...string) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		if got, err := r.try("GET", path, "", headers...); err == nil {
			done <- got
		}
	}()
	return done
}

func (r *apiRig) want(got answer, status int, body string) {
	r.t.Helper()
	if got.status != status || got.body != body {
		r.t.Errorf("got %d %q\nwant %d %q", got.status, got.body, status, body)
	}
}

// register registers shim and returns its identifier.
func (r *apiRig) register() string {
	r.t.Helper()
	got := r.do("POST", "/2020-01-01/extension/register", `{"events":["INVOKE","SHUTDOWN"]}`, "Lambda-Extension-Name", "shim")
	if got.status != 200 {
		r.t.Fatalf("register: %d %s", got.status, got.body)
	}
	return got.header.Get("Lambda-Extension-Identifier")
}

// next calls /next in the background.
func (r *apiRig) next(id string) <-chan answer {
	return r.background("/2020-01-01/extension/event/next", "Lambda-Extension-Identifier", id)
}

func (r *apiRig) awaitState(want agentState) {
	r.t.Helper()
	eventually(r.t, "state "+string(want), func() bool {
		r.box.mu.Lock()
		defer r.box.mu.Unlock()
		return r.box.ext.agents[0].state == want
	})
}

func (r *apiRig) release(inv *invocation) {
	r.box.runtime.open(inv)
	r.box.release(inv)
}

func testInvocation() *invocation {
	return &invocation{
		id: "3da1f2dc-3222-475e-9205-e2e6c6318895", arn: "arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest",
		start: time.Now(), deadline: time.UnixMilli(1676051031000), req: Request{Payload: []byte(`{"a":1}`)},
	}
}

// The bodies of the Extensions API, byte for byte (behaviour 4).
// [RIE:rapi/handler/agentregister.go, rapi/model/agentregisterresponse.go, rapi/rendering/render_json.go]
func TestRegisterAnswers(t *testing.T) {
	const path = "/2020-01-01/extension/register"
	tests := []struct {
		name, extension, body, feature string
		status                         int
		want                           string
	}{
		{"external", "shim", `{"events":["INVOKE","SHUTDOWN"]}`, "", 200,
			`{"functionName":"helloWorld","functionVersion":"$LATEST","handler":"lambda_function.lambda_handler"}` + "\n"},
		{"account id on request", "shim", `{}`, "other, accountId", 200,
			`{"accountId":"123456789012","functionName":"helloWorld","functionVersion":"$LATEST","handler":"lambda_function.lambda_handler"}` + "\n"},
		{"no name", "", `{}`, "", 403,
			`{"errorMessage":"Empty extension name","errorType":"Extension.InvalidExtensionName"}` + "\n"},
		{"no body", "shim", ``, "", 403,
			`{"errorMessage":"unexpected end of JSON input","errorType":"InvalidRequestFormat"}` + "\n"},
		{"old key", "shim", `{"configurationKeys":["a"]}`, "", 403,
			`{"errorMessage":"configurationKeys are deprecated; use environment variables instead","errorType":"InvalidRequestFormat"}` + "\n"},
		{"unknown event", "shim", `{"events":["RESTORE"]}`, "", 403,
			`{"errorMessage":"RESTORE: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}` + "\n"},
		{"wrong case is internal", "Shim", `{"events":["SHUTDOWN"]}`, "", 403,
			`{"errorMessage":"SHUTDOWN: ShutdownEventNotSupportedForInternalExtension","errorType":"Extension.InvalidEventType"}` + "\n"},
		{"internal without SHUTDOWN", "shim.sh", `{"events":["INVOKE"]}`, "", 200,
			`{"functionName":"helloWorld","functionVersion":"$LATEST","handler":"lambda_function.lambda_handler"}` + "\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newAPIRig(t)
			headers := []string{"Lambda-Extension-Accept-Feature", tt.feature}
			if tt.extension != "" {
				headers = append(headers, "Lambda-Extension-Name", tt.extension)
			}
			got := r.do("POST", path, tt.body, headers...)
			r.want(got, tt.status, tt.want)
			if ct := got.header.Get("Content-Type"); ct != "application/json" {
				t.Errorf("content type %q", ct)
			}
			if id := got.header.Get("Lambda-Extension-Identifier"); isUUID(id) != (tt.status == 200) {
				t.Errorf("identifier header %q", id)
			}
		})
	}
}

// [RIE:core/externalagent_states.go]
func TestRegisterTwiceIsRefused(t *testing.T) {
	r := newAPIRig(t)
	r.register()
	got := r.do("POST", "/2020-01-01/extension/register", `{}`, "Lambda-Extension-Name", "shim")
	r.want(got, 403, `{"errorMessage":"State transition from Registered to Registered failed for extension shim. Error: State transition is not allowed","errorType":"Extension.InvalidExtensionState"}`+"\n")
}

// [RIE:core/registrations.go, rapi/handler/agentregister.go]
func TestInternalExtensionLimitAndClosing(t *testing.T) {
	r := newAPIRig(t)
	const path = "/2020-01-01/extension/register"
	for i := range 9 {
		if got := r.do("POST", path, `{}`, "Lambda-Extension-Name", string(rune('a'+i))); got.status != 200 {
			t.Fatalf("internal %d: %s", i, got.body)
		}
	}
	r.want(r.do("POST", path, `{}`, "Lambda-Extension-Name", "z"), 403,
		`{"errorMessage":"Extension limit (10) reached","errorType":"Extension.TooManyExtensions"}`+"\n")
	r.background("/2018-06-01/runtime/invocation/next")
	eventually(t, "runtime ready", func() bool {
		r.box.mu.Lock()
		defer r.box.mu.Unlock()
		return !r.box.registrationOpen
	})
	r.want(r.do("POST", path, `{}`, "Lambda-Extension-Name", "late"), 403,
		`{"errorMessage":"Extension registration closed already","errorType":"Extension.RegistrationClosed"}`+"\n")
}

// [RIE:rapi/middleware/middleware.go, rapi/handler/agentnext.go]
func TestIdentifierErrors(t *testing.T) {
	r := newAPIRig(t)
	const unknown = "1f3870be-274f-4c49-b3e3-1a0c6728957f"
	routes := []struct{ method, path, unknownText string }{
		{"GET", "/2020-01-01/extension/event/next", "Unknown extension " + unknown},
		{"PUT", "/2022-07-01/telemetry", "Unknown extension " + unknown},
		{"POST", "/2020-01-01/extension/init/error", "Unknown Lambda-Extension-Identifier"},
		{"POST", "/2020-01-01/extension/exit/error", "Unknown Lambda-Extension-Identifier"},
	}
	for _, route := range routes {
		headers := []string{"Lambda-Extension-Function-Error-Type", "Extension.Broken"}
		r.want(r.do(route.method, route.path, "", headers...), 403,
			`{"errorMessage":"Missing Lambda-Extension-Identifier header","errorType":"Extension.MissingExtensionIdentifier"}`+"\n")
		r.want(r.do(route.method, route.path, "", append(headers, "Lambda-Extension-Identifier", "shim")...), 403,
			`{"errorMessage":"Invalid Lambda-Extension-Identifier","errorType":"Extension.InvalidExtensionIdentifier"}`+"\n")
		r.want(r.do(route.method, route.path, "", append(headers, "Lambda-Extension-Identifier", unknown)...), 403,
			`{"errorMessage":"`+route.unknownText+`","errorType":"Extension.UnknownExtensionIdentifier"}`+"\n")
	}
}

// Routes are exact (behaviour 4). [RIE:rapi/router.go]
func TestRoutesAreExact(t *testing.T) {
	r := newAPIRig(t)
	id := r.register()
	for _, path := range []string{"/2022-07-01/telemetry/", "/2020-01-01/extension/event/next/", "/2018-06-01/runtime/restore/next", "/2021-04-23/credentials", "/"} {
		r.want(r.do("GET", path, "", "Lambda-Extension-Identifier", id), 404, "404 page not found\n")
	}
	r.want(r.do("GET", "/2018-06-01/ping", ""), 200, "pong")
}

// init/error and exit/error are recorded, repeats are accepted, and nothing
// happens before the process exits (behaviour 17). [RIE:rapi/handler/agentiniterror.go]
func TestExtensionErrorReports(t *testing.T) {
	r := newAPIRig(t)
	id := r.register()
	const path = "/2020-01-01/extension/init/error"
	r.want(r.do("POST", path, "", "Lambda-Extension-Identifier", id), 403,
		`{"errorMessage":"Lambda-Extension-Function-Error-Type not found","errorType":"Extension.MissingHeader"}`+"\n")
	for range 2 {
		got := r.do("POST", path, "{}", "Lambda-Extension-Identifier", id, "Lambda-Extension-Function-Error-Type", "Extension.Broken")
		r.want(got, 202, `{"status":"OK"}`+"\n")
	}
	got := r.do("POST", "/2020-01-01/extension/exit/error", "", "Lambda-Extension-Identifier", id, "Lambda-Extension-Function-Error-Type", "Extension.Gone")
	r.want(got, 403, `{"errorMessage":"State transition from InitError to ExitError failed for extension `+id+`. Error: State transition is not allowed","errorType":"Extension.InvalidExtensionState"}`+"\n")
	r.box.mu.Lock()
	defer r.box.mu.Unlock()
	if r.box.fatal != nil || r.box.firstError != "Extension.InitError" {
		t.Errorf("fatal %v, first error %q", r.box.fatal, r.box.firstError)
	}
}

// The shape of INVOKE: event identifier, application/json, no trailing newline
// (behaviour 6). [RIE:rapi/rendering/rendering.go, rapi/model/agentevent.go]
func TestInvokeShape(t *testing.T) {
	const head = `{"eventType":"INVOKE","deadlineMs":1676051031000,"requestId":"3da1f2dc-3222-475e-9205-e2e6c6318895","invokedFunctionArn":"arn:aws:lambda:us-east-1:123456789012:function:ExtensionTest"`
	tests := []struct{ name, trace, want string }{
		{"upstream parent", "Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1",
			head + `,"tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1-5f35ae12-0c0fec141ab77a00bc047aa2;Parent=2be948a625588e32;Sampled=1"}}`},
		{"no trace", NoTrace, head + "}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newAPIRig(t)
			pending := r.next(r.register())
			r.awaitState(agentReady)
			inv := testInvocation()
			inv.trace = newTrace(tt.trace)
			r.release(inv)
			got := <-pending
			r.want(got, 200, tt.want)
			if !isUUID(got.header.Get("Lambda-Extension-Event-Identifier")) || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("headers %v", got.header)
			}
		})
	}
}

// The shape of SHUTDOWN: no event identifier, text/plain, lower-case reason
// (behaviour 6). [RIE:rapi/rendering/rendering.go ShutdownRenderer]
func TestShutdownShape(t *testing.T) {
	r := newAPIRig(t)
	pending := r.next(r.register())
	r.awaitState(agentReady)
	r.box.ext.sendShutdown(r.box.ext.agents[0], shutdownEvent(1676051031000, "spindown"))
	got := <-pending
	r.want(got, 200, `{"eventType":"SHUTDOWN","deadlineMs":1676051031000,"shutdownReason":"spindown"}`)
	if got.header.Get("Lambda-Extension-Event-Identifier") != "" || got.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("headers %v", got.header)
	}
}

// A second /next while one is suspended is refused (behaviour 5).
// [RIE:core/externalagent_states.go]
func TestSecondNextIsRefused(t *testing.T) {
	r := newAPIRig(t)
	id := r.register()
	pending := r.next(id)
	r.awaitState(agentReady)
	r.want(<-r.next(id), 403, `{"errorMessage":"State transition from Ready to Ready failed for extension `+id+`. Error: State transition is not allowed","errorType":"Extension.InvalidExtensionState"}`+"\n")
	inv := testInvocation()
	r.release(inv)
	if got := <-pending; got.status != 200 {
		t.Errorf("the first call got %d", got.status)
	}
}

// A client that goes away does not free its place: its retry is refused, the
// event is lost with the dead connection, and only a further /next heals
// (behaviour 5). [RIE:core/externalagent_states.go]
func TestAbandonedNextEatsTheEvent(t *testing.T) {
	r := newAPIRig(t)
	id := r.register()
	ctx, abandon := context.WithCancel(t.Context())
	defer abandon()
	req, err := http.NewRequestWithContext(ctx, "GET", r.url+"/2020-01-01/extension/event/next", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Lambda-Extension-Identifier", id)
	gone := make(chan error)
	go func() {
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
		}
		gone <- err
	}()
	r.awaitState(agentReady)
	abandon()
	if <-gone == nil {
		t.Fatal("/next answered without an event")
	}
	if got := <-r.next(id); got.status != 403 {
		t.Fatalf("retry got %d %s", got.status, got.body)
	}
	r.release(testInvocation())
	r.awaitState(agentRunning)
	pending := r.next(id)
	r.awaitState(agentReady)
	r.box.ext.sendShutdown(r.box.ext.agents[0], shutdownEvent(1, "spindown"))
	if got := <-pending; !strings.Contains(got.body, "SHUTDOWN") {
		t.Errorf("after healing: %q", got.body)
	}
}

// A busy extension finds SHUTDOWN at its next /next (behaviour 18).
// [RIE:rapid/shutdown.go]
func TestBusyExtensionGetsShutdownLater(t *testing.T) {
	r := newAPIRig(t)
	id := r.register()
	pending := r.next(id)
	r.awaitState(agentReady)
	r.release(testInvocation())
	<-pending
	r.box.ext.sendShutdown(r.box.ext.agents[0], shutdownEvent(1, "timeout"))
	if got := <-r.next(id); !strings.Contains(got.body, `"shutdownReason":"timeout"`) {
		t.Errorf("got %q", got.body)
	}
}

// The faults on register and /next wear off when they are counted.
func TestAnswerFaults(t *testing.T) {
	r := newAPIRig(t, "register-500:1", "next-500:1", "next-403:1")
	got := r.do("POST", "/2020-01-01/extension/register", `{}`, "Lambda-Extension-Name", "shim")
	r.want(got, 500, `{"errorMessage":"Internal Server Error","errorType":"InternalServerError"}`+"\n")
	id := r.register()
	if got := <-r.next(id); got.status != 500 {
		t.Errorf("first /next: %d", got.status)
	}
	if got := <-r.next(id); got.status != 403 {
		t.Errorf("second /next: %d", got.status)
	}
	pending := r.next(id)
	r.awaitState(agentReady)
	r.release(testInvocation())
	if got := <-pending; got.status != 200 {
		t.Errorf("third /next: %d", got.status)
	}
}
