package main

import (
	"io"
	"os"
)

// style writes text in colour, or plain when it is off.
type style struct{ on bool }

func (s style) paint(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(text string) string    { return s.paint("1", text) }
func (s style) dim(text string) string     { return s.paint("2", text) }
func (s style) red(text string) string     { return s.paint("31", text) }
func (s style) green(text string) string   { return s.paint("32", text) }
func (s style) yellow(text string) string  { return s.paint("33", text) }
func (s style) magenta(text string) string { return s.paint("35", text) }
func (s style) cyan(text string) string    { return s.paint("36", text) }

// newStyle decides by --color, NO_COLOR (any value; no-color.org), TERM and
// whether the output is a terminal.
func newStyle(color string, lookup func(string) (string, bool), terminal bool) style {
	noColor, _ := lookup("NO_COLOR")
	term, _ := lookup("TERM")
	switch color {
	case "always":
		return style{on: true}
	case "never":
		return style{}
	}
	return style{on: terminal && noColor == "" && term != "dumb"}
}

// isTerminal reports whether w is a character device other than /dev/null.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
