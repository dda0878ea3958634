package lambdaemu

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"powertools-extension/lambdaemu/fault"
	"powertools-extension/lambdaemu/internal/child"
	"powertools-extension/lambdaemu/internal/relay"
	"powertools-extension/lambdaemu/transcript"
)

// This file writes what the platform says, in its two forms: an event for the
// Telemetry API and a line for CloudWatch Logs. The lines follow what Lambda
// prints, tabs included (AWS pages: lambda-runtime-environment,
// monitoring-cloudwatchlogs-logformat).

// printer writes to the log and to the hub. It knows neither processes nor states.
type printer struct {
	opt    *Options
	hub    *relay.Hub
	log    *logOrder
	hooks  *notifier
	script *transcript.Log
	faults *fault.Set
	stream func() string // the name of the log stream
}

// platform emits a platform event, and in JSON log format its line.
func (p *printer) platform(typ, requestID string, record any) {
	e := relay.Event{At: time.Now(), Type: typ, Category: relay.Platform, RequestID: requestID, Record: record}
	p.hub.Emit(e)
	p.printEvent(e)
}

// printEvent is the line of an event in JSON log format. Events that say
// "all is well" are below the system log level INFO (AWS page:
// monitoring-cloudwatchlogs-log-level).
func (p *printer) printEvent(e relay.Event) {
	if p.opt.LogFormat != formatJSON || p.belowInfo(e.Record) {
		return
	}
	p.print(OriginPlatform, "", jsonLine(e))
}

func jsonLine(e relay.Event) string {
	return string(relay.Marshal(struct {
		Time   string          `json:"time"`
		Type   string          `json:"type"`
		Record json.RawMessage `json:"record"`
	}{e.At.UTC().Format(relay.ISOMillis), e.Type, relay.Marshal(e.Record)}))
}

func (p *printer) belowInfo(record any) bool {
	switch r := record.(type) {
	case relay.InitRuntimeDoneRecord:
		return r.Status == statusSuccess
	case relay.InitReportRecord:
		return r.Status == statusSuccess && p.opt.InitType == initOnDemand
	case relay.RestoreRuntimeDoneRecord:
		return r.Status == statusSuccess
	case relay.RuntimeDoneRecord:
		return r.Status == statusSuccess
	}
	return false
}

// printText is a platform line that exists in text log format only.
func (p *printer) printText(text string) {
	if p.opt.LogFormat == formatText {
		p.print(OriginPlatform, "", text)
	}
}

func (p *printer) print(origin Origin, name, text string) {
	p.told(Line{Time: time.Now(), Origin: origin, Name: name, Text: text})
}

// printProcess is a line that the function or an extension wrote. It comes
// under the lock of the output it was read from, so the order of the two
// destinations is the same.
func (p *printer) printProcess(origin Origin, name string, msg child.Message) {
	p.told(Line{Time: msg.Time, Origin: origin, Name: name, Text: msg.Text, Framed: msg.Framed, Level: msg.Level})
	p.hub.Emit(relay.Event{At: msg.Time, Type: string(origin), Category: string(origin), Line: msg.Text, Bare: msg.Bare && msg.Framed})
}

func (p *printer) told(line Line) { p.log.line(line, "", p.take) }

// take is the moment at which the log has a line.
func (p *printer) take(line Line) {
	p.noteLine(line)
	p.hooks.line(line)
}

func (p *printer) logInitStart(phase string) {
	version, arn := p.runtimeVersions()
	p.printText("INIT_START Runtime Version: " + version + "\tRuntime Version ARN: " + arn)
	p.platform("platform.initStart", "", relay.InitStartRecord{
		InitializationType: p.opt.InitType, Phase: phase, RuntimeVersion: version, RuntimeVersionArn: arn,
		FunctionName: p.opt.FunctionName, FunctionVersion: p.opt.Version,
		InstanceID: p.stream(), InstanceMaxMemory: p.opt.MemoryMB,
	})
}

func (p *printer) runtimeVersions() (version, arn string) {
	return p.opt.runtimeVersion(), "arn:aws:lambda:" + p.opt.Region + "::runtime:" + strings.Repeat("0", 64)
}

