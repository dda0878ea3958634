package show

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Table aligns columns. The last column is not padded; a column whose name is
// in right is aligned right.
type Table struct {
	rows  [][]string
	Right map[int]bool
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Lines returns the rows as text, two spaces between columns.
func (t *Table) Lines() []string {
	widths := t.widths()
	out := make([]string, 0, len(t.rows))
	for _, row := range t.rows {
		var b strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-Visible(cell))
			switch {
			case t.Right[i]:
				b.WriteString(pad + cell)
			case i == len(row)-1:
				b.WriteString(cell)
			default:
				b.WriteString(cell + pad)
			}
			if i < len(row)-1 {
				b.WriteString("  ")
			}
		}
		out = append(out, strings.TrimRight(b.String(), " "))
	}
	return out
}

func (t *Table) widths() []int {
	var widths []int
	for _, row := range t.rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], Visible(cell))
		}
	}
	return widths
}

// helpWidth is where the text of a help page wraps.
const HelpWidth = 100

// WriteWrapped writes a table of two columns; the second wraps inside its column.
func (t *Table) WriteWrapped(w io.Writer) {
	left := t.widths()[0] + 2
	for _, row := range t.rows {
		head := row[0] + strings.Repeat(" ", left-Visible(row[0]))
		for _, part := range wrap(row[1], HelpWidth-left) {
			fmt.Fprintln(w, head+part)
			head = strings.Repeat(" ", left)
		}
	}
}

// wrap cuts text at spaces into lines of at most n columns.
func wrap(text string, n int) []string {
	var out []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && Visible(line)+1+Visible(word) > n {
			out = append(out, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(out, line)
}

// Visible is how many columns a cell takes: its runes without colour codes.
func Visible(cell string) int {
	n := utf8.RuneCountInString(cell)
	for rest := cell; ; {
		i := strings.Index(rest, "\x1b[")
		if i < 0 {
			return n
		}
		rest = rest[i:]
		end := strings.IndexByte(rest, 'm')
		if end < 0 {
			return n
		}
		n -= end + 1
		rest = rest[end+1:]
	}
}
