package app

import (
	"runtime"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/emf"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/pipeline"
	"powertools-extension/internal/telemetry"
)

// buildPipeline joins what handles the function's telemetry.
func (a *App) buildPipeline() {
	level, warning := pipeline.ResolveLevel(a.cfg.LambdaLogLevel, a.cfg.LogLevel, "")
	if warning != "" {
		a.log.Warn(warning)
	}
	options := pipeline.Options{
		Service:             a.cfg.Service,
		FunctionName:        a.cfg.FunctionName,
		MetricsFunctionName: a.cfg.MetricsFunctionName,
		MemoryMB:            a.cfg.MemoryMB,
		Architecture:        runtime.GOARCH,
		Level:               level,
		SampleRate:          a.cfg.SampleRate,
		Indent:              a.cfg.Dev,
		Namespace:           a.cfg.MetricsNamespace,
		Dimensions:          dimensions(a.cfg.MetricsDimensions),
		Platform:            a.selection(),
		Metrics:             a.stdout,
		Meters:              []pipeline.Meter{cacheMeter{a.cache}},
		FlushMetrics:        func(now time.Time) { a.metrics.Flush(now) },
		FlushOutputs:        a.writer.wake,
		Log:                 a.log,
	}
	if a.cfg.LogsDestination == "stdout" {
		options.Lines = []pipeline.Destination{{Output: a.stdout, Stdout: true}}
	}
	a.tracker = invocation.New(invocation.Options{
		InitType:        a.cfg.InitType,
		MemoryMB:        float64(a.cfg.MemoryMB),
		FunctionVersion: a.cfg.FunctionVersion,
	})
	a.pipeline = pipeline.New(a.tracker, options)
}

// selection is which platform metrics are written.
func (a *App) selection() pipeline.Selection {
	setting := a.cfg.MetricsPlatform
	if a.cfg.MetricsDisabled {
		setting = string(pipeline.PresetNone)
	}
	selection, unknown := pipeline.Select(setting)
	for _, name := range unknown {
		a.log.Warn("configuration: POWERTOOLS_METRICS_PLATFORM: no such metric", zap.String("name", name))
	}
	return selection
}

// bindTelemetry opens the listener for the platform's stream.
func (a *App) bindTelemetry() {
	stream, err := telemetry.Listen(a.log, telemetry.Options{QueueBytes: a.cfg.BufferBytes})
	if err != nil {
		a.degrade("telemetry", err.Error())
		a.log.Error("no telemetry: log lines are not enriched and platform metrics are missing", zap.Error(err))
		return
	}
	a.stream = stream
	stream.Serve(a.pipeline)
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
