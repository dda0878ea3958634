package main

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"sync"
	"time"
	"unicode/utf8"

	"powertools-extension/cmd/lambdaemu/show"
	"powertools-extension/lambdaemu"
)

// recorder writes a run as one JSON object per line: run, then wire, line and
// invocation as they come, then the transcript's entries. Identifiers, payloads
// and credentials stand there as they were.
type recorder struct {
	mu   sync.Mutex
	file *os.File
	out  *bufio.Writer
	enc  *json.Encoder
	err  error // the first write that failed
}

type recordedRun struct {
	Type    string    `json:"type"` // run
	Version string    `json:"version"`
	At      time.Time `json:"at"`
	Dir     string    `json:"dir"` // where lambdaemu was started
	Args    []string  `json:"args"`
}

type recordedWire struct {
	Type      string      `json:"type"` // wire
	At        time.Time   `json:"at"`
	Exchange  int         `json:"exchange"`
	Who       string      `json:"who"`
	Half      string      `json:"half"` // request or response
	To        bool        `json:"toProcess,omitempty"`
	Method    string      `json:"method,omitempty"`
	URL       string      `json:"url,omitempty"`
	Status    int         `json:"status,omitempty"`
	Header    http.Header `json:"header,omitempty"`
	Body      string      `json:"body,omitempty"`
	Base64    string      `json:"bodyBase64,omitempty"` // a body that is no text
	BodyBytes int         `json:"bodyBytes"`
}

type recordedLine struct {
	Type string `json:"type"` // line
	show.JSONLine
}

type recordedEntry struct {
	Type   string    `json:"type"` // entry
	At     time.Time `json:"at"`
	Who    string    `json:"who"`
	What   string    `json:"what"`
	Detail string    `json:"detail,omitempty"`
}

type recordedInvocation struct {
	Type          string `json:"type"` // invocation
	Number        int    `json:"number"`
	RequestID     string `json:"requestId"`
	Event         string `json:"event"`
	Payload       string `json:"payload"`
	FunctionError string `json:"functionError,omitempty"`
	ErrorType     string `json:"errorType,omitempty"`
	Error         string `json:"error,omitempty"`
}

// prepareRecord opens the file and listens to the emulator. The file is for its
// owner's eyes: it holds what the function was told.
func (s *session) prepareRecord() error {
	if s.set.record == "" {
		return nil
	}
	f, err := os.OpenFile(s.set.record, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return usageError{err}
	}
	out := bufio.NewWriter(f)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	s.recorder = &recorder{file: f, out: out, enc: enc}
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	s.recorder.write(recordedRun{"run", version, s.started, dir, s.set.args})
	s.opt.OnWire = s.recorder.wire
	s.opt.OnLine = func(line lambdaemu.Line) {
		s.recorder.write(recordedLine{"line", show.JSONLine(line)})
		s.lines.add(line)
	}
	return nil
}

func (r *recorder) write(v any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return
	}
	r.err = errors.Join(r.err, r.enc.Encode(v))
}

func (r *recorder) wire(m lambdaemu.Message) {
	w := recordedWire{
		Type: "wire", At: m.At, Exchange: m.Exchange, Who: m.Who, Half: "request", To: m.ToWho,
		Method: m.Method, URL: m.URL, Status: m.Status, Header: m.Header, BodyBytes: m.BodyBytes,
	}
	if m.Response {
		w.Half = "response"
	}
	if utf8.Valid(m.Body) {
		w.Body = string(m.Body)
	} else {
		w.Base64 = base64.StdEncoding.EncodeToString(m.Body)
	}
	r.write(w)
}

func (r *recorder) invocation(o show.Outcome) {
	if r != nil {
		r.write(recordedOf(o))
	}
}

func recordedOf(o show.Outcome) recordedInvocation {
	return recordedInvocation{
		Type: "invocation", Number: o.Number, RequestID: o.Response.RequestID, Event: string(o.Event), Payload: string(o.Response.Payload),
		FunctionError: o.Response.FunctionError, ErrorType: o.Response.ErrorType, Error: show.ErrorText(o.Err),
	}
}

// close writes the transcript and the end.
func (r *recorder) close(entries []lambdaemu.Entry) error {
	if r == nil {
		return nil
	}
	for _, e := range entries {
		r.write(recordedEntry{"entry", e.At, e.Who, e.What, e.Detail})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil {
		return nil
	}
	err := errors.Join(r.err, r.out.Flush(), r.file.Close())
	r.file = nil
	return err
}
