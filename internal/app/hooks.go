package app

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"go.uber.org/zap"

	"powertools-extension/internal/jmes"
	"powertools-extension/internal/middleware"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/ref"
	"powertools-extension/internal/schema"
)

// newHooks builds what the configuration switches on. A hook that guards and
// whose configuration cannot be used refuses everything; any other is left out.
func (a *App) newHooks() []middleware.Hook {
	var hooks []middleware.Hook
	asHTTP := a.cfg.ProxyHTTPErrors
	if c := a.cfg.Idempotency; c.Table != "" && !c.Disabled {
		h := middleware.Idempotency{Engine: a.idempotency, StoreAll: c.Store == "all", Open: c.OnStoreFailure == "open", AsHTTP: asHTTP}
		h.Refuse = "the configuration of idempotency cannot be used; the extension's log names the variable"
		if a.idempotency != nil || !h.Open {
			hooks = append(hooks, h.Hook())
		}
	}
	if h, on := batchHook(a); on {
		hooks = append(hooks, h)
	}
	h := a.cfg.Hooks
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
		u := middleware.Unwrap{HTTP: h.Wrap == "http"}
		u.Event = a.envelope("POWERTOOLS_EVENT_ENVELOPE", h.Unwrap, func(error) {})
		hooks = append(hooks, u.Hook())
	}
	return hooks
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
func (a *App) envelope(variable, text string, off func(error)) *jmes.Expression {
	if text == "" {
		return nil
	}
	e, err := jmes.CompileEnvelope(text)
	if err != nil {
		a.degrade(variable, err.Error())
		a.complain(variable, err.Error(), "")
		off(errors.New(variable + " cannot be used"))
		return nil
	}
	return e
}

// schemaOf gives the compiled schema of a variable, nil if it names none.
func (a *App) schemaOf(variable, place string) func(context.Context) (*schema.Schema, error) {
	if place == "" {
		return nil
	}
	l := &schemaSource{app: a, variable: variable, place: place}
	return l.get
}

// schemaSource reads a schema where its variable says, and compiles each
// version once. A bad new version leaves the last good one in force.
type schemaSource struct {
	app             *App
	variable, place string

	mu   sync.Mutex
	text string // that was compiled last
	good *schema.Schema
	told string
}

func (s *schemaSource) get(ctx context.Context) (*schema.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if named, err := ref.ParseWith(s.place, ref.Ref{Decrypt: true}); err == nil {
		res, err := s.app.cache.Get(ctx, named, paramcache.Options{StaleOK: true})
		if err != nil {
			return s.fall("it cannot be read: " + err.Error())
		}
		text := string(res.Value.Binary)
		if res.Value.IsText {
			text = res.Value.Text.Reveal()
		}
		return s.compile(text, nil)
	}
	if s.good != nil {
		return s.good, nil // a file of the function does not change while it lives
	}
	root, err := os.OpenRoot(s.app.taskRoot())
	if err != nil {
		return s.fall("there is no task root")
	}
	defer root.Close()
	read := func(name string) ([]byte, error) {
		info, err := root.Stat(filepath.FromSlash(name))
		if err != nil || !info.Mode().IsRegular() || info.Size() > 1<<20 {
			return nil, errors.New("no regular file of at most 1 MiB below the task root")
		}
		return root.ReadFile(filepath.FromSlash(name))
	}
	text, err := read(s.place)
	if err != nil {
		return s.fall("no regular file of at most 1 MiB below the task root: " + s.place)
	}
	return s.compile(string(text), read)
}

func (s *schemaSource) compile(text string, load func(string) ([]byte, error)) (*schema.Schema, error) {
	if text == s.text && s.good != nil {
		return s.good, nil
	}
	v, err := jmes.Parse([]byte(text))
	if err != nil {
		return s.fall("it is not JSON")
	}
	good, err := schema.Compile(v, schema.Options{Name: strings.TrimPrefix(s.place, "/"), Load: load, Formats: s.app.cfg.Hooks.Formats})
	if err != nil {
		return s.fall(err.Error())
	}
	s.text, s.good = text, good
	for _, pointer := range good.Unknown() {
		s.app.log.Info("schema: a keyword that no dialect knows is ignored", zap.String("variable", s.variable), zap.String("at", pointer))
	}
	return good, nil
}

// fall says once why a schema cannot be used, and answers with the last good
// one if there is any.
func (s *schemaSource) fall(why string) (*schema.Schema, error) {
	if s.told != why {
		s.told = why
		s.app.degrade("validation", s.variable+": "+why)
		s.app.log.Error("a schema cannot be used", zap.String("variable", s.variable), zap.String("why", why), zap.Bool("last_good_in_force", s.good != nil))
	}
	if s.good != nil {
		return s.good, nil
	}
	return nil, errors.New("the schema cannot be used: " + why)
}
