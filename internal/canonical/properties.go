package canonical

import (
	"powertools-extension/internal/batch"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

// PropertyInfo describes one plain member of the canonical event.
type PropertyInfo struct {
	Name    string
	Meaning string
}

// property is one row of the table. A nil value is left out.
type property struct {
	PropertyInfo
	value func(*Event) any
}

// Properties is the table of the canonical event's members beside the
// metrics, in the order they are written. What meters add comes behind them.
func Properties() []PropertyInfo {
	rows := propertyTable()
	infos := make([]PropertyInfo, len(rows))
	for i, p := range rows {
		infos[i] = p.PropertyInfo
	}
	return infos
}

// propertyTable is the one table.
func propertyTable() []property {
	row := func(name, meaning string, value func(*Event) any) property {
		return property{PropertyInfo{Name: name, Meaning: meaning}, value}
	}
	rows := []property{
		row("service_name", "POWERTOOLS_SERVICE_NAME, only where it is no dimension's value and `service` is the default", func(e *Event) any { return text(e.serviceName) }),
		row("level", "ERROR; only if the invocation failed", func(e *Event) any { return failed(e, "ERROR") }),
		row("message", "what failed, for people; only if the invocation failed", func(e *Event) any { return failed(e, e.Message) }),
		row("function_version", "version that ran", func(e *Event) any { return text(e.Request.FunctionVersion) }),
		row("function_memory_size", "configured memory, MiB", func(e *Event) any { return whole(e.MemorySizeMB) }),
		row("function_arn", "ARN that was called, with its alias or version", func(e *Event) any { return text(e.Request.FunctionARN) }),
		row("function_request_id", "request id", func(e *Event) any { return e.Request.ID }),
		row("attempt", "which try of the request id this process has seen; only from the second on", func(e *Event) any { return attempt(e) }),
		row("correlation_id", "what POWERTOOLS_LOGGER_CORRELATION_ID_PATH found in the event; only through the proxy", func(e *Event) any { return text(e.Request.CorrelationID) }),
		row("cold_start", "true if somebody waited for the init of an on-demand sandbox", func(e *Event) any { return e.Request.ColdStart }),
		row("init_type", "how the sandbox was initialised", func(e *Event) any { return text(e.InitType) }),
		row("xray_trace_id", "root of the X-Ray header", func(e *Event) any { return text(e.Request.TraceID) }),
		row("tenant_id", "tenant, in tenant isolation mode", func(e *Event) any { return text(e.Request.TenantID) }),
		row("status", "the platform's word: success, failure, error, timeout", func(e *Event) any { return text(e.Status) }),
		row("error_type", "type of the error: the one the runtime printed, else what the proxy or the platform says, else that of the last failing line; only if the invocation failed", func(e *Event) any { return text(e.ErrorType) }),
		row("outcome", "judgement: success, error, timeout, out_of_memory, partial, unknown", func(e *Event) any { return string(e.Outcome) }),
		row("outcome_from", "who decided: proxy, platform, produced_bytes, runtime_line, empty_response", func(e *Event) any { return text(e.OutcomeFrom) }),
		row("error_logged", "type of the last error that was caught and logged; only if the invocation did not fail", func(e *Event) any { return text(e.ErrorLogged) }),
		row("proxy", "true if the runtime talked to Lambda through the extension", func(e *Event) any { return flag(e.Passed != nil) }),
		row("event_source", "where the event comes from, as its form tells; only through the proxy", passed(func(p *invocation.Passage) any { return text(p.EventSource) })),
		row("records", "records of the event; only through the proxy, of events up to 64 KiB", passed(func(p *invocation.Passage) any { return some(uint32(p.Records)) })),
		row("request_bytes", "size of the event, if that was known when it was handed on; only through the proxy", passed(func(p *invocation.Passage) any { return whole(p.RequestBytes) })),
		row("response_bytes", "size of what the runtime posted; only through the proxy", passed(func(p *invocation.Passage) any { return whole(p.ResponseBytes) })),
		row("http_status", "`statusCode` of the answer to an HTTP event; only through the proxy", passed(func(p *invocation.Passage) any { return some(uint32(p.HTTPStatus)) })),
		row("streamed", "true if the answer was a stream; only through the proxy", passed(func(p *invocation.Passage) any { return flag(p.Streamed) })),
		row("answered_by", "the hook that answered in the function's place", passed(func(p *invocation.Passage) any { return text(p.AnsweredBy) })),
		row("idempotency", "what became of the request, or of all requests that the invocation began, where that is one thing: run, replayed, in_progress, skipped, error", idempotentOf(func(i *idempotency.Tally) string { return i.State })),
		row("idempotency_key", "key of the record: a digest behind its prefix, as the table's partition key has it", idempotentOf(func(i *idempotency.Tally) string { return i.Key })),
		row("batch_size", "records of a batch of which the function got one after another; only then", batchOf(func(c *batch.Counts) any { return int64(c.Records) })),
		row("batch_failed", "records that ran and failed", batchOf(func(c *batch.Counts) any { return int64(c.Failed) })),
		row("batch_unprocessed", "records that did not run: left out because of a failure before them, or there was no time; only if there are any", batchOf(func(c *batch.Counts) any { return some(uint32(c.Unprocessed)) })),
		row("batch_slowest_ms", "time of the slowest record", batchOf(func(c *batch.Counts) any { return float64(c.Slowest.Microseconds()) / 1000 })),
		row("hook_errors", "hooks that failed, so that the bytes went on as they were; only if any did", passed(func(p *invocation.Passage) any { return some(uint32(p.HookErrors)) })),
		row("complete", "false if the sandbox ended before the platform's report", func(e *Event) any { return e.Complete }),
		row("shutdown_reason", "why the sandbox ended; only if complete is false", func(e *Event) any { return text(e.ShutdownReason) }),
		row("deadline_slack_ms", "time that was left when the function was done", func(e *Event) any { return whole(e.DeadlineSlackMs) }),
	}
	for _, c := range []struct {
		name  string
		level invocation.Level
	}{
		{"log_trace", invocation.LevelTrace}, {"log_debug", invocation.LevelDebug}, {"log_info", invocation.LevelInfo}, {"log_warn", invocation.LevelWarn},
		{"log_error", invocation.LevelError}, {"log_critical", invocation.LevelCritical}, {"log_unknown", invocation.LevelUnknown},
	} {
		rows = append(rows, row(c.name, "lines of this level, filtered ones included; only if there are any", func(e *Event) any {
			return some(e.Logs[c.level])
		}))
	}
	return append(rows,
		row("log_released", "lines that the flight recorder held and released; only if there are any", func(e *Event) any { return some(e.Released) }),
		row("log_hold_dropped", "lines that the flight recorder had no room for; only if there are any", func(e *Event) any { return some(e.HoldDropped) }),
		row("error_fingerprint", "16 hex digits, the same for first ERROR lines that differ only in numbers and ids", func(e *Event) any { return text(e.FirstErrorFingerprint) }),
	)
}

// passed reads what the proxy saw, if it saw the attempt.
func passed(value func(*invocation.Passage) any) func(*Event) any {
	return func(e *Event) any {
		if e.Passed == nil {
			return nil
		}
		return value(e.Passed)
	}
}

func batchOf(value func(*batch.Counts) any) func(*Event) any {
	return func(e *Event) any {
		if e.Batch == nil {
			return nil
		}
		return value(e.Batch)
	}
}

func idempotentOf(value func(*idempotency.Tally) string) func(*Event) any {
	return func(e *Event) any {
		if e.Idempotent == nil {
			return nil
		}
		return text(value(e.Idempotent))
	}
}

func flag(yes bool) any {
	if !yes {
		return nil
	}
	return true
}

func failed(e *Event, s string) any {
	if !e.Failed {
		return nil
	}
	return text(s)
}

func attempt(e *Event) any {
	if e.Attempt == nil || e.Attempt.Try < 2 {
		return nil
	}
	return int64(e.Attempt.Try)
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func some(n uint32) any {
	if n == 0 {
		return nil
	}
	return int64(n)
}

func whole(n telemetry.Number) any {
	if !n.Set {
		return nil
	}
	return int64(n.Value)
}
