package telemetry

import (
	"bytes"

	"powertools-extension/internal/jsonbytes"
)

// stitcher puts a record together that the platform cut in two because it was
// longer than a batch may be. The first POST then ends in
//
//	{"time":"T","type":"function","record":"first bytes}]
//
// and the next one starts with
//
//	[{"time":"T","type":"function","record":last bytes"},…
//
// so that neither is JSON. The events behind the second half, which often
// report the end of the invocation, are the ones that must not be lost.
type stitcher struct {
	// held is `[{"time":"T","type":"function","record":` and the first bytes
	// of the value; nil: nothing is held.
	held   []byte
	prefix int // length of what stands before the value in held
}

// maxHeld bounds what is held, in bytes.
const maxHeld = maxBody

// holds reports whether half a record is held.
func (s *stitcher) holds() bool { return s.held != nil }

// hold keeps a copy of the element at body[at] if it is a record that was cut,
// and reports whether it did.
func (s *stitcher) hold(body []byte, at int) bool {
	value, end, ok := cutRecord(body, at)
	if !ok || end-at > maxHeld {
		return false
	}
	s.held = append(append(make([]byte, 0, end-at+1), '['), body[at:end]...)
	s.prefix = value - at + 1
	return true
}

// join puts the held half before body, if body continues it. The result is a
// batch like any other, perhaps one that ends in a cut record again. If body
// does not continue the held half, join reports false and still holds it.
func (s *stitcher) join(body []byte) ([]byte, bool) {
	if s.held == nil || !bytes.HasPrefix(body, s.held[:s.prefix]) {
		return nil, false
	}
	joined := make([]byte, 0, len(s.held)+len(body)-s.prefix)
	joined = append(append(joined, s.held...), body[s.prefix:]...)
	if !startsWhole(joined) {
		return nil, false
	}
	s.held = nil
	return joined, true
}

// startsWhole reports whether the first element of a joined batch is whole, or
// still cut at the end. Two halves that do not belong together almost never
// make JSON.
func startsWhole(batch []byte) bool {
	_, end := scanElement(batch, 1)
	if end < 0 {
		_, _, cut := cutRecord(batch, 1)
		return cut
	}
	end = jsonbytes.SkipSpace(batch, end)
	return end < len(batch) && (batch[end] == ',' || batch[end] == ']')
}

// giveUp stops holding and reads what there is of the line into ev. It reports
// whether there was anything.
func (s *stitcher) giveUp(ev *Event) bool {
	held, value := s.held, s.prefix
	s.held = nil
	return cutEvent(held, 1, value, ev)
}

// cutEvent reads the record of the element at b[at] into ev, as a truncated
// line. Its value begins at b[value] and is cut at the end of b.
func cutEvent(b []byte, at, value int, ev *Event) bool {
	// An empty value makes the element whole enough to read its head.
	head := append(bytes.Clone(b[at:value]), `""}`...)
	e, end := scanElement(head, 0)
	if end < 0 || value >= len(b) || !e.head(ev, new(clock)) {
		return false
	}
	ev.Truncated = true
	if text := b[value:]; isString(text) {
		ev.Line = jsonbytes.Unescape(wholeText(text[1:]))
	} else {
		ev.Line = onOneLine(text)
	}
	return true
}

// cutRecord finds the value of the element at b[at], if it is a printed line
// whose record was cut by the end of the batch. The value is b[value:end].
func cutRecord(b []byte, at int) (value, end int, ok bool) {
	b, ok = bytes.CutSuffix(bytes.TrimRight(b, " \t\r\n"), []byte("}]"))
	if !ok || at > len(b) {
		return 0, 0, false
	}
	if value = recordStart(b, at); value < 0 {
		return 0, 0, false
	}
	return value, len(b), jsonbytes.CheckValue(b, value, 1) == jsonbytes.CutOff
}

// recordStart returns where the value of the record begins in the element at
// b[at], or a negative number if it is no printed line in the platform's form.
func recordStart(b []byte, at int) int {
	i := jsonbytes.CheckWord(b, at, `{"time":`)
	if i < 0 || i >= len(b) || b[i] != '"' {
		return -1
	}
	if i = jsonbytes.CheckString(b, i); i < 0 {
		return -1
	}
	if i = jsonbytes.CheckWord(b, i, `,"type":"`); i < 0 {
		return -1
	}
	for _, kind := range [...]string{"function", "extension"} {
		if end := jsonbytes.CheckWord(b, i, kind); end >= 0 {
			return jsonbytes.CheckWord(b, end, `","record":`)
		}
	}
	return -1
}
