package show

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// millis writes a duration the way Lambda does, in milliseconds.
func millis(d time.Duration) string {
	return fmt.Sprintf("%.2f", float64(d.Microseconds())/1000)
}

// Span is a duration with its unit; from ten seconds on in seconds.
func Span(d time.Duration) string {
	if d >= 10*time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return millis(d) + " ms"
}

// shorten cuts text to n runes, the last of them an ellipsis.
func shorten(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// Lengths at which values beside their key are cut. Trouble is told in full.
const (
	shortValue = 60
	longValue  = 500
)

// value shows a JSON value beside its key: text without quotes where that is
// clear, identifiers short, the rest cut at limit.
func value(raw string, limit int) string {
	text := plainText(raw)
	switch {
	case text == "":
		return `""`
	case isUUID(text):
		return text[:8] + "…"
	case len(text) == 35 && strings.HasPrefix(text, "1-") && strings.Trim(text, "0123456789abcdef-") == "":
		return text[:10] + "…" // an X-Ray trace id
	case strings.HasPrefix(text, "arn:"):
		parts := strings.Split(text, ":")
		return "arn:…:" + parts[len(parts)-1]
	case text != raw && strings.ContainsAny(text, " \t"):
		return shorten(raw, limit)
	}
	return shorten(text, limit)
}

func isUUID(text string) bool {
	if len(text) != 36 {
		return false
	}
	for i, c := range text {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		hex := c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
		if dash != (c == '-') || !dash && !hex {
			return false
		}
	}
	return true
}
