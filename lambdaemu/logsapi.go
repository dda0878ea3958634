package lambdaemu

import "net/http"

// This file is the Logs API, which the Telemetry API has replaced and which
// extensions still use: the same hub, a subscription of the same form, and fewer
// events with fewer members (AWS page: runtimes-logs-api, 2022).

// Schema versions of the Logs API; the second has platform.runtimeDone.
const (
	logs2020 = "2020-08-15"
	logs2021 = "2021-03-18"
)

func (s *sandbox) handleLogs(w http.ResponseWriter, r *http.Request) {
	if s.opt.managed() { // not mounted there (AWS source: lambda-managed-instances rapi/server)
		http.NotFound(w, r)
		return
	}
	s.serveSubscription(w, r, true)
}

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
	Tracing   *tracingRecord `json:"tracing,omitempty"`
}

type logsExtensionRecord struct {
	Name   string   `json:"name"`
	State  string   `json:"state"`
	Events []string `json:"events"`
}

// asLogs is e as the Logs API has it: one event, none, or for a report two.
func (e event) asLogs(schema string) []event {
	form := func(typ string, record any) event {
		e := e
		e.typ, e.record = typ, record
		return e
	}
	switch r := e.record.(type) {
	case startRecord:
		return []event{form(e.typ, logsStartRecord{r.RequestID, r.Version})}
	case runtimeDoneRecord:
		if schema < logs2021 {
			return nil
		}
		return []event{form(e.typ, logsDoneRecord{r.RequestID, r.Status})}
	case reportRecord:
		return []event{form("platform.end", logsEndRecord{r.RequestID}), form(e.typ, logsReportRecord{r.RequestID, r.Metrics, r.Tracing})}
	case extensionRecord:
		return []event{form(e.typ, logsExtensionRecord{r.Name, r.State, r.Events})}
	case initStartRecord, initRuntimeDoneRecord, initReportRecord, restoreStartRecord, restoreRuntimeDoneRecord, restoreReportRecord:
		return nil
	case subscriptionRecord:
		if e.typ == "platform.telemetrySubscription" {
			return nil
		}
	}
	return []event{e}
}
