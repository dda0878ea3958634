package config

import (
	"errors"
	"strings"

	"powertools-extension/internal/nearest"
)

// XRay is the destination of spans that is no way out of the sandbox: its
// daemon.
const XRay DestinationKind = "xray"

// Tracing is what spans are made and where they go. They are off without a
// destination.
type Tracing struct {
	Destinations    []Destination // XRay, CloudWatch (without group and stream), OTLP
	HTTPHeaders     []Header
	Disabled        bool
	Enabled         bool
	CaptureResponse bool
	CaptureError    bool
	Parent          string // keep, rewrite
	Daemon          string // AWS_XRAY_DAEMON_ADDRESS as the user set it; empty: Lambda's own
}

// On reports whether there are spans.
func (t *Tracing) On() bool { return len(t.Destinations) > 0 && t.Enabled && !t.Disabled }

func tracingVars() []Var {
	const f = "tracing"
	return []Var{
		{Name: "POWERTOOLS_TRACE_DESTINATION", Feature: f, Meaning: "where a span for each sampled invocation goes; switches spans on ([tracing.md](../tracing.md)): `xray`: the X-Ray daemon of the sandbox, `cloudwatch`: CloudWatch's OTLP endpoint of the region, `otlp+https://HOST/v1/traces`: a collector; several may be named",
			field: func(c *Config) value { return traceDestinations{&c.Tracing.Destinations} }},
		{Name: "POWERTOOLS_TRACE_HTTP_HEADERS", Feature: f, Meaning: "headers for `otlp+…` destinations of spans, as POWERTOOLS_LOGS_HTTP_HEADERS",
			field: func(c *Config) value { return headers{&c.Tracing.HTTPHeaders} }},
		{Name: "POWERTOOLS_TRACE_DISABLED", Default: "false", Feature: f, Meaning: "no spans; the name of Powertools for Python",
			field: func(c *Config) value { return truth{&c.Tracing.Disabled} }},
		{Name: "POWERTOOLS_TRACE_ENABLED", Default: "true", Feature: f, Meaning: "false: no spans; the name of Powertools for TypeScript and .NET",
			field: func(c *Config) value { return truth{&c.Tracing.Enabled} }},
		{Name: "POWERTOOLS_TRACER_CAPTURE_RESPONSE", Default: "false", Feature: f, Meaning: "spans carry the response, redacted, up to 16 KiB; only through the proxy. The libraries' default is true",
			field: func(c *Config) value { return truth{&c.Tracing.CaptureResponse} }},
		{Name: "POWERTOOLS_TRACER_CAPTURE_ERROR", Default: "true", Feature: f, Meaning: "spans carry type, message and stack of an error, redacted; false: only that there was one",
			field: func(c *Config) value { return truth{&c.Tracing.CaptureError} }},
		{Name: "POWERTOOLS_TRACE_PARENT", Default: "keep", Feature: f, Meaning: "`rewrite`: the runtime is told our span as its parent, so that spans of a tracer inside the function nest below it; only through the proxy",
			field: func(c *Config) value { return word{&c.Tracing.Parent, []string{"keep", "rewrite"}} }},
		{Name: "AWS_XRAY_DAEMON_ADDRESS", Feature: f, Meaning: "address of the X-Ray daemon where the wrapper does not tell it; Lambda hides its own from extensions",
			field: func(c *Config) value { return text{&c.Tracing.Daemon} }},
	}
}

// traceDestinations is the value of POWERTOOLS_TRACE_DESTINATION.
type traceDestinations struct{ p *[]Destination }

// traceWords are the forms of an entry.
func traceWords() []string {
	return []string{"none", string(XRay), string(CloudWatch), "otlp+http(s)://HOST/v1/traces"}
}

func (v traceDestinations) Set(s string) error {
	return setDestinations(v.p, s, parseTraceDestination)
}

// parseTraceDestination reads one entry that is neither empty nor none.
func parseTraceDestination(entry string) (Destination, error) {
	lower := strings.ToLower(entry)
	switch {
	case lower == string(XRay):
		return Destination{Kind: XRay}, nil
	case lower == string(CloudWatch):
		return Destination{Kind: CloudWatch}, nil
	case strings.HasPrefix(lower, "otlp+https://"):
		return parseURL(OTLP, "https://", entry[len("otlp+https://"):], "POWERTOOLS_TRACE_HTTP_HEADERS")
	case strings.HasPrefix(lower, "otlp+http://"):
		return parseURL(OTLP, "http://", entry[len("otlp+http://"):], "POWERTOOLS_TRACE_HTTP_HEADERS")
	case strings.HasPrefix(lower, "http://"), strings.HasPrefix(lower, "https://"):
		return Destination{}, errors.New("not one of " + strings.Join(traceWords(), ", ") + ": write otlp+ before a URL")
	}
	word, _, _ := strings.Cut(lower, ":")
	if near := nearest.Of(word, []string{string(XRay), string(CloudWatch), "otlp+https"}); near != "" {
		return Destination{}, errors.New("not one of " + strings.Join(traceWords(), ", ") + ": did you mean " + near + "?")
	}
	return Destination{}, errors.New("not one of " + strings.Join(traceWords(), ", "))
}

func (v traceDestinations) String() string {
	words := make([]string, len(*v.p))
	for i, d := range *v.p {
		if words[i] = d.String(); d.Kind == CloudWatch {
			words[i] = string(CloudWatch)
		}
	}
	return strings.Join(words, ",")
}

func (traceDestinations) Type() string { return "comma list of " + strings.Join(traceWords(), ", ") }
