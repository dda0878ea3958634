package app

import (
	"strings"

	"powertools-extension/internal/config"
	"powertools-extension/internal/correlation"
	"powertools-extension/internal/eventlog"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/middleware"
	"powertools-extension/internal/redact"
)

const correlationVar = "POWERTOOLS_LOGGER_CORRELATION_ID_PATH"

// logger is what Powertools' Logger does around a handler.
type logger struct {
	app     *App
	printer *eventlog.Printer
	rules   *redact.Rules // for ids; nil: none
}

// newLogger returns it with the steps that the configuration switches on.
func newLogger(a *App) (*logger, []middleware.Hook) {
	l := &logger{app: a}
	var hooks []middleware.Hook
	if path := l.path(); path != nil {
		l.rules, _ = redact.NewRules(a.cfg.LogsRedact) // what is wrong with them is told where lines are redacted
		hooks = append(hooks, middleware.Correlate{Path: path, Set: l.correlate, Splits: batchKinds(&a.cfg)}.Hooks()...)
		if a.cfg.RuntimeProxy == "off" {
			a.complain(correlationVar, "it needs the event, and POWERTOOLS_RUNTIME_PROXY is off; set it to auto", "no correlation id")
		}
	}
	c := &a.cfg.Logger
	if !c.Event && !c.Response && !c.Error || len(a.cfg.LogsDestinations) == 0 {
		return l, hooks
	}
	l.printer = eventlog.New(a.cfg.LogsRedact, c.Bytes)
	step := middleware.Log{}
	if c.Event {
		step.Event = func(r *middleware.Request) { l.print(r.ID, l.printer.Event(r.Body)) }
	}
	if c.Response {
		step.Response = func(r *middleware.Response) {
			if r.Streamed {
				l.print(r.ID, l.printer.Stream(r.Bytes, r.FirstByte))
				return
			}
			l.print(r.ID, l.printer.Response(r.Body, r.By))
		}
	}
	if c.Error {
		step.Error = func(r *middleware.Response) { l.print(r.ID, l.printer.Error(r.ErrorType, r.Body)) }
	}
	return l, append(hooks, step.Hook())
}

// path compiles the path. nil: there is none, or none that can be used.
func (l *logger) path() *correlation.Path {
	a, text := l.app, l.app.cfg.Logger.CorrelationPath
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
func (l *logger) correlate(r *middleware.Request, id string) {
	if l.rules != nil {
		clean, _ := l.rules.Redactor().Apply([]byte(id), false)
		id = string(clean)
	}
	if r.Whole != "" {
		l.app.items.Correlate(r.ID, id)
		return
	}
	if attempt := l.app.tracker.Passing(r.ID); attempt != nil {
		attempt.Amend(func(r *invocation.Request) { r.CorrelationID = id })
	}
}

func (l *logger) print(request string, line []byte) {
	l.app.pipeline.Print(l.app.tracker.Passing(request), line)
}

// onlyLines reports whether nothing but lines needs the wrapper.
func (l *logger) onlyLines() bool {
	for _, h := range l.app.hooks {
		if !strings.HasPrefix(h.Name, "correlate") && h.Name != "log" {
			return false
		}
	}
	return len(l.app.hooks) > 0 && l.app.cfg.RuntimeProxy != "on" && !l.app.cfg.EnvFromParameters()
}
