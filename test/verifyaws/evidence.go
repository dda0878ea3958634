package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// evidence is what a run left behind.
type evidence struct {
	lines  map[string][]string // the log's events by probe, in order
	traces map[string]string   // X-Ray's documents by trace id
}

// ran reports whether the probe was deployed and called.
func (e *evidence) ran(probe string) bool { _, ok := e.lines[probe]; return ok }

// facts are a probe's observations of one kind, in order.
func (e *evidence) facts(probe, kind string) []map[string]any {
	var out []map[string]any
	for _, line := range e.lines[probe] {
		if f := parse(line); f["verify"] == kind {
			out = append(out, f)
		}
	}
	return out
}

// request is the id under which the named call ran; empty if it did not.
func (e *evidence) request(probe, name string) string {
	for _, f := range e.facts(probe, "line") {
		if f["name"] == name {
			return fmt.Sprint(f["request_id"])
		}
	}
	return ""
}

// parse reads a line as an observation; nil if it is none.
func parse(line string) map[string]any {
	begin := strings.IndexByte(line, '{')
	if begin < 0 {
		return nil
	}
	var f map[string]any
	if json.Unmarshal([]byte(line[begin:]), &f) != nil {
		return nil
	}
	return f
}
