package reference

import (
	"encoding/json"
	"strings"

	"powertools-extension/internal/canonical"
	"powertools-extension/internal/reference/apidoc"
)

// Schemas are the JSON Schemas (2020-12) of what the extension prints and of
// the errors that it answers with, by name: GET /schemas/NAME.json.
func Schemas() map[string]json.RawMessage {
	return map[string]json.RawMessage{
		"event":            eventSchema(),
		"line":             document("A line of the function's, enriched. Members of the function's own stay as they are.", lineMembers),
		"metrics":          document("A document in CloudWatch's Embedded Metric Format: metrics that the function recorded.", `"required":["_aws"],"properties":{"_aws":`+awsMember+`}`),
		"diagnostic":       document("A line of the extension's own, on stderr.", diagnosticMembers),
		"problem":          document("An error of the local API (RFC 9457).", strings.TrimSuffix(strings.TrimPrefix(apidoc.ProblemSchema(), `{`), `}`)),
		"http-error":       document("The body of an HTTP answer that a hook gives in the function's place (RFC 9457).", hookMembers),
		"invocation-error": document("An error that a hook gives in the function's place where the event is no HTTP request.", invocationMembers),
	}
}

// schemaPage is all of them, for people and for diffs.
func schemaPage() string {
	b, err := json.MarshalIndent(Schemas(), "", "  ")
	if err != nil {
		panic(err) // a defect of this file, found by its test
	}
	return string(b) + "\n"
}

func document(title, members string) json.RawMessage {
	quoted, _ := json.Marshal(title)
	if !strings.Contains(members, `"type":"object"`) {
		members = `"type":"object",` + members
	}
	return json.RawMessage(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":` + string(quoted) + `,` + members + `}`)
}

const (
	awsMember = `{"type":"object","required":["Timestamp","CloudWatchMetrics"],"properties":{"Timestamp":{"type":"integer","description":"milliseconds since 1970"},` +
		`"CloudWatchMetrics":{"type":"array","items":{"type":"object","required":["Namespace","Dimensions","Metrics"],"properties":{"Namespace":{"type":"string"},` +
		`"Dimensions":{"type":"array","items":{"type":"array","items":{"type":"string"}}},"Metrics":{"type":"array","items":{"type":"object","required":["Name"],"properties":{"Name":{"type":"string"},"Unit":{"type":"string"},"StorageResolution":{"enum":[1,60]}}}}}}}}}`

	lineMembers = `"required":["service"],"properties":{"timestamp":{"description":"RFC 3339 in UTC where the function gave none"},"level":{"description":"as the function wrote it"},"message":{"description":"as the function wrote it; the text of a line that is no JSON"},` +
		`"service":{"type":"string"},"cold_start":{"type":"boolean"},"function_request_id":{"type":"string"},"xray_trace_id":{"type":"string"},"correlation_id":{"type":"string"},"function_name":{"type":"string"},"function_arn":{"type":"string"},"tenant_id":{"type":"string"}}`

	diagnosticMembers = `"required":["level","timestamp","message","extension","version"],"properties":{"level":{"enum":["DEBUG","INFO","WARN","ERROR","DPANIC","PANIC","FATAL"]},"timestamp":{"type":"string","format":"date-time"},` +
		`"message":{"type":"string"},"extension":{"const":"powertools-extension"},"version":{"type":"string"},"logger":{"type":"string"},"stack":{"type":"string"}}`

	hookMembers = `"additionalProperties":false,"required":["type","title","status","code"],"properties":{"type":{"type":"string","pattern":"^urn:powertools:"},"title":{"type":"string"},"status":{"type":"integer","minimum":400,"maximum":599},"code":{"type":"string"},` +
		`"errors":{"type":"array","maxItems":20,"items":{"type":"object","additionalProperties":false,"required":["path","keyword"],"properties":{"path":{"type":"string","description":"JSON pointer into what was validated"},"keyword":{"type":"string"}}}},"more":{"type":"integer","minimum":1}}`

	invocationMembers = `"additionalProperties":false,"required":["errorMessage","errorType","stackTrace"],"properties":{"errorMessage":{"type":"string"},"errorType":{"type":"string"},"stackTrace":{"type":"array","maxItems":0}}`
)

// eventSchema is the canonical event, from the tables that write it.
func eventSchema() json.RawMessage {
	properties := map[string]any{"_aws": json.RawMessage(awsMember)}
	for _, m := range canonical.Metrics() {
		properties[m.Name] = map[string]string{"type": "number", "description": m.Unit + ": " + m.Meaning}
	}
	for _, p := range canonical.Properties() {
		properties[p.Name] = map[string]any{"type": []string{"string", "number", "boolean"}, "description": p.Meaning}
	}
	b, err := json.Marshal(properties)
	if err != nil {
		panic(err) // a defect of the tables, found by the pages' test
	}
	return document("The canonical event: one line per invocation. Without metrics it has no _aws; counters of other parts may stand behind the members.",
		`"required":["function_request_id","outcome","cold_start","complete"],"properties":`+string(b))
}
