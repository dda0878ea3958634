package app

import (
	"powertools-extension/internal/config"
	"powertools-extension/internal/correlation"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/middleware"
	"powertools-extension/internal/redact"
)

const correlationVar = "POWERTOOLS_LOGGER_CORRELATION_ID_PATH"

// logger is what Powertools' Logger does around a handler.
type logger struct{ *App }

// build gives the steps that the configuration switches on.
func (a logger) build() []middleware.Hook {
	var hooks []middleware.Hook
	if path := a.correlationPath(); path != nil {
		rules, _ := redact.NewRules(a.cfg.LogsRedact) // what is wrong with them is told where lines are redacted
		hooks = append(hooks, middleware.Correlate{Path: path, Set: func(r *middleware.Request, id string) { a.correlate(r.ID, id, rules) }}.Hook())
	}
	if len(hooks) > 0 && a.cfg.RuntimeProxy == "off" {
		a.complain(correlationVar, "it needs the event, and POWERTOOLS_RUNTIME_PROXY is off; set it to auto", "no correlation id")
	}
	return hooks
}

// correlationPath compiles the path. nil: there is none, or none that can be
// used.
func (a logger) correlationPath() *correlation.Path {
	text := a.cfg.Logger.CorrelationPath
	if text == "" {
		return nil
	}
	if near := correlation.Misspelt(text); near != "" {
		a.complain(correlationVar, "not a built-in name: did you mean "+near+"?", "it as a JMESPath expression")
	}
	path, err := correlation.Compile(text)
	if err != nil {
		p := config.Problem{Var: correlationVar, Reason: err.Error(), Used: "no correlation id"}
		a.problems = append(a.problems, p)
		a.degrade(correlationVar, p.Reason)
		a.log.Error("configuration: " + p.String())
		return nil
	}
	return path
}

// correlate gives a request its id, on all lines from now on.
func (a logger) correlate(request, id string, rules *redact.Rules) {
	if rules != nil {
		clean, _ := rules.Redactor().Apply([]byte(id), false)
		id = string(clean)
	}
	if attempt := a.tracker.Passing(request); attempt != nil {
		attempt.Amend(func(r *invocation.Request) { r.CorrelationID = id })
	}
}

// alone reports whether nothing else needs the wrapper.
func (a logger) alone() bool {
	for _, h := range a.hooks {
		if h.Name != "correlate" && h.Name != "log" {
			return false
		}
	}
	return len(a.hooks) > 0 && a.cfg.RuntimeProxy != "on" && !a.cfg.EnvFromParameters()
}
