package lambdaemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"powertools-extension/lambdaemu/internal/relay"
	"powertools-extension/lambdaemu/transcript"
)

// subscription is the body of PUT /2022-07-01/telemetry (AWS page:
// telemetry-api-reference) and of the Logs API. Unknown members are ignored.
type subscription struct {
	SchemaVersion string   `json:"schemaVersion"`
	Types         []string `json:"types"`
	Destination   struct {
		Protocol string `json:"protocol"`
		URI      string `json:"URI"`
		Port     int    `json:"port"`
	} `json:"destination"`
	Buffering struct {
		MaxItems  *int `json:"maxItems"`
		MaxBytes  *int `json:"maxBytes"`
		TimeoutMs *int `json:"timeoutMs"`
	} `json:"buffering"`

	logs bool // it came to the Logs API
}

// problems lists everything wrong with the request; the platform joins them
// with "; " into one ValidationError.
func (s *subscription) problems() []string {
	var list []string
	if !slices.Contains(s.schemas(), s.SchemaVersion) {
		list = append(list, fmt.Sprintf("schemaVersion '%s' is not supported", s.SchemaVersion))
	}
	list = append(list, s.destinationProblems()...)
	if len(s.Types) == 0 {
		list = append(list, "types should not be empty")
	}
	for _, t := range s.Types {
		if t != relay.Platform && t != relay.Function && t != relay.Extension {
			list = append(list, fmt.Sprintf("type '%s' is not supported", t))
		}
	}
	list = append(list, outOfRange("maxItems", s.Buffering.MaxItems, 1000, 10000)...)
	list = append(list, outOfRange("maxBytes", s.Buffering.MaxBytes, 262144, 1048576)...)
	return append(list, outOfRange("timeoutMs", s.Buffering.TimeoutMs, 25, 30000)...)
}

func (s *subscription) schemas() []string {
	if s.logs {
		return []string{relay.Logs2020, relay.Logs2021}
	}
	return []string{relay.Schema2022Jul, relay.Schema2022Dec, relay.Schema2025Jan}
}

func outOfRange(name string, value *int, low, high int) []string {
	if value == nil || *value >= low && *value <= high {
		return nil
	}
	return []string{fmt.Sprintf("buffering.%s should be between %d and %d", name, low, high)}
}

func (s *subscription) destinationProblems() []string {
	switch s.Destination.Protocol {
	case "TCP":
		if s.Destination.Port < 1 || s.Destination.Port > 65535 {
			return []string{"destination.port should be between 1 and 65535"}
		}
		return nil
	case "HTTP":
		return uriProblems(s.Destination.URI)
	}
	return []string{fmt.Sprintf("destination.protocol '%s' is not supported", s.Destination.Protocol)}
}

func uriProblems(raw string) []string {
	uri, err := url.Parse(raw)
	if err != nil || uri.Scheme != "http" {
		return []string{"destination.URI is not valid"}
	}
	var list []string
	if host := uri.Hostname(); host != "sandbox.localdomain" && host != "sandbox" {
		list = append(list, "destination.URI host must be sandbox.localdomain")
	}
	switch port, err := strconv.Atoi(uri.Port()); {
	case uri.Port() == "":
		list = append(list, "URI port is not provided")
	case err != nil || port < 1 || port > 65535:
		list = append(list, "URI port is not valid")
	}
	return list
}

// wish is the request with its defaults, for the hub.
func (s *subscription) wish(agent, logFormat string, to *url.URL) relay.Subscription {
	port := 0
	if to == nil {
		port = s.Destination.Port
	}
	return relay.Subscription{
		Agent: agent, Types: s.Types, Schema: s.SchemaVersion, Logs: s.logs, LogFormat: logFormat,
		MaxItems: valueOr(s.Buffering.MaxItems, 10000),
		MaxBytes: valueOr(s.Buffering.MaxBytes, 262144),
		Timeout:  time.Duration(valueOr(s.Buffering.TimeoutMs, 1000)) * time.Millisecond,
		To:       to, TCP: port,
	}
}

func valueOr(p *int, fallback int) int {
	if p == nil {
		return fallback
	}
	return *p
}

func handleSubscribe(s *sandbox, w http.ResponseWriter, r *http.Request) {
	serveSubscription(s, w, r, false)
}

