package app

import (
	"context"
	"errors"
	"time"

	"powertools-extension/internal/awsdecode"
	"powertools-extension/internal/flags"
	"powertools-extension/internal/middleware"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/schema"
	"powertools-extension/internal/schemaref"
	"powertools-extension/internal/taskfile"
)

// newHooks builds what the configuration switches on. A hook that guards and
// whose configuration cannot be used refuses everything; any other is left out.
func (a *App) newHooks() []middleware.Hook {
	var hooks []middleware.Hook
	a.logger, hooks = newLogger(a)
	asHTTP := a.cfg.ProxyHTTPErrors
	if c := a.cfg.Idempotency; c.Table != "" && !c.Disabled && (a.idempotencyBad == "" || c.OnStoreFailure != "open") {
		hooks = append(hooks, middleware.Idempotency{Engine: a.idempotency, Refuse: a.idempotencyBad, StoreAll: c.Store == "all", AsHTTP: asHTTP}.Hook())
	}
	if c := a.cfg.CORS; len(c.Origins) > 0 {
		hooks = append(hooks, middleware.CORS(c).Hook())
	}
	if h, on := batchHook(a); on {
		hooks = append(hooks, h)
	}
	h := a.cfg.Hooks
	if h.Gate != "" {
		hooks = append(hooks, newGate(a, h.Gate))
	}
	if h.EventSchema != "" || h.ResponseSchema != "" {
		v := middleware.Validation{Enforce: h.ResponseMode == "enforce", Drop: h.InvalidEvent == "drop", AsHTTP: asHTTP, Log: a.log.Named("validation")}
		v.Event = a.schemaOf("POWERTOOLS_VALIDATION_EVENT_SCHEMA", h.EventSchema)
		v.Response = a.schemaOf("POWERTOOLS_VALIDATION_RESPONSE_SCHEMA", h.ResponseSchema)
		v.EventEnvelope = a.envelope("POWERTOOLS_VALIDATION_EVENT_ENVELOPE", h.EventEnvelope, func(why error) {
			v.Event = func(context.Context) (*schema.Schema, error) { return nil, why }
		})
		v.ResponseEnvelope = a.envelope("POWERTOOLS_VALIDATION_RESPONSE_ENVELOPE", h.ResponseEnvelope, func(error) { v.Response = nil })
		hooks = append(hooks, v.Hook())
	}
	if h.Unwrap != "" || h.Wrap != "" {
		u := middleware.Unwrap{HTTP: h.Wrap == "http", Originals: &a.originals}
		u.Event = a.envelope("POWERTOOLS_EVENT_ENVELOPE", h.Unwrap, func(error) {})
		hooks = append(hooks, u.Hook())
	}
	return hooks
}

// newGate lets events through while a feature is on. Without a document it is
// open, and says so.
func newGate(a *App, feature string) middleware.Hook {
	place, documents := a.flags, &flags.Documents{}
	document := func(ctx context.Context) (*flags.Document, error) {
		if place.Ref == nil || a.cache == nil {
			return nil, errors.New("POWERTOOLS_FEATURE_GATE needs the document of POWERTOOLS_FEATURE_FLAGS")
		}
		res, err := a.cache.Get(ctx, *place.Ref, paramcache.Options{MaxAge: place.MaxAge, StaleOK: true})
		if err != nil {
			return nil, err
		}
		return documents.Usable("", res.Value.Content(), place.Envelope)
	}
	return middleware.Gate{Feature: feature, Document: document, FunctionName: a.cfg.FunctionName, FunctionVersion: a.cfg.FunctionVersion, AsHTTP: a.cfg.ProxyHTTPErrors, Now: time.Now}.Hook()
}

// hookNames are those that are on, for GET /healthz.
func (a *App) hookNames() []string {
	names := []string{}
	for _, h := range a.hooks {
		names = append(names, h.Name)
	}
	return names
}

// envelope compiles a variable's expression. One that cannot be used is told,
// and off decides what that means.
func (a *App) envelope(variable, text string, off func(error)) *awsdecode.Envelope {
	if text == "" {
		return nil
	}
	e, err := awsdecode.CompileEnvelope(text)
	if err != nil {
		a.degrade(variable, err.Error())
		a.complain(variable, err.Error(), "")
		off(errors.New(variable + " cannot be used"))
		return nil
	}
	if near := awsdecode.NearBuiltIn(text); near != "" {
		a.complain(variable, "no built-in name; did you mean "+near+"?", "a field of that name")
	}
	return e
}

// schemaOf gives the compiled schema of a variable, nil if it names none.
func (a *App) schemaOf(variable, place string) func(context.Context) (*schema.Schema, error) {
	if place == "" {
		return nil
	}
	source := schemaref.New(schemaref.Options{
		Variable: variable, Place: place, Formats: a.cfg.Hooks.Formats,
		Root:  a.taskRoot,
		File:  func(name string) ([]byte, error) { return taskfile.Read(a.taskRoot(), name) },
		Cache: a.cache, Log: a.log,
		Degraded: func(why string) { a.degrade("validation", why) },
	})
	a.schemas = append(a.schemas, source)
	return source.Get
}
