package pipeline

import "powertools-extension/internal/redact"

// rules are what one stream of lines goes through, with the memory that they
// use again. They are not safe for concurrent use: streams that are read side
// by side have rules each.
type rules struct {
	opt      *Options
	parser   parser
	redactor *redact.Redactor // nil: nothing is taken out
	lines    enricher
	title    []byte // of the line before, where it may begin an error of Java's client
	printed  []byte // what the platform wrapped into the line
}

func newRules(opt *Options) rules {
	r := rules{opt: opt, lines: newEnricher(opt)}
	if opt.Redact != nil {
		r.redactor = opt.Redact.Redactor()
	}
	return r
}

// wants applies Include and Exclude.
func (r *rules) wants(line []byte) bool {
	return (r.opt.Include == nil || r.opt.Include.Match(line)) &&
		(r.opt.Exclude == nil || !r.opt.Exclude.Match(line))
}

// redact takes out of the line what must not leave and reports whether
// there was anything. What the tracker keeps of a line, the error's type and
// the text of its fingerprint, is then taken from the redacted one. How grave
// the line is, whose it is and whether memory ended is told by the original.
func (r *rules) redact(l *line) bool {
	if r.redactor == nil {
		return false
	}
	text, changed := r.redactor.Apply(l.text, l.object)
	if !changed {
		return false
	}
	before := *l
	*l = line{text: text, object: before.object, headed: before.headed, headID: before.headID, headTime: before.headTime}
	if l.object {
		r.parser.parseObject()
	} else {
		r.parser.parseText()
	}
	l.emf = before.emf
	r.noteError(l)
	l.facts.Level, l.facts.Failure, l.facts.Unhandled = before.facts.Level, before.facts.Failure, before.facts.Unhandled
	l.facts.RequestID, l.facts.Text = before.facts.RequestID, before.facts.Text
	return true
}
