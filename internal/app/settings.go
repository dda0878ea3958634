package app

import (
	"io"

	"go.uber.org/zap"

	"powertools-extension/internal/config"
	"powertools-extension/internal/emf"
)

// Effective is the configuration that an environment makes, with what every
// room finds wrong in it. The rooms are built for that; nothing is opened and
// nothing starts.
func Effective(environ []string) config.Dump {
	cfg, _ := config.Load(environ)
	log := zap.NewNop()
	a, err := build(log, func() *App { return New(cfg, Deps{Environ: environ, Stdout: io.Discard, Log: log}) })
	if err != nil {
		return config.Effective(environ) // a defect of ours; the live process says it
	}
	return a.settings()
}

// settings is the configuration of this process.
func (a *App) settings() config.Dump {
	dump := config.Effective(a.deps.Environ)
	dump.Problems = append(dump.Problems, a.problems...)
	return dump
}

// complain says and keeps what a room finds wrong in a value that config let
// pass: config knows the form, the room the words.
func (a *App) complain(variable, reason, used string) {
	p := config.Problem{Var: variable, Reason: reason, Used: used}
	a.problems = append(a.problems, p)
	a.log.Warn("configuration: " + p.String())
}

// complainOf names the variable behind a refused option of the aggregator.
func (a *App) complainOf(err *emf.LimitError) {
	variable := "POWERTOOLS_METRICS_DIMENSIONS"
	if err.Field == emf.FieldNamespace {
		variable = "POWERTOOLS_METRICS_NAMESPACE"
	}
	a.complain(variable, err.Reason, "")
}
