package lambdaemu

import (
	"errors"
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
