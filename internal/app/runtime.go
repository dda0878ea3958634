package app

import (
	"context"
	"errors"
	"path"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsevent"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/runtimeapi"
	"powertools-extension/internal/schemaref"
)

// wrapperName is the base name of the layer's wrapper.
const wrapperName = "powertools-wrapper"

func asCacheError(err error, target **paramcache.Error) bool { return errors.As(err, target) }

// needsPort reports whether a wrapper may ask. Who does not use it pays no
// port.
func (a *App) needsPort() bool {
	c := &a.cfg
	switch {
	case c.EnvFromParameters():
		return true
	case c.RuntimeProxy == "off":
		return false
	}
	return c.RuntimeProxy == "on" || len(a.hooks) > 0 || a.spans.On() || a.inPlace != nil || path.Base(c.ExecWrapper) == wrapperName
}

// proxies reports whether the runtime is to talk to Lambda through us.
func (a *App) proxies() bool {
	if a.idle || a.cfg.RuntimeProxy == "off" {
		return false
	}
	return a.cfg.RuntimeProxy == "on" || len(a.hooks) > 0 || a.spans.On() || a.inPlace != nil
}

// bindProxy opens the port for the wrapper and the runtime behind it. Like
// every port it is open before the registration, after which the runtime
// starts.
func (a *App) bindProxy() {
	if !a.needsPort() {
		return
	}
	options := runtimeapi.Options{
		Port:      a.cfg.ProxyPort,
		Upstream:  a.cfg.RuntimeAPI,
		Managed:   a.managed(),
		Tokens:    a.tokens(),
		Handshake: a.greet,
		Log:       a.log,
	}
	if !a.idle {
		options.Observer, options.Chain = passing{a}, NewChain(a.log, a.spans.Timed(a.hooks))
		options.Trace = a.spans.Trace()
		if a.inPlace != nil && a.inPlace.listen() {
			options.Drain = a.inPlace
		}
	}
	server, err := runtimeapi.New(options)
	if err == nil {
		err = server.Listen()
	}
	if err != nil {
		a.degrade("proxy", err.Error())
		a.log.Error("no Runtime API proxy and no variables from parameters; cache, logs and metrics work", zap.Error(err))
		return
	}
	server.Serve()
	a.proxy.server.Store(server)
	a.log.Debug("runtime api proxy listens", zap.String("address", server.Addr()), zap.Duration("after", time.Since(a.started)))
}

// runtimeProxy is the proxy's state in the life of the process.
type runtimeProxy struct {
	server   atomic.Pointer[runtimeapi.Server] // nil: there is none
	greeted  atomic.Bool                       // a wrapper has asked
	taskRoot atomic.Pointer[string]            // as the wrapper said; nil: it has not
	said     bool                              // that none has
}

// greet answers the wrapper of a runtime.
func (a *App) greet(ctx context.Context, hello runtimeapi.Hello) runtimeapi.Reply {
	a.proxy.greeted.Store(true)
	a.spans.Greet(&hello)
	if hello.TaskRoot != "" {
		a.proxy.taskRoot.Store(&hello.TaskRoot)
	}
	if len(a.schemas) > 0 {
		// SnapStart would keep what comes over the network for days.
		go a.guard("read schemas", func() { schemaref.Read(a.schemas, a.cfg.InitType == snapStart) })
	}
	reply := runtimeapi.Reply{Proxy: a.proxies()}
	if a.cache == nil {
		for name, text := range hello.Env {
			reply.Failed = append(reply.Failed, runtimeapi.EnvError{Name: name, Ref: text, Code: string(localhttp.CodeUnavailable), Cure: "the extension could not be built; its log has the reason"})
		}
		return reply
	}
	reply.Logs = a.inPlace.invite(&hello)
	a.guard("answer the wrapper", func() {
		env := a.envFor(ctx, hello)
		reply.Env, reply.Failed = env.values, env.failed
	})
	return reply
}

// missWrapper says at the first invocation that something waits for a wrapper
// that has not asked, and what to do.
func (a *App) missWrapper() {
	if a.proxy.said || a.proxy.server.Load() == nil || a.proxy.greeted.Load() || !a.proxies() && !a.cfg.EnvFromParameters() {
		return
	}
	a.proxy.said = true
	const cure = "managed runtimes: set AWS_LAMBDA_EXEC_WRAPPER=/opt/powertools-wrapper; provided.*: bootstrap is exec /opt/powertools-wrapper \"$LAMBDA_TASK_ROOT/app\"; images: put /opt/powertools-wrapper before the command in ENTRYPOINT; only the HTTP forms wanted: POWERTOOLS_RUNTIME_PROXY=off"
	if a.spans.On() && len(a.hooks) == 0 && a.inPlace == nil && a.cfg.RuntimeProxy != "on" && !a.cfg.EnvFromParameters() { // they are made without, too
		a.log.Warn("the runtime did not come through the wrapper: spans are made of what the platform tells, without response, error document and HTTP status", zap.String("cure", cure))
		return
	}
	a.degrade("proxy", "the runtime did not come through the wrapper")
	if a.logger.onlyLines() {
		a.log.Warn("the runtime did not come through the wrapper: no correlation ids, and no events, responses and errors in the log", zap.String("cure", cure))
		return
	}
	a.log.Error("the runtime did not come through the wrapper: no proxy, no variables from parameters", zap.String("cure", cure))
}

