// Package serve answers calls for one function over HTTP: Lambda's Invoke and
// InvokeWithResponseStream operations, and a function URL.
//
// The rule a reader could break: it knows nothing of sandboxes and shows
// nothing; one Invoker is all it has.
package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"powertools-extension/lambdaemu"
)

// Request limits of the Invoke operation. (Invoke, Lambda API reference;
// Lambda quotas)
const (
	maxSyncPayload  = 6 << 20
	maxAsyncPayload = 1 << 20
	maxQueued       = 100 // asynchronous invocations waiting for the one sandbox
	maxLogTail      = 4 << 10
)

// Result is what one invocation came to.
type Result struct {
	Response lambdaemu.Response
	Lines    []lambdaemu.Line // printed since the invocation before
	Err      error            // why it did not run; nil when it did, however it ended
}

// Invoker runs one invocation. The end of ctx keeps it from starting.
type Invoker func(ctx context.Context, req lambdaemu.Request) Result

// Config is what is served.
type Config struct {
	Name   string    // of the function
	Given  string    // the address as the user wrote it
	Notice io.Writer // is told how to call
	Invoke Invoker
	Page   http.Handler // of / and /page/, with a guard of its own; nil: none
	Ended  func()       // called when nothing runs any more, while the page is still served; nil: nothing
}

// Run answers Lambda's Invoke operation on listener until ctx ends.
func Run(ctx context.Context, listener net.Listener, cfg Config) error {
	api := newInvokeAPI(ctx, cfg.Name, cfg.Given, cfg.Invoke)
	api.page = cfg.Page
	server := &http.Server{Handler: api, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	base := "http://" + listener.Addr().String()
	fmt.Fprintf(cfg.Notice, "function %q waits for invocations; Ctrl-C shuts it down\n  curl -d '{}' %s%s\n  curl %s%s   as a function URL\n", cfg.Name, base, invokePath(cfg.Name), base, urlPrefix)
	if cfg.Page != nil {
		fmt.Fprintf(cfg.Notice, "  %s/   in a browser: the run while it happens\n", base)
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	api.end() // what has begun ends as it would on Lambda
	if cfg.Ended != nil {
		cfg.Ended()
	}
	if err != nil {
		return err
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if server.Shutdown(stop) != nil { // a client does not read
		_ = server.Close()
	}
	<-failed
	return nil
}

// end refuses new invocations and waits for those under way.
func (a *invokeAPI) end() {
	a.mu.Lock()
	a.ended = true
	a.mu.Unlock()
	a.running.Wait()
}

// begin runs f beside the caller, unless the end has come.
func (a *invokeAPI) begin(f func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended {
		return false
	}
	a.running.Go(f)
	return true
}

func invokePath(function string) string {
	return "/2015-03-31/functions/" + url.PathEscape(function) + "/invocations"
}

// invokeAPI is the Invoke operation over HTTP. One sandbox runs one invocation
// at a time; further callers queue, where Lambda would start another sandbox.
type invokeAPI struct {
	mux     *http.ServeMux
	ctx     context.Context // ends when the command is asked to stop
	name    string          // of the function
	given   string          // the address as the user wrote it
	run     Invoker
	page    http.Handler
	running sync.WaitGroup
	queued  chan struct{}

	mu    sync.Mutex
	ended bool
}

func newInvokeAPI(ctx context.Context, name, given string, run Invoker) *invokeAPI {
	a := &invokeAPI{mux: http.NewServeMux(), ctx: ctx, name: name, given: given, run: run, queued: make(chan struct{}, maxQueued)}
	a.mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", a.invoke)
	a.mux.HandleFunc("POST /2021-11-15/functions/{name}/response-streaming-invocations", a.invokeStream)
	a.mux.HandleFunc(urlPrefix, a.functionURL)
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "ResourceNotFoundException", "lambdaemu serves POST "+invokePath(name)+" and the function URL "+urlPrefix+", not "+r.Method+" "+r.URL.Path)
	})
	return a
}

// ServeHTTP refuses web pages first: a browser must not be led to run functions
// here, neither by a foreign page nor by a name that resolves to this machine.
func (a *invokeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if a.page != nil && (r.URL.Path == "/" && r.Method == http.MethodGet || strings.HasPrefix(r.URL.Path, "/page/")) {
		a.page.ServeHTTP(w, r)
		return
	}
	if !localName(r.Host) && !a.listensOn(r.Host) {
		refuse(w, http.StatusMisdirectedRequest, "InvalidRequest", "Host "+r.Host+" is not this machine's")
		return
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		if u, err := url.Parse(origin); err != nil || !localName(u.Host) {
			refuse(w, http.StatusForbidden, "AccessDeniedException", "requests of web pages are refused")
			return
		}
	}
	a.mux.ServeHTTP(w, r)
}

func localName(hostPort string) bool {
	host := hostPort
	if h, _, err := net.SplitHostPort(hostPort); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// listensOn accepts the name the user gave to --listen.
func (a *invokeAPI) listensOn(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	given, _, errGiven := net.SplitHostPort(a.given)
	if err != nil || errGiven != nil {
		return false
	}
	anyAddress := given == "" || given == "0.0.0.0" || given == "::"
	return host == given || anyAddress && net.ParseIP(host) != nil
}

func (a *invokeAPI) invoke(w http.ResponseWriter, r *http.Request) {
	req, ok := a.addressed(w, r)
	if !ok {
		return
	}
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "", "RequestResponse":
		a.answer(w, r, req)
	case "Event":
		a.enqueue(w, req)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	default:
		refuse(w, http.StatusBadRequest, "InvalidParameterValueException", "X-Amz-Invocation-Type "+kind+": want RequestResponse, Event or DryRun")
	}
}

