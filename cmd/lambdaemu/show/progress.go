package show

import (
	"fmt"
	"io"
	"sync"
)

// LockedWriter is standard error: progress and the notice of an interrupt are
// written from different goroutines.
type LockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// NewLockedWriter writes to w.
func NewLockedWriter(w io.Writer) *LockedWriter { return &LockedWriter{w: w} }

func (l *LockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// Progress says on standard error what is going on: on a terminal as one line
// that is replaced, otherwise, when blocks are not shown, as a line per tenth.
type Progress struct {
	w        io.Writer
	terminal bool
	plain    bool
	shown    bool
}

// NewProgress writes to w. quiet says that no blocks are shown.
func NewProgress(w io.Writer, terminal, quiet bool) *Progress {
	return &Progress{w: w, terminal: terminal, plain: quiet && !terminal}
}

// Set replaces the line on a terminal; elsewhere it does nothing.
func (p *Progress) Set(text string) {
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%s …", text)
		p.shown = true
	}
}

// Clear must come before anything else is written to the terminal.
func (p *Progress) Clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// Step says which invocation comes now.
func (p *Progress) Step(number, of, failed int) {
	text := fmt.Sprintf("invocation %d of %d", number, of)
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	p.Tell(text, number, of)
}

// Tell says how far a run has come, in a line per tenth where lines stay.
func (p *Progress) Tell(text string, number, of int) {
	p.Set(text)
	if tenth := max(of/10, 1); p.plain && of >= 20 && number%tenth == 0 {
		fmt.Fprintln(p.w, text)
	}
}
