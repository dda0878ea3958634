package show

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Columns is how wide text may be: the terminal's width, COLUMNS where there is
// no terminal, else 80.
func Columns(w io.Writer, lookup func(string) (string, bool)) int {
	if f, ok := w.(*os.File); ok {
		if n := terminalColumns(f); n >= 40 {
			return n
		}
	}
	text, _ := lookup("COLUMNS")
	if n, err := strconv.Atoi(text); err == nil && n >= 40 {
		return n
	}
	return 80
}

// fold breaks a line into lines of at most n columns; all but the first begin
// with hang, which is to be shorter than half of that. It breaks behind a space
// or a comma where there is one in the second half of the line. Colour codes
// take no columns.
func fold(line, hang string, n int) []string {
	var out []string
	prefix, room := "", n
	for {
		if line == "" && len(out) > 0 {
			return out
		}
		at := foldAt(line, room)
		if at == len(line) {
			return append(out, prefix+line)
		}
		out = append(out, strings.TrimRight(prefix+line[:at], " "))
		line, prefix, room = strings.TrimLeft(line[at:], " "), hang, max(n-Visible(hang), n/2)
	}
}

// foldAt is the index where a line is broken that is wider than n columns, its
// length if it is not.
func foldAt(line string, n int) int {
	column, best := 0, 0
	for i := 0; i < len(line); {
		if code := colourCode(line[i:]); code > 0 {
			i += code
			continue
		}
		if column == n {
			if best > 0 {
				return best
			}
			return i
		}
		_, size := utf8.DecodeRuneInString(line[i:])
		if i += size; column >= n/2 && (line[i-1] == ' ' || line[i-1] == ',') {
			best = i
		}
		column++
	}
	return len(line)
}
