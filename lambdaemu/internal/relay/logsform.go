package relay

// This file is the Logs API, which the Telemetry API has replaced and which
// extensions still use: the same hub, a subscription of the same form, and fewer
// events with fewer members (AWS page: runtimes-logs-api, 2022).

// Schema versions of the Logs API; the second has platform.runtimeDone.
const (
	Logs2020 = "2020-08-15"
	Logs2021 = "2021-03-18"
)

type logsStartRecord struct {
	RequestID string `json:"requestId"`
	Version   string `json:"version"`
}

type logsDoneRecord struct {
	RequestID string `json:"requestId"`
	Status    string `json:"status"`
}

type logsEndRecord struct {
	RequestID string `json:"requestId"`
}

type logsReportRecord struct {
	RequestID string         `json:"requestId"`
	Metrics   any            `json:"metrics"`
	Tracing   *TracingRecord `json:"tracing,omitempty"`
}

type logsExtensionRecord struct {
	Name   string   `json:"name"`
	State  string   `json:"state"`
	Events []string `json:"events"`
}

// asLogs is e as the Logs API has it: one event, none, or for a report two.
func (e Event) asLogs(schema string) []Event {
	form := func(typ string, record any) Event {
		e := e
		e.Type, e.Record = typ, record
		return e
	}
	switch r := e.Record.(type) {
	case StartRecord:
		return []Event{form(e.Type, logsStartRecord{r.RequestID, r.Version})}
	case RuntimeDoneRecord:
		if schema < Logs2021 {
			return nil
		}
		return []Event{form(e.Type, logsDoneRecord{r.RequestID, r.Status})}
	case ReportRecord:
		return []Event{form("platform.end", logsEndRecord{r.RequestID}), form(e.Type, logsReportRecord{r.RequestID, r.Metrics, r.Tracing})}
	case ExtensionRecord:
		return []Event{form(e.Type, logsExtensionRecord{r.Name, r.State, r.Events})}
	case InitStartRecord, InitRuntimeDoneRecord, InitReportRecord, RestoreStartRecord, RestoreRuntimeDoneRecord, RestoreReportRecord:
		return nil
	case SubscriptionRecord:
		if e.Type == "platform.telemetrySubscription" {
			return nil
		}
	}
	return []Event{e}
}