func serveSubscription(s *sandbox, w http.ResponseWriter, r *http.Request, logs bool) {
	a, failed := s.ext.identified(r, "Unknown extension {id}")
	if failed != nil {
		writeAPIError(w, failed)
		return
	}
	req := subscription{logs: logs}
	status, body := s.subscribe(r, a, &req)
	s.script.AddData(a.name, transcript.Subscribe, subscribeLabel(req, status), transcript.Subscription{API: req.api(), Schema: req.SchemaVersion, Types: req.Types, Status: status})
	if status != http.StatusOK {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(status)
	w.Write(body)
}

func subscribeLabel(req subscription, status int) string {
	return fmt.Sprintf("%s %s → %d", req.SchemaVersion, strings.Join(req.Types, ","), status)
}

// subscribe fills req as far as it can be read and returns the answer.
func (s *sandbox) subscribe(r *http.Request, a *agent, req *subscription) (status int, body []byte) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err == nil {
		err = json.Unmarshal(raw, req)
	}
	if failed := s.subscribeFault(req); failed != nil {
		return failed.status, errorLine(failed)
	}
	if !s.hub.Accepts() {
		return http.StatusForbidden, errorLine(req.closed())
	}
	if err != nil {
		return http.StatusBadRequest, validationError("Failed to parse JSON: " + err.Error())
	}
	list := req.problems()
	if s.opt.managed() && req.SchemaVersion != relay.Schema2025Jan && len(list) == 0 {
		// Managed instances reject older versions (AWS page: lambda-managed-instances-execution-environment).
		list = append(list, fmt.Sprintf("schemaVersion '%s' is not supported", req.SchemaVersion))
	}
	if len(list) > 0 {
		return http.StatusBadRequest, validationError(strings.Join(list, "; "))
	}
	return s.addSubscriber(r.Context(), a, req)
}

// api names whom the subscription was sent to, in error types and in messages.
func (s *subscription) api() string {
	if s.logs {
		return "Logs"
	}
	return "Telemetry"
}

func (s *subscription) closed() *apiError {
	return forbidden(s.api()+".SubscriptionClosed", s.api()+" API subscription is closed already")
}

// subscribeFault is the answer a fault gives in place of the true one.
func (s *sandbox) subscribeFault(req *subscription) *apiError {
	switch {
	case s.faults.Hit("telemetry-202"):
		return &apiError{http.StatusAccepted, req.api() + " API is not supported", req.api() + ".NotSupported"}
	case s.faults.Hit("telemetry-400"):
		return &apiError{http.StatusBadRequest, "injected fault", "ValidationError"}
	case s.faults.Hit("telemetry-403"):
		return forbidden("Extension.UnknownExtensionIdentifier", "Unknown extension")
	case s.faults.Hit("telemetry-500"):
		return internalServerError()
	case s.faults.Hit("telemetry-closed"):
		return req.closed()
	case req.SchemaVersion == relay.Schema2025Jan && s.faults.Hit("schema-old"):
		return &apiError{http.StatusBadRequest, "schemaVersion '2025-01-29' is not supported", "ValidationError"}
	}
	return nil
}

func errorLine(e *apiError) []byte { return append(relay.Marshal(e), '\n') }

// validationError has the type before the message, unlike every other error
// (AWS page: telemetry-api-reference).
func validationError(message string) []byte {
	return relay.Marshal(struct {
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}{"ValidationError", message})
}

func (s *sandbox) addSubscriber(ctx context.Context, a *agent, req *subscription) (status int, body []byte) {
	to, err := s.destination(req)
	if err == nil {
		err = s.hub.Subscribe(ctx, req.wish(a.name, s.opt.LogFormat, to))
	}
	switch unreached, ok := errors.AsType[*relay.DestinationError](err); {
	case ok:
		return http.StatusBadRequest, validationError("Invalid destination: " + unreached.Error())
	case errors.Is(err, relay.ErrClosed):
		return http.StatusForbidden, errorLine(req.closed())
	case err != nil:
		return http.StatusInternalServerError, errorLine(internalServerError())
	}
	s.out.platform("platform."+strings.ToLower(req.api())+"Subscription", "", relay.SubscriptionRecord{Name: a.name, State: "Subscribed", Types: req.Types})
	s.out.printText(subscriptionLine(strings.ToUpper(req.api()), a.name, req.Types))
	return http.StatusOK, []byte(`"OK"`)
}

// destination is nil for TCP.
func (s *sandbox) destination(req *subscription) (*url.URL, error) {
	if req.Destination.Protocol == "TCP" {
		return nil, nil
	}
	uri, err := url.Parse(req.Destination.URI)
	if err == nil && s.faults.Hit("telemetry-root") {
		uri = &url.URL{Host: uri.Host, Path: "/"}
	}
	return uri, err
}

// handleLogs is the Logs API, which the Telemetry API has replaced and which
// extensions still use.
func handleLogs(s *sandbox, w http.ResponseWriter, r *http.Request) {
	if s.opt.managed() { // not mounted there (AWS source: lambda-managed-instances rapi/server)
		http.NotFound(w, r)
		return
	}
	serveSubscription(s, w, r, true)
}
