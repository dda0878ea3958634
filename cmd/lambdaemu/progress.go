package main

import (
	"fmt"
	"io"
	"sync"
)

// lockedWriter is standard error: progress and the notice of an interrupt are
// written from different goroutines.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// progress says on standard error what is going on: on a terminal as one line
// that is replaced, otherwise, when blocks are not shown, as a line per tenth.
type progress struct {
	w        io.Writer
	terminal bool
	plain    bool
	shown    bool
}

func newProgress(w io.Writer, terminal, quiet bool) *progress {
	return &progress{w: w, terminal: terminal, plain: quiet && !terminal}
}

func (p *progress) set(text string) {
	if p.terminal {
		fmt.Fprintf(p.w, "\r\x1b[K%s …", text)
		p.shown = true
	}
}

// clear must come before anything else is written to the terminal.
func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// step says which invocation comes now.
func (p *progress) step(number, of, failed int) {
	text := fmt.Sprintf("invocation %d of %d", number, of)
	if failed > 0 {
		text += fmt.Sprintf(", %d failed", failed)
	}
	p.tell(text, number, of)
}

// tell says how far a run has come, in a line per tenth where lines stay.
func (p *progress) tell(text string, number, of int) {
	p.set(text)
	if tenth := max(of/10, 1); p.plain && of >= 20 && number%tenth == 0 {
		fmt.Fprintln(p.w, text)
	}
}
