package lambdaemu

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

// SinkPlaceholder in a value of Options.Env becomes the URL of a small HTTP
// server that takes whatever is posted to it. It stands for the back end an
// extension delivers to, and the sink faults make it slow, broken or silent.
const SinkPlaceholder = "{sink}"

// sinkBody bounds what is read of one request.
const sinkBody = 16 << 20

// SinkStats are what the built-in sink has seen.
type SinkStats struct {
	Requests int   // all of them
	Accepted int   // answered 200
	Bytes    int64 // of the bodies of accepted requests, as they came
	Lines    int   // newlines in these bodies; bodies may be compressed
}

// sink is the built-in back end.
type sink struct {
	faults *fault.Set
	script *transcript.Log
	http   *http.Server
	url    string
	done   chan struct{} // closed by close; frees requests that hang
	ended  chan struct{} // closed when the server is gone

	mu    sync.Mutex
	stats SinkStats
}

// wantsSink reports whether a variable has the placeholder.
func wantsSink(env map[string]string) bool {
	for _, value := range env {
		if strings.Contains(value, SinkPlaceholder) {
			return true
		}
	}
	return false
}

func newSink(f *fault.Set, script *transcript.Log) (*sink, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &sink{faults: f, script: script, url: "http://" + ln.Addr().String(), done: make(chan struct{}), ended: make(chan struct{})}
	s.http = &http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		defer close(s.ended)
		s.http.Serve(ln) // ends with close
	}()
	return s, nil
}

func (s *sink) close() {
	if s == nil {
		return
	}
	close(s.done)
	s.http.Close()
	<-s.ended
}

// fill puts the URL into the variables that ask for it.
func (s *sink) fill(env map[string]string) map[string]string {
	filled := make(map[string]string, len(env))
	for key, value := range env {
		filled[key] = strings.ReplaceAll(value, SinkPlaceholder, s.url)
	}
	return filled
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, sinkBody))
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
func (s *sink) hold(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.done:
	}
}

func (s *sink) count(body []byte, result string) {
	s.script.Add(whoPlatform, transcript.Sink, result)
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

// Sink returns what the built-in sink has seen; zero when no variable named it.
func (e *Emulator) Sink() SinkStats {
	if e.sink == nil {
		return SinkStats{}
	}
	e.sink.mu.Lock()
	defer e.sink.mu.Unlock()
	return e.sink.stats
}