func (p *printer) logInitRuntimeDone(phase string, failed *failure) {
	record := relay.InitRuntimeDoneRecord{InitializationType: p.opt.InitType, Phase: phase, Status: statusSuccess}
	if failed != nil {
		// A timeout of init has no type of its own (AWS source: rapid/handlers getFirstFatalError).
		record.Status, record.ErrorType = statusError, or(failed.errorType, "Runtime.Unknown")
	}
	p.platform("platform.initRuntimeDone", "", record)
}

func (p *printer) logExtensions(records []relay.ExtensionRecord) {
	for _, record := range records {
		p.platform("platform.extension", "", record)
		line := fmt.Sprintf("EXTENSION\tName: %s\tState: %s\tEvents: [%s]", record.Name, record.State, strings.Join(record.Events, ","))
		if record.ErrorType != "" {
			line += "\tError Type: " + record.ErrorType
		}
		p.printText(line)
	}
}

// subscriptionLine is the line of a new subscription to TELEMETRY or LOGS.
func subscriptionLine(api, name string, types []string) string {
	titles := make([]string, len(types))
	for i, t := range types {
		titles[i] = strings.ToUpper(t[:1]) + t[1:]
	}
	return fmt.Sprintf("%s\tName: %s\tState: Subscribed\tTypes: [%s]", api, name, strings.Join(titles, ", "))
}

// logInitReport prints its line for a failed init, and always for provisioned
// concurrency (AWS page: lambda-runtime-environment).
func (p *printer) logInitReport(phase string, took time.Duration, failed *failure) {
	record := relay.InitReportRecord{InitializationType: p.opt.InitType, Phase: phase, Status: statusSuccess}
	record.Metrics.DurationMs = relay.Millis(took)
	line := fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s", relay.Millis(took), phase)
	if failed != nil {
		record.Status, record.ErrorType = failed.status, failed.errorType
		line += statusSuffix(failed.status, failed.errorType)
	}
	p.platform("platform.initReport", "", record)
	if failed != nil || p.opt.InitType != initOnDemand {
		p.printText(line)
	}
}

func statusSuffix(status, errorType string) string {
	switch {
	case status == statusSuccess:
		return ""
	case errorType == "":
		return "\tStatus: " + status
	}
	return "\tStatus: " + status + "\tError Type: " + errorType
}

func (p *printer) logStart(inv *invocation) {
	p.log.start(inv.id)
	p.printText("START RequestId: " + inv.id + " Version: " + p.opt.Version)
	record := relay.StartRecord{RequestID: inv.id, Version: p.opt.Version, Tracing: inv.trace.telemetryTracing(), TenantID: inv.req.TenantID}
	if p.opt.managed() {
		record.FunctionArn = inv.arn
	}
	p.platform("platform.start", inv.id, record)
}

// logRuntimeDone says success even when the handler threw: for the platform the
// runtime did its job (AWS source: rapid/handlers doInvoke).
func (p *printer) logRuntimeDone(inv *invocation, failed *failure) {
	end := or(inv.ready, or(inv.gaveUp, time.Now()))
	record := relay.RuntimeDoneRecord{
		RequestID: inv.id, Status: statusSuccess, Tracing: inv.trace.telemetryTracing(), TenantID: inv.req.TenantID,
		Metrics: relay.RuntimeDoneMetrics{DurationMs: relay.Millis(end.Sub(or(inv.released, inv.start)))},
		Spans:   inv.spans(),
	}
	if inv.reply != nil {
		record.Metrics.ProducedBytes = inv.reply.produced
	}
	if failed != nil {
		record.Status, record.ErrorType = failed.status, failed.errorType
	}
	p.sendRuntimeDone(inv, relay.Event{At: time.Now(), Type: "platform.runtimeDone", Category: relay.Platform, RequestID: inv.id, Record: record})
}

