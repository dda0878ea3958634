package pipeline

import (
	"bytes"
	"time"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/loglevel"
	"powertools-extension/internal/telemetry"
)

// Place is where lines of one stream go back to that were held.
type Place interface {
	// Release writes a line behind the header of its frame, if it had one. It
	// does not wait and copies what it keeps.
	Release(header, text []byte, newline, object bool)
}

// Written is a line that was read where the function wrote it.
type Written struct {
	Text    []byte    // without the newline at its end; not changed and not kept
	At      time.Time // of its frame; zero: now
	Level   byte      // of its frame: 0 unset, 1 trace to 6 fatal
	Header  []byte    // of its frame; empty: a line of text
	Newline bool      // one stood at its end
}

// Fate is what becomes of a line in the place where it was written.
type Fate uint8

// The fates.
const (
	FatePass   Fate = iota // as the function wrote it
	FateText               // another text
	FateObject             // an object
	FateGone               // nothing is stored there
)

// Stream is one descriptor of the function's log, whose lines are changed where
// they are written, by the same rules as those of the telemetry stream. What
// the rules do shares no lock with anything else. Not safe for concurrent use.
type Stream struct {
	p      *Pipeline
	opt    Options
	rules  rules
	id     uint16
	place  Place
	owner  func() *invocation.Attempt
	back   bool // lines go back to where they were written
	remote bool // and elsewhere
	breaks []byte
	keep   []byte
}

// Stream returns a new one. owner says which attempt the runtime has; nil: none
// yet.
func (p *Pipeline) Stream(owner func() *invocation.Attempt, place Place) *Stream {
	s := &Stream{p: p, opt: p.opt, owner: owner, place: place}
	s.opt.Indent = false // several lines would be several events
	for _, d := range p.opt.Lines {
		s.back, s.remote = s.back || d.Stdout, s.remote || !d.Stdout
	}
	s.rules = newRules(&s.opt)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.streams == nil {
		p.streams = make(map[uint16]*Stream)
	}
	for s.id = 1; p.streams[s.id] != nil; {
		s.id++
	}
	p.streams[s.id] = s
	return s
}

// Line appends what is stored in the line's place.
func (s *Stream) Line(dst []byte, w Written) ([]byte, Fate) {
	if len(w.Text) == 0 {
		return dst, FatePass
	}
	at := w.At
	if at.IsZero() {
		at = s.p.opt.Now()
	}
	ev := telemetry.Event{Kind: telemetry.KindFunction, Time: at, Line: s.lines(&w)}
	v := s.rules.apply(s.p, &ev, invocation.Line{At: at, Level: frameLevel(w.Level), Direct: true, By: s.owner()})
	text, enriched, fate := s.outcome(&w, &v, at)
	if !s.decide(&w, &v, text, fate) {
		return dst, FateGone
	}
	if s.remote {
		for _, d := range s.opt.Lines {
			if !d.Stdout {
				d.Output.Put(enriched)
			}
		}
	}
	switch {
	case !s.back && !v.emf:
		return dst, FateGone
	case fate == FatePass:
		return dst, FatePass
	}
	return append(dst, text...), fate
}

// decide says whether the line leaves now.
func (s *Stream) decide(w *Written, v *view, text []byte, fate Fate) bool {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.decideLocked(&s.rules, v) {
	case passed:
		return true
	case held:
		s.keep = append(append(s.keep[:0], w.Header...), text...)
		p.recorder.hold(p.recorder.lines(of(v.attempt)), s.keep, heldAs{
			stream: s.id, header: uint8(len(w.Header)), newline: w.Newline, object: fate == FateObject,
		})
	}
	return false
}

// outcome is what of the line leaves here, and what leaves elsewhere.
func (s *Stream) outcome(w *Written, v *view, at time.Time) (text, enriched []byte, fate Fate) {
	e := &s.rules.lines
	isText := !v.object && s.opt.KeepText
	if !s.remote && (v.emf || isText || v.object && e.knows(v.line, e.tail(v.req))) {
		text, fate = s.original(w, v)
		return text, nil, fate
	}
	out := e.encode(v.line, v.req, at)
	if out.known || isText || out.truncated { // nothing is cut in place
		text, fate = s.original(w, v)
		return text, out.bytes, fate
	}
	return out.bytes, out.bytes, FateObject
}

// original is the line as it was written, but for what must not leave.
func (s *Stream) original(w *Written, v *view) ([]byte, Fate) {
	switch {
	case !v.redacted:
		return w.Text, FatePass
	case v.object && !v.headed:
		return v.text, FateObject
	}
	text := v.text
	if len(s.breaks) > 0 { // they were line feeds for us only
		text = bytes.ReplaceAll(text, []byte{'\n'}, []byte{'\r'})
	}
	if bytes.HasSuffix(w.Text, []byte{'\r'}) && !bytes.HasSuffix(text, []byte{'\r'}) {
		text = append(text[:len(text):len(text)], '\r')
	}
	return text, FateText
}

// lines is the text for the rules: a carriage return at the end of a line is
// none of it, and those inside a line are line breaks, which Node writes so
// that a record stays one.
func (s *Stream) lines(w *Written) []byte {
	s.breaks = s.breaks[:0]
	if len(w.Header) > 0 {
		return w.Text
	}
	text := bytes.TrimSuffix(w.Text, []byte{'\r'})
	if bytes.IndexByte(text, '\r') < 0 {
		return text
	}
	s.breaks = append(s.breaks, text...)
	for i, c := range s.breaks {
		if c == '\r' {
			s.breaks[i] = '\n'
		}
	}
	return s.breaks
}

// Part appends what is stored of a part of a line.
func (s *Stream) Part(dst, text []byte) []byte {
	if s.rules.redactor != nil {
		text, _ = s.rules.redactor.Apply(text, false)
	}
	if s.remote {
		at := s.p.opt.Now()
		ev := telemetry.Event{Kind: telemetry.KindFunction, Time: at, Line: bytes.TrimRight(text, "\n")}
		l := s.rules.parser.parse(&ev)
		var req *invocation.Request
		if a := s.owner(); a != nil {
			req = a.Request()
		}
		out := s.rules.lines.encode(l, req, at)
		for _, d := range s.opt.Lines {
			if !d.Stdout {
				d.Output.Put(out.bytes)
			}
		}
	}
	if !s.back {
		return dst
	}
	return append(dst, text...)
}

// End is called when nobody writes to the stream any more. The runtime of an
// invocation that was not answered is gone, so what is held of it is let go,
// while there is still a place for it.
func (s *Stream) End() {
	p := s.p
	a := s.owner()
	died := a != nil && p.tracker.Passing(a.ID) == a
	p.mu.Lock()
	defer p.mu.Unlock()
	if died {
		p.releaseLocked(a)
	}
	delete(p.streams, s.id)
}

// Failed lets go of what is held of a request whose runtime says that it
// failed.
func (p *Pipeline) Failed(id string) {
	a := p.tracker.Passing(id)
	p.mu.Lock()
	defer p.mu.Unlock()
	if a != nil {
		p.releaseLocked(a)
	}
}

// frameLevel is the level of a frame's header.
func frameLevel(level byte) loglevel.Level {
	levels := [...]loglevel.Level{levelUnknown, levelTrace, levelDebug, levelInfo, levelWarn, levelError, levelCritical}
	if int(level) >= len(levels) {
		return levelUnknown
	}
	return levels[level]
}
