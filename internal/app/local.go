package app

import (
	"cmp"
	"context"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/jmes"
	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
)

// newLocal builds the function's API. Rooms that could not be built are left
// out, and their routes answer 503 with the reason.
func (a *App) newLocal() *localhttp.Server {
	deps := localhttp.Deps{
		Log:     a.log,
		Context: a.current,
		Event:   a.originals.Find,
		Config:  a.settings,
		Health:  a.state,
	}
	options := localhttp.Options{
		Port:                 a.cfg.HTTPPort,
		Version:              a.deps.Version,
		Tokens:               a.tokens(),
		AppConfigPort:        a.cfg.AppConfigPort,
		Decrypt:              a.cfg.SSMDecrypt,
		Write:                a.cfg.ParametersWrite,
		SystemsManagerMaxAge: &a.cfg.SSMMaxAge,
		SecretsManagerMaxAge: &a.cfg.SecretsMaxAge,
		KeyAttr:              a.cfg.DynamoDBKeyAttr,
		SortAttr:             a.cfg.DynamoDBSortAttr,
		ValueAttr:            a.cfg.DynamoDBValueAttr,
		MemoBytes:            memoBytes(a.cfg.CacheBytes),
		FeatureFlags:         a.flags,
		TaskRoot:             a.taskRoot,
		Formats:              a.cfg.Hooks.Formats,
	}
	switch {
	case a.cfg.InitType == snapStart:
		deps.Parameters = settled{a.cache, unsnapped{a.cache, a.restored.Load}, a.settle}
	case a.cache != nil:
		deps.Parameters = settled{a.cache, a.cache, a.settle}
	default:
		options.Unavailable = "the parameter cache could not be built; the extension's log has the reason"
	}
	if a.metrics != nil {
		deps.Metrics = a.metrics
	}
	deps.Idempotency = a.idempotency
	options.IdempotencyBad = a.idempotencyBad
	return localhttp.New(deps, options)
}

// featureFlags is where the flag routes find their document. What cannot be
// read is told once; each request may still name another place.
func (a *App) featureFlags() (place localhttp.FeatureFlags) {
	if a.cfg.FeatureFlags == "" {
		return place
	}
	ref, err := localhttp.FlagsRef(a.cfg.FeatureFlags)
	if err != nil {
		a.complain("POWERTOOLS_FEATURE_FLAGS", "not APP/ENV/PROFILE, ssm:/name or secret:ID", "no document")
		return place
	}
	if a.cfg.FeatureFlagsEnvelope != "" {
		if place.Envelope, err = jmes.Compile(a.cfg.FeatureFlagsEnvelope); err != nil {
			a.complain("POWERTOOLS_FEATURE_FLAGS_ENVELOPE", err.Error(), "no document")
			return localhttp.FeatureFlags{}
		}
	}
	place.Ref = &ref
	if a.cfg.FeatureFlagsMaxAge >= 0 {
		place.MaxAge = &a.cfg.FeatureFlagsMaxAge
	}
	return place
}

// memoBytes is the share of the cache's bytes in which the connections keep
// whole answers for the second that is running.
func memoBytes(cacheBytes int) int { return min(cacheBytes/16, 256<<10) }

// settled is the cache whose reads count for the invocation that makes them:
// one that is made first thing in a handler may come before its INVOKE is read.
type settled struct {
	*paramcache.Cache
	reads interface {
		Get(ctx context.Context, ref paramcache.Ref, opt paramcache.Options) (paramcache.Result, error)
		GetMany(ctx context.Context, refs []paramcache.Ref, opt paramcache.Options) ([]paramcache.Result, []error)
	}
	settle func()
}

// Get implements localhttp.Parameters.
func (s settled) Get(ctx context.Context, ref paramcache.Ref, opt paramcache.Options) (paramcache.Result, error) {
	s.settle()
	return s.reads.Get(ctx, ref, opt)
}

// GetMany implements localhttp.Parameters.
func (s settled) GetMany(ctx context.Context, refs []paramcache.Ref, opt paramcache.Options) ([]paramcache.Result, []error) {
	s.settle()
	return s.reads.GetMany(ctx, refs, opt)
}

