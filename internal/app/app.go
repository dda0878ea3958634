// Package app assembles the extension and runs its life cycle.
//
// The rule a reader could break: the order of things is code, one comment per
// step (Run, shutdown), and nothing in this package may end the process or
// hold it: every step that is not the platform's own runs under guard, which
// turns a panic into a log line and a degraded feature.
package app

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/batch/items"
	"powertools-extension/internal/config"
	"powertools-extension/internal/emf"
	"powertools-extension/internal/extapi"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/idempotency/watch"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/middleware"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/paramcache/awsparams"
	"powertools-extension/internal/pipeline"
	"powertools-extension/internal/remote"
	"powertools-extension/internal/schemaref"
	"powertools-extension/internal/sink"
	"powertools-extension/internal/tracer"
)

// Deps are what the process gives to the App.
type Deps struct {
	Name    string      // base name of the executable: the extension's name
	Version string      // for /healthz, the User-Agent and log lines
	Environ []string    // os.Environ: credentials and tokens, which are not configuration
	Stdout  io.Writer   // metrics and enriched lines
	Log     *zap.Logger // own diagnostics

	// SetMemoryLimit is told the process's soft limit when what is cached has
	// changed it; debug.SetMemoryLimit in the product. nil: nobody is told.
	SetMemoryLimit func(bytes int64)

	// Waiting is called once, in a goroutine of its own, soon after the first
	// event was asked for: what it does costs the start nothing. May be nil.
	Waiting func()
}

// App is the extension. Build it with New, then Run it once.
type App struct {
	cfg  config.Config
	deps Deps
	log  *zap.Logger

	api      *extapi.Client
	aws      *awsapi.Client
	cache    *paramcache.Cache
	stdout   *sink.Outlet
	writer   *writer
	ways     remote.Ways // behind a network; none with stdout alone
	metrics  *emf.Intake
	tracker  *invocation.Tracker
	logger   *logger
	pipeline *pipeline.Pipeline
	spans    *tracer.Tracer
	local    *localhttp.Server

	idempotency    *idempotency.Engine  // nil: off, or it refuses everything
	watch          *watch.Watch         // of idempotency; nil: it is off
	idempotencyBad string               // what is wrong in its configuration, for callers; empty: nothing
	items          *items.Book          // records of batches; nil: none are split
	hooks          []middleware.Hook    // of the proxy, in no order
	schemas        []*schemaref.Source  // of the hooks
	originals      middleware.Originals // events that an envelope has taken something out of
	flags          localhttp.FeatureFlags
	stream         stream
	proxy          runtimeProxy
	inPlace        *inPlace                 // nil: lines are copied
	env            atomic.Pointer[envFetch] // nil: nothing was begun, or it was handed out

	health    health
	namespace *namespaceWarning
	problems  []config.Problem // of the configuration, beyond those that config finds
	billed    int              // metrics of the canonical event that CloudWatch bills, at most
	account   account
	idle      bool        // could not be built: only the life cycle works
	restored  atomic.Bool // SnapStart: the first invocation was seen
	lastEvent time.Time   // wall clock of the last event of the loop
	started   time.Time
}

// New builds the rooms. It opens nothing and starts nothing but memory.
func New(cfg config.Config, deps Deps) *App {
	a := &App{cfg: cfg, deps: deps, log: deps.Log, started: time.Now()}
	a.account.known = make(chan struct{})
	a.api = extapi.New(cfg.RuntimeAPI, extapi.Options{})

	a.stdout = sink.NewOutlet(sink.NewBuffer(sink.Options{MaxBytes: cfg.BufferBytes}), sink.NewWriter(deps.Stdout))
	a.writer = newWriter(a.stdout, a.log)
	a.aws = awsapi.New(awsapi.Options{
		Lookup:         a.lookup,
		Region:         cfg.Region,
		Timeout:        max(cfg.ParametersTimeout, cfg.SSMTimeout, cfg.SecretsTimeout, cfg.AppConfigTimeout, cfg.Idempotency.Timeout),
		MaxConnections: cfg.MaxConnections,
		Log:            a.log,
		UserAgent:      a.userAgent(),
	})
	cached := a.cacheConfig()
	a.cache = paramcache.New(awsparams.New(a.aws, awsparams.Options{
		KeyAttr: cfg.DynamoDBKeyAttr, SortAttr: cfg.DynamoDBSortAttr, ValueAttr: cfg.DynamoDBValueAttr,
		Region:     cfg.Region,
		ConfigPoll: cfg.AppConfigMaxAge * 4 / 5, // the cache asks a little before its age, see paramcache's jitter
		MaxBytes:   cfg.CacheBytes,
		Keep:       a.keepsSessions,
		Timeout:    cached.TimeoutOf,
	}), a.log, cached)
	a.namespace = &namespaceWarning{log: a.log, unset: cfg.NamespaceUnset}
	a.metrics = a.newMetrics()
	a.spans = tracer.New(tracer.Deps{
		Config: &a.cfg, AWS: a.aws, Headers: a.headersOf(cfg.Tracing.HTTPHeaders), Resource: a.resource, UserAgent: a.userAgent(),
		Proxied: func() bool { return a.proxy.greeted.Load() && a.proxies() }, Waiting: func() { a.ways.Spool.Touch() },
		Complain: a.complain, Degrade: a.degrade, Guard: a.guard, Log: a.log,
	})
	a.ways = a.newWaysOut()
	a.watch = watchOf(a)
	a.inPlace = newInPlace(a)
	if len(batchKinds(&cfg)) > 0 {
		a.items = items.New(a.log)
	}
	a.buildPipeline()
	a.idempotency = a.newIdempotency()
	a.flags = a.featureFlags()
	a.hooks = a.newHooks()
	a.local = a.newLocal()
	return a
}

