package show

import (
	"io"
	"os"
)

// Style writes text in colour, or plain when it is off.
type Style struct{ on bool }

func (s Style) paint(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s Style) bold(text string) string { return s.paint("1", text) }

// Dim is for what matters least.
func (s Style) Dim(text string) string { return s.paint("2", text) }

// Red is for failures.
func (s Style) Red(text string) string { return s.paint("31", text) }

// Green is for what went well.
func (s Style) Green(text string) string   { return s.paint("32", text) }
func (s Style) yellow(text string) string  { return s.paint("33", text) }
func (s Style) magenta(text string) string { return s.paint("35", text) }
func (s Style) cyan(text string) string    { return s.paint("36", text) }

// NewStyle decides by --color, NO_COLOR (any value; no-color.org), TERM and
// whether the output is a terminal.
func NewStyle(color string, lookup func(string) (string, bool), terminal bool) Style {
	noColor, _ := lookup("NO_COLOR")
	term, _ := lookup("TERM")
	switch color {
	case "always":
		return Style{on: true}
	case "never":
		return Style{}
	}
	return Style{on: terminal && noColor == "" && term != "dumb"}
}

// IsTerminal reports whether w is a character device other than /dev/null.
func IsTerminal(w io.Writer) bool {
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
