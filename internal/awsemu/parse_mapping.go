package awsemu

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// eventSourceMapping reads one entry of event_source_mappings.
func (p *parser) eventSourceMapping(n *yaml.Node, path string) Mapping {
	var out Mapping
	for _, f := range p.mapping(n, path) {
		switch f.key {
		case "event_source":
			out.EventSource = p.text(f.value, f.path)
			if parts := strings.SplitN(out.EventSource, ":", 6); len(parts) != 6 || parts[0] != "arn" || parts[5] == "" {
				p.fail(f.value, f.path, "%q is not the ARN of a queue or stream", out.EventSource)
			}
		case "function":
			out.Function = p.text(f.value, f.path)
			if badFunctionName(out.Function) {
				p.fail(f.value, f.path, "%q is not a function's name, NAME:ALIAS, or ARN", out.Function)
			}
		case "report_batch_item_failures":
			out.ReportBatchItemFailures = p.oneOf(f, "true", "false") == "true"
		case "enabled":
			out.Disabled = p.oneOf(f, "true", "false") == "false"
		case "batch_size":
			size, err := strconv.Atoi(p.text(f.value, f.path))
			if err != nil || size < 1 || size > 10000 {
				p.fail(f.value, f.path, "is not a number from 1 to 10000")
			}
			out.BatchSize = size
		default:
			p.unknown(f, "event_source, function, report_batch_item_failures, batch_size, enabled")
		}
	}
	if out.EventSource == "" || out.Function == "" {
		p.fail(n, path, "needs an event_source and a function")
	}
	return out
}

func (p *parser) eventSourceMappings(f entry) []Mapping {
	var out []Mapping
	for i, n := range p.sequence(f.value, f.path) {
		out = append(out, p.eventSourceMapping(n, fmt.Sprintf("%s[%d]", f.path, i)))
	}
	return out
}
