// Package loglevel knows how grave a line says it is: the words, numbers and
// member names that loggers of all runtimes write.
//
// The rule a reader could break: a level is read and never guessed. A line
// that only mentions an error, a status code and the level of a game have
// none, and Unknown is the answer.
package loglevel

// Level is how grave a line says it is. Levels are ordered.
type Level uint8

// The levels. Unknown is a line that does not say; Silent is a threshold that
// no line reaches.
const (
	Unknown Level = iota
	Trace
	Debug
	Info
	Warn
	Error
	Critical
	Silent
)

// String returns the level's name as it is written in lines.
func (l Level) String() string {
	switch l {
	case Trace:
		return "TRACE"
	case Debug:
		return "DEBUG"
	case Info:
		return "INFO"
	case Warn:
		return "WARN"
	case Error:
		return "ERROR"
	case Critical:
		return "CRITICAL"
	case Silent:
		return "SILENT"
	default:
		return "UNKNOWN"
	}
}

// MaxWord is the length of the longest word that Parse knows, its step
// included.
const MaxWord = 16

// Parse returns the level of a word, in any case: "ERROR", "warning", "eror".
// A step behind it, as in "INFO+2" (slog) or "ERROR2" (OpenTelemetry), and
// colours around it are ignored. Single letters count, as in "E".
func Parse(word []byte) Level {
	var lower [MaxWord]byte
	n := 0
	for i := 0; i < len(word); i++ {
		c := word[i]
		if c == Escape {
			i = SkipColour(word, i) - 1
			continue
		}
		if n == len(lower) {
			return Unknown
		}
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		lower[n] = c
		n++
	}
	return ofWord(lower[:withoutStep(lower[:n])])
}

// Escape begins a colour: ESC [ … letter (ECMA-48, "Control sequences").
const Escape = 0x1b

// SkipColour returns the index behind the escape sequence that begins at i; of
// one that is none, behind the escape character.
func SkipColour(text []byte, i int) int {
	i++
	if i == len(text) || text[i] != '[' {
		return i
	}
	for end := i + 1; end < len(text); end++ {
		if c := text[end]; c >= '@' && c <= '~' {
			return end + 1
		} else if c < ' ' || c > '?' {
			break
		}
	}
	return i
}

// withoutStep returns the length of the word without "+2", "-4" or "2".
func withoutStep(word []byte) int {
	n := len(word)
	for n > 0 && word[n-1] >= '0' && word[n-1] <= '9' {
		n--
	}
	if n > 0 && n < len(word) && (word[n-1] == '+' || word[n-1] == '-') {
		return n - 1
	}
	if n == 1 { // "E5" is no level
		return len(word)
	}
	return n
}

func ofWord(lower []byte) Level {
	switch string(lower) {
	case "trace", "trce", "trc", "verbose", "verb", "vrb", "finer", "finest", "silly", "t", "v":
		return Trace
	case "debug", "debu", "dbug", "dbg", "fine", "config", "http", "d":
		return Debug
	case "info", "information", "informational", "inf", "notice", "note", "success", "log", "i":
		return Info
	case "warn", "warning", "warnin", "wrn", "w":
		return Warn
	case "error", "erro", "eror", "err", "severe", "fail", "failure", "e":
		return Error
	case "critical", "crit", "crt", "fatal", "fata", "ftl", "panic", "pani", "pnc", "dpanic", "alert", "emergency", "emerg", "f", "c":
		return Critical
	}
	return Unknown
}
