package pipeline

import (
	"bytes"
	"time"

	"powertools-extension/internal/canonical"
)

// Kept says what a record is that has to outlive the process.
type Kept byte

// The kinds of records.
const (
	KeptRequest Kept = 'r' // id of an invocation whose end was not seen
	KeptEvent   Kept = 'e' // a metrics document
	KeptLine    Kept = 'l' // a line of the function
	KeptKnown   Kept = 'k' // the same, and the log group has it already
)

// Open shows what is lost if the process ends here: for every open invocation
// the lines held of it and its canonical event, as a shutdown for the reason
// would print them, without figures of the parameter cache and of the sandbox.
// It changes nothing. The data are valid during the call of show.
func (p *Pipeline) Open(reason string, now time.Time, show func(kind Kept, data []byte)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.tracker.Open(reason, now) {
		id := s.Request.ID
		show(KeptRequest, []byte(id))
		f := canonical.Event{Summary: &s}
		if t := p.recorder.open[id]; t != nil {
			f.Released, f.HoldDropped = t.let, t.dropped
			if s.Failed {
				t.lines(func(line []byte, known bool) {
					f.Released++
					show(keptLine(known), line)
				})
			}
		}
		if line, err := p.events.Encode(&f); err == nil && len(line) > 0 {
			show(KeptEvent, line)
		}
	}
}

func keptLine(known bool) Kept {
	if known {
		return KeptKnown
	}
	return KeptLine
}

// Restore takes over what the process before had open.
func (p *Pipeline) Restore(kind Kept, data []byte) {
	if kind == KeptRequest {
		p.tracker.Precede(string(data))
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch kind {
	case KeptEvent:
		if p.opt.Metrics != nil {
			p.opt.Metrics.Put(Replayed(data))
		}
	case KeptLine, KeptKnown:
		p.stats.Lines++
		p.stats.Passed++
		p.sendLocked(Replayed(data), kind == KeptKnown)
	}
}

// Replayed marks a line that a process sends in place of one that was killed.
// A line that is no object, or that has no room for the mark, stays as it is.
func Replayed(line []byte) []byte {
	const mark = `"replayed":true`
	body := bytes.TrimRight(line, " \t\r\n")
	if len(body) < 2 || body[0] != '{' || body[len(body)-1] != '}' || len(line)+len(mark)+2 > DefaultMaxLineBytes {
		return line
	}
	body = bytes.TrimRight(body[:len(body)-1], " \t\r\n")
	if bytes.HasSuffix(body, []byte(mark)) {
		return line
	}
	out := append(make([]byte, 0, len(line)+len(mark)+1), body...)
	if len(body) > 1 {
		out = append(out, ',')
	}
	return append(append(out, mark...), '}')
}