// unsnapped is the cache of a function under SnapStart. Until the first
// invocation it stores nothing: a snapshot is kept for days and restored many
// times, and no secret may lie in it or come out of it old.
type unsnapped struct {
	*paramcache.Cache
	restored func() bool
}

// Get implements localhttp.Parameters.
func (u unsnapped) Get(ctx context.Context, ref paramcache.Ref, opt paramcache.Options) (paramcache.Result, error) {
	return u.Cache.Get(ctx, ref, u.options(opt))
}

// GetMany implements localhttp.Parameters.
func (u unsnapped) GetMany(ctx context.Context, refs []paramcache.Ref, opt paramcache.Options) ([]paramcache.Result, []error) {
	return u.Cache.GetMany(ctx, refs, u.options(opt))
}

func (u unsnapped) options(opt paramcache.Options) paramcache.Options {
	if !u.restored() {
		opt.MaxAge = new(time.Duration) // 0: do not store
	}
	return opt
}

// tokens reads what opens the local API, once: the variables are fixed for the
// life of the process.
func (a *App) tokens() func() []string {
	get := func(name string) string { v, _ := a.lookup(name); return v }
	tokens, err := localhttp.Tokens(get("AWS_SESSION_TOKEN"), get("AWS_CONTAINER_AUTHORIZATION_TOKEN"), get("AWS_TOKEN"))
	if err != nil {
		a.log.Warn("token not usable", zap.Error(err))
	}
	return func() []string { return tokens }
}

// askedTime bounds the wait for a request that is asked for by its id.
const askedTime = time.Second

// current is what GET /context tells: of the request that is asked for, once
// it runs, else of the one that runs.
func (a *App) current(ctx context.Context, id string) localhttp.Context {
	c := localhttp.Context{
		FunctionName:    a.cfg.FunctionName,
		FunctionVersion: a.cfg.FunctionVersion,
		MemoryMB:        a.cfg.MemoryMB,
		Service:         a.cfg.Service,
		InitType:        a.cfg.InitType,
	}
	if req, ok := a.running(ctx, id); ok {
		c.RequestID, c.TraceID, c.Deadline = req.ID, req.TraceHeader, req.Deadline
		c.ColdStart, c.FunctionARN, c.TenantID, c.CorrelationID = req.ColdStart, req.FunctionARN, req.TenantID, req.CorrelationID
		if item, is := a.items.Asked(id, req.ID); is {
			c.BatchItem, c.CorrelationID = item.Record, cmp.Or(item.CorrelationID, c.CorrelationID)
		}
	}
	return c
}

// state is what GET /healthz tells.
func (a *App) state() localhttp.Health {
	h := localhttp.Health{Features: a.features(), Degraded: a.health.list(), BilledMetrics: &a.billed, Spans: a.spans.Health()}
	if server := a.proxy.server.Load(); server != nil {
		h.Proxy = &localhttp.ProxyHealth{Upstream: server.Upstream(), Handshake: a.proxy.greeted.Load(), Used: a.proxies(), Open: server.Open(), Hooks: a.hookNames()}
	}
	return h
}

func (a *App) running(ctx context.Context, id string) (invocation.Request, bool) {
	if id != "" {
		ctx, cancel := context.WithTimeout(ctx, askedTime)
		defer cancel()
		return a.tracker.Running(ctx, a.items.Whole(id))
	}
	a.settle()
	return a.tracker.Current()
}

func (a *App) features() []string {
	features := []string{"parameters", "metrics"}
	if len(a.cfg.LogsDestinations) > 0 {
		features = append(features, "logs")
	}
	return features
}

// bindLocal opens the function's API. A port that is taken costs the API and
// nothing else.
func (a *App) bindLocal() {
	if err := a.local.Listen(); err != nil {
		a.degrade("local api", err.Error())
		a.log.Error("the function cannot read parameters; logs and platform metrics go on", zap.Error(err))
		return
	}
	a.local.Serve()
	a.log.Debug("local api listens", zap.String("address", a.local.Addr()), zap.Duration("after", time.Since(a.started)))
}
