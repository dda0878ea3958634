package pipeline

import (
	"bytes"

	"powertools-extension/internal/batch/items"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/logtime"
)

// Bounds of the search for a level and a request id at the start of a text.
const (
	maxHeader = 256
	maxTokens = 12
)

// parseText reads what runtimes and loggers put in front of a message.
//
// A head that the runtime itself wrote is taken apart (runtimeHead). Of the
// loggers' forms the message keeps everything: "time id LEVEL class - …"
// (Log4j), "time [thread] LEVEL …" (Logback), "I, [time #pid]  INFO -- : …"
// (Ruby), "time LEVEL …" (slog, zap, Rust tracing), "level=info …" (logfmt),
// "LEVEL:name:…" (Python's basicConfig), "time - name - LEVEL - …" (Python),
// "time|LEVEL|name|…" (NLog, loguru), "info: …" (.NET), "[time LVL] …"
// (Serilog), "E0131 time pid file:line] …" (klog).
func (p *parser) parseText() {
	l := &p.line
	l.facts.Text, l.facts.Message, l.body = l.text, l.text, l.text
	if p.runtimeHead() {
		l.facts.Message = l.body
	} else {
		p.loggerHead()
	}
	l.textFailure()
	if l.facts.Failure || l.facts.Level >= levelError && bytes.HasPrefix(l.body, []byte("thread '")) {
		l.body = p.lineBreaks(l.body)
		l.failure = readFailure(l.body)
	}
}

// loggerHead reads what is in front of a message without taking it off.
func (p *parser) loggerHead() {
	l := &p.line
	h := header{text: p.visible(l.text)}
	h.scan()
	if h.level == levelUnknown && len(h.text) < len(l.text) {
		h.level = secondLineLevel(l.text[len(h.text):])
	}
	l.facts.Level, l.facts.RequestID = h.level, h.id
	l.time = h.time
	if len(h.text) > 0 && &h.text[0] == &l.text[0] { // no colours: places are the text's own
		l.facts.Message = l.text[h.pos:]
	}
}

// visible returns the first line of the text, up to maxHeader bytes of it and
// without colours.
func (p *parser) visible(text []byte) []byte {
	head := text[:min(len(text), maxHeader)]
	if bytes.IndexByte(head, escape) >= 0 {
		p.head = appendVisible(p.head[:0], text[:min(len(text), 2*maxHeader)])
		head = p.head
	}
	if nl := bytes.IndexByte(head, '\n'); nl >= 0 {
		head = head[:nl]
	}
	return head
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
	time  []byte // a token that is a whole time

	timed    bool // the token before is a time
	anchored bool // a time, a bracket or an id was seen: what is in front is no prose
}

func (h *header) scan() {
	if h.level = fixedHead(h.text); h.level != levelUnknown {
		return
	}
	for range maxTokens {
		tok, next := h.token(h.pos)
		if len(tok.word) == 0 || !h.belongs(tok) {
			break
		}
		h.pos = next
	}
	if h.level == levelUnknown {
		h.separated()
	}
}

// token is one word of the header and what stands around it.
type token struct {
	word      []byte
	first     bool // of the line
	bracketed bool
	tabs      bool // between tabs, or between a tab and the end of the header
	next      byte // the sign behind it
	number    bool // a digit follows
}

