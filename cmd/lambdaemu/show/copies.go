package show

import (
	"fmt"
	"strings"

	"powertools-extension/lambdaemu"
)

// maxCopies is how many enriched copies that add nothing new are shown in a
// row; more of them become one line.
const maxCopies = 2

// copies is such a row.
type copies struct {
	line  lambdaemu.Line
	head  string   // whose they are
	texts []string // as they would be shown one by one
}

// copied takes a line if it is an enriched copy of one of the function's lines.
// Copies are shown by what they add; a row of copies that add the same as the
// one before waits, because it may become long.
func (b *block) copied(line lambdaemu.Line) bool {
	if b.v.Raw || line.Origin != lambdaemu.OriginExtension {
		return false
	}
	rec, isObject := parseRecord(line.Text)
	if _, isMetric := emfOf(rec); !isObject || isMetric {
		return false
	}
	added, ok := b.v.pairs.match(rec)
	if !ok {
		return false
	}
	head := "↳ "
	if n, known := b.v.numbers[rec.requestID()]; known && n != b.number {
		head += fmt.Sprintf("#%d ", n)
	}
	fresh, same := b.additions(rec, added)
	text := b.enriched(head, rec, fresh, same)
	if len(fresh) > 0 || b.waiting.head != head || b.waiting.line.Name != line.Name {
		b.flushCopies()
	}
	if len(fresh) > 0 {
		b.write(line, []string{text})
		return true
	}
	b.waiting.line, b.waiting.head = line, head
	b.waiting.texts = append(b.waiting.texts, text)
	return true
}

// flushCopies writes the waiting copies, before anything else is written.
func (b *block) flushCopies() {
	waiting := b.waiting
	b.waiting = copies{}
	if n := len(waiting.texts); n > maxCopies {
		waiting.texts = []string{b.v.st.Dim(fmt.Sprintf("%s%d lines again, each with the same keys added", waiting.head, n))}
	}
	for _, text := range waiting.texts {
		b.write(waiting.line, []string{text})
	}
}

// additions splits what a copy adds into what is new and how much is the same
// as in earlier copies. Times and the block's own request id go without saying.
func (b *block) additions(rec, added record) (fresh []string, same int) {
	levelKey, _ := rec.level()
	for _, m := range added {
		if isTimeKey(m.key) || m.key == levelKey || b.requestID != "" && plainText(m.raw) == b.requestID {
			continue
		}
		if b.v.added[m.key] == m.raw {
			same++
			continue
		}
		b.v.added[m.key] = m.raw
		fresh = append(fresh, "+"+m.key+"="+value(m.raw, shortValue))
	}
	return fresh, same
}

// enriched is the line of one copy.
func (b *block) enriched(head string, rec record, fresh []string, same int) string {
	st := b.v.st
	_, message := rec.message()
	_, level := rec.level()
	if same > 0 {
		fresh = append(fresh, fmt.Sprintf("+%d as before", same))
	}
	text := st.Dim(head)
	if level != "" {
		text += b.level(level) + " "
	}
	return text + st.printable(shorten(firstLine(message), 60)) + " " + st.Dim(st.printable(strings.Join(fresh, " ")))
}