// closeProxy lets answers that are on their way arrive.
func (a *App) closeProxy(ctx context.Context) {
	if server := a.proxy.server.Load(); server != nil {
		ctx, cancel := context.WithTimeout(ctx, drainBudget)
		defer cancel()
		server.Shutdown(ctx)
	}
}

// passing tells the other rooms of what passes.
type passing struct{ *App }

// Delivered implements runtimeapi.Observer.
func (o passing) Delivered(e runtimeapi.Event) (http bool) {
	d := invocation.Delivery{
		RequestID: e.ID, FunctionARN: e.FunctionARN, TraceHeader: e.TraceHeader, TenantID: e.TenantID,
		Deadline: e.Deadline, At: e.At.Round(0), Bytes: e.Bytes,
	}
	source := awsevent.Recognise(e.Beginning)
	if d.EventSource = source.Name; !e.Whole && source.Source == awsevent.Unknown() {
		d.EventSource = "" // its mark may stand behind what was seen
	}
	if e.Whole {
		d.Records = awsevent.Records(e.Beginning)
	}
	attempt := o.tracker.Delivered(d)
	o.inPlace.begin(attempt)
	o.spans.Delivered(attempt, &e, source)
	return source.HTTP
}

// Answered implements runtimeapi.Observer.
func (o passing) Answered(answer runtimeapi.Answer) {
	a := invocation.Answer{
		RequestID: answer.ID, At: time.Now().Round(0), Failed: answer.Failed, ErrorType: answer.ErrorType,
		Status: answer.Status, Bytes: answer.Bytes,
		Timed: answer.Known, Handler: answer.Handler, Proxy: answer.Proxy, Streamed: answer.Streamed,
		AnsweredBy: answer.By, HookErrors: answer.HookErrors, Guards: guards(&answer),
	}
	counts, partial := o.items.Counts(answer.ID)
	if a.Partial = partial; counts != nil && !answer.Failed { // else they come again
		a.Guards.Invalid += counts.Dropped
		a.Guards.Dropped += counts.Dropped
	}
	if answer.HTTP {
		a.HTTPStatus = awsevent.StatusCode(answer.Beginning)
	}
	if answer.Failed {
		if posted := awsevent.ErrorType(answer.Beginning); posted != "" {
			a.ErrorType = posted
		}
	}
	o.tracker.Answered(a)
	o.spans.Answered(&answer, a.HTTPStatus)
}

// guards tells from a hook's answer what it kept from the function.
func guards(a *runtimeapi.Answer) (g invocation.Guards) {
	switch {
	case a.By == "gate":
		g.Closed = 1
	case a.By != "validate":
	case a.ErrorType == "Function.SchemaValidationError", a.HTTP && awsevent.StatusCode(a.Beginning) == 400:
		g.Invalid = 1
	case !a.Failed && !a.HTTP && string(a.Beginning) == "null":
		g.Invalid, g.Dropped = 1, 1
	}
	return g
}

// Late implements runtimeapi.Observer.
func (o passing) Late(id string, elapsed time.Duration) {
	fields := []zap.Field{zap.String("function_request_id", id), zap.Int64("elapsed_ms", elapsed.Milliseconds())}
	if a := o.tracker.Passing(id); a != nil && a.Request().CorrelationID != "" {
		fields = append(fields, zap.String("correlation_id", a.Request().CorrelationID))
	}
	o.log.Warn("about to time out", fields...)
	o.guard("flush before a time-out", func() {
		o.metrics.Flush(time.Now().Round(0))
		o.flushStdout()
	})
}

// Restored implements runtimeapi.Observer: what was fetched before a snapshot
// was taken is not valid after it.
func (o passing) Restored() {
	o.guard("restore", func() { o.forgetSnapshot() })
}

// taskRoot is where the function's files are: what the wrapper has said, else
// Lambda's usual place.
func (a *App) taskRoot() string {
	if said := a.proxy.taskRoot.Load(); said != nil {
		return *said
	}
	return "/var/task"
}
