package invocation

import "strings"

// traceID returns the Root of an X-Ray header. The header is a list of
// key=value in no fixed order; a value without "=" is the id itself.
func traceID(header string) string {
	if !strings.Contains(header, "=") {
		return header
	}
	for part := range strings.SplitSeq(header, ";") {
		if id, ok := strings.CutPrefix(strings.TrimSpace(part), "Root="); ok {
			return id
		}
	}
	return ""
}