// token returns the token at or behind from, and where the next one begins.
func (h *header) token(from int) (token, int) {
	i := from
	for i < len(h.text) && isGap(h.text[i]) {
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
	for end < len(h.text) && !isGap(h.text[end]) {
		end++
	}
	if quote := bytes.IndexByte(h.text[i:end], '='); quote > 0 && i+quote+1 < end && h.text[i+quote+1] == '"' {
		// logfmt: time="2026-01-31 12:00:00"
		if n := bytes.IndexByte(h.text[i+quote+2:], '"'); n >= 0 {
			end = i + quote + 2 + n + 1
		}
	}
	t := token{word: h.text[i:end], first: i == 0}
	if end < len(h.text) {
		t.next = h.text[end]
		t.number = end+1 < len(h.text) && isDigit(h.text[end+1])
	}
	t.tabs = i > 0 && h.text[i-1] == '\t' && t.next == '\t'
	return t, end
}

func isGap(c byte) bool { return c == ' ' || c == '\t' || c == '|' }

// belongs looks at a token, takes a level, a time or an id from it, and
// reports whether the message cannot begin with it.
func (h *header) belongs(t token) bool {
	timed := h.timed
	h.timed = false
	if items.IsID(t.word) {
		if h.id == nil {
			h.id = t.word
		}
		h.anchored = true
		return true
	}
	if h.level == levelUnknown {
		if h.level = h.levelOf(t, timed); h.level != levelUnknown {
			return true
		}
	}
	switch {
	case t.bracketed:
		h.anchored = true
		h.takeTime(t.word)
		h.timed = h.time != nil || isClock(t.word)
		return true
	case isClock(t.word):
		h.timed, h.anchored = true, true
		h.takeTime(t.word)
		return true
	case t.number && isMonth(t.word):
		return true
	case timed && isZone(t.word):
		h.timed = true
		return true
	}
	if eq := bytes.IndexByte(t.word, '='); eq > 0 {
		h.anchored = true
		if isTimeName(t.word[:eq]) {
			h.takeTime(bytes.Trim(t.word[eq+1:], `"`))
		}
	}
	return isFiller(t.word)
}

// takeTime keeps a word that names an instant.
func (h *header) takeTime(word []byte) {
	if h.time != nil || len(word) < len("2006-01-02T15:04:05Z") {
		return
	}
	if _, zoned, ok := logtime.Parse(word); ok && zoned {
		h.time = word
	}
}

// levelOf returns the level that the token stands for. A bare word counts in
// upper case at the line's start or behind a time, a bracket or the like, and
// in lower case directly behind a time: elsewhere a message may use it.
func (h *header) levelOf(t token, timed bool) invocation.Level {
	w := t.word
	if t.bracketed {
		return bracketLevel(w)
	}
	if eq := bytes.IndexByte(w, '='); eq > 0 {
		return assignedLevel(w[:eq], w[eq+1:])
	}
	if open := bytes.IndexByte(w, '['); open >= 3 && w[len(w)-1] == ']' && isUpper(w[:open]) { // logrus: "ERRO[0012]"
		return parseLevel(w[:open])
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
	upper := isUpper(w)
	switch {
	case t.tabs:
		return parseLevel(w)
	case colon > 0:
		if colon < len(t.word)-1 && !upper || !marks(w) {
			return levelUnknown
		}
		return parseLevel(w)
	case upper && isPlainWord(w):
		if !timed || !isRareWord(w) {
			return levelUnknown
		}
	case upper:
		if !t.first && !h.anchored && h.pos > 0 {
			return levelUnknown // "404 ERROR pages"
		}
	case !timed || !isLower(w) || isPlainWord(upperOf(w)):
		return levelUnknown
	}
	return parseLevel(w)
}

// separated looks for a level that is a field of its own, as in "time - name -
// ERROR - message" and "name|ERROR|message". In front of it are times and
// single words only.
func (h *header) separated() {
	head := h.text[:min(len(h.text), maxHeader/2)]
	for _, sep := range [...]byte{'-', '|', '\t'} {
		rest := head
		for range maxTokens / 2 {
			i := bytes.IndexByte(rest, sep)
			for i > 0 && sep == '-' && !between(rest, i) {
				next := bytes.IndexByte(rest[i+1:], sep)
				if i += 1 + next; next < 0 {
					i = -1
				}
			}
			if i <= 0 {
				break
			}
			field := bytes.Trim(rest[:i], " ")
			if isLevelField(field) && len(rest) < len(head) {
				h.level = parseLevel(field)
				h.pos = len(head) - len(rest) + i
				return
			}
			if !isHeadField(field) {
				break
			}
			rest = rest[i+1:]
		}
	}
}

// between reports whether the sign at i stands between blanks.
func between(text []byte, i int) bool {
	return text[i-1] == ' ' && i+1 < len(text) && text[i+1] == ' '
}

// isLevelField knows a field that is nothing but a level: a word in upper
// case, also one letter of those that loggers use so.
func isLevelField(field []byte) bool {
	if len(field) == 1 {
		return bytes.IndexByte([]byte("EWIDTF"), field[0]) >= 0
	}
	return isUpper(field) && (string(field) == "SUCCESS" || !isPlainWord(field) || isRareWord(field)) && parseLevel(field) != levelUnknown
}

// isHeadField knows a field that may stand in front of the level: a time, an
// id, a name.
func isHeadField(field []byte) bool {
	if len(field) == 0 || bytes.IndexByte(field, ' ') < 0 {
		return true
	}
	for word := range bytes.FieldsSeq(field) {
		if !isClock(word) && !isZone(word) && !isFiller(word) {
			return false
		}
	}
	return true
}

// bracketLevel reads "[INFO]", "[error    ]", "[11:30:45 INF]",
// "[2026-01-31T12:00:00Z ERROR app]", "[12:00:00: ERROR/MainProcess]" and
// "[E 260131 12:00:00 app:12]".
func bracketLevel(w []byte) invocation.Level {
	w = bytes.Trim(w, " ")
	space := bytes.IndexByte(w, ' ')
	if space < 0 {
		if len(w) == 1 && bytes.IndexByte([]byte("EWID"), w[0]) < 0 || !marks(w) {
			return levelUnknown
		}
		return parseLevel(w)
	}
	if space == 1 && len(w) > 2 && isDigit(w[2]) && isUpper(w[:1]) {
		return parseLevel(w[:1])
	}
	if !isDigit(w[0]) {
		return levelUnknown
	}
	for word := range bytes.FieldsSeq(w) {
		if isClock(bytes.TrimRight(word, ":")) || isZone(word) || isFiller(word) {
			continue
		}
		if slash := bytes.IndexByte(word, '/'); slash > 0 {
			word = word[:slash]
		}
		if len(word) < 3 {
			return levelUnknown
		}
		return parseLevel(word)
	}
	return levelUnknown
}

// assignedLevel reads "level=info".
func assignedLevel(name, value []byte) invocation.Level {
	switch string(name) {
	case "level", "lvl", "severity", "levelname", "loglevel", "log_level", "log.level", "severity_text":
		return parseLevel(bytes.Trim(value, `"`))
	}
	return levelUnknown
}
