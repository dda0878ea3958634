package eventsource

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// event is what the function gets for a batch.
func (m *Mapping) event(indices []int) []byte {
	if m.cfg.Kind == Async {
		raw, _ := m.records[indices[0]].record[""].(json.RawMessage)
		return raw
	}
	records := make([]json.RawMessage, 0, len(indices))
	for _, i := range indices {
		r := m.records[i]
		record := maps.Clone(r.record)
		if attributes, ok := record["attributes"].(map[string]any); ok && m.cfg.Kind.queue() {
			attributes = maps.Clone(attributes)
			attributes["ApproximateReceiveCount"] = strconv.Itoa(r.Tries)
			record["attributes"] = attributes
		}
		records = append(records, inOrder(record))
	}
	return []byte(encode(map[string]any{"Records": records}))
}

// inOrder writes a record with what tells it from others in front, as Lambda's
// own events have it; a person reads the beginning only.
func inOrder(record map[string]any) json.RawMessage {
	names := slices.Sorted(maps.Keys(record))
	first := []string{"messageId", "body", "kinesis", "dynamodb"}
	rank := func(name string) int {
		if at := slices.Index(first, name); at >= 0 {
			return at
		}
		return len(first)
	}
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	var b strings.Builder
	for i, name := range names {
		if b.WriteByte(','); i == 0 {
			b.Reset()
			b.WriteByte('{')
		}
		b.WriteString(encode(name) + ":" + encode(record[name]))
	}
	return json.RawMessage(b.String() + "}")
}

// encode writes JSON without HTML escapes; what is given came from JSON.
func encode(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// text is a JSON string's content, any other value compact.
func text(raw json.RawMessage) string {
	var s string
	if raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return s
	}
	return compact(raw)
}

func compact(raw []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}

// defaults adds the members that are not there.
func defaults(to, from map[string]any) {
	for name, value := range from {
		if _, ok := to[name]; !ok {
			to[name] = value
		}
	}
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// uuid is the same for the same seed, so that two runs can be compared.
func uuid(seed string) string {
	h := hash(seed)
	return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[17:20] + "-" + h[20:32]
}

// region of an ARN.
func region(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 3 {
		return parts[3]
	}
	return ""
}

// attributes writes plain values as DynamoDB's. Values that are attribute
// values already stay.
func attributes(item map[string]any) map[string]any {
	out := make(map[string]any, len(item))
	for name, value := range item {
		out[name] = attribute(value)
	}
	return out
}

func attribute(value any) map[string]any {
	switch v := value.(type) {
	case nil:
		return map[string]any{"NULL": true}
	case bool:
		return map[string]any{"BOOL": v}
	case json.Number:
		return map[string]any{"N": v.String()}
	case []any:
		list := make([]any, 0, len(v))
		for _, element := range v {
			list = append(list, attribute(element))
		}
		return map[string]any{"L": list}
	case map[string]any:
		if len(v) == 1 {
			for kind := range v {
				if strings.Contains(" S N B BOOL NULL L M SS NS BS ", " "+kind+" ") {
					return v
				}
			}
		}
		return map[string]any{"M": attributes(v)}
	}
	return map[string]any{"S": value}
}
