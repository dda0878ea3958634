package lambdaemu

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// parts collects a streamed answer with the time of each piece.
type parts struct {
	mu   sync.Mutex
	text []string
	at   []time.Time
	typ  string
}

func (p *parts) add(part Part) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text, p.at, p.typ = append(p.text, string(part.Data)), append(p.at, time.Now()), part.ContentType
}

// texts are the pieces so far: after a timeout a call of add that has begun may
// still be under way.
func (p *parts) texts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.text)
}

// A streamed answer reaches the client piece by piece while the function still
// writes, with its content type; an error in the trailers comes at the end
// (behaviour 20). [DOC:runtimes-custom, configuration-response-streaming]
func TestStreamPassesThrough(t *testing.T) {
	r := newRig(t, Options{}, nil)
	var got parts
	var answered time.Time
	resp := r.request(Request{
		Payload: mustJSON(fnEvent{Stream: true, GapMs: 400, Type: "text/plain", Trailer: "Function.Late"}),
		OnPart:  got.add, OnResponse: func(Response) { answered = time.Now() },
	})
	if strings.Join(got.text, "|") != "part 0\n|part 1\n|part 2\n" || got.typ != "text/plain" {
		t.Fatalf("parts %q of %s", got.text, got.typ)
	}
	if first := answered.Sub(got.at[0]); first < 100*time.Millisecond {
		t.Errorf("the first piece came %s before the end", first)
	}
	if !resp.Streamed || resp.ContentType != "text/plain" || resp.ErrorType != "Function.Late" || string(resp.Payload) != `{"errorMessage":"late"}` {
		t.Errorf("got %+v", resp)
	}
	if resp := r.request(Request{Payload: mustJSON(fnEvent{}), OnPart: func(Part) { t.Error("a buffered answer made a part") }}); resp.Streamed {
		t.Errorf("got %+v", resp)
	}
}

// A runtime that dies in the middle of its stream leaves a truncated answer.
// [RIE:core/directinvoke]
func TestStreamIsCut(t *testing.T) {
	r := newRig(t, Options{}, nil)
	var got parts
	resp := r.request(Request{Payload: mustJSON(fnEvent{Stream: true, GapMs: 500, Cut: true}), OnPart: got.add})
	if len(got.texts()) != 1 || resp.FunctionError == "" {
		t.Errorf("parts %q, answer %+v", got.texts(), resp)
	}
}

// A timeout in the middle ends the stream for the client. [DOC:configuration-response-streaming]
func TestStreamTimesOut(t *testing.T) {
	r := newRig(t, Options{Timeout: 2 * time.Second}, nil)
	var got parts
	resp := r.request(Request{Payload: mustJSON(fnEvent{Stream: true, GapMs: 5000}), OnPart: got.add})
	if len(got.texts()) != 1 || resp.ErrorType != "Sandbox.Timedout" {
		t.Errorf("parts %q, answer %+v", got.texts(), resp)
	}
}

// 6 MiB pass at once, what follows at 2 MiB per second; the end of the
// invocation ends the wait. [DOC:configuration-response-streaming; RIE:core/bandwidthlimiter]
func TestStreamPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const mib = 1 << 20
		p := newPacer(streamBurst, streamRate)
		begin := time.Now()
		for i, want := range []time.Duration{0, 0, 0, 0, 0, 0, 500 * time.Millisecond, time.Second} {
			if !p.wait(mib, nil) || time.Since(begin) != want {
				t.Errorf("MiB %d passed after %s, want %s", i+1, time.Since(begin), want)
			}
		}
		time.Sleep(time.Hour)
		if begin = time.Now(); !p.wait(6*mib, nil) || time.Since(begin) != 0 {
			t.Error("the bucket did not fill again")
		}
		stop := make(chan struct{})
		close(stop)
		if p.wait(mib, stop) {
			t.Error("passed after the end")
		}
	})
}
