package localhttp

import (
	"strconv"

	"powertools-extension/internal/localhttp/wire"
)

// Health is what GET /healthz tells. It is open to callers without a token,
// so a reason must not say more than the extension's log may.
type Health struct {
	State    string   // starting, ok, degraded, stopping; empty: derived from Degraded
	Features []string // what is switched on
	Degraded []Degradation

	// BilledMetrics is how many metrics of the canonical event CloudWatch
	// bills the function for, at most. nil: not told.
	BilledMetrics *int

	Spans *SpansHealth // nil: they are off
	Proxy *ProxyHealth // nil: the Runtime API proxy's port is not open
}

// ProxyHealth is what is known of the Runtime API proxy.
type ProxyHealth struct {
	Upstream  string // where its requests go, host:port
	Handshake bool   // a wrapper has asked
	Used      bool   // the runtime is sent through it
	Open      int    // invocations that a runtime has and has not answered
	Hooks     []string
}

// SpansHealth is what is known of the spans of invocations.
type SpansHealth struct {
	Destinations     []string
	Datagrams        int // sent to the X-Ray daemon, which never answers
	Skipped, Dropped int
}

// Degradation is one thing that does not work as configured.
type Degradation struct {
	Component string // telemetry, parameters, metrics, logs …
	Reason    string
}

// health adds to the caller's view what this package knows itself.
func (s *Server) health() Health {
	var h Health
	if s.deps.Health != nil {
		h = s.deps.Health()
	}
	if reason := s.opt.Unavailable; reason != "" && !h.tells("parameters") {
		h.Degraded = append(h.Degraded[:len(h.Degraded):len(h.Degraded)], Degradation{"parameters", reason})
	}
	if s.appConfigDown != "" {
		h.Degraded = append(h.Degraded[:len(h.Degraded):len(h.Degraded)], Degradation{"appconfig port", s.appConfigDown})
	}
	switch {
	case h.State != "" && h.State != "ok":
	case len(h.Degraded) > 0:
		h.State = "degraded"
	default:
		h.State = "ok"
	}
	return h
}

func (h *Health) tells(component string) bool {
	for _, d := range h.Degraded {
		if d.Component == component {
			return true
		}
	}
	return false
}

// getHealth answers 200 as long as anybody answers: the state is in the body.
func getHealth(s *Server, x *exchange) error {
	h := s.health()
	dst := append(x.out, `{"state":`...)
	dst = wire.AppendString(dst, h.State)
	dst = append(dst, `,"version":`...)
	dst = wire.AppendString(dst, s.opt.Version)
	dst = append(dst, `,"features":`...)
	dst = wire.AppendStrings(dst, h.Features)
	if h.BilledMetrics != nil {
		dst = append(dst, `,"billed_metrics":`...)
		dst = wire.AppendInt(dst, *h.BilledMetrics)
	}
	if p := h.Proxy; p != nil {
		dst = append(dst, `,"proxy":{"upstream":`...)
		dst = wire.AppendString(dst, p.Upstream)
		dst = strconv.AppendBool(append(dst, `,"handshake":`...), p.Handshake)
		dst = strconv.AppendBool(append(dst, `,"used":`...), p.Used)
		dst = wire.AppendInt(append(dst, `,"open":`...), p.Open)
		dst = wire.AppendStrings(append(dst, `,"hooks":`...), p.Hooks)
		dst = append(dst, '}')
	}
	if sp := h.Spans; sp != nil {
		dst = wire.AppendStrings(append(dst, `,"spans":{"destinations":`...), sp.Destinations)
		dst = wire.AppendInt(append(dst, `,"datagrams_sent":`...), sp.Datagrams)
		dst = wire.AppendInt(append(dst, `,"skipped":`...), sp.Skipped)
		dst = append(wire.AppendInt(append(dst, `,"dropped":`...), sp.Dropped), '}')
	}
	dst = append(dst, `,"degraded":[`...)
	for i, d := range h.Degraded {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"component":`...)
		dst = wire.AppendString(dst, d.Component)
		dst = append(dst, `,"reason":`...)
		dst = wire.AppendString(dst, s.scrub(d.Reason))
		dst = append(dst, '}')
	}
	x.out = append(dst, `]}`...)
	x.w.Header()["Cache-Control"] = s.set.noStore
	return x.send(200, s.set.json)
}

// getPing answers in the word of AWS's Secrets Manager Agent.
func getPing(s *Server, x *exchange) error {
	x.out = append(x.out, "healthy"...)
	return x.send(200, s.set.text)
}
