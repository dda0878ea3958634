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
