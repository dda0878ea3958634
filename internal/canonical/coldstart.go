package canonical

import (
	"bytes"
	"encoding/json"

	"powertools-extension/internal/emf"
)

// CountsColdStart reports whether a metrics document of the function counts
// the cold start in this event's namespace with this event's dimensions, as
// the Powertools libraries do. Ours would then count it twice. It reads the
// document once more, which only the first invocation of a sandbox pays for.
func (c *Encoder) CountsColdStart(doc []byte) bool {
	if c.coldStart < 0 || !c.listed[c.coldStart] || !bytes.Contains(doc, []byte("ColdStart")) {
		return false
	}
	var d struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	var root map[string]json.RawMessage
	if json.Unmarshal(doc, &d) != nil || json.Unmarshal(doc, &root) != nil {
		return false
	}
	for _, directive := range d.AWS.CloudWatchMetrics {
		counts := false
		for _, m := range directive.Metrics {
			counts = counts || m.Name == "ColdStart"
		}
		if !counts || directive.Namespace != c.opt.Namespace {
			continue
		}
		for _, set := range directive.Dimensions {
			if sameDimensions(c.dimensions[0], set, root) {
				return true
			}
		}
	}
	return false
}

// sameDimensions reports whether names, whose values are members of root, are
// the dimensions of want in any order.
func sameDimensions(want []emf.Dimension, names []string, root map[string]json.RawMessage) bool {
	if len(names) != len(want) {
		return false
	}
	values := make(map[string]string, len(names))
	for _, name := range names {
		var value string
		if json.Unmarshal(root[name], &value) != nil {
			return false
		}
		values[name] = value
	}
	for _, d := range want {
		if value, ok := values[d.Name]; !ok || value != d.Value {
			return false
		}
	}
	return true
}
