package telemetry

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
)

// wireRecord is the union of the records of platform events. A field of a
// wrong type is left empty and costs nothing else (Lambda Telemetry API schema
// reference).
type wireRecord struct {
	RequestID string `json:"requestId"`
	TenantID  string `json:"tenantId"`
	Status    string `json:"status"`
	ErrorType string `json:"errorType"`

	InitializationType string `json:"initializationType"`
	Phase              string `json:"phase"`
	RuntimeVersion     string `json:"runtimeVersion"`
	FunctionName       string `json:"functionName"`
	FunctionVersion    string `json:"functionVersion"`
	Version            string `json:"version"` // the same, in platform.start
	FunctionARN        string `json:"functionArn"`
	InstanceID         string `json:"instanceId"`

	Tracing struct {
		SpanID string `json:"spanId"`
		Value  string `json:"value"`
	} `json:"tracing"`

	Name  string `json:"name"`
	State string `json:"state"`

	Metrics struct {
		DurationMs              wireNumber `json:"durationMs"`
		BilledDurationMs        wireNumber `json:"billedDurationMs"`
		InitDurationMs          wireNumber `json:"initDurationMs"`
		RestoreDurationMs       wireNumber `json:"restoreDurationMs"`
		BilledRestoreDurationMs wireNumber `json:"billedRestoreDurationMs"`
		ProducedBytes           wireNumber `json:"producedBytes"`
		MemorySizeMB            wireNumber `json:"memorySizeMB"`
		MaxMemoryUsedMB         wireNumber `json:"maxMemoryUsedMB"`
	} `json:"metrics"`

	Spans []wireSpan `json:"spans"`

	DroppedRecords wireNumber `json:"droppedRecords"`
	DroppedBytes   wireNumber `json:"droppedBytes"`
	Reason         string     `json:"reason"`
}

type wireSpan struct {
	Name       string     `json:"name"`
	DurationMs wireNumber `json:"durationMs"`
}

// wireNumber is a number that may be missing. Anything that is not a finite
// number is as good as missing.
type wireNumber Number

// UnmarshalJSON reads a JSON number and ignores everything else.
func (n *wireNumber) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		return nil
	}
	*n = wireNumber(Num(v))
	return nil
}

// platform reads the record of a platform event. A record of an odd form gives
// a Platform in which nothing is set.
func platform(record []byte) *Platform {
	var w wireRecord
	// The record is valid JSON, so all that can go wrong is a field's type,
	// and encoding/json reads on behind one.
	_ = json.Unmarshal(record, &w)
	p := &Platform{
		RequestID: w.RequestID,
		TenantID:  w.TenantID,
		Status:    w.Status,
		ErrorType: w.ErrorType,

		InitType:        w.InitializationType,
		Phase:           w.Phase,
		RuntimeVersion:  w.RuntimeVersion,
		FunctionName:    w.FunctionName,
		FunctionVersion: w.FunctionVersion,
		FunctionARN:     w.FunctionARN,
		InstanceID:      w.InstanceID,

		TraceHeader: w.Tracing.Value,
		SpanID:      w.Tracing.SpanID,

		ExtensionName:  w.Name,
		ExtensionState: w.State,

		DurationMs:              Number(w.Metrics.DurationMs),
		BilledDurationMs:        Number(w.Metrics.BilledDurationMs),
		InitDurationMs:          Number(w.Metrics.InitDurationMs),
		RestoreDurationMs:       Number(w.Metrics.RestoreDurationMs),
		BilledRestoreDurationMs: Number(w.Metrics.BilledRestoreDurationMs),
		ProducedBytes:           Number(w.Metrics.ProducedBytes),
		MemorySizeMB:            Number(w.Metrics.MemorySizeMB),
		MaxMemoryUsedMB:         Number(w.Metrics.MaxMemoryUsedMB),

		DroppedRecords: Number(w.DroppedRecords),
		DroppedBytes:   Number(w.DroppedBytes),
		Reason:         w.Reason,
	}
	if p.FunctionVersion == "" {
		p.FunctionVersion = w.Version
	}
	p.setSpans(w.Spans)
	return p
}

func (p *Platform) setSpans(spans []wireSpan) {
	for _, s := range spans {
		switch s.Name {
		case "responseLatency":
			p.ResponseLatencyMs = Number(s.DurationMs)
		case "responseDuration":
			p.ResponseDurationMs = Number(s.DurationMs)
		case "runtimeOverhead":
			p.RuntimeOverheadMs = Number(s.DurationMs)
		case "extensionOverhead":
			p.ExtensionOverheadMs = Number(s.DurationMs)
		}
	}
}

// fault reads the record of platform.fault, which is a sentence that begins
// with the request id: "RequestId: … Process exited before completing request".
func fault(text []byte, object bool) *Platform {
	if object {
		return platform(text)
	}
	p := &Platform{Reason: string(text)}
	if rest, ok := bytes.CutPrefix(text, []byte("RequestId: ")); ok {
		id, _, _ := bytes.Cut(rest, []byte(" "))
		p.RequestID = string(id)
	}
	return p
}
