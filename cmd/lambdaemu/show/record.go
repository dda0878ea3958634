package show

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// member is one member of a JSON object, its value as it was written.
type member struct {
	key string
	raw string
}

// record is a log line that is a JSON object, in its own order. The zero value
// is a line that is none.
type record []member

// parseRecord reads a line that is one JSON object; only the outer level is
// taken apart.
func parseRecord(line string) (record, bool) {
	line = strings.TrimSpace(line)
	if !strings.HasPrefix(line, "{") {
		return nil, false
	}
	dec := json.NewDecoder(strings.NewReader(line))
	if _, err := dec.Token(); err != nil {
		return nil, false
	}
	var out record
	for dec.More() {
		key, err := dec.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, false
		}
		var raw json.RawMessage
		if dec.Decode(&raw) != nil {
			return nil, false
		}
		out = append(out, member{name, compact(raw)})
	}
	if _, err := dec.Token(); err != nil {
		return nil, false
	}
	if strings.TrimSpace(line[dec.InputOffset():]) != "" {
		return nil, false // something follows: not one object
	}
	return out, true
}

func compact(raw []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// get returns the raw value of a key.
func (r record) get(key string) (string, bool) {
	for _, m := range r {
		if m.key == key {
			return m.raw, true
		}
	}
	return "", false
}

// first returns the first of the keys that is there, with its text.
func (r record) first(keys ...string) (key, text string) {
	for _, key := range keys {
		if raw, ok := r.get(key); ok {
			return key, plainText(raw)
		}
	}
	return "", ""
}

// plainText is a JSON string without its quotes, any other value as it is.
func plainText(raw string) string {
	var text string
	if strings.HasPrefix(raw, `"`) && json.Unmarshal([]byte(raw), &text) == nil {
		return text
	}
	return raw
}

// message returns the text of the record and the key it stands under.
func (r record) message() (key, text string) {
	return r.first("message", "msg", "event", "errorMessage")
}

// requestID returns the invocation a record says it belongs to.
func (r record) requestID() string {
	_, id := r.first("function_request_id", "requestId", "request_id", "aws_request_id", "awsRequestId")
	return id
}

// level returns the record's level as a word, with the numbers of pino and bunyan.
func (r record) level() (key, level string) {
	key, text := r.first("level", "severity", "log_level", "lvl", "levelname")
	if n, err := strconv.Atoi(text); err == nil {
		text = map[int]string{10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}[n/10*10]
	}
	text = strings.ToUpper(text)
	if word := levelWord(text); word != "" {
		text = word
	}
	return key, text
}

// levelWord returns the common form of a level, "" for other words.
func levelWord(word string) string {
	switch word {
	case "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL":
		return word
	case "WARNING":
		return "WARN"
	case "CRITICAL":
		return "FATAL"
	}
	return ""
}

// isTimeKey knows the keys that say when, which every line of a log has.
func isTimeKey(key string) bool {
	switch key {
	case "timestamp", "time", "ts", "@timestamp", "datetime":
		return true
	}
	return false
}

// levelOf returns the level of a line: of its record, or the level word among
// the first fields of a text line, where all runtimes put it.
func levelOf(line string, rec record) string {
	if rec != nil {
		_, level := rec.level()
		return level
	}
	fields := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t[]:|", r) })
	for _, field := range fields[:min(len(fields), 7)] {
		if word := levelWord(field); word != "" {
			return word
		}
	}
	return ""
}

func isErrorLevel(level string) bool {
	return level == "ERROR" || level == "FATAL"
}

// arrayTexts returns the elements of a JSON array as text.
func arrayTexts(raw string) []string {
	var elements []json.RawMessage
	if json.Unmarshal([]byte(raw), &elements) != nil {
		return nil
	}
	out := make([]string, 0, len(elements))
	for _, e := range elements {
		out = append(out, plainText(string(e)))
	}
	return out
}