// addressed reads the call if it is for this function; false means that it is
// answered.
func (a *invokeAPI) addressed(w http.ResponseWriter, r *http.Request) (lambdaemu.Request, bool) {
	if name := functionOf(r.PathValue("name")); name != a.name {
		refuse(w, http.StatusNotFound, "ResourceNotFoundException", fmt.Sprintf("Function not found: arn:aws:lambda:us-east-1:123456789012:function:%s (lambdaemu runs %q)", name, a.name))
		return lambdaemu.Request{}, false
	}
	return readRequest(w, r)
}

// functionOf takes the name out of NAME, NAME:QUALIFIER and both ARN forms.
func functionOf(name string) string {
	if _, after, ok := strings.Cut(name, ":function:"); ok {
		name = after
	}
	name, _, _ = strings.Cut(name, ":")
	return name
}

// readRequest reads and checks the call; false means that it is answered.
func readRequest(w http.ResponseWriter, r *http.Request) (lambdaemu.Request, bool) {
	req := lambdaemu.Request{TraceHeader: r.Header.Get("X-Amzn-Trace-Id"), TenantID: r.Header.Get("X-Amz-Tenant-Id")}
	limit := maxSyncPayload
	if r.Header.Get("X-Amz-Invocation-Type") == "Event" {
		limit = maxAsyncPayload
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(limit)+1))
	switch {
	case err != nil:
		return req, false // the client is gone
	case len(body) > limit:
		refuse(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException", fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", limit))
		return req, false
	}
	if req.Payload = bytes.TrimSpace(body); len(req.Payload) == 0 {
		req.Payload = []byte("{}")
	}
	if err := json.Unmarshal(req.Payload, new(json.RawMessage)); err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json: "+err.Error())
		return req, false
	}
	if client := r.Header.Get("X-Amz-Client-Context"); client != "" {
		raw, err := base64.StdEncoding.DecodeString(client)
		if err != nil || !json.Valid(raw) {
			refuse(w, http.StatusBadRequest, "InvalidRequestContentException", "X-Amz-Client-Context is not JSON in base64")
			return req, false
		}
		req.ClientContext = string(raw)
	}
	return req, true
}

// answer runs the invocation and writes its response as soon as the function
// has given it; the extensions' time after that is not the client's.
func (a *invokeAPI) answer(w http.ResponseWriter, r *http.Request, req lambdaemu.Request) {
	replied := make(chan lambdaemu.Response, 1)
	ended := make(chan Result, 1)
	req.OnResponse = func(resp lambdaemu.Response) { replied <- resp }
	if !a.begin(func() { ended <- a.run(a.ctx, req) }) {
		writeFailure(w, context.Canceled)
		return
	}
	wantsTail := r.Header.Get("X-Amz-Log-Type") == "Tail"
	early := replied
	if wantsTail {
		early = nil // the tail is known only at the end
	}
	select {
	case resp := <-early:
		writeResponse(w, resp)
	case o := <-ended:
		if o.Err != nil {
			writeFailure(w, o.Err)
			return
		}
		if wantsTail {
			w.Header().Set("X-Amz-Log-Result", base64.StdEncoding.EncodeToString(logTail(o.Lines)))
		}
		writeResponse(w, o.Response)
	}
}

func (a *invokeAPI) enqueue(w http.ResponseWriter, req lambdaemu.Request) {
	select {
	case a.queued <- struct{}{}:
	default:
		refuse(w, http.StatusTooManyRequests, "TooManyRequestsException", "Rate Exceeded.")
		return
	}
	if !a.begin(func() {
		defer func() { <-a.queued }()
		a.run(a.ctx, req)
	}) {
		<-a.queued
		writeFailure(w, context.Canceled)
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

func writeResponse(w http.ResponseWriter, resp lambdaemu.Response) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amzn-Requestid", resp.RequestID)
	h.Set("X-Amz-Executed-Version", "$LATEST")
	if resp.FunctionError != "" {
		h.Set("X-Amz-Function-Error", resp.FunctionError)
	}
	_, _ = w.Write(resp.Payload) // the client is gone: the invocation happened all the same
}

func writeFailure(w http.ResponseWriter, err error) {
	if errors.Is(err, lambdaemu.ErrRequestTooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException", err.Error())
		return
	}
	refuse(w, http.StatusServiceUnavailable, "ServiceException", "lambdaemu is shutting down: "+err.Error())
}

// refuse writes an error in the form of Lambda's API.
func refuse(w http.ResponseWriter, status int, errorType, message string) {
	body, _ := json.Marshal(map[string]string{"Type": "User", "Message": message})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", errorType)
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// logTail is the last 4 KB of the lines.
func logTail(lines []lambdaemu.Line) []byte {
	var b bytes.Buffer
	for _, line := range lines {
		b.WriteString(line.Text + "\n")
	}
	tail := b.Bytes()
	return tail[max(0, len(tail)-maxLogTail):]
}
