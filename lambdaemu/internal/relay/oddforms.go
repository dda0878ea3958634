package relay

import (
	"encoding/json"
	"strings"
)

// oddForm is the fault record-forms: the n-th event in one of the forms that the
// schema allows or that captures have shown, and that a strict decoder refuses.
// Lines come as string without newline, object, number, array, null and empty
// string in turn; platform records lose what is optional and gain what is
// unknown (AWS page: telemetry-schema-reference).
func oddForm(n int, e Event, plain []byte) []byte {
	if e.Category == Platform {
		return strippedRecord(plain)
	}
	switch n % 6 {
	case 0:
		return Marshal(strings.TrimSuffix(e.Line, "\n"))
	case 1:
		return Marshal(map[string]any{"timestamp": e.At.UTC().Format(ISOMillis), "message": map[string]any{"text": e.Line}, "level": nil})
	case 2:
		return []byte("42")
	case 3:
		return Marshal([]any{e.Line, 1, nil})
	case 4:
		return []byte("null")
	}
	return []byte(`""`)
}

// optional are the members of platform records that may be missing.
func optional() []string {
	return []string{"tracing", "spans", "functionName", "functionVersion", "instanceId", "instanceMaxMemory", "phase", "version"}
}

func strippedRecord(plain []byte) []byte {
	var members map[string]any
	if json.Unmarshal(plain, &members) != nil || members == nil {
		return plain // a string record
	}
	for _, name := range optional() {
		delete(members, name)
	}
	if _, there := members["runtimeVersion"]; there {
		members["runtimeVersion"] = ""
	}
	members["somethingNew"] = map[string]any{"deep": []any{1, nil, "x"}}
	return Marshal(members)
}
