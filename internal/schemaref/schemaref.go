// Package schemaref keeps a JSON Schema ready: read where a variable says,
// compiled once per version.
//
// The rule a reader could break: a bad new version must take nobody down. The
// last good one stays in force, and what is wrong is said once.
package schemaref

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/jmes"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/ref"
	"powertools-extension/internal/schema"
)

// Options say where a schema is. All are required.
type Options struct {
	Variable string // that named it, for messages
	Place    string // a file below the task root, or a ref
	Formats  bool   // assert format

	Root  func() string                     // the task root, with which the name of a file may begin
	File  func(name string) ([]byte, error) // reads one below it
	Cache interface {
		Get(ctx context.Context, ref paramcache.Ref, opt paramcache.Options) (paramcache.Result, error)
	}
	Log *zap.Logger

	// Degraded is told why the schema cannot be used.
	Degraded func(why string)
}

// Source is one schema. Safe for concurrent use: who comes while it is read
// waits.
type Source struct {
	opt Options
	ref *ref.Ref // nil: a file

	mu   sync.Mutex
	text string         // that was compiled last, or refused
	good *schema.Schema // of the last text that compiled; nil: none has
	bad  string         // why text cannot be used; empty: it is good's
	told string
}

// New returns a source. Nothing is read yet.
func New(opt Options) *Source {
	s := &Source{opt: opt}
	if named, err := ref.ParseWith(opt.Place, ref.Ref{Decrypt: true}); err == nil {
		s.ref = &named
	}
	return s
}

// readTime bounds how long schemas are read during the runtime's init. The
// first event waits for one that is late.
const readTime = time.Second

// Read reads schemas before an event needs them, or only those that are files.
// Each says itself what is wrong with it.
func Read(sources []*Source, files bool) {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	defer cancel()
	for _, s := range sources {
		if s.ref == nil || !files {
			_, _ = s.Get(ctx)
		}
	}
}

// Get returns the schema, or why there is none. The error holds names and
// places, never a value.
func (s *Source) Get(ctx context.Context) (*schema.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ref != nil {
		res, err := s.opt.Cache.Get(ctx, *s.ref, paramcache.Options{StaleOK: true})
		if err != nil {
			return s.fall("it cannot be read: " + err.Error())
		}
		return s.compile(res.Value.Content(), nil)
	}
	if s.good != nil {
		return s.good, nil
	}
	text, err := s.opt.File(s.opt.Place)
	if err != nil {
		return s.fall(s.opt.Place + ": " + err.Error())
	}
	return s.compile(string(text), s.opt.File)
}

func (s *Source) compile(text string, load func(string) ([]byte, error)) (*schema.Schema, error) {
	if s.text != text || s.good == nil && s.bad == "" {
		s.text, s.bad = text, s.take(text, load)
	}
	if s.bad != "" {
		return s.fall(s.bad)
	}
	return s.good, nil
}

// take puts a version in force, or says why it cannot be used.
func (s *Source) take(text string, load func(string) ([]byte, error)) (bad string) {
	v, err := jmes.Parse([]byte(text))
	if err != nil {
		return s.opt.Place + ": it is not JSON"
	}
	good, err := schema.Compile(v, schema.Options{Name: strings.TrimPrefix(s.opt.Place, strings.TrimSuffix(s.opt.Root(), "/")+"/"), Load: load, Formats: s.opt.Formats})
	if err != nil {
		return s.opt.Place + ": " + err.Error()
	}
	s.good = good
	for _, pointer := range good.Unknown() {
		s.opt.Log.Info("schema: a keyword that no dialect knows is ignored", zap.String("variable", s.opt.Variable), zap.String("at", pointer))
	}
	return ""
}

// fall says once why the schema cannot be used, and answers with the last good
// one if there is any.
func (s *Source) fall(why string) (*schema.Schema, error) {
	if s.told != why {
		s.told = why
		s.opt.Degraded(s.opt.Variable + ": " + why)
		s.opt.Log.Error("a schema cannot be used", zap.String("variable", s.opt.Variable), zap.String("why", why), zap.Bool("last_good_in_force", s.good != nil))
	}
	if s.good != nil {
		return s.good, nil
	}
	return nil, errors.New("the schema cannot be used: " + why)
}
