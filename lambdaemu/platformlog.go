package lambdaemu

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"powertools-extension/lambdaemu/internal/child"
	"powertools-extension/lambdaemu/internal/relay"
)

// This file writes what the platform says, in its two forms: an event for the
// Telemetry API and a line for CloudWatch Logs. The lines follow what Lambda
// prints, tabs included (AWS pages: lambda-runtime-environment,
// monitoring-cloudwatchlogs-logformat).

// platform emits a platform event, and in JSON log format its line.
func (s *sandbox) platform(typ, requestID string, record any) {
	e := relay.Event{At: time.Now(), Type: typ, Category: relay.Platform, RequestID: requestID, Record: record}
	s.hub.Emit(e)
	s.printEvent(e)
}

// printEvent is the line of an event in JSON log format. Events that say
// "all is well" are below the system log level INFO (AWS page:
// monitoring-cloudwatchlogs-log-level).
func (s *sandbox) printEvent(e relay.Event) {
	if s.opt.LogFormat != formatJSON || s.belowInfo(e.Record) {
		return
	}
	s.print(OriginPlatform, "", jsonLine(e))
}

func jsonLine(e relay.Event) string {
	return string(relay.Marshal(struct {
		Time   string          `json:"time"`
		Type   string          `json:"type"`
		Record json.RawMessage `json:"record"`
	}{e.At.UTC().Format(relay.ISOMillis), e.Type, relay.Marshal(e.Record)}))
}

func (s *sandbox) belowInfo(record any) bool {
	switch r := record.(type) {
	case relay.InitRuntimeDoneRecord:
		return r.Status == statusSuccess
	case relay.InitReportRecord:
		return r.Status == statusSuccess && s.opt.InitType == initOnDemand
	case relay.RestoreRuntimeDoneRecord:
		return r.Status == statusSuccess
	case relay.RuntimeDoneRecord:
		return r.Status == statusSuccess
	}
	return false
}

// printText is a platform line that exists in text log format only.
func (s *sandbox) printText(text string) {
	if s.opt.LogFormat == formatText {
		s.print(OriginPlatform, "", text)
	}
}

func (s *sandbox) print(origin Origin, name, text string) {
	s.told(Line{Time: time.Now(), Origin: origin, Name: name, Text: text})
}

// printProcess is a line that the function or an extension wrote. It comes
// under the lock of the output it was read from, so the order of the two
// destinations is the same.
func (s *sandbox) printProcess(origin Origin, name string, msg child.Message) {
	s.told(Line{Time: msg.Time, Origin: origin, Name: name, Text: msg.Text, Framed: msg.Framed, Level: msg.Level})
	s.hub.Emit(relay.Event{At: msg.Time, Type: string(origin), Category: string(origin), Line: msg.Text, Bare: msg.Bare && msg.Framed})
}

func (s *sandbox) told(line Line) { s.log.line(line, "", s.take) }

// take is the moment at which the log has a line.
func (s *sandbox) take(line Line) {
	s.noteLine(line)
	s.hooks.line(line)
}

func (s *sandbox) logInitStart(phase string) {
	version, arn := s.runtimeVersions()
	s.printText("INIT_START Runtime Version: " + version + "\tRuntime Version ARN: " + arn)
	s.platform("platform.initStart", "", relay.InitStartRecord{
		InitializationType: s.opt.InitType, Phase: phase, RuntimeVersion: version, RuntimeVersionArn: arn,
		FunctionName: s.opt.FunctionName, FunctionVersion: s.opt.Version,
		InstanceID: s.env.id.logStream, InstanceMaxMemory: s.opt.MemoryMB,
	})
}

func (s *sandbox) runtimeVersions() (version, arn string) {
	return s.opt.runtimeVersion(), "arn:aws:lambda:" + s.opt.Region + "::runtime:" + strings.Repeat("0", 64)
}

func (s *sandbox) logInitRuntimeDone(phase string, failed *failure) {
	record := relay.InitRuntimeDoneRecord{InitializationType: s.opt.InitType, Phase: phase, Status: statusSuccess}
	if failed != nil {
		// A timeout of init has no type of its own (AWS source: rapid/handlers getFirstFatalError).
		record.Status, record.ErrorType = statusError, or(failed.errorType, "Runtime.Unknown")
	}
	s.platform("platform.initRuntimeDone", "", record)
}

func (s *sandbox) logExtensions() {
	for _, record := range s.extensionRecords() {
		s.platform("platform.extension", "", record)
		line := fmt.Sprintf("EXTENSION\tName: %s\tState: %s\tEvents: [%s]", record.Name, record.State, strings.Join(record.Events, ","))
		if record.ErrorType != "" {
			line += "\tError Type: " + record.ErrorType
		}
		s.printText(line)
	}
}

