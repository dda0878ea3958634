package config

import (
	"slices"
	"strings"

	"powertools-extension/internal/nearest"
)

// names is a preset's word or a comma list of names, each of which may be a
// preset as well. A name that nobody knows costs that name.
type names struct {
	p       *[]string
	presets []string
	known   []string
}

func (v names) Set(s string) error {
	var out, wrong []string
	for _, entry := range entriesOf(s) {
		name, ok := v.find(entry)
		switch {
		case !ok:
			wrong = append(wrong, v.complaint(entry))
		case !slices.Contains(out, name):
			out = append(out, name)
		}
	}
	if len(out) > 0 {
		*v.p = out
	}
	return partial(wrong, len(out) > 0, strings.Join(out, ","))
}

// find returns the name as the table spells it.
func (v names) find(entry string) (string, bool) {
	for _, list := range [][]string{v.presets, v.known} {
		for _, name := range list {
			if strings.EqualFold(name, entry) {
				return name, true
			}
		}
	}
	return "", false
}

// complaint names what was meant, and never what was written: it may be a
// secret that stands in the wrong variable.
func (v names) complaint(entry string) string {
	text := "not one of " + strings.Join(v.presets, ", ") + " and not a comma list of known names"
	if near := nearest.Of(entry, append(slices.Clone(v.presets), v.known...)); near != "" {
		return text + ": did you mean " + near + "?"
	}
	return text
}

func (v names) String() string { return strings.Join(*v.p, ",") }
func (v names) Type() string   { return strings.Join(v.presets, ", ") + ", or a comma list of names" }

// lineKeys are the keys that enriching can add to a line.
func lineKeys() []string {
	return []string{
		"timestamp", "level", "message", "service", "function_request_id", "cold_start", "xray_trace_id", "correlation_id", "sampling_rate", "tenant_id",
		"trace_id", "span_id", "batch_item",
		"function_name", "function_arn", "function_memory_size",
	}
}
