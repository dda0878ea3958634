package app

import (
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/canonical"
	"powertools-extension/internal/config"
	"powertools-extension/internal/emf"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/pipeline"
	"powertools-extension/internal/procstat"
	"powertools-extension/internal/redact"
	"powertools-extension/internal/telemetry"
)

// buildPipeline joins what handles the function's telemetry.
func (a *App) buildPipeline() {
	level, warning := pipeline.ResolveLevel(a.cfg.LambdaLogLevel, a.cfg.LogLevel, "")
	if warning != "" {
		a.log.Warn(warning)
		a.problems = append(a.problems, config.Problem{Var: "POWERTOOLS_LOG_LEVEL", Reason: warning})
	}
	platform := a.selection()
	var features []string
	for name, on := range map[string]bool{
		"idempotency": a.watch != nil, "tracing": a.spans.On(), "lines in place": a.inPlace != nil, "batch": a.items != nil,
		"validation": a.cfg.Hooks.EventSchema != "", "gate": a.cfg.Hooks.Gate != "",
	} {
		if on {
			features = append(features, name)
		}
	}
	metrics, rare := platform.Billed(a.cfg.InitType, features...)
	a.billed = metrics + rare
	a.log.Debug("platform metrics", zap.Int("billed", a.billed), zap.String("usd_a_month", strconv.FormatFloat(float64(a.billed)*canonical.PricePerMetric, 'f', 2, 64)))
	options := pipeline.Options{
		Service:             a.cfg.Service,
		MetricsService:      a.cfg.MetricsService,
		FunctionName:        a.cfg.FunctionName,
		MetricsFunctionName: a.cfg.MetricsFunctionName,
		MemoryMB:            a.cfg.MemoryMB,
		Architecture:        runtime.GOARCH,
		Level:               level,
		SampleRate:          a.cfg.SampleRate,
		Indent:              a.cfg.Dev,
		Namespace:           a.cfg.MetricsNamespace,
		Dimensions:          dimensions(a.cfg.MetricsDimensions),
		Platform:            platform,
		Metrics:             a.stdout,
		Meters:              []pipeline.Meter{cacheMeter{a.cache}},
		Observed:            a.spans.Observe,
		Over:                a.spans.Over,
		FirstMetric:         a.namespace.missing,
		FlushMetrics:        a.ended,
		FlushOutputs:        a.handled,
		Items:               a.items,
		Log:                 a.log,
	}
	if a.watch != nil {
		options.Idempotent = a.watch.Take
	}
	options.Lines = a.destinations()
	a.addRules(&options)
	a.tracker = invocation.New(invocation.Options{
		InitType:        a.cfg.InitType,
		MemoryMB:        float64(a.cfg.MemoryMB),
		FunctionVersion: a.cfg.FunctionVersion,
		EmptyResponse:   invocation.EmptyResponse(a.cfg.EmptyResponse),
	})
	a.pipeline = pipeline.New(a.tracker, options)
	for _, problem := range a.pipeline.Problems() {
		a.complain("POWERTOOLS_METRICS_DIMENSIONS", problem, "")
	}
}

// addRules adds what is done to lines beyond enriching them. What is not set
// costs nothing, not even the compilation of an expression.
func (a *App) addRules(o *pipeline.Options) {
	keys, err := pipeline.ParseKeys(a.cfg.LogsKeys)
	if err != nil {
		a.log.Warn("configuration: POWERTOOLS_LOGS_KEYS; lean is used", zap.Error(err))
	}
	o.Keys, o.CopyAll, o.KeepText = keys, a.cfg.LogsCopy == "all", a.cfg.LogsText == "keep"
	if a.inPlace != nil {
		o.Bypassed = a.inPlace.takeBypassed
	}
	o.Include = a.expression("POWERTOOLS_LOGS_INCLUDE", a.cfg.LogsInclude)
	o.Exclude = a.expression("POWERTOOLS_LOGS_EXCLUDE", a.cfg.LogsExclude)
	if len(a.cfg.LogsRedact) > 0 {
		redactor, problems := redact.NewRules(a.cfg.LogsRedact)
		for _, problem := range problems {
			a.complain("POWERTOOLS_LOGS_REDACT", problem.Error(), "the other entries")
		}
		o.Redact = redactor
	}
	if a.cfg.LogsBuffer != "" {
		o.Hold, _ = pipeline.ResolveLevel("", a.cfg.LogsBuffer, "")
	}
	o.Process = procstat.New(procstat.Options{})
}

