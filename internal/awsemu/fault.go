package awsemu

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// FaultInfo describes one fault for a help page.
type FaultInfo struct {
	Name    string // as SetFault takes it
	Arg     string // what may follow after a colon; empty: nothing
	Meaning string
}

// Faults lists the faults SetFault knows.
func Faults() []FaultInfo {
	return []FaultInfo{
		{"slow", "DURATION", "every answer waits this long first (default 1s)"},
		{"throttled", "CALLS", "calls are answered with the service's throttling error: every one, or those beyond CALLS in a second"},
		{"denied", "", "every call is answered with AccessDeniedException, as without the IAM permission"},
		{"hung", "", "calls are read and never answered"},
		{"reset", "", "connections are reset (RST) instead of answered"},
		{"down", "", "connections are closed at once, as if nothing were there"},
		{"error-500", "", "every call is answered with the service's internal error, status 500"},
		{"tokens-dead", "", "AppConfig poll tokens given out so far are refused as expired, as after 24 hours"},
	}
}

type fault struct {
	name      string
	delay     time.Duration
	perSecond int // calls that pass a throttle
}

// errCutOff says that the connection is gone and there is nothing to write.
var errCutOff = errors.New("connection cut off")

// SetFault switches to the fault written as NAME or NAME:ARG, see Faults; ""
// switches back to normal. Calls already waiting in the old fault stay in it.
func (s *Server) SetFault(text string) error {
	f, err := parseFault(text)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.name == "tokens-dead" && s.fault.name != f.name {
		s.tokenAge++
	}
	s.fault = f
	return nil
}

func parseFault(text string) (fault, error) {
	if text == "" {
		return fault{}, nil
	}
	name, arg, hasArg := strings.Cut(text, ":")
	for _, info := range Faults() {
		switch {
		case info.Name != name:
		case hasArg && info.Arg == "":
			return fault{}, fmt.Errorf("fault %s takes no argument", name)
		case name == "slow" && !hasArg:
			return fault{name: name, delay: time.Second}, nil
		case !hasArg:
			return fault{name: name}, nil
		default:
			return parseFaultArg(name, arg)
		}
	}
	return fault{}, fmt.Errorf("unknown fault %q", name)
}

func parseFaultArg(name, arg string) (fault, error) {
	if name == "throttled" {
		n, err := strconv.Atoi(arg)
		if err != nil || n < 1 {
			return fault{}, fmt.Errorf("fault throttled: %q is not a number of calls per second such as 40", arg)
		}
		return fault{name: name, perSecond: n}, nil
	}
	d, err := time.ParseDuration(arg)
	if err != nil || d < 0 {
		return fault{}, fmt.Errorf("fault slow: %q is not a duration such as 200ms", arg)
	}
	return fault{name: name, delay: d}, nil
}

// applyFault returns nil when the call is to be answered normally.
func (s *Server) applyFault(w http.ResponseWriter, req *http.Request, r *request, names []string) error {
	switch f := s.currentFault(); f.name {
	case "slow":
		return wait(req, f.delay)
	case "hung":
		<-req.Context().Done()
		return errCutOff
	case "reset", "down":
		cutOff(w, f.name == "reset")
		return errCutOff
	case "throttled":
		if s.passes(r, f.perSecond) {
			return nil
		}
		return r.throttled()
	case "denied":
		return s.denied(r, names)
	case "error-500":
		return r.internalError()
	}
	return nil
}

func (s *Server) currentFault() fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fault
}

// passes reports whether the throttle lets this call through.
func (s *Server) passes(r *request, perSecond int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return perSecond > 0 && s.limit.passLocked(r.service.name, perSecond, time.Now())
}

func wait(req *http.Request, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-req.Context().Done():
		return errCutOff
	}
}

// cutOff closes the connection under the answer; with reset the kernel sends
// RST, without it FIN.
func cutOff(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // the server's own way to drop a connection
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// throttled is each service's own way to say it. (Common Errors, Systems Manager API reference)
func (r *request) throttled() error {
	switch r.service.name {
	case "sts":
		return &apiError{status: http.StatusBadRequest, code: "Throttling", message: "Rate exceeded"}
	case "lambda":
		return &apiError{status: http.StatusTooManyRequests, code: "TooManyRequestsException", message: "Rate exceeded", more: map[string]any{"Reason": "CallerRateLimitExceeded"}}
	case "appconfig":
		return &apiError{status: http.StatusTooManyRequests, code: "ThrottlingException", message: "Rate exceeded", capital: true}
	case "dynamodb":
		return &apiError{status: http.StatusBadRequest, code: r.service.types + "ProvisionedThroughputExceededException",
			message: "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API."}
	}
	return &apiError{status: http.StatusBadRequest, code: "ThrottlingException", message: "Rate exceeded", capital: r.service.name == "ssm"}
}

func (s *Server) denied(r *request, names []string) error {
	action, status, code := r.service.name+":"+r.operation, http.StatusBadRequest, r.service.coral+"AccessDeniedException"
	switch r.service.dialect {
	case restJSON:
		status = http.StatusForbidden
	case awsQuery:
		status, code = http.StatusForbidden, "AccessDenied"
	}
	resource := "*"
	if len(names) > 0 && r.service.name != "lambda" { // listing has no resource of its own
		resource = s.resource(r.service.name, names[0])
	}
	return &apiError{status: status, code: code, capital: true,
		message: fmt.Sprintf("User: arn:aws:sts::%s:assumed-role/function-role/function is not authorized to perform: %s on resource: %s because no identity-based policy allows the %s action",
			s.account, action, resource, action)}
}

func (r *request) internalError() error {
	switch r.service.name {
	case "lambda":
		return &apiError{status: http.StatusInternalServerError, code: "ServiceException", message: "The AWS Lambda service encountered an internal error.", more: map[string]any{"Type": "Service"}}
	case "appconfig":
		return &apiError{status: http.StatusInternalServerError, code: "InternalServerException", message: "Internal server error", capital: true}
	case "sts":
		return &apiError{status: http.StatusInternalServerError, code: "InternalFailure", message: "The request processing has failed because of an unknown error, exception or failure."}
	case "secretsmanager":
		return &apiError{status: http.StatusInternalServerError, code: "InternalServiceError", message: "An error occurred on the server side.", capital: true}
	case "dynamodb":
		return &apiError{status: http.StatusInternalServerError, code: r.service.types + "InternalServerError", message: "The request processing has failed because of an unknown error, exception or failure."}
	}
	return &apiError{status: http.StatusInternalServerError, code: "InternalServerError", message: "An error occurred on the server side.", capital: true}
}
