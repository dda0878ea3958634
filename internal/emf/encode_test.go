package emf_test

import (
	"bytes"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/emf"
)

func TestAppendDocument(t *testing.T) {
	tests := []struct {
		name string
		doc  emf.Document
		want string
	}{
		{"all there is", emf.Document{
			Time: frozen, Namespace: "shop",
			Dimensions: [][]emf.Dimension{dims("service", "orders", "env", "prod"), dims("service", "orders", "region", "us")},
			Properties: []emf.Property{{Name: "id", Value: "b-1"}, {Name: "cold_start", Value: true}, {Name: "n", Value: -3}, {Name: "big", Value: int64(1 << 60)},
				{Name: "f", Value: 0.25}, {Name: "raw", Value: json.RawMessage("{ \"a b\" : [ 1,\n2 ] }")}},
			Metrics: []emf.Metric{{Name: "a", Unit: "Count", Values: []float64{1, 2.5}, Resolution: 1}, {Name: "b", Unit: "None", Values: []float64{-0.5}, Resolution: 60}},
		}, `{"_aws":{"Timestamp":1705318245123,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["service","env"],["service","region"]],` +
			`"Metrics":[{"Name":"a","Unit":"Count","StorageResolution":1},{"Name":"b","Unit":"None"}]}]},` +
			`"id":"b-1","cold_start":true,"n":-3,"big":1152921504606846976,"f":0.25,"raw":{"a b":[1,2]},` +
			`"service":"orders","env":"prod","region":"us","a":[1,2.5],"b":-0.5}`},
		{"no dimensions, no unit", emf.Document{
			Time: frozen, Namespace: "n", Metrics: []emf.Metric{{Name: "a", Values: []float64{1}}},
		}, `{"_aws":{"Timestamp":1705318245123,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[[]],"Metrics":[{"Name":"a","Unit":"None"}]}]},"a":1}`},
		{"names that need escaping", emf.Document{
			Time: frozen, Namespace: "n", Dimensions: [][]emf.Dimension{dims(`d"`, `C:\`)},
			Properties: []emf.Property{{Name: "p\n", Value: "\u2028<é>\x01\xff"}},
			Metrics:    []emf.Metric{{Name: "größe\t", Unit: "Bytes", Values: []float64{1}}},
		}, `{"_aws":{"Timestamp":1705318245123,"CloudWatchMetrics":[{"Namespace":"n","Dimensions":[["d\""]],"Metrics":[{"Name":"größe\t","Unit":"Bytes"}]}]},` +
			`"p\n":"\u2028<é>\u0001\ufffd","d\"":"C:\\","größe\t":1}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := emf.AppendDocument([]byte("before "), tt.doc)
			if err != nil {
				t.Fatal(err)
			}
			line, ok := bytes.CutPrefix(got, []byte("before "))
			if !ok || string(line) != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			checkLine(t, line)
		})
	}
}

func TestAppendDocumentRefuses(t *testing.T) {
	valid := emf.Document{Time: frozen, Namespace: "n", Metrics: []emf.Metric{{Name: "a", Values: []float64{1}}}}
	many := make([]emf.Metric, 101)
	for i := range many {
		many[i] = emf.Metric{Name: numbered(i), Values: []float64{1}}
	}
	tests := []struct {
		name, field string
		change      func(*emf.Document)
	}{
		{"no metrics", emf.FieldMetrics, func(d *emf.Document) { d.Metrics = nil }},
		{"101 metrics", emf.FieldMetrics, func(d *emf.Document) { d.Metrics = many }},
		{"101 values", emf.FieldMetrics, func(d *emf.Document) { d.Metrics = []emf.Metric{{Name: "a", Values: make([]float64, 101)}} }},
		{"a metric twice", emf.FieldName, func(d *emf.Document) { d.Metrics = append(d.Metrics, d.Metrics[0]) }},
		{"no time", emf.FieldTimestamp, func(d *emf.Document) { d.Time = time.Time{} }},
		{"no namespace", emf.FieldNamespace, func(d *emf.Document) { d.Namespace = "" }},
		{"31 sets", emf.FieldDimensions, func(d *emf.Document) { d.Dimensions = make([][]emf.Dimension, 31) }},
		{"too large", emf.FieldDocument, func(d *emf.Document) {
			d.Properties = []emf.Property{{Name: "x", Value: strings.Repeat("x", 1<<20)}}
		}},
		{"bad metadata behind good", emf.FieldMetadata, func(d *emf.Document) {
			d.Properties = []emf.Property{{Name: "x", Value: 1}, {Name: "y", Value: nil}}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := valid
			tt.change(&doc)
			got, err := emf.AppendDocument([]byte("before"), doc)
			wantField(t, err, tt.field)
			if string(got) != "before" {
				t.Errorf("returned %.100q", got)
			}
		})
	}
}

// TestNumbersAsEncodingJSON holds our shortcut for whole numbers against the
// standard library.
func TestNumbersAsEncodingJSON(t *testing.T) {
	numbers := []float64{0, math.Copysign(0, -1), 1, -1, 100, 0.1, 1.0 / 3, -2.5, 1e-6, 9.99e-7, 1e-9, -1e-10, 1e-300, 1e15, 1e16, 1e20, 1e21, 1.5e21, 1e100,
		1<<53 - 1, 1 << 53, 1<<53 + 2, -1 << 53, 1 << 62, 1 << 63, 123456789.125, 0x1p360, -0x1p360, math.SmallestNonzeroFloat64, 12.45}
	for _, f := range numbers {
		want, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := emf.AppendDocument(nil, emf.Document{Time: frozen, Namespace: "n", Metrics: []emf.Metric{{Name: "a", Values: []float64{f}}}})
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasSuffix(got, append([]byte(`,"a":`), append(want, '}')...)) {
			t.Errorf("%g is printed in %s, want %s", f, got, want)
		}
	}
}

// TestStringsReadBack holds the escaping against the standard library's
// reader, for every rune of the first planes and every stray byte.
func TestStringsReadBack(t *testing.T) {
	var all strings.Builder
	for r := range rune(0x3000) {
		all.WriteRune(r)
	}
	all.WriteString("\U0001F600")
	for c := 0x80; c < 0x100; c++ {
		all.WriteByte(byte(c))
		all.WriteByte('.')
	}
	got, err := emf.AppendDocument(nil, emf.Document{
		Time: frozen, Namespace: "n", Metrics: []emf.Metric{{Name: "a", Values: []float64{1}}},
		Properties: []emf.Property{{Name: "all", Value: all.String()}, {Name: "raw", Value: json.RawMessage("\"\xff \\\" \\\\\" ")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	checkLine(t, got)
	var back struct{ All, Raw string }
	if err := json.Unmarshal(got, &back); err != nil {
		t.Fatal(err)
	}
	if want := strings.ToValidUTF8(all.String(), "\ufffd"); back.All != want {
		t.Errorf("read back %q", back.All)
	}
	if want := "\ufffd \" \\"; back.Raw != want {
		t.Errorf("raw read back %q, want %q", back.Raw, want)
	}
}

func TestAppendDocumentDoesNotAllocate(t *testing.T) {
	plain, escaped := tenMetrics(), tenMetrics()
	escaped.Properties = append(escaped.Properties, emf.Property{Name: "größe", Value: "line\nline \"é\""})
	for name, doc := range map[string]emf.Document{"plain": plain, "escaped": escaped} {
		t.Run(name, func(t *testing.T) {
			buf := make([]byte, 0, 4096)
			if n := testing.AllocsPerRun(100, func() {
				line, err := emf.AppendDocument(buf, doc)
				if err != nil || len(line) == 0 {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}