// expression compiles one that config has checked.
func (a *App) expression(variable, text string) *regexp.Regexp {
	if text == "" {
		return nil
	}
	re, err := regexp.Compile(text)
	if err != nil {
		a.log.Warn("configuration: " + variable + ": not an RE2 expression; it has no effect")
		return nil
	}
	return re
}

// destinations are where the function's lines go.
func (a *App) destinations() (out []pipeline.Destination) {
	if a.wantsStdout() {
		out = append(out, pipeline.Destination{Output: a.stdout, Stdout: true})
	}
	for _, r := range a.ways.Outlets {
		if r.Spans {
			continue
		}
		out = append(out, pipeline.Destination{Output: r})
	}
	return out
}

// handled is called when a batch of events is.
func (a *App) handled() {
	a.flushStdout()
	a.ways.Spool.Touch()
}

// ended is called when the end of an invocation is observed.
func (a *App) ended(now time.Time) {
	a.metrics.Flush(now)
	_, running := a.tracker.Current() // the next one may have begun already
	a.cache.Awake(running || a.managed())
}

// selection is which platform metrics are written.
func (a *App) selection() canonical.Selection {
	selection, unknown := canonical.Select(a.cfg.MetricsPlatform)
	used := "the other entries"
	if len(unknown) > strings.Count(a.cfg.MetricsPlatform, ",") {
		used = string(canonical.PresetDefault) // none of them is known
	}
	for _, problem := range unknown {
		a.complain("POWERTOOLS_METRICS_PLATFORM", problem, used)
	}
	switch {
	case !a.cfg.MetricsDisabled:
		return selection
	case strings.EqualFold(a.cfg.MetricsPlatform, string(canonical.PresetEvent)):
		return selection // the event is no metric
	}
	return canonical.Selection{}
}

// bindTelemetry opens the listener for the platform's stream.
func (a *App) bindTelemetry() {
	stream, err := telemetry.Listen(a.log, telemetry.Options{QueueBytes: a.cfg.BufferBytes, SkipLines: a.inPlace.on})
	if err != nil {
		a.degrade("telemetry", err.Error())
		a.log.Error("no telemetry: log lines are not enriched and platform metrics are missing", zap.Error(err))
		return
	}
	a.stream.server = stream
	stream.Serve(a.ways.Handler(a.pipeline))
}

// cacheMeter tells the canonical event what the parameter cache did during
// the invocation.
type cacheMeter struct{ cache *paramcache.Cache }

// Take implements pipeline.Meter. Without a read there is nothing to tell.
func (m cacheMeter) Take() []emf.Property {
	c := m.cache.Take()
	if c.Reads() == 0 && c.UpstreamCalls == 0 {
		return nil
	}
	return []emf.Property{
		{Name: "parameter_hits", Value: int64(c.Hits)},
		{Name: "parameter_misses", Value: int64(c.Misses + c.Refreshed)},
		{Name: "parameter_coalesced", Value: int64(c.Coalesced)},
		{Name: "parameter_stale", Value: int64(c.Stale)},
		{Name: "parameter_errors", Value: int64(c.Errors)},
		{Name: "parameter_upstream_calls", Value: int64(c.UpstreamCalls)},
		{Name: "parameter_upstream_ms", Value: c.UpstreamMillis()},
	}
}
