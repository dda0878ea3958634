package lambdaemu

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// How fast a streamed answer passes: the first 6 MiB at once, then 2 MiB per
// second (AWS page: configuration-response-streaming; AWS source:
// core/bandwidthlimiter).
const (
	streamBurst = 6 << 20
	streamRate  = 2 << 20
)

// streamPiece is how much is read before it is passed on.
const streamPiece = 32 << 10

var errGivenUp = errors.New("the platform gave up")

// pacer is a token bucket in bytes. It is filled when it is made.
type pacer struct {
	burst, rate float64
	tokens      float64
	at          time.Time
}

func newPacer(burst, rate float64) *pacer {
	return &pacer{burst: burst, rate: rate, tokens: burst, at: time.Now()}
}

// wait takes n bytes out of the bucket and returns when they may pass, or false
// when stop comes first. A nil stop never comes.
func (p *pacer) wait(n int, stop <-chan struct{}) bool {
	now := time.Now()
	p.tokens = min(p.burst, p.tokens+now.Sub(p.at).Seconds()*p.rate)
	p.at = now
	p.tokens -= float64(n)
	if p.tokens >= 0 {
		return true
	}
	timer := time.NewTimer(time.Duration(-p.tokens / p.rate * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-stop:
		return false
	}
}

// readStream passes a streamed answer on while it comes, and keeps it whole for
// Response.Payload. An error that the function meets on its way stands in the
// trailers (AWS page: runtimes-custom).
func (s *sandbox) readStream(inv *invocation, r *http.Request) (*reply, *apiError) {
	contentType := r.Header.Get("Content-Type")
	body, err := s.copyStream(inv, contentType, &stamped{r.Body, inv, s})
	if errors.Is(err, errGivenUp) {
		return inv.refused("Runtime.TruncatedResponse", "Response truncated"), s.lateAnswer()
	}
	answer, failed := inv.received(body, err, maxStream)
	answer.streamed, answer.contentType = true, contentType
	if failed != nil {
		return answer, failed
	}
	return withTrailers(answer, r.Trailer), nil
}

// copyStream returns what has come, one byte more than maxStream at most.
func (s *sandbox) copyStream(inv *invocation, contentType string, from io.Reader) ([]byte, error) {
	pace := newPacer(streamBurst, streamRate)
	from = io.LimitReader(from, maxStream+1)
	piece := make([]byte, streamPiece)
	var body []byte
	for {
		n, err := from.Read(piece)
		if n > 0 {
			if !pace.wait(n, inv.over) || s.givenUp(inv) {
				return body, errGivenUp
			}
			body = append(body, piece[:n]...)
			if inv.req.OnPart != nil {
				inv.req.OnPart(Part{ContentType: contentType, Data: piece[:n]})
			}
		}
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return body, err
		}
	}
}

func (s *sandbox) givenUp(inv *invocation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return inv.closed
}

// lateAnswer is what a runtime gets for an invocation that has timed out while
// it answered.
func (s *sandbox) lateAnswer() *apiError {
	if s.opt.managed() {
		return invokeTimeout()
	}
	return invalidRequestID()
}