// sendRuntimeDone is where the faults around runtimeDone act.
func (p *printer) sendRuntimeDone(inv *invocation, e relay.Event) {
	p.printEvent(e)
	if p.faults.Hit("runtime-done-lost") {
		p.hub.Withheld()
		return
	}
	if inv.doneTold {
		return
	}
	if n, ok := p.faults.Value("runtime-done-late"); ok {
		p.hub.EmitAfter(time.Duration(n)*time.Millisecond, e)
		return
	}
	p.hub.Emit(e)
	if p.faults.Hit("runtime-done-twice") {
		p.hub.Emit(e)
	}
}

// spans exist once the runtime has answered.
func (inv *invocation) spans() []relay.SpanRecord {
	if inv.lastByte.IsZero() {
		return nil
	}
	list := []relay.SpanRecord{
		relay.NewSpan("responseLatency", inv.released, inv.firstByte),
		relay.NewSpan("responseDuration", inv.firstByte, inv.lastByte),
	}
	if !inv.ready.IsZero() {
		list = append(list, relay.NewSpan("runtimeOverhead", inv.lastByte, inv.ready))
	}
	return list
}

// logFailure is the line before END when the platform ended the invocation. A
// runtime that reported its own init error gets none (captures of 2025 and 2026).
func (p *printer) logFailure(inv *invocation, failed *failure) {
	if inv.selfReported {
		return
	}
	if failed.status == statusTimeout {
		p.printText(time.Now().UTC().Format(relay.ISOMillis) + " " + inv.id + " " + failed.message)
		return
	}
	p.printText("RequestId: " + inv.id + " Error: " + failed.message + "\n" + failed.errorType)
}

// report is the outcome of an invocation as billed.
type report struct {
	status    string
	errorType string
	total     time.Duration // the extensions' time included
	init      time.Duration // 0 unless this invocation paid for a cold start
	restore   time.Duration // 0 unless it waited for a snapshot
	memoryMB  int
	end       time.Time
}

// billed counts the init of a cold start (AWS page: lambda-runtime-environment;
// since August 2025) and rounds up to a millisecond.
func (r report) billed() time.Duration {
	return time.Duration(wholeMillis(r.total+r.init)) * time.Millisecond
}

// wholeMillis rounds up, as bills do.
func wholeMillis(d time.Duration) int64 {
	return int64(math.Ceil(float64(d.Microseconds()) / 1000))
}

func (p *printer) logReport(inv *invocation, r report) {
	ends := ""
	if r.status == statusSuccess {
		ends = inv.id
	}
	if p.opt.LogFormat == formatText {
		p.log.line(Line{Time: time.Now(), Origin: OriginPlatform, Text: "END RequestId: " + inv.id}, ends, p.take)
	}
	p.printText(p.reportLine(inv, r))
	record := relay.ReportRecord{
		RequestID: inv.id, Status: r.status, ErrorType: r.errorType,
		Tracing: inv.trace.telemetryTracing(), TenantID: inv.req.TenantID,
		Metrics: r.metrics(p.opt.MemoryMB),
	}
	if !inv.ready.IsZero() {
		record.Spans = []relay.SpanRecord{relay.NewSpan("extensionOverhead", inv.ready, r.end)}
	}
	e := relay.Event{At: time.Now(), Type: "platform.report", Category: relay.Platform, RequestID: inv.id, Record: record}
	if p.opt.LogFormat == formatJSON {
		p.log.line(Line{Time: e.At, Origin: OriginPlatform, Text: jsonLine(e)}, ends, p.take)
	}
	p.sendReport(e)
}

func (p *printer) sendReport(e relay.Event) {
	if p.faults.Hit("report-never") {
		p.hub.Withheld()
		return
	}
	p.hub.Emit(e)
}

func (p *printer) reportLine(inv *invocation, r report) string {
	line := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		inv.id, relay.Millis(r.total), r.billed().Milliseconds(), p.opt.MemoryMB, r.memoryMB)
	if r.init > 0 {
		line += fmt.Sprintf("Init Duration: %.2f ms\t", relay.Millis(r.init))
	}
	if r.restore > 0 {
		line += fmt.Sprintf("Restore Duration: %.2f ms\tBilled Restore Duration: %d ms\t", relay.Millis(r.restore), wholeMillis(r.restore))
	}
	return line + strings.TrimPrefix(statusSuffix(r.status, r.errorType), "\t")
}
