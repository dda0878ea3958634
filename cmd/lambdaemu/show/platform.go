package show

import (
	"cmp"
	"encoding/json"
	"strings"

	"powertools-extension/lambdaemu"
)

// platformEvent is a platform line of the JSON log format.
type platformEvent struct {
	Type   string `json:"type"`
	Record struct {
		RequestID string `json:"requestId"`
		Status    string `json:"status"`
		Name      string `json:"name"`
		State     string `json:"state"`
		ErrorType string `json:"errorType"`
		Events    []string
		Types     []string
	} `json:"record"`
}

// ParsePlatform reads a line of the platform in JSON log format; false for others.
func ParsePlatform(line string) (platformEvent, bool) {
	var p platformEvent
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &p) != nil {
		return p, false
	}
	return p, strings.HasPrefix(p.Type, "platform.")
}

// EndedBy is what the REPORT line of an invocation says went wrong: an error
// type, or a status such as timeout. Empty: nothing did, or there is no line. A
// caller who has a good answer does not see it: an extension that exits or
// overruns afterwards fails the invocation all the same.
func EndedBy(lines []lambdaemu.Line, id string) string {
	for _, line := range lines {
		if line.Origin != lambdaemu.OriginPlatform {
			continue
		}
		if p, ok := ParsePlatform(line.Text); ok && p.Type == "platform.report" && p.Record.RequestID == id && p.Record.Status != "success" {
			return cmp.Or(p.Record.ErrorType, p.Record.Status)
		}
		if rest, ok := strings.CutPrefix(line.Text, "REPORT RequestId: "+id+"\t"); ok {
			_, status, _ := strings.Cut(rest, "\tStatus: ")
			_, errorType, _ := strings.Cut(rest, "\tError Type: ")
			status, _, _ = strings.Cut(status, "\t")
			errorType, _, _ = strings.Cut(errorType, "\t")
			return cmp.Or(errorType, status)
		}
	}
	return ""
}

// platformText returns how a platform line is shown. Empty: not at all, because
// the heading of the block says it already.
func platformText(line string) string {
	if p, ok := ParsePlatform(line); ok {
		return p.text(line)
	}
	for _, folded := range []string{"INIT_START ", "START RequestId: ", "END RequestId: ", "REPORT RequestId: "} {
		if strings.HasPrefix(line, folded) {
			return ""
		}
	}
	if head, rest, ok := strings.Cut(line, "\t"); ok && (head == "EXTENSION" || head == "TELEMETRY") {
		fields := map[string]string{}
		for field := range strings.SplitSeq(rest, "\t") {
			name, value, _ := strings.Cut(field, ": ")
			fields[name] = value
		}
		return aboutExtension(head, fields["Name"], fields["State"], fields["Events"]+fields["Types"], fields["Error Type"])
	}
	return strings.ReplaceAll(line, "\t", "  ")
}

func (p platformEvent) text(line string) string {
	switch p.Type {
	case "platform.initStart", "platform.start", "platform.report":
		return ""
	case "platform.runtimeDone", "platform.initRuntimeDone", "platform.initReport":
		if p.Record.Status == "success" {
			return ""
		}
		return strings.TrimSpace(p.Type + "  " + p.Record.Status + "  " + p.Record.ErrorType)
	case "platform.extension":
		return aboutExtension("EXTENSION", p.Record.Name, p.Record.State, strings.Join(p.Record.Events, ","), p.Record.ErrorType)
	case "platform.telemetrySubscription":
		return aboutExtension("TELEMETRY", p.Record.Name, p.Record.State, strings.Join(p.Record.Types, ","), "")
	}
	return line
}

func aboutExtension(head, name, state, list, errorType string) string {
	list = strings.Trim(list, "[]")
	text := name + ": " + strings.ToLower(state)
	if head == "TELEMETRY" {
		text = name + ": telemetry " + strings.ToLower(state)
	}
	if list != "" {
		text += " (" + strings.ReplaceAll(strings.ReplaceAll(list, ", ", ","), ",", ", ") + ")"
	}
	if errorType != "" {
		text += "  " + errorType
	}
	return text
}
