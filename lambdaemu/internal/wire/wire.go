// Package wire tells of every HTTP exchange between the platform and a process.
//
// The rule a reader could break: it hears and changes nothing, and what it tells
// is as it was, secrets included.
package wire

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"powertools-extension/lambdaemu/internal/relay"
)

// maxBody bounds the body of one Message.
const maxBody = 1 << 20

// Message is one half of an HTTP exchange between the platform and a process,
// as it crossed the wire: identifiers, credentials and payloads included.
type Message struct {
	At       time.Time
	Exchange int    // the same number for a request and its response
	Who      string // runtime, or the extension's name; "" for a caller nobody knows
	Response bool   // else the request
	ToWho    bool   // the platform called the process: a telemetry batch

	Method, URL string // of a request
	Status      int    // of a response; 0: there was none
	Header      http.Header
	Body        []byte // the first MiB
	BodyBytes   int    // all of it
}

// Wire numbers exchanges and hands messages to who listens. A nil one does
// nothing.
type Wire struct {
	tell func(Message)

	mu   sync.Mutex
	last int
}

// New returns nil when nobody listens.
func New(tell func(Message)) *Wire {
	if tell == nil {
		return nil
	}
	return &Wire{tell: tell}
}

func (w *Wire) number() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last++
	return w.last
}

// Posted tells of telemetry batches and their answers.
func (w *Wire) Posted() relay.Posted {
	if w == nil {
		return nil
	}
	return func(who, url string, body []byte, begin time.Time, status int) {
		n := w.number()
		w.tell(Message{At: begin, Exchange: n, Who: who, ToWho: true, Method: http.MethodPost, URL: url, Body: clip(body), BodyBytes: len(body)})
		w.tell(Message{At: time.Now(), Exchange: n, Who: who, ToWho: true, Response: true, Status: status})
	}
}

func clip(body []byte) []byte { return slices.Clone(body[:min(len(body), maxBody)]) }

// Watch tells of every request to the APIs and its response; caller names who
// sent it.
func (w *Wire) Watch(caller func(*http.Request) string, next http.Handler) http.Handler {
	if w == nil {
		return next
	}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		x := &exchange{ResponseWriter: rw, wire: w, number: w.number(), who: caller(r), r: r, at: time.Now(), status: http.StatusOK}
		r.Body = &heardBody{r.Body, &x.request}
		if r.ContentLength == 0 {
			x.tellRequest() // now: the answer to /next may take hours
		}
		next.ServeHTTP(x, r)
		x.tellRequest()
		x.tellResponse()
	})
}

// heard keeps the beginning of what passes.
type heard struct {
	kept bytes.Buffer
	n    int
}

func (h *heard) add(p []byte) {
	h.n += len(p)
	h.kept.Write(p[:min(len(p), maxBody-h.kept.Len())])
}

type heardBody struct {
	io.ReadCloser
	h *heard
}

func (b *heardBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.h.add(p[:n])
	return n, err
}

// exchange is one request with what is answered. Only its handler's goroutine
// uses it.
type exchange struct {
	http.ResponseWriter
	wire    *Wire
	number  int
	who     string
	r       *http.Request
	at      time.Time
	status  int
	request heard
	answer  heard
	told    bool
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

func (x *exchange) WriteHeader(status int) {
	x.status = status
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(p []byte) (int, error) {
	x.tellRequest()
	x.answer.add(p)
	return x.ResponseWriter.Write(p)
}

func (x *exchange) tellRequest() {
	if x.told {
		return
	}
	x.told = true
	header := x.r.Header.Clone()
	for key, values := range x.r.Trailer {
		header["Trailer:"+key] = values
	}
	x.wire.tell(Message{
		At: x.at, Exchange: x.number, Who: x.who, Method: x.r.Method, URL: x.r.URL.RequestURI(), Header: header,
		Body: clip(x.request.kept.Bytes()), BodyBytes: x.request.n,
	})
}

func (x *exchange) tellResponse() {
	x.wire.tell(Message{
		At: time.Now(), Exchange: x.number, Who: x.who, Response: true, Status: x.status, Header: x.Header().Clone(),
		Body: clip(x.answer.kept.Bytes()), BodyBytes: x.answer.n,
	})
}