func (s *sandbox) extensionRecords() []relay.ExtensionRecord {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]relay.ExtensionRecord, len(s.agents))
	for i, a := range s.agents {
		list[i] = relay.ExtensionRecord{Name: a.name, State: string(a.state), Events: append([]string{}, a.events...), ErrorType: a.errorType}
	}
	return list
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
func (s *sandbox) logInitReport(phase string, took time.Duration, failed *failure) {
	record := relay.InitReportRecord{InitializationType: s.opt.InitType, Phase: phase, Status: statusSuccess}
	record.Metrics.DurationMs = relay.Millis(took)
	line := fmt.Sprintf("INIT_REPORT Init Duration: %.2f ms\tPhase: %s", relay.Millis(took), phase)
	if failed != nil {
		record.Status, record.ErrorType = failed.status, failed.errorType
		line += statusSuffix(failed.status, failed.errorType)
	}
	s.platform("platform.initReport", "", record)
	if failed != nil || s.opt.InitType != initOnDemand {
		s.printText(line)
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

func (s *sandbox) logStart(inv *invocation) {
	s.log.start(inv.id)
	s.printText("START RequestId: " + inv.id + " Version: " + s.opt.Version)
	record := relay.StartRecord{RequestID: inv.id, Version: s.opt.Version, Tracing: inv.trace.telemetryTracing(), TenantID: inv.req.TenantID}
	if s.opt.managed() {
		record.FunctionArn = inv.arn
	}
	s.platform("platform.start", inv.id, record)
}

// logRuntimeDone says success even when the handler threw: for the platform the
// runtime did its job (AWS source: rapid/handlers doInvoke).
func (s *sandbox) logRuntimeDone(inv *invocation, failed *failure) {
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
	s.sendRuntimeDone(relay.Event{At: time.Now(), Type: "platform.runtimeDone", Category: relay.Platform, RequestID: inv.id, Record: record})
}

// sendRuntimeDone is where the faults around runtimeDone act.
func (s *sandbox) sendRuntimeDone(e relay.Event) {
	s.printEvent(e)
	if s.faults.Hit("runtime-done-lost") {
		s.hub.Withheld()
		return
	}
	if s.runtimeDoneEarly {
		return
	}
	if n, ok := s.faults.Value("runtime-done-late"); ok {
		s.hub.EmitAfter(time.Duration(n)*time.Millisecond, e)
		return
	}
	s.hub.Emit(e)
	if s.faults.Hit("runtime-done-twice") {
		s.hub.Emit(e)
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
func (s *sandbox) logFailure(inv *invocation, failed *failure) {
	if inv.selfReported {
		return
	}
	if failed.status == statusTimeout {
		s.printText(time.Now().UTC().Format(relay.ISOMillis) + " " + inv.id + " " + failed.message)
		return
	}
	s.printText("RequestId: " + inv.id + " Error: " + failed.message + "\n" + failed.errorType)
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

func (s *sandbox) logReport(inv *invocation, r report) {
	ends := ""
	if r.status == statusSuccess {
		ends = inv.id
	}
	if s.opt.LogFormat == formatText {
		s.log.line(Line{Time: time.Now(), Origin: OriginPlatform, Text: "END RequestId: " + inv.id}, ends, s.take)
	}
	s.printText(s.reportLine(inv, r))
	record := relay.ReportRecord{
		RequestID: inv.id, Status: r.status, ErrorType: r.errorType,
		Tracing: inv.trace.telemetryTracing(), TenantID: inv.req.TenantID,
		Metrics: r.metrics(s.opt.MemoryMB),
	}
	if !inv.ready.IsZero() {
		record.Spans = []relay.SpanRecord{relay.NewSpan("extensionOverhead", inv.ready, r.end)}
	}
	e := relay.Event{At: time.Now(), Type: "platform.report", Category: relay.Platform, RequestID: inv.id, Record: record}
	if s.opt.LogFormat == formatJSON {
		s.log.line(Line{Time: e.At, Origin: OriginPlatform, Text: jsonLine(e)}, ends, s.take)
	}
	s.sendReport(e)
}

func (s *sandbox) sendReport(e relay.Event) {
	if s.faults.Hit("report-never") {
		s.hub.Withheld()
		return
	}
	s.hub.Emit(e)
}

func (s *sandbox) reportLine(inv *invocation, r report) string {
	line := fmt.Sprintf("REPORT RequestId: %s\tDuration: %.2f ms\tBilled Duration: %d ms\tMemory Size: %d MB\tMax Memory Used: %d MB\t",
		inv.id, relay.Millis(r.total), r.billed().Milliseconds(), s.opt.MemoryMB, r.memoryMB)
	if r.init > 0 {
		line += fmt.Sprintf("Init Duration: %.2f ms\t", relay.Millis(r.init))
	}
	if r.restore > 0 {
		line += fmt.Sprintf("Restore Duration: %.2f ms\tBilled Restore Duration: %d ms\t", relay.Millis(r.restore), wholeMillis(r.restore))
	}
	return line + strings.TrimPrefix(statusSuffix(r.status, r.errorType), "\t")
}
