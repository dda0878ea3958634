package show

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// emfDocument is what a table shows of one EMF line.
type emfDocument struct {
	namespace  string
	dimensions []string // name=value, in the order of the sets, each once
	metrics    []emfMetric
	properties int // members that are neither metric nor dimension
	requestID  string
}

type emfMetric struct {
	name, value, unit string
}

// emfOf reads a record that follows the Embedded Metric Format specification.
func emfOf(rec record) (emfDocument, bool) {
	var doc emfDocument
	head, ok := rec.get("_aws")
	if !ok {
		return doc, false
	}
	var meta struct {
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	}
	if json.Unmarshal([]byte(head), &meta) != nil || len(meta.CloudWatchMetrics) == 0 {
		return doc, false
	}
	used := map[string]bool{"_aws": true}
	for _, directive := range meta.CloudWatchMetrics {
		doc.namespace = directive.Namespace
		for _, set := range directive.Dimensions {
			for _, name := range set {
				if raw, ok := rec.get(name); ok && !used[name] {
					doc.dimensions = append(doc.dimensions, name+"="+plainText(raw))
				}
				used[name] = true
			}
		}
		for _, m := range directive.Metrics {
			raw, ok := rec.get(m.Name)
			if !ok {
				raw = "missing"
			}
			doc.metrics = append(doc.metrics, emfMetric{m.Name, metricValue(raw), shortUnit(m.Unit)})
			used[m.Name] = true
		}
	}
	for _, m := range rec {
		if !used[m.key] {
			doc.properties++
		}
	}
	doc.requestID = rec.requestID()
	return doc, true
}

// metricValue shows a number, or the count, extremes and sum of several.
func metricValue(raw string) string {
	var values []float64
	if json.Unmarshal([]byte(raw), &values) == nil && len(values) > 0 {
		low, high, sum := values[0], values[0], 0.0
		for _, v := range values {
			low, high, sum = min(low, v), max(high, v), sum+v
		}
		if len(values) == 1 {
			return number(sum)
		}
		return fmt.Sprintf("%d× %s…%s Σ%s", len(values), number(low), number(high), number(sum))
	}
	if f, err := strconv.ParseFloat(raw, 64); err == nil {
		return number(f)
	}
	return raw
}

// number keeps at most three decimals, more for what is smaller than that.
func number(f float64) string {
	if a := math.Abs(f); a >= 1e15 || a > 0 && a < 0.001 {
		return strconv.FormatFloat(f, 'g', 3, 64)
	}
	text := strconv.FormatFloat(f, 'f', 3, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

func shortUnit(unit string) string {
	switch unit {
	case "Milliseconds":
		return "ms"
	case "Seconds":
		return "s"
	case "Microseconds":
		return "µs"
	case "Megabytes":
		return "MB"
	case "Kilobytes":
		return "kB"
	case "Bytes":
		return "B"
	case "Percent":
		return "%"
	case "None":
		return ""
	}
	return strings.ToLower(unit)
}

// lines returns the table: two columns of metrics beyond six of them.
func (d emfDocument) lines(st Style) []string {
	half := len(d.metrics)
	if half > 6 {
		half = (half + 1) / 2
	}
	t := Table{Right: map[int]bool{1: true, 4: true}}
	for i := range half {
		m := d.metrics[i]
		cells := []string{m.name, st.bold(m.value), st.Dim(m.unit)}
		if i+half < len(d.metrics) {
			n := d.metrics[i+half]
			cells = append(cells, "  "+n.name, st.bold(n.value), st.Dim(n.unit))
		}
		t.Add(cells...)
	}
	out := t.Lines()
	if d.properties > 0 {
		out = append(out, st.Dim(fmt.Sprintf("and %s", Plural(d.properties, "property", "properties"))))
	}
	return out
}

// title names namespace and dimensions.
func (d emfDocument) title() string {
	return strings.TrimSpace(d.namespace + "  " + strings.Join(d.dimensions, " "))
}

// Plural is a count with its noun: 1 line, 2 lines.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
