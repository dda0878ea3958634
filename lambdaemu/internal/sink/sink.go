package sink

import (
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"powertools-extension/lambdaemu/fault"
	"powertools-extension/lambdaemu/transcript"
)

// Placeholder in the value of a variable becomes the sink's URL.
const Placeholder = "{sink}"

// maxBody bounds what is read of one request.
const maxBody = 16 << 20

// Stats are what the built-in sink has seen.
type Stats struct {
	Requests int   // all of them
	Accepted int   // answered 200
	Bytes    int64 // of the bodies of accepted requests, as they came
	Lines    int   // newlines in these bodies; bodies may be compressed
}

// Sink is a server on a free port of 127.0.0.1. A nil one closes and has seen
// nothing.
type Sink struct {
	faults *fault.Set
	script *transcript.Log
	http   *http.Server
	url    string
	done   chan struct{} // closed by Close; frees requests that hang
	ended  chan struct{} // closed when the server is gone

	mu    sync.Mutex
	stats Stats
}

// Wanted reports whether a variable has the placeholder.
func Wanted(env map[string]string) bool {
	for _, value := range env {
		if strings.Contains(value, Placeholder) {
			return true
		}
	}
	return false
}

// New starts a sink. The caller closes it.
func New(f *fault.Set, script *transcript.Log) (*Sink, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Sink{faults: f, script: script, url: "http://" + ln.Addr().String(), done: make(chan struct{}), ended: make(chan struct{})}
	s.http = &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		defer close(s.ended)
		s.http.Serve(ln) // ends with Close
	}()
	return s, nil
}

// Close ends the server and the requests that hang in it.
func (s *Sink) Close() {
	if s == nil {
		return
	}
	close(s.done)
	s.http.Close()
	<-s.ended
}

// Fill puts the URL into the variables that ask for it.
func (s *Sink) Fill(env map[string]string) map[string]string {
	filled := make(map[string]string, len(env))
	for key, value := range env {
		filled[key] = strings.ReplaceAll(value, Placeholder, s.url)
	}
	return filled
}

func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return
	}
	if s.faults.Hit("sink-hung") {
		s.count(nil, "hung")
		s.hold(time.Hour)
		return
	}
	if d := s.faults.Millis("sink-slow", 0); d > 0 {
		s.hold(d)
	}
	if s.faults.Hit("sink-500") {
		s.count(nil, "500")
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	s.count(body, "200")
}

// hold waits for d, or for the end of the emulator.
func (s *Sink) hold(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.done:
	}
}

func (s *Sink) count(body []byte, result string) {
	s.script.Add(transcript.Platform, transcript.Sink, result)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Requests++
	if result != "200" {
		return
	}
	s.stats.Accepted++
	s.stats.Bytes += int64(len(body))
	s.stats.Lines += strings.Count(string(body), "\n")
}

// Stats returns what has come so far.
func (s *Sink) Stats() Stats {
	if s == nil {
		return Stats{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}
