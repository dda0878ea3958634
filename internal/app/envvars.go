package app

import (
	"context"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"

	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/ref"
	"powertools-extension/internal/runtimeapi"
)

// Bounds of variables: the kernel refuses a string of more than 128 KiB, and
// more than it has room for in all (execve(2)).
const (
	maxVariable = 128<<10 - 1 // with its name and =, before the NUL
	maxVars     = 256 << 10
)

// variable is one that is to come from a parameter.
type variable struct {
	name, text string // text: the ref as it was written
	ref        ref.Ref
	key        string // member of a JSON value; empty: the value itself
}

// envResult is what the wrapper is told: values, and why others are missing.
type envResult struct {
	values map[string]string
	failed []runtimeapi.EnvError
}

// envFetch is what was begun before any runtime asked.
type envFetch struct {
	refs   map[string]string // by variable
	done   chan struct{}
	result envResult
}

// startEnv begins to read the variables that come from parameters, beside the
// registration and the runtime's own start.
func (a *App) startEnv(ctx context.Context) {
	if !a.cfg.EnvFromParameters() || a.cache == nil {
		return
	}
	if a.cfg.InitType == snapStart {
		a.log.Warn("variables from parameters are read before the snapshot: they lie in it, and grow as old as it does")
	}
	refs := make(map[string]string, len(a.cfg.EnvRefs))
	for _, r := range a.cfg.EnvRefs {
		refs[r.Name] = r.Ref
	}
	f := &envFetch{refs: refs, done: make(chan struct{})}
	a.env.Store(f)
	go func() {
		defer close(f.done)
		a.guard("read variables from parameters", func() { f.result = a.readEnv(ctx, refs, a.cfg.EnvPaths) })
	}()
}

// envFor answers the wrapper. What was begun at the start is handed out once;
// a runtime that starts again gets what is valid then.
func (a *App) envFor(ctx context.Context, hello runtimeapi.Hello) envResult {
	refs := make(map[string]string, len(hello.Env))
	for name, text := range hello.Env {
		refs[name], _ = strings.CutPrefix(text, "powertools+")
	}
	paths := a.cfg.EnvPaths
	if len(refs) == 0 && hello.EnvPath == "" {
		return envResult{}
	}
	if f := a.env.Swap(nil); f != nil && sameRefs(f.refs, refs) {
		select {
		case <-f.done:
			return f.result
		case <-ctx.Done():
			return envResult{}
		}
	}
	return a.readEnv(ctx, refs, paths)
}

func sameRefs(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, text := range a {
		if other, ok := b[name]; !ok || other != text {
			return false
		}
	}
	return true
}

// readEnv reads everything within the configured time.
func (a *App) readEnv(ctx context.Context, refs map[string]string, paths []string) envResult {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.EnvTimeout)
	defer cancel()
	r := envResult{values: make(map[string]string)}
	var vars []variable
	for name, text := range refs {
		v, err := parseVariable(name, text)
		if err != nil {
			r.fail(name, text, "bad_ref", err.Error())
			continue
		}
		vars = append(vars, v)
	}
	for _, p := range paths {
		one := ref.Ref{Source: ref.SSM, Name: ref.ParameterPath(p), Path: true, Recursive: true, Decrypt: true}
		vars = append(vars, variable{name: "POWERTOOLS_PARAMETERS_ENV_PATH", text: p, ref: one})
	}
	slices.SortFunc(vars, func(a, b variable) int { return strings.Compare(a.name+a.text, b.name+b.text) })
	results, errs := a.readAll(ctx, vars)
	fromPaths := newPathVars()
	for i, v := range vars {
		switch {
		case errs[i] != nil:
			r.failRead(v, errs[i])
		case v.ref.Path:
			fromPaths.add(results[i].Value)
		default:
			r.take(v, results[i].Value)
		}
	}
	fromPaths.into(a, &r)
	r.bound()
	slices.SortFunc(r.failed, func(a, b runtimeapi.EnvError) int { return strings.Compare(a.Name+a.Ref, b.Name+b.Ref) })
	return r
}

