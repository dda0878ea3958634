package show

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// printable keeps a program's output from controlling the terminal: control
// characters and text-direction overrides are shown as escapes, except tabs
// and, when colours are on, the program's own colour codes.
func (s Style) printable(text string) string {
	if strings.IndexFunc(text, isControl) < 0 {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		if n := colourCode(text); n > 0 {
			if s.on {
				b.WriteString(text[:n])
			}
			text = text[n:]
			continue
		}
		r, size := utf8.DecodeRuneInString(text)
		if isControl(r) {
			b.WriteString(escape(r))
		} else {
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	if s.on {
		b.WriteString("\x1b[0m") // an open colour ends with its line
	}
	return b.String()
}

func isControl(r rune) bool {
	override := r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	return override || unicode.IsControl(r) && r != '\t'
}

func escape(r rune) string {
	switch {
	case r == '\r':
		return `\r`
	case r == '\n':
		return `\n`
	case r > 0xff:
		return fmt.Sprintf(`\u%04x`, r)
	}
	return fmt.Sprintf(`\x%02x`, r)
}

// colourCode returns the length of the SGR sequence text begins with, else 0.
func colourCode(text string) int {
	if !strings.HasPrefix(text, "\x1b[") {
		return 0
	}
	for i := 2; i < len(text); i++ {
		switch c := text[i]; {
		case c == 'm':
			return i + 1
		case c != ';' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}
