package show

import (
	"fmt"
	"strings"
	"time"

	"powertools-extension/lambdaemu"
)

// maxDetail is how many lines of a stack trace are shown.
const maxDetail = 12

// block renders the lines of one block.
type block struct {
	v         *textView
	requestID string // of the block's invocation; empty at shutdown
	number    int    // of the block's invocation
	extension string // the last one named
	waiting   copies
	out       []string
}

func (v *textView) newBlock(requestID string, number int) *block {
	return &block{v: v, requestID: requestID, number: number}
}

// render returns what is shown of the lines, gutters included.
func (b *block) render(lines []lambdaemu.Line) []string {
	for _, line := range lines {
		if b.copied(line) {
			continue
		}
		if texts := b.texts(line); texts != nil {
			b.flushCopies()
			b.write(line, texts)
		}
	}
	b.flushCopies()
	return b.out
}

func (b *block) write(line lambdaemu.Line, texts []string) {
	for i, text := range b.named(line, texts) {
		gutter := b.v.indent()
		if i == 0 {
			gutter = b.v.gutter(line)
		}
		b.out = append(b.out, strings.TrimRight(gutter+text, " "))
	}
}

// texts returns what is shown of one line: nothing, one line, or several.
func (b *block) texts(line lambdaemu.Line) []string {
	st := b.v.st
	rec, isObject := parseRecord(line.Text)
	_, isMetric := emfOf(rec)
	if line.Origin == lambdaemu.OriginFunction && !isMetric {
		b.v.pairs.remember(line.Text, rec)
	}
	switch {
	case b.v.Raw:
		return splitLines(st.printable(strings.ReplaceAll(line.Text, "\r", "\n")))
	case line.Origin == lambdaemu.OriginPlatform:
		text := platformText(line.Text)
		if text == "" || b.saysTheError(text) {
			return nil
		}
		return dimAll(st, splitLines(text))
	case isMetric:
		return b.metrics(rec)
	case isObject && len(rec) > 0:
		return b.structured(rec)
	}
	return b.plain(line.Text)
}

// saysTheError knows the platform's lines about a failed invocation, which the
// block's error repeats.
func (b *block) saysTheError(text string) bool {
	if b.requestID == "" {
		return false
	}
	return strings.HasPrefix(text, "RequestId: "+b.requestID+" Error: ") || strings.Contains(text, b.requestID+" Task timed out after")
}

// named puts the extension's name before its lines when there are several.
func (b *block) named(line lambdaemu.Line, texts []string) []string {
	if b.v.Extensions > 1 && line.Origin == lambdaemu.OriginExtension && line.Name != b.extension {
		b.extension = line.Name
		return append([]string{b.v.st.Dim("── " + line.Name)}, texts...)
	}
	return texts
}

func dimAll(st Style, lines []string) []string {
	for i := range lines {
		lines[i] = st.Dim(st.printable(lines[i]))
	}
	return lines
}

// splitLines also takes the carriage returns that some runtimes write for the
// newlines inside one log event.
func splitLines(text string) []string {
	text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) > maxDetail+1 {
		more := len(lines) - maxDetail
		lines = append(lines[:maxDetail], fmt.Sprintf("… %d more lines (--raw shows them)", more))
	}
	return lines
}

// plain shows a text line without the time and request id that runtimes put
// before it; the block says both.
func (b *block) plain(text string) []string {
	level := levelOf(text, nil)
	fields := strings.Split(text, "\t")
	kept := fields[:0:0]
	prefix := ""
	for i, field := range fields {
		bare := strings.Trim(field, "[]")
		_, err := time.Parse(time.RFC3339, bare)
		switch {
		case i > 3 || len(fields) < 3:
			kept = append(kept, field)
		case err == nil || bare == b.requestID && bare != "" || isUUID(bare):
		case level != "" && levelWord(bare) == level && prefix == "":
			prefix = b.level(level) + " "
		default:
			kept = append(kept, field)
		}
	}
	lines := splitLines(strings.Join(kept, "  "))
	for i := range lines {
		lines[i] = b.v.st.printable(lines[i])
		if isErrorLevel(level) {
			lines[i] = b.v.st.Red(lines[i])
		}
	}
	lines[0] = prefix + lines[0]
	return lines
}

// level pads and colours a level.
func (b *block) level(level string) string {
	padded := fmt.Sprintf("%-5s", shorten(level, 8))
	switch {
	case isErrorLevel(level):
		return b.v.st.Red(padded)
	case level == "WARN":
		return b.v.st.yellow(padded)
	case level == "INFO":
		return b.v.st.Green(padded)
	}
	return b.v.st.Dim(padded)
}

// structured shows level, message and the other keys; a stack trace below.
func (b *block) structured(rec record) []string {
	levelKey, level := rec.level()
	messageKey, message := rec.message()
	var head, keys, below []string
	if level != "" {
		head = append(head, b.level(level))
	}
	if message != "" {
		head = append(head, b.v.st.printable(shorten(message, 400)))
	}
	limit := shortValue
	if level == "WARN" || isErrorLevel(level) {
		limit = longValue
	}
	for _, m := range rec {
		if m.key == levelKey || m.key == messageKey || isTimeKey(m.key) {
			continue
		}
		if lines := multiline(m); lines != nil {
			below = append(below, lines...)
			continue
		}
		keys = append(keys, m.key+"="+value(m.raw, limit))
	}
	if len(keys) > 0 {
		head = append(head, b.v.st.Dim(b.v.st.printable(strings.Join(keys, " "))))
	}
	return append([]string{strings.Join(head, " ")}, dimAll(b.v.st, below)...)
}

// multiline returns the lines of a value that is a text of several, a list of
// texts under a name that says stack, or an object too long for its place.
func multiline(m member) []string {
	text := plainText(m.raw)
	if nested, ok := parseRecord(m.raw); ok && len(m.raw) > 40 {
		return []string{"  " + m.key + ": " + flat(nested)}
	}
	name := strings.ToLower(m.key)
	if strings.HasPrefix(m.raw, "[") && (strings.Contains(name, "stack") || strings.Contains(name, "trace")) {
		var frames []string
		for _, frame := range arrayTexts(m.raw) {
			frames = append(frames, strings.TrimRight(frame, "\n"))
		}
		text = strings.Join(frames, "\n")
	}
	if !strings.Contains(text, "\n") {
		return nil
	}
	return splitLines(text)
}

func flat(rec record) string {
	var out []string
	for _, m := range rec {
		out = append(out, m.key+"="+value(m.raw, shortValue))
	}
	return strings.Join(out, " ")
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.ReplaceAll(text, "\r", "\n"), "\n")
	return line
}

// metrics shows an EMF line as a table under its dimensions.
func (b *block) metrics(rec record) []string {
	doc, _ := emfOf(rec)
	title := "metrics  "
	if n, ok := b.v.numbers[doc.requestID]; ok && n != b.number {
		title = fmt.Sprintf("metrics #%d  ", n)
	}
	out := []string{b.v.st.bold(title) + b.v.st.printable(doc.title())}
	for _, line := range doc.lines(b.v.st) {
		out = append(out, "  "+line)
	}
	return out
}