// parseVariable reads a ref with the member it may pick: ssm:/a,
// secret:b#password, secret:b?region=eu-west-1#password.
func parseVariable(name, text string) (variable, error) {
	v := variable{name: name, text: text}
	whole, key, picks := cutLast(text, '#')
	if picks {
		// Arguments may stand behind the key too.
		var arguments string
		if key, arguments, _ = strings.Cut(key, "?"); arguments != "" {
			separator := "?"
			if strings.Contains(whole, "?") {
				separator = "&"
			}
			whole += separator + arguments
		}
		if key == "" {
			return v, errKey
		}
		v.key = key
	}
	var err error
	v.ref, err = ref.ParseWith(whole, ref.Ref{Decrypt: true})
	if err == nil && v.ref.Group() {
		err = errGroup
	}
	return v, err
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

type refError string

func (e refError) Error() string { return string(e) }

const (
	errKey   = refError("nothing stands behind the #: write the member's name, as in secret:app/db#password")
	errGroup = refError("a ref of several values: a variable has one; use POWERTOOLS_PARAMETERS_ENV_PATH for a path")
)

// readAll reads in batches, and what may succeed later again until ctx ends.
func (a *App) readAll(ctx context.Context, vars []variable) ([]paramcache.Result, []error) {
	results, errs := make([]paramcache.Result, len(vars)), make([]error, len(vars))
	open := make([]int, len(vars))
	for i := range open {
		open[i] = i
	}
	var opt paramcache.Options
	if a.cfg.InitType == snapStart && !a.restored.Load() {
		opt.MaxAge = new(time.Duration) // the cache keeps nothing for the snapshot
	}
	for pause := 100 * time.Millisecond; ; pause *= 2 {
		refs := make([]ref.Ref, len(open))
		for i, n := range open {
			refs[i] = vars[n].ref
		}
		found, failed := a.cache.GetMany(ctx, refs, opt)
		again := open[:0:0]
		for i, n := range open {
			results[n], errs[n] = found[i], failed[i]
			if failed[i] != nil && passes(failed[i]) {
				again = append(again, n)
			}
		}
		if open = again; len(open) == 0 || ctx.Err() != nil {
			return results, errs
		}
		if wait(ctx, pause); ctx.Err() != nil {
			return results, errs
		}
		opt.Force = true // past the memory of the failure
	}
}

// passes reports whether a failure may be over soon.
func passes(err error) bool {
	var failed *paramcache.Error
	if !asCacheError(err, &failed) {
		return false
	}
	switch failed.Kind {
	case paramcache.KindThrottled, paramcache.KindTimeout, paramcache.KindUnreachable, paramcache.KindUpstream, paramcache.KindCredentials:
		return true
	}
	return false
}

func (r *envResult) fail(name, text, code, cure string) {
	r.failed = append(r.failed, runtimeapi.EnvError{Name: name, Ref: text, Code: code, Cure: cure})
	delete(r.values, name)
}

func (r *envResult) failRead(v variable, err error) {
	var failed *paramcache.Error
	if !asCacheError(err, &failed) {
		r.fail(v.name, v.text, string(localhttp.CodeInternal), "the extension's log says more")
		return
	}
	code, cure := localhttp.Explain(failed)
	r.fail(v.name, v.text, string(code), cure)
}

// take makes a variable of a value.
func (r *envResult) take(v variable, value paramcache.Value) {
	text := value.Text.Reveal()
	if v.key != "" {
		member, err := paramcache.Pick(v.ref, value, v.key)
		if err != nil {
			r.failRead(v, err)
			return
		}
		text = member.Text.Reveal()
		if member.JSON != nil {
			text = string(member.JSON)
		}
		if text == "null" && member.JSON != nil {
			r.fail(v.name, v.text, string(localhttp.CodeNotFound), "the member is null, which is no value")
			return
		}
	} else if !value.IsText {
		r.fail(v.name, v.text, "not_text", "the value is binary: read it over the extension's API")
		return
	}
	r.set(v.name, v.text, text)
}

func (r *envResult) set(name, source, text string) {
	switch {
	case strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text):
		r.fail(name, source, "not_text", "the value holds a NUL or is no UTF-8, which a variable cannot be: read it over the extension's API")
	case len(name)+1+len(text) > maxVariable:
		r.fail(name, source, "too_large", "a variable has at most 128 KiB with its name: read it over the extension's API")
	default:
		r.values[name] = text
	}
}

// bound holds all of them together to what the kernel takes.
func (r *envResult) bound() {
	size, largest := 0, ""
	for name, text := range r.values {
		size += len(name) + len(text) + 2
		if largest == "" || len(text) > len(r.values[largest]) || len(text) == len(r.values[largest]) && name < largest {
			largest = name
		}
	}
	if size > maxVars {
		r.fail(largest, "", "too_large", "variables from parameters have "+strconv.Itoa(size>>10)+" KiB together, of at most 256: read this one, the largest, over the extension's API")
	}
}

// pathVars are variables named by parameters below a path.
type pathVars struct {
	found map[string]paramcache.Value
	twice map[string]bool
}

func newPathVars() *pathVars {
	return &pathVars{make(map[string]paramcache.Value), make(map[string]bool)}
}

func (p *pathVars) add(group paramcache.Value) {
	for _, m := range group.Members {
		name := strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(path.Base(m.Name)))
		if other, ok := p.found[name]; ok && other.Name != m.Name {
			p.twice[name] = true
		}
		p.found[name] = m
	}
}

// into sets what a ref has not set already. Of two parameters that would have
// one name neither is taken: which one is meant cannot be known.
func (p *pathVars) into(a *App, r *envResult) {
	for name, m := range p.found {
		_, taken := r.values[name]
		switch {
		case taken:
		case p.twice[name]:
			a.log.Warn("POWERTOOLS_PARAMETERS_ENV_PATH: two parameters would be one variable; it is not set", zap.String("variable", name))
		case strings.HasPrefix(name, "POWERTOOLS_") || strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "_"):
			a.log.Warn("POWERTOOLS_PARAMETERS_ENV_PATH: a variable of the extension or of Lambda cannot come from a parameter; it is not set", zap.String("variable", name))
		default:
			r.set(name, m.Name, m.Text.Reveal())
		}
	}
}
