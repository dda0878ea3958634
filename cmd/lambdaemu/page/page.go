// Package page shows a run in a browser while it happens: what happened when,
// side by side, from the same transcript that --transcript writes.
//
// The rule a reader could break: it knows nothing that the transcript does not
// say, and it changes nothing but through Controls, which only its own page can
// reach.
package page

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"

	"powertools-extension/lambdaemu/transcript"
)

// Options say what the page shows beside the transcript.
type Options struct {
	// Redact takes out of an event or an answer what the log would not show
	// either; nil: everything is shown.
	Redact func([]byte) []byte

	Switches []Switch
	Controls *Controls // nil: a run that can only be watched
}

// Switch is a fault that can be switched on and off.
type Switch struct {
	Of      string `json:"of"` // platform or aws
	Name    string `json:"name"`
	Arg     string `json:"arg,omitempty"` // what an argument means; "" when there is none
	Meaning string `json:"meaning"`
	Title   string `json:"title,omitempty"` // of a fault with a button of its own
}

// Controls are what the page may do. Each returns at once or with ctx.
type Controls struct {
	Invoke   func(event []byte) // starts one invocation
	Fault    func(transcript.FaultChange) error
	Restart  func(context.Context) error
	Shutdown func()
}

// Page is one run's page: entries in, a handler out.
type Page struct {
	opt     Options
	run     string // tells a reload from another run on the same port
	history *history
	mux     *http.ServeMux
}

// New makes a page without entries.
func New(opt Options) *Page {
	p := &Page{opt: opt, run: rand.Text(), history: newHistory(), mux: http.NewServeMux()}
	p.routes()
	return p
}

// Entry adds an entry of the transcript. It is meant for Options.OnEntry: it never
// waits for a browser.
func (p *Page) Entry(e transcript.Entry) {
	if e, wanted := p.shown(e); wanted {
		p.history.add(e)
	}
}

// Close ends the streams once they have sent everything. The pages keep what they
// have.
func (p *Page) Close() { p.history.close() }

// shown is the entry as the page gets it.
func (p *Page) shown(e transcript.Entry) (transcript.Entry, bool) {
	switch data := e.Data.(type) {
	case transcript.Invocation:
		data.Event = p.redacted(data.Event)
		e.Data = data
	case transcript.Outcome:
		e.Data = shownOutcome{data, p.payload(data.Payload), len(data.Payload)}
	case transcript.Line:
		if len(data.Text) > maxText {
			data.Text = data.Text[:maxText] // Lambda itself cuts here
		}
		e.Data = data
	}
	return e, e.What != transcript.Telemetry || e.Data != nil
}

// Sizes above which the page gets the beginning only.
const (
	maxText    = 256 << 10
	maxPayload = 64 << 10
)

// shownOutcome has the payload as JSON, or as the text that it is.
type shownOutcome struct {
	transcript.Outcome
	Payload json.RawMessage `json:"payload,omitempty"`
	Bytes   int             `json:"payloadBytes"`
}

func (p *Page) payload(body []byte) json.RawMessage {
	body = p.redacted(body)
	if json.Valid(body) {
		return body
	}
	text, err := json.Marshal(string(body))
	if err != nil {
		return nil
	}
	return text
}

// redacted also bounds: a large event is told by its size.
func (p *Page) redacted(body []byte) []byte {
	if len(body) > maxPayload {
		text, _ := json.Marshal(string(body[:200]) + "…") // a string is always JSON
		return text
	}
	if p.opt.Redact == nil || len(body) == 0 {
		return body
	}
	return p.opt.Redact(body)
}
