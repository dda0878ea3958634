package lambdaemu

import (
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
)

// apiServer serves the three APIs on one port, as Lambda does. Requests go to
// the sandbox of the moment: after a reset the same address belongs to the next.
type apiServer struct {
	http *http.Server
	addr string
}

// serve listens on a free port of the loopback interface. There are no time
// limits: /next may be suspended for hours.
func (e *Emulator) serve() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e.api.addr = ln.Addr().String()
	e.api.http = &http.Server{Handler: e.wire.Watch(e.caller, e.routes()), ErrorLog: log.New(io.Discard, "", 0), MaxHeaderBytes: 2 << 20}
	e.wg.Go(func() { e.api.http.Serve(ln) })
	return nil
}

// handler serves one request with the sandbox it belongs to.
type handler func(s *sandbox, w http.ResponseWriter, r *http.Request)

// routes are exact: no trailing slash is forgiven (AWS source: rapi/router).
func (e *Emulator) routes() http.Handler {
	mux := http.NewServeMux()
	paths := make(map[string]bool)
	for pattern, h := range map[string]handler{
		"GET /2018-06-01/ping":                              handlePing,
		"GET /2018-06-01/runtime/invocation/next":           handleRuntimeNext,
		"POST /2018-06-01/runtime/invocation/{id}/response": handleResponse,
		"POST /2018-06-01/runtime/invocation/{id}/error":    handleError,
		"POST /2018-06-01/runtime/init/error":               handleRuntimeInitError,
		"GET /2018-06-01/runtime/restore/next":              handleRestoreNext,
		"POST /2018-06-01/runtime/restore/error":            handleRestoreError,
		"GET " + credentialsPath:                            handleCredentials,
		"POST /2020-01-01/extension/register":               handleRegister,
		"GET /2020-01-01/extension/event/next":              handleNext,
		"POST /2020-01-01/extension/init/error":             handleInitError,
		"POST /2020-01-01/extension/exit/error":             handleExitError,
		"PUT /2022-07-01/telemetry":                         handleSubscribe,
		"PUT /2020-08-15/logs":                              handleLogs,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if s := e.current(); s != nil {
				h(s, w, r)
				return
			}
			writeAPIError(w, internalServerError())
		})
		_, path, _ := strings.Cut(pattern, " ")
		paths[path] = true
	}
	for path := range paths { // the mux's own 405 has a text
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusMethodNotAllowed) })
	}
	return mux
}

// apiError is an error answer of the platform.
type apiError struct {
	status  int
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

func forbidden(errorType, message string) *apiError {
	return &apiError{http.StatusForbidden, message, errorType}
}

func internalServerError() *apiError {
	return &apiError{http.StatusInternalServerError, "Internal Server Error", "InternalServerError"}
}

func writeAPIError(w http.ResponseWriter, e *apiError) { writeJSON(w, e.status, e) }

// writeJSON ends the body with a newline, as the platform does (AWS source:
// rapi/rendering).
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // the client may be gone
}

func writeAccepted(w http.ResponseWriter) {
	writeJSON(w, http.StatusAccepted, struct {
		Status string `json:"status"`
	}{"OK"})
}

func handlePing(s *sandbox, w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "pong") }

// caller names who sent a request.
func (e *Emulator) caller(r *http.Request) string {
	if strings.HasPrefix(r.URL.Path, "/2018-06-01/") {
		return whoRuntime
	}
	if name := r.Header.Get(headerName); name != "" {
		return name
	}
	box := e.current()
	if box == nil {
		return ""
	}
	return box.ext.nameOf(r.Header.Get(headerID))
}
