package show

import (
	"encoding/json"
	"io"
	"time"

	"powertools-extension/internal/awsemu"
	"powertools-extension/internal/eventsource"
	"powertools-extension/lambdaemu"
)

// jsonView writes one object per line: "type" is invocation or summary.
// Durations are in milliseconds.
type jsonView struct{ enc *json.Encoder }

// NewJSONView writes one JSON object per invocation and one for the end.
func NewJSONView(w io.Writer) Reporter {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return &jsonView{enc: enc}
}

// JSONLine is one printed line as --json and --record write it.
type JSONLine struct {
	Time   time.Time        `json:"time"`
	Origin lambdaemu.Origin `json:"origin"`
	Name   string           `json:"name,omitempty"`
	Text   string           `json:"text"`
	Framed bool             `json:"framed,omitempty"` // it came through the framed descriptor
	Level  string           `json:"level,omitempty"`  // of a frame
}

type jsonInvocation struct {
	Type             string       `json:"type"`
	Number           int          `json:"number"`
	RequestID        string       `json:"requestId"`
	OK               bool         `json:"ok"`
	ColdStart        bool         `json:"coldStart"`
	FunctionError    string       `json:"functionError,omitempty"`
	ErrorType        string       `json:"errorType,omitempty"`
	Error            string       `json:"error,omitempty"` // of the emulator
	Ended            string       `json:"ended,omitempty"` // what ended the invocation after a good answer
	AWSFault         string       `json:"awsFault,omitempty"`
	InitMs           float64      `json:"initMs"`
	LatencyMs        float64      `json:"latencyMs"`
	DurationMs       float64      `json:"durationMs"`
	PostRuntimeMs    float64      `json:"postRuntimeMs"`
	BilledMs         int64        `json:"billedMs"`
	MaxMemoryUsedMB  int          `json:"maxMemoryUsedMB"`
	ProducedBytes    int          `json:"producedBytes"`
	TelemetryPending int          `json:"telemetryPending"`
	TelemetryDropped int          `json:"telemetryDropped,omitempty"`
	RestoreMs        float64      `json:"restoreMs,omitempty"`
	Reads            int          `json:"reads,omitempty"`   // calls to the embedded AWS
	Mapping          *jsonVerdict `json:"mapping,omitempty"` // of the event source
	Event            any          `json:"event"`
	Payload          any          `json:"payload"` // the response; a string when it is not JSON
	Lines            []JSONLine   `json:"lines"`
	LinesDropped     int          `json:"linesDropped,omitempty"`
}

type jsonSummary struct {
	Type        string        `json:"type"`
	OK          bool          `json:"ok"`
	Invocations int           `json:"invocations"`
	Failed      int           `json:"failed"`
	Interrupted bool          `json:"interrupted,omitempty"`
	Shutdown    jsonShutdown  `json:"shutdown"`
	AWS         []jsonCalls   `json:"aws,omitempty"`
	Ledger      []jsonMessage `json:"ledger,omitempty"` // of the event source
	Tallies     []jsonTally   `json:"tallies"`
	Lines       []JSONLine    `json:"lines"` // of the shutdown
}

// jsonVerdict lists messages by id.
type jsonVerdict struct {
	Done    int      `json:"done"`
	Again   []string `json:"again,omitempty"`
	GivenUp []string `json:"givenUp,omitempty"`
	Lost    []string `json:"lost,omitempty"`
	Reason  string   `json:"reason,omitempty"`
}

func newJSONVerdict(v *eventsource.Verdict) *jsonVerdict {
	if v == nil {
		return nil
	}
	ids := func(records []eventsource.Record) []string {
		var out []string
		for _, r := range records {
			out = append(out, r.ID)
		}
		return out
	}
	return &jsonVerdict{Done: v.Done, Again: ids(v.Again), GivenUp: ids(v.Given), Lost: ids(v.Lost), Reason: v.Reason}
}

// jsonMessage is what became of one message: waiting, done, dead-letter,
// discarded or lost.
type jsonMessage struct {
	ID        string          `json:"id"`
	Group     string          `json:"group,omitempty"`
	Tries     int             `json:"tries"`
	End       eventsource.End `json:"end"`
	Overtaken bool            `json:"overtaken,omitempty"`
}

