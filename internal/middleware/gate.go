package middleware

import (
	"bytes"
	"context"
	"errors"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/flags"
	"powertools-extension/internal/jmes"
)

// Gate is the hook that lets events through while a feature is on.
type Gate struct {
	Feature string

	// Document gives the feature flag document.
	Document func(ctx context.Context) (*flags.Document, error)

	FunctionName, FunctionVersion string
	AsHTTP                        bool
	Now                           func() time.Time
}

// retryGate is when whoever called over HTTP may try again, in seconds.
const retryGate = 60

// Hook returns the step.
func (g Gate) Hook() Hook { return Hook{Name: "gate", Waits: true, Request: g.request} }

// request fails open: a store that cannot be asked, and a feature that is not
// there, must not stop a function.
func (g Gate) request(ctx context.Context, r *Request) (Action, error) {
	doc, err := g.Document(ctx)
	if err != nil {
		return Action{}, err
	}
	c, err := flagContext(g.context(r))
	if err != nil {
		return Action{}, err
	}
	on, known := doc.On(g.Feature, c, g.Now())
	switch {
	case !known:
		return Action{}, errors.New("the document of feature flags does not know the feature of POWERTOOLS_FEATURE_GATE")
	case on:
		return Action{}, nil
	}
	return Action{Answer: Problem{Type: "FeatureGateClosed", Status: 503, Detail: "The function is switched off", RetryAfter: retryGate}.Post(r.Source, g.AsHTTP)}, nil
}

func flagContext(text []byte) (flags.Context, error) {
	v, err := jmes.Parse(text)
	if err != nil {
		return flags.Context{}, err
	}
	c, _ := flags.NewContext(v)
	return c, nil
}

// context is all that rules can ask about: of the event nothing else enters.
func (g Gate) context(r *Request) []byte {
	out := []byte{'{'}
	add := func(name, value string) {
		if value != "" {
			out = append(append(append(out, '"'), name...), `":`...)
			out = append(jmes.Text(value).Append(out), ',')
		}
	}
	add("function_name", g.FunctionName)
	add("function_version", g.FunctionVersion)
	add("alias", alias(r.FunctionARN))
	add("tenant_id", r.Tenant)
	add("source", r.Source.Name)
	if r.Source.HTTP {
		if event, err := jmes.Parse(r.Body); err == nil {
			context := event.Field("requestContext")
			add("http_method", firstText(event.Field("httpMethod"), context.Field("http").Field("method"), event.Field("method")))
			add("path", firstText(event.Field("rawPath"), event.Field("path"), event.Field("raw_path")))
		}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(r.ID))
	out = append(out, `"request_id_mod":`...)
	out = strconv.AppendInt(out, int64(h.Sum32()%100), 10)
	return append(bytes.TrimSuffix(out, []byte{','}), '}')
}

func firstText(of ...jmes.Value) string {
	for _, v := range of {
		if v.Kind() == jmes.String {
			return v.Str()
		}
	}
	return ""
}

// alias is the qualifier of the ARN that was called, unless it is a version.
func alias(arn string) string {
	parts := strings.Split(arn, ":")
	if len(parts) != 8 || parts[7] == "$LATEST" || strings.Trim(parts[7], "0123456789") == "" {
		return ""
	}
	return parts[7]
}
