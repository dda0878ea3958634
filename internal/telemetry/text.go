package telemetry

import (
	"bytes"
	"unicode/utf8"

	"powertools-extension/internal/jsonbytes"
)

// trimNewline takes one line break off the end: print adds one.
func trimNewline(s []byte) []byte {
	if n := len(s); n > 0 && s[n-1] == '\n' {
		s = s[:n-1]
		if n := len(s); n > 0 && s[n-1] == '\r' {
			s = s[:n-1]
		}
	}
	return s
}

// onOneLine turns the line breaks of valid JSON into spaces, in place. They
// can only stand between tokens, where a space means the same.
func onOneLine(json []byte) []byte {
	for i := bytes.IndexByte(json, '\n'); i >= 0 && i < len(json); i++ {
		if json[i] == '\n' {
			json[i] = ' '
		}
	}
	for i := bytes.IndexByte(json, '\r'); i >= 0 && i < len(json); i++ {
		if json[i] == '\r' {
			json[i] = ' '
		}
	}
	return json
}

// wholeText returns the start of s, the inside of a JSON string that was cut
// anywhere, up to the last whole escape and the last whole character.
func wholeText(s []byte) []byte {
	for i := bytes.IndexByte(s, '\\'); i >= 0; {
		end := jsonbytes.CheckEscape(s, i)
		if end < 0 {
			s = s[:i]
			break
		}
		next := bytes.IndexByte(s[end:], '\\')
		if next < 0 {
			break
		}
		i = end + next
	}
	// A character is at most four bytes: look for a start without its end.
	for n := 1; n <= min(utf8.UTFMax-1, len(s)); n++ {
		if last := s[len(s)-n:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				s = s[:len(s)-n]
			}
			break
		}
	}
	return s
}