func jsonLedger(l *eventsource.Ledger) []jsonMessage {
	if l == nil {
		return nil
	}
	out := make([]jsonMessage, 0, len(l.Records))
	for _, r := range l.Records {
		out = append(out, jsonMessage{ID: r.ID, Group: r.Group, Tries: r.Tries, End: r.End, Overtaken: r.Overtaken})
	}
	return out
}

type jsonShutdown struct {
	Clean      bool            `json:"clean"`
	Reason     string          `json:"reason"`
	Ms         float64         `json:"ms"`
	Error      string          `json:"error,omitempty"`
	Extensions []jsonExtension `json:"extensions"`
}

type jsonExtension struct {
	Name   string  `json:"name"`
	Code   int     `json:"code"`
	Killed bool    `json:"killed"`
	Ms     float64 `json:"ms"`
}

type jsonCalls struct {
	Operation string         `json:"operation"`
	Calls     int            `json:"calls"`
	Failed    int            `json:"failed"`
	Names     map[string]int `json:"names"`
}

// jsonTally counts what belongs to an invocation wherever it was printed.
type jsonTally struct {
	Number    int    `json:"number"`
	RequestID string `json:"requestId"`
	Metrics   int    `json:"metrics"`
	LogErrors int    `json:"logErrors"`
}

func (v *jsonView) Invocation(o Outcome) {
	r := o.Response
	out := jsonInvocation{
		Type: "invocation", Number: o.Number, RequestID: r.RequestID, OK: o.ok(), ColdStart: r.ColdStart,
		FunctionError: r.FunctionError, ErrorType: r.ErrorType, Error: ErrorText(o.Err), AWSFault: o.AWSFault, Ended: o.Ended,
		InitMs: ms(r.Init), LatencyMs: ms(r.Latency), DurationMs: ms(r.Duration), PostRuntimeMs: ms(r.PostRuntime),
		BilledMs: r.Billed.Milliseconds(), MaxMemoryUsedMB: r.MaxMemoryUsedMB, ProducedBytes: r.ProducedBytes,
		TelemetryPending: r.TelemetryPending, TelemetryDropped: r.TelemetryDropped, RestoreMs: ms(r.Restore), Reads: o.Reads,
		Mapping: newJSONVerdict(o.Verdict),
		Event:   jsonPayload(o.Event), Payload: jsonPayload(r.Payload), Lines: jsonLines(o.Lines), LinesDropped: o.Dropped,
	}
	_ = v.enc.Encode(out) // a closed pipe: the reader has seen enough
}

func (v *jsonView) End(e Ending) {
	out := jsonSummary{
		Type: "summary", OK: e.OK() && !e.Interrupted, Invocations: e.count(), Failed: e.Failed, Interrupted: e.Interrupted,
		Shutdown: jsonShutdown{Clean: e.Clean(), Reason: e.Exit.Reason, Ms: ms(e.Exit.Duration), Error: ErrorText(e.Err), Extensions: []jsonExtension{}},
		AWS:      jsonCounts(e.AWS), Ledger: jsonLedger(e.Ledger), Tallies: []jsonTally{}, Lines: jsonLines(e.Lines),
	}
	for _, x := range e.Exit.Extensions {
		out.Shutdown.Extensions = append(out.Shutdown.Extensions, jsonExtension{x.Name, x.Code, x.Killed, ms(x.After)})
	}
	for _, d := range e.Rows {
		out.Tallies = append(out.Tallies, jsonTally{d.Number, d.requestID, d.metrics, d.logErrors})
	}
	_ = v.enc.Encode(out)
}

func jsonCounts(counts []awsemu.Count) []jsonCalls {
	var out []jsonCalls
	for _, c := range counts {
		out = append(out, jsonCalls(c))
	}
	return out
}

func jsonLines(lines []lambdaemu.Line) []JSONLine {
	out := make([]JSONLine, 0, len(lines))
	for _, l := range lines {
		out = append(out, JSONLine(l))
	}
	return out
}

func jsonPayload(payload []byte) any {
	if json.Valid(payload) {
		return json.RawMessage(payload)
	}
	return string(payload)
}

// ErrorText is the error's text, empty for none.
func ErrorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
