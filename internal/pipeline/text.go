package pipeline

import (
	"bytes"

	"powertools-extension/internal/invocation"
)

// Bounds of the search for a level and a request id at the start of a text.
const (
	maxHeader = 256
	maxTokens = 10
)

// parseText reads what runtimes and loggers put in front of a message.
//
// The shapes: "[LEVEL]\ttime\tid\t…" (Python), "time\tid\tLEVEL\t…" (Node,
// .NET), "time id LEVEL class - …" (Log4j), "time [thread] LEVEL …"
// (Logback), "I, [time #pid]  INFO -- : …" (Ruby), "time LEVEL …" (slog,
// zap, Rust tracing), "level=info …" (logfmt), "LEVEL:name:…" (Python's
// basicConfig), "info: …" (.NET), "[time LVL] …" (Serilog).
func parseText(l *line) {
	l.facts.Text = l.text
	h := header{text: l.text[:min(len(l.text), maxHeader)]}
	if nl := bytes.IndexByte(h.text, '\n'); nl >= 0 {
		h.text = h.text[:nl]
	}
	h.scan()
	if h.level == levelUnknown && len(h.text) < len(l.text) {
		h.level = secondLineLevel(l.text[len(h.text):])
	}
	l.facts.Level, l.facts.RequestID = h.level, h.id
	l.facts.Message = l.text[h.pos:]
	l.textFailure()
}

// secondLineLevel reads "\nINFO: …", as java.util.logging writes it below a
// line with time and class.
func secondLineLevel(text []byte) invocation.Level {
	if text[0] != '\n' {
		return levelUnknown
	}
	text = text[1:min(len(text), maxLevelWord+2)]
	colon := bytes.IndexByte(text, ':')
	if colon < 3 || !isUpper(text[:colon]) {
		return levelUnknown
	}
	return parseLevel(text[:colon])
}

// header is the walk over the tokens in front of a message.
type header struct {
	text  []byte
	pos   int // behind the last token that belongs to the header
	level invocation.Level
	id    []byte
}

func (h *header) scan() {
	for range maxTokens {
		tok, next := h.token(h.pos)
		if len(tok.word) == 0 || !h.belongs(tok) {
			return
		}
		h.pos = next
	}
}

// token is one word of the header and what stands around it.
type token struct {
	word      []byte
	bracketed bool
	tabs      bool // between tabs, or between a tab and the end of the header
}

// token returns the token at or behind from, and where the next one begins.
func (h *header) token(from int) (token, int) {
	i := from
	for i < len(h.text) && (h.text[i] == ' ' || h.text[i] == '\t' || h.text[i] == '|') {
		i++
	}
	if i == len(h.text) {
		return token{}, i
	}
	if h.text[i] == '[' {
		if end := bytes.IndexByte(h.text[i:], ']'); end > 0 {
			return token{word: h.text[i+1 : i+end], bracketed: true}, i + end + 1
		}
	}
	end := i
	for end < len(h.text) && h.text[end] != ' ' && h.text[end] != '\t' && h.text[end] != '|' {
		end++
	}
	tabs := i > 0 && h.text[i-1] == '\t' && end < len(h.text) && h.text[end] == '\t'
	return token{word: h.text[i:end], tabs: tabs}, end
}

// belongs looks at a token, takes a level or an id from it, and reports
// whether the message cannot begin with it.
func (h *header) belongs(t token) bool {
	if isUUID(t.word) {
		if h.id == nil {
			h.id = t.word
		}
		return true
	}
	if h.level == levelUnknown {
		if h.level = t.level(); h.level != levelUnknown {
			return true
		}
	}
	return t.bracketed || isFiller(t.word)
}

// level returns the level that the token stands for. A bare word counts in
// upper case only: "Error" may be how a message begins.
func (t token) level() invocation.Level {
	w := t.word
	if t.bracketed {
		return bracketLevel(w)
	}
	if eq := bytes.IndexByte(w, '='); eq > 0 {
		return assignedLevel(w[:eq], w[eq+1:])
	}
	colon := bytes.IndexByte(w, ':')
	if colon > 0 {
		w = w[:colon]
		if dot := bytes.LastIndexByte(w, '.'); dot >= 0 { // "app.INFO:"
			w = w[dot+1:]
		}
	}
	if len(w) < 3 || len(w) > maxLevelWord {
		return levelUnknown
	}
	if t.tabs || colon > 0 && (isUpper(w) || colon == len(t.word)-1) {
		return parseLevel(w)
	}
	if !isUpper(w) || isPlainWord(w) {
		return levelUnknown
	}
	return parseLevel(w)
}

// isPlainWord knows level words that may as well begin a message.
func isPlainWord(w []byte) bool {
	switch string(w) {
	case "CONFIG", "FINE", "FINER", "FINEST", "VERBOSE", "NOTICE", "FAIL", "ALERT", "PANIC":
		return true
	}
	return false
}

// bracketLevel reads "[INFO]" and "[11:30:45 INF]".
func bracketLevel(w []byte) invocation.Level {
	if space := bytes.LastIndexByte(w, ' '); space >= 0 {
		if c := w[0]; c < '0' || c > '9' {
			return levelUnknown
		}
		w = w[space+1:]
	}
	return parseLevel(w)
}

// assignedLevel reads "level=info".
func assignedLevel(name, value []byte) invocation.Level {
	switch string(name) {
	case "level", "lvl", "severity":
		return parseLevel(bytes.Trim(value, `"`))
	}
	return levelUnknown
}

// isFiller knows what stands between a level and a message: times, process
// ids, dashes, and settings of logfmt before its message.
func isFiller(w []byte) bool {
	switch string(w) {
	case "-", "--", "---", ":", "AM", "PM", "UTC", "undefined", "RequestId:", "I,", "D,", "W,", "E,", "F,", "A,":
		return true
	}
	if eq := bytes.IndexByte(w, '='); eq > 0 {
		return string(w[:eq]) != "msg"
	}
	if c := w[0]; c < '0' || c > '9' {
		return false
	}
	// A number, a date or a time, as in "2024-01-15T11:30:45,123Z". The signs
	// that occur there are neighbours of the digits, from plus to colon.
	for _, c := range w {
		if (c < '+' || c > ':') && c != 'T' && c != 'Z' {
			return false
		}
	}
	return true
}

func isUpper(w []byte) bool {
	for _, c := range w {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return true
}

// isUUID knows the form of request ids. Whether it is one of ours is the
// tracker's business.
func isUUID(w []byte) bool {
	return len(w) == 36 && w[8] == '-' && w[13] == '-' && w[18] == '-' && w[23] == '-'
}