func (a *App) cacheConfig() paramcache.Config {
	timeouts := map[paramcache.Source]time.Duration{}
	for source, d := range map[paramcache.Source]time.Duration{
		paramcache.SSM: a.cfg.SSMTimeout, paramcache.Secrets: a.cfg.SecretsTimeout, paramcache.AppConfig: a.cfg.AppConfigTimeout,
	} {
		if d > 0 {
			timeouts[source] = d
		}
	}
	return paramcache.Config{
		MaxAge:       a.cfg.MaxAge,
		MaxAges:      map[paramcache.Source]time.Duration{paramcache.AppConfig: a.cfg.AppConfigMaxAge},
		StaleIfError: a.cfg.StaleIfError,

		StaleWhileRevalidate: a.cfg.StaleWhileRevalidate,
		RefreshAhead:         refreshAhead,
		MaxItems:             a.cfg.CacheItems,
		MaxBytes:             a.cfg.CacheBytes - memoBytes(a.cfg.CacheBytes),
		Timeout:              a.cfg.ParametersTimeout,
		Timeouts:             timeouts,
		Allow:                a.cfg.ParametersAllow,
		KeyAttr:              a.cfg.DynamoDBKeyAttr,
		SortAttr:             a.cfg.DynamoDBSortAttr,
		ValueAttr:            a.cfg.DynamoDBValueAttr,
		Region:               a.cfg.Region,
		Account:              a.account.id,
		Deadline:             a.deadline,
		Size:                 a.followCache,
	}
}

// keepsSessions tells whether AppConfig's sessions may be kept: they hold the
// last configuration, so they are a cache, and must not lie in a snapshot.
func (a *App) keepsSessions() bool {
	return a.cfg.CacheItems > 0 && (a.cfg.InitType != snapStart || a.restored.Load())
}

// deadline is when the running invocation times out.
func (a *App) deadline() time.Time {
	a.settle()
	req, _ := a.tracker.Current()
	return req.Deadline
}

// settleTime bounds the wait for an INVOKE that has arrived and is not begun.
const settleTime = 250 * time.Millisecond

// settle waits until an invocation that has arrived has begun here, too, so
// that what is said of the running one is never said of the one before.
func (a *App) settle() { a.api.Settle(settleTime) }

// refreshAhead is the share of its age after which a value that is read in an
// invocation is fetched anew behind the answer, so that no read waits for it.
const refreshAhead = 0.9

// lookup reads the environment the process was started with.
func (a *App) lookup(name string) (string, bool) {
	for _, kv := range a.deps.Environ {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// guard runs one step and survives its panic: the feature is degraded, the
// process and the function live.
func (a *App) guard(step string, f func()) {
	defer func() {
		if p := recover(); p != nil {
			a.degrade(step, "panic; the log has the stack")
			a.log.Error("panic, please report it", zap.String("step", step), zap.String("panic", panicText(p)), zap.ByteString("stack", debug.Stack()))
		}
	}()
	f()
}

// panicText quotes the runtime's own errors only: anything else may carry a
// value.
func panicText(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}

func dimensions(from []config.Dimension) []emf.Dimension {
	out := make([]emf.Dimension, len(from))
	for i, d := range from {
		out[i] = emf.Dimension{Name: d.Name, Value: d.Value}
	}
	return out
}

// account is the account id, which the registration tells. Who asks earlier
// waits for its end: what was fetched meanwhile could not be filed under its
// ARN, and would be fetched again.
type account struct {
	known chan struct{} // closed when the registration has ended
	value string        // empty if it failed
}

func (a *account) id() string {
	<-a.known
	return a.value
}

func (a *account) set(id string) {
	a.value = id
	close(a.known)
}

func (a *App) flushStdout() { a.writer.wake() }

// flushStdoutNow writes what is pending and waits for it, within ctx.
func (a *App) flushStdoutNow(ctx context.Context) {
	if err := a.stdout.Flush(ctx); err != nil {
		a.log.Warn("stdout not written", zap.Error(err))
	}
}
