package emf

import (
	"strconv"

	"powertools-extension/internal/jsonbytes"
)

// AppendDocument writes the document to dst as one line of JSON without a
// newline and returns the longer slice. Members come in the order _aws,
// properties, dimensions, values; one value is a number, several are an
// array. It does not allocate while dst has room and no property is a
// json.RawMessage.
//
// The error is a *LimitError; dst is then returned as it came.
func AppendDocument(dst []byte, d Document) ([]byte, error) {
	plain, limit := check(&d)
	if limit == nil && listed(d.Metrics) == 0 {
		limit = refuse(FieldMetrics, "none", "no metric in a document, expected 1 to "+strconv.Itoa(MaxMetrics))
	}
	if limit != nil {
		return dst, limit
	}
	buf := append(dst, `{"_aws":{"Timestamp":`...)
	buf = strconv.AppendInt(buf, d.Time.UnixMilli(), 10)
	buf = append(buf, `,"CloudWatchMetrics":[{"Namespace":"`...)
	buf = append(buf, d.Namespace...) // none of its characters needs escaping
	buf = append(buf, `","Dimensions":[`...)
	buf = appendDimensionNames(buf, d.Dimensions, plain)
	buf = append(buf, `],"Metrics":[`...)
	buf = appendDefinitions(buf, d.Metrics, plain)
	buf = append(buf, `]}]}`...)
	return appendMembers(dst, buf, &d, plain)
}

// AppendPlain writes the document as a line for queries that CloudWatch takes
// no metric from: a member timestamp in place of the metric directives, all
// metrics as members. Properties must not name one timestamp.
func AppendPlain(dst []byte, d Document) ([]byte, error) {
	plain, limit := check(&d)
	if limit != nil {
		return dst, limit
	}
	buf := append(dst, `{"timestamp":"`...)
	buf = d.Time.UTC().AppendFormat(buf, "2006-01-02T15:04:05.000Z")
	return appendMembers(dst, append(buf, '"'), &d, plain)
}

// appendMembers writes what both kinds of lines have, behind their first
// member.
func appendMembers(dst, buf []byte, d *Document, plain bool) ([]byte, error) {
	var limit *LimitError
	for i := range d.Properties {
		if buf, limit = appendProperty(append(buf, ','), &d.Properties[i]); limit != nil {
			return dst, limit
		}
	}
	buf = appendDimensionValues(buf, d.Dimensions, plain)
	buf = appendMetricValues(buf, d.Metrics, plain)
	buf = append(buf, '}')

	if n := len(buf) - len(dst); n > MaxDocumentBytes {
		return dst, tooLarge(n)
	}
	return buf, nil
}

func tooLarge(n int) *LimitError {
	return refuse(FieldDocument, "too large", "document has "+strconv.Itoa(n)+" bytes, at most "+strconv.Itoa(MaxDocumentBytes)+"; shorten its metadata")
}

// appendDimensionNames writes the sets. CloudWatch wants at least one, and an
// empty one is legal: the metric then has no dimension.
func appendDimensionNames(buf []byte, sets [][]Dimension, plain bool) []byte {
	if len(sets) == 0 {
		return append(buf, "[]"...)
	}
	for i, set := range sets {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, '[')
		for j := range set {
			if j > 0 {
				buf = append(buf, ',')
			}
			buf = appendName(buf, set[j].Name, plain)
		}
		buf = append(buf, ']')
	}
	return buf
}

func listed(metrics []Metric) (n int) {
	for i := range metrics {
		if !metrics[i].Unlisted {
			n++
		}
	}
	return n
}

func appendDefinitions(buf []byte, metrics []Metric, plain bool) []byte {
	first := true
	for i := range metrics {
		m := &metrics[i]
		if m.Unlisted {
			continue
		}
		if !first {
			buf = append(buf, ',')
		}
		first = false
		buf = append(buf, `{"Name":`...)
		buf = appendName(buf, m.Name, plain)
		unit := m.Unit
		if unit == "" {
			unit = "None"
		}
		buf = append(buf, `,"Unit":"`...)
		buf = append(buf, unit...)
		if m.Resolution == 1 {
			buf = append(buf, `","StorageResolution":1}`...)
		} else {
			buf = append(buf, `"}`...)
		}
	}
	return buf
}

// appendDimensionValues writes each dimension once, however many sets name it.
func appendDimensionValues(buf []byte, sets [][]Dimension, plain bool) []byte {
	for i, set := range sets {
		for j := range set {
			if i > 0 && writtenBefore(sets[:i], set[j].Name) {
				continue
			}
			buf = append(buf, ',')
			buf = appendName(buf, set[j].Name, plain)
			buf = append(buf, ':')
			buf = appendName(buf, set[j].Value, plain)
		}
	}
	return buf
}

func writtenBefore(sets [][]Dimension, name string) bool {
	for _, set := range sets {
		for i := range set {
			if set[i].Name == name {
				return true
			}
		}
	}
	return false
}

func appendMetricValues(buf []byte, metrics []Metric, plain bool) []byte {
	for i := range metrics {
		m := &metrics[i]
		buf = append(buf, ',')
		buf = appendName(buf, m.Name, plain)
		buf = append(buf, ':')
		if len(m.Values) == 1 {
			buf = appendFloat(buf, m.Values[0])
			continue
		}
		open := byte('[')
		for _, v := range m.Values {
			buf = append(buf, open)
			buf = appendFloat(buf, v)
			open = ','
		}
		buf = append(buf, ']')
	}
	return buf
}

// appendName writes a string of which check has said whether it is plain.
func appendName(buf []byte, s string, plain bool) []byte {
	if !plain {
		return jsonbytes.AppendString(buf, s)
	}
	buf = append(buf, '"')
	buf = append(buf, s...)
	return append(buf, '"')
}
