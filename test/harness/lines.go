package harness

import (
	"encoding/json"
	"fmt"
	"strings"

	"powertools-extension/lambdaemu"
)

// Line is one JSON line that the extension printed.
type Line map[string]any

// Text is the whole log stream, each line with its origin.
func (s *Sandbox) Text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, l := range s.lines {
		fmt.Fprintf(&b, "%-9s %s\n", l.Origin, l.Text)
	}
	return b.String()
}

// Printed are the extension's JSON lines, in order.
func (s *Sandbox) Printed() []Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Line
	for _, l := range s.lines {
		if l.Origin != lambdaemu.OriginExtension {
			continue
		}
		var parsed Line
		if err := json.Unmarshal([]byte(l.Text), &parsed); err != nil {
			s.T.Errorf("the extension printed a line that is no JSON object: %q", l.Text)
			continue
		}
		out = append(out, parsed)
	}
	return out
}

// Canonical are the canonical events: EMF with a request id.
func (s *Sandbox) Canonical() []Line {
	return s.Only(func(l Line) bool { return l["_aws"] != nil && l["function_request_id"] != nil })
}

// Custom are the EMF documents of POST /metrics.
func (s *Sandbox) Custom() []Line {
	return s.Only(func(l Line) bool { return l["_aws"] != nil && l["function_request_id"] == nil })
}

// Enriched are the function's lines as the extension printed them.
func (s *Sandbox) Enriched() []Line {
	return s.Only(func(l Line) bool {
		return l["_aws"] == nil && l["service"] != nil && l["lifetime_ms"] == nil && l["extension"] == nil
	})
}

// Diagnostics are the extension's words about itself.
func (s *Sandbox) Diagnostics() []Line {
	return s.Only(func(l Line) bool { return l["extension"] == "powertools-extension" })
}

// Saying counts the diagnostics that contain the words.
func (s *Sandbox) Saying(words string) int {
	n := 0
	for _, d := range s.Diagnostics() {
		for _, v := range d {
			if text, ok := v.(string); ok && strings.Contains(text, words) {
				n++
				break
			}
		}
	}
	return n
}

// Only are the printed lines that keep wants.
func (s *Sandbox) Only(keep func(Line) bool) []Line {
	var out []Line
	for _, l := range s.Printed() {
		if keep(l) {
			out = append(out, l)
		}
	}
	return out
}

// Stored is how many bytes of the log stream each origin has, with a newline
// for each line. What comes once in a sandbox's life is left out: the lines of
// its start, and the extension's last one.
func (s *Sandbox) Stored() map[lambdaemu.Origin]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	bytes := map[lambdaemu.Origin]int{}
	for _, l := range s.lines {
		once := strings.HasPrefix(l.Text, "INIT_START") || strings.HasPrefix(l.Text, "TELEMETRY\t") || strings.HasPrefix(l.Text, "EXTENSION\t") ||
			strings.Contains(l.Text, `"lifetime_ms":`) || strings.Contains(l.Text, `"type":"platform.init`) ||
			strings.Contains(l.Text, `"type":"platform.telemetrySubscription"`) || strings.Contains(l.Text, `"type":"platform.extension"`)
		if !once {
			bytes[l.Origin] += len(l.Text) + len("\n")
		}
	}
	return bytes
}

// Lines are those of an origin, as the log stream holds them.
func (s *Sandbox) Lines(origin lambdaemu.Origin) (lines []lambdaemu.Line) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if l.Origin == origin {
			lines = append(lines, l)
		}
	}
	return lines
}
