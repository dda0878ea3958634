// Package logpipe stands between the function and the descriptors that Lambda
// reads its log from: each line is changed where it is written, and stored
// once.
//
// The rules a reader could break: no byte is lost, whatever becomes of the
// rules that lines go through, unless something is to be taken out of lines,
// for then privacy goes before completeness. The function never waits for
// anything but the log itself: a full original blocks it as it would have. And
// the flags of the originals are not touched, because they belong to everybody
// who has them.
package logpipe

import (
	"net"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// Line is a whole line, or the body of a frame, which may have several.
type Line struct {
	Text    []byte    // without the newline at its end; not to be changed or kept
	At      time.Time // of the frame; zero: it tells none
	Level   byte      // of the frame: 0 unset, 1 trace, 2 debug, 3 info, 4 warn, 5 error, 6 fatal
	Header  []byte    // of the frame; empty: a line of text
	Newline bool      // one stood at the end, and goes out as well
}

// Fate is what becomes of a line.
type Fate uint8

// The fates.
const (
	Pass   Fate = iota // it goes out as it came
	Text               // what was appended goes out in its place, a text
	Object             // what was appended goes out in its place, a JSON object
	Gone               // nothing goes out
)

// Rules decide about the lines of one channel. They are called by one
// goroutine at a time, may take up to 50 ms for what was read at once, and are
// not called again when they did not return in that time.
type Rules interface {
	// Line appends what goes out in the line's place.
	Line(dst []byte, l Line) ([]byte, Fate)

	// Part appends what goes out of a part of a line that is too long, or has
	// no end yet: as it came, but for what must not leave.
	Part(dst, text []byte) []byte

	// End is called when nobody can write to the channel any more, while what
	// was held back can still go out.
	End()
}

// Place is where lines of one channel go that were held back.
type Place interface {
	// Release writes a held line: with the header of its frame, if it came in
	// one. It does not wait, and copies what it keeps.
	Release(header, text []byte, newline, object bool)
}

// Options are what Pipes are told.
type Options struct {
	// Rules makes those of a channel.
	Rules func(Place) Rules

	// Withhold says that something is to be taken out of lines: what the rules
	// failed on does not go out, and one object says so.
	Withhold bool

	// Degrade is told once of each thing that does not work any more.
	Degrade func(reason string)

	Now func() time.Time // wall clock; nil means time.Now
	Log *zap.Logger      // nil means none
}

// Pipes are the channels of a sandbox. Methods may be called from any
// goroutine.
type Pipes struct {
	opt    Options
	log    *zap.Logger
	watch  watch
	socket *net.UnixListener // nil: not listening
	folder string            // of the socket, if it is a file

	mu      sync.Mutex
	sets    [][]*channel // one for each hand-over that lives
	nonces  []invitation
	waiting bool // a runtime was invited and has not handed over
	stopped bool

	on    atomic.Bool
	stats counters
}

// Stats counts what went through.
type Stats struct {
	HandOvers int64
	Lines     int64 // whole lines and frames that came
	Written   int64 // events that the log was given
	Parts     int64 // of lines without an end, or too long
	Withheld  int64 // lines of which only an object went out that says so
	Panics    int64 // of rules
	Taken     int64 // channels that were taken from rules that hung
	Unframed  int64 // framed channels whose bytes were no frames
	Uncounted bool  // bytes passed whose events are not known
}

type counters struct {
	handOvers, lines, written, parts, withheld, panics, taken, unframed atomic.Int64
	uncounted                                                           atomic.Bool
}

// New returns Pipes without a channel.
func New(opt Options) *Pipes {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = zap.NewNop()
	}
	if opt.Degrade == nil {
		opt.Degrade = func(string) {}
	}
	p := &Pipes{opt: opt, log: opt.Log.Named("logpipe")}
	p.watch.init(p)
	return p
}

// On reports whether the function's lines come through here.
func (p *Pipes) On() bool { return p.on.Load() }

// Stats returns the counts so far.
func (p *Pipes) Stats() Stats {
	c := &p.stats
	return Stats{
		HandOvers: c.handOvers.Load(), Lines: c.lines.Load(), Written: c.written.Load(), Parts: c.parts.Load(), Withheld: c.withheld.Load(),
		Panics: c.panics.Load(), Taken: c.taken.Load(), Unframed: c.unframed.Load(), Uncounted: c.uncounted.Load(),
	}
}

// Drain returns when what stood in every channel when it was called is in the
// log, and with it the beginning of a line that has no end yet. It returns
// earlier when stop is closed or limit, unless it is 0, is over.
//
// Not "until nothing is there": a child that writes without end would keep the
// answer from ever leaving.
func (p *Pipes) Drain(stop <-chan struct{}, limit time.Duration) {
	channels := p.channels()
	if len(channels) == 0 {
		return
	}
	var over <-chan time.Time
	if limit > 0 {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		over = timer.C
	}
	given := make(chan struct{})
	defer close(given)
	waits := make([]*draining, 0, 4)
	for _, c := range channels {
		if d := c.drain(given); d != nil {
			waits = append(waits, d)
		}
	}
	for i := 0; i < len(waits); i++ {
		d := waits[i]
		select {
		case <-d.done:
		case <-d.taken: // what is there now goes out without the rules
			if again := d.c.drain(given); again != nil {
				waits = append(waits, again)
			}
		case <-stop:
			return
		case <-over:
			return
		}
	}
}

// Polled is told that a runtime waits for its first or next event. One that
// was invited and has not handed over its descriptors by now never will: its
// lines do not come through here.
func (p *Pipes) Polled() {
	p.mu.Lock()
	missed := p.waiting
	p.waiting = false
	p.mu.Unlock()
	if missed {
		p.on.Store(false)
		p.opt.Degrade("the wrapper did not hand over the function's log descriptors; lines are copied")
	}
}

// channels are those that live.
func (p *Pipes) channels() []*channel {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*channel
	for _, set := range p.sets {
		all = append(all, set...)
	}
	return all
}

// Shutdown brings out what stands in the channels within the limit, without
// waiting for the end of any, and lets go of them.
func (p *Pipes) Shutdown(limit time.Duration) {
	p.Drain(nil, max(limit, time.Millisecond))
	p.mu.Lock()
	p.stopped = true
	sets := p.sets
	p.sets = nil
	p.mu.Unlock()
	p.closeSocket()
	for _, set := range sets {
		for _, c := range set {
			c.stop()
		}
	}
	p.watch.stop()
}

// forget removes a channel that has ended.
func (p *Pipes) forget(c *channel) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, set := range p.sets {
		for j := range set {
			if set[j] != c {
				continue
			}
			if set = append(set[:j:j], set[j+1:]...); len(set) == 0 {
				p.sets = append(p.sets[:i:i], p.sets[i+1:]...)
			} else {
				p.sets = append(append(p.sets[:i:i], set), p.sets[i+1:]...)
			}
			return
		}
	}
}
