package emf_test

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/emf"
)

// TestLimits tries each limit from both sides. An empty field means accepted.
func TestLimits(t *testing.T) {
	value := func(v ...float64) emf.Sample { return emf.Sample{Name: "a", Values: v} }
	name := func(s string) emf.Sample { return count(s, 1) }
	unit := func(s string) emf.Sample { return emf.Sample{Name: "a", Unit: s, Values: []float64{1}} }
	space := func(s string) emf.Sample { return with(count("a", 1), func(x *emf.Sample) { x.Namespace = s }) }
	dim := func(n, v string) emf.Sample {
		return with(count("a", 1), func(x *emf.Sample) { x.Dimensions = dims(n, v) })
	}
	meta := func(n string, v any) emf.Sample {
		return with(count("a", 1), func(x *emf.Sample) { x.Metadata = []emf.Property{{Name: n, Value: v}} })
	}
	sets := func(own []emf.Dimension, more ...[]emf.Dimension) emf.Sample {
		return with(count("a", 1), func(x *emf.Sample) { x.Dimensions, x.DimensionSets = own, more })
	}
	long := strings.Repeat
	tests := []struct {
		name   string
		sample emf.Sample
		field  string
		reason string // part of the reason
	}{
		{"name of 255 characters", name(long("ü", 255)), "", ""},
		{"name of 256 characters", name(long("ü", 256)), emf.FieldName, "has 256 characters, at most 255"},
		{"name empty", name(""), emf.FieldName, "empty"},
		{"name blank", name(" \t"), emf.FieldName, "blank"},
		{"name with dots, quotes and controls", name("a.b \"c\" \\ \x00\n"), "", ""},
		{"name not UTF-8", name("a\xff"), emf.FieldName, `"a\xff" is not UTF-8`},
		{"name is the directives'", name("_aws"), emf.FieldName, `EMF key collision on "_aws"`},
		{"name is a default dimension", name("service"), emf.FieldName, `EMF key collision on "service": it is a metric and a dimension`},
		{"name is a dimension", with(name("x"), func(s *emf.Sample) { s.Dimensions = dims("x", "1") }), emf.FieldName, "a metric and a dimension"},
		{"name is a metadata key", with(name("id"), func(s *emf.Sample) { s.Metadata = []emf.Property{{Name: "id", Value: 1}} }), emf.FieldName, "a metric and a metadata key"},

		{"unit None by default", unit(""), "", ""},
		{"unit in another case", unit("count"), emf.FieldUnit, `unit "count" is unknown, did you mean "Count"?`},
		{"unit unknown", unit("Parsecs and more"), emf.FieldUnit, "expected one of Seconds, Microseconds"},

		{"value zero", value(0), "", ""},
		{"value largest", value(0x1p360), "", ""},
		{"value smallest", value(-0x1p360), "", ""},
		{"value too large", value(math.Nextafter(0x1p360, math.Inf(1))), emf.FieldValue, "2^360"},
		{"value too small", value(-0x1p361), emf.FieldValue, "2^360"},
		{"value not a number", value(nan()), emf.FieldValue, "value NaN"},
		{"value infinite", value(math.Inf(-1)), emf.FieldValue, "value -Inf"},
		{"value missing", value(), emf.FieldValue, "no value"},
		{"value bad in the last of many", value(append(make([]float64, 250), nan())...), emf.FieldValue, "value NaN"},

		{"resolution high", with(name("a"), func(s *emf.Sample) { s.Resolution = 1 }), "", ""},
		{"resolution standard", with(name("a"), func(s *emf.Sample) { s.Resolution = 60 }), "", ""},
		{"resolution 30", with(name("a"), func(s *emf.Sample) { s.Resolution = 30 }), emf.FieldResolution, "resolution 30, expected 1 or 60"},
		{"resolution negative", with(name("a"), func(s *emf.Sample) { s.Resolution = -1 }), emf.FieldResolution, "-1"},

		{"namespace with all kinds of characters", space("aZ09 ._#:/-"), "", ""},
		{"namespace of 255 characters", space(long("n", 255)), "", ""},
		{"namespace of 256 characters", space(long("n", 256)), emf.FieldNamespace, "has 256 characters, at most 255"},
		{"namespace with a backslash", space(`a\b`), emf.FieldNamespace, "letters, digits, space"},
		{"namespace not ASCII", space("größe"), emf.FieldNamespace, "letters, digits, space"},
		{"namespace blank", space("  "), emf.FieldNamespace, "blank"},
		{"namespace of AWS", space("AWS/Lambda"), emf.FieldNamespace, "belong to AWS"},
		{"namespace that only looks like AWS", space("AWSome"), "", ""},

		{"dimension name of 250 characters", dim(long("d", 250), "v"), "", ""},
		{"dimension name of 251 characters", dim(long("d", 251), "v"), emf.FieldDimensions, "has 251 characters, at most 250"},
		{"dimension name empty", dim("", "v"), emf.FieldDimensions, "name is empty"},
		{"dimension name blank", dim("  ", "v"), emf.FieldDimensions, "blank"},
		{"dimension name with colon ahead", dim(":d", "v"), emf.FieldDimensions, "starts with a colon"},
		{"dimension name with colon inside", dim("d:", "v"), "", ""},
		{"dimension name not ASCII", dim("dé", "v"), emf.FieldDimensions, "printable ASCII"},
		{"dimension name with a control", dim("d\n", "v"), emf.FieldDimensions, "printable ASCII"},
		{"dimension name is the directives'", dim("_aws", "v"), emf.FieldDimensions, "_aws"},
		{"dimension value of 1024 characters", dim("d", long("v", 1024)), "", ""},
		{"dimension value of 1025 characters", dim("d", long("v", 1025)), emf.FieldDimensions, "has 1025 characters, at most 1024"},
		{"dimension value empty", dim("d", ""), emf.FieldDimensions, `"d": value is empty`},
		{"dimension value blank", dim("d", " "), emf.FieldDimensions, "blank"},
		{"dimension value not ASCII", dim("d", "é"), emf.FieldDimensions, "printable ASCII"},
		{"dimension value DEL", dim("d", "\x7f"), emf.FieldDimensions, "printable ASCII"},
		{"dimension value with quotes", dim("d", `"\`), "", ""},
		{"28 dimensions beside service", sets(manyDimensions(28)), "", ""},
		{"29 dimensions beside service", sets(manyDimensions(29)), emf.FieldDimensions, "30 dimensions with service and the other default ones, at most 29"},
		{"29 dimensions that replace service", sets(append(manyDimensions(28), dims("service", "x")...)), "", ""},
		{"29 dimensions over two sets", sets(manyDimensions(28), dims("other", "1")), emf.FieldDimensions, "30 dimensions"},
		{"thousands of dimensions", sets(manyDimensions(5000)), emf.FieldDimensions, "at most 29"},
		{"30 sets", sets(nil, oneSetEach(28)...), "", ""},
		{"31 sets", sets(nil, oneSetEach(31)...), emf.FieldDimensions, "31 dimension sets, at most 30"},
		{"dimension twice in a set", sets(dims("x", "1", "x", "1")), emf.FieldDimensions, `"x" occurs twice`},
		{"dimension with two values", sets(dims("x", "1"), dims("x", "2", "y", "1")), emf.FieldDimensions, `"x" has two values, "1" and "2"`},
		{"dimension with two values in equal sets", sets(dims("x", "1"), dims("x", "2")), emf.FieldDimensions, "two values"},

		{"metadata of every type", with(count("a", 1), func(s *emf.Sample) {
			s.Metadata = []emf.Property{{"s", "x"}, {"b", true}, {"i", 1}, {"l", int64(2)}, {"f", 1.5}, {"j", json.RawMessage(`[null]`)}}
		}), "", ""},
		{"metadata key empty", meta("", 1), emf.FieldMetadata, "empty"},
		{"metadata key not UTF-8", meta("\xff", 1), emf.FieldMetadata, "UTF-8"},
		{"metadata key is a dimension", meta("service", 1), emf.FieldMetadata, `EMF key collision on "service": it is metadata and a dimension`},
		{"metadata key is the directives'", meta("_aws", 1), emf.FieldMetadata, "_aws"},
		{"metadata key twice", with(count("a", 1), func(s *emf.Sample) { s.Metadata = []emf.Property{{"x", 1}, {"x", 1}} }), emf.FieldMetadata, "metadata key"},
		{"metadata not JSON", meta("x", json.RawMessage(`{`)), emf.FieldMetadata, "not valid JSON"},
		{"metadata nothing", meta("x", json.RawMessage(nil)), emf.FieldMetadata, "not valid JSON"},
		{"metadata not finite", meta("x", math.Inf(1)), emf.FieldMetadata, "finite"},
		{"metadata of another type", meta("x", errors.New("no")), emf.FieldMetadata, "*errors.errorString, expected string"},
		{"metadata of 1 MiB", meta("x", long("x", 1<<20)), emf.FieldDocument, "bytes, at most 1048550"},
		{"metadata of nearly 1 MiB", meta("x", long("x", 1<<20-1000)), "", ""},

		{"timestamp now", at(count("a", 1), frozen.UnixMilli()), "", ""},
		{"timestamp 14 days old", at(count("a", 1), frozen.Add(-14*24*time.Hour).UnixMilli()), "", ""},
		{"timestamp older", at(count("a", 1), frozen.Add(-14*24*time.Hour).UnixMilli()-1), emf.FieldTimestamp, "more than 14 days old"},
		{"timestamp 2 hours ahead", at(count("a", 1), frozen.Add(2*time.Hour).UnixMilli()), "", ""},
		{"timestamp further ahead", at(count("a", 1), frozen.Add(2*time.Hour).UnixMilli()+1), emf.FieldTimestamp, "more than 2 hours ahead"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, p := newAggregator(t, nil)
			err := a.Record(tt.sample)
			a.Flush(frozen)
			stats, lines := a.Stats(), p.take()
			if tt.field == "" {
				if err != nil || len(lines) != 1 || stats.Recorded != 1 || stats.Dropped != 0 {
					t.Errorf("error %v, %d lines, stats %+v", err, len(lines), stats)
				}
				return
			}
			limit := wantField(t, err, tt.field)
			if !strings.Contains(limit.Reason, tt.reason) {
				t.Errorf("reason %q lacks %q", limit.Reason, tt.reason)
			}
			if len(limit.Reason) > 500 {
				t.Errorf("reason of %d bytes", len(limit.Reason))
			}
			if len(lines) != 0 || stats.Recorded != 0 || stats.Rejected[limit.Kind()] != 1 || limit.Rule == "" {
				t.Errorf("printed %q, stats %+v", lines, stats)
			}
		})
	}
}

// oneSetEach returns n sets, the first 28 of one dimension each.
func oneSetEach(n int) [][]emf.Dimension {
	var sets [][]emf.Dimension
	for _, d := range manyDimensions(28) {
		sets = append(sets, []emf.Dimension{d})
	}
	for len(sets) < n {
		sets = append(sets, dims("d0", "v", manyDimensions(28)[len(sets)-27].Name, "v"))
	}
	return sets
}

func TestEveryLimitHasARule(t *testing.T) {
	var fields []string
	for _, r := range emf.Rules() {
		fields = append(fields, r.Field)
	}
	want := []string{"namespace", "dimensions", "metadata", "timestamp", "name", "unit", "value", "resolution", "metrics", "document"}
	if !slices.Equal(fields, want) {
		t.Errorf("rules for %q, want %q", fields, want)
	}
}

func TestUnknownUnitSuggestsTheNearest(t *testing.T) {
	tests := []struct{ unit, want string }{
		{"count", "Count"}, {"COUNT", "Count"}, {"Counts", "Count"}, {"Cuont", ""}, {"Coount", "Count"},
		{"milliseconds", "Milliseconds"}, {"millisecond", "Milliseconds"}, {"ms", "Milliseconds"}, {"Miliseconds", "Milliseconds"},
		{"s", "Seconds"}, {"sec", "Seconds"}, {"µs", "Microseconds"}, {"second", "Seconds"},
		{"BytesPerSecond", "Bytes/Second"}, {"bytes per second", "Bytes/Second"}, {"KB/s", "Kilobytes/Second"}, {"Count/s", "Count/Second"},
		{"NoUnit", "None"}, {"none", "None"}, {"%", "Percent"}, {"percentage", "Percent"}, {"percent", "Percent"}, {"PERCENT", "Percent"}, {"per cent", "Percent"},
		{"MB", "Megabytes"}, {"byte", "Bytes"}, {"Kilobyte", "Kilobytes"},
		{"furlong", ""}, {"zz", ""}, {strings.Repeat("Count", 1000), ""},
	}
	for _, tt := range tests {
		t.Run(tt.unit[:min(len(tt.unit), 20)], func(t *testing.T) {
			a, _ := newAggregator(t, nil)
			reason := wantField(t, a.Record(emf.Sample{Name: "a", Unit: tt.unit, Values: []float64{1}}), emf.FieldUnit).Reason
			suggestion := ""
			if _, after, ok := strings.Cut(reason, `did you mean "`); ok {
				suggestion, _, _ = strings.Cut(after, `"`)
			}
			if suggestion != tt.want {
				t.Errorf("suggests %q, want %q (%s)", suggestion, tt.want, reason)
			}
		})
	}
}

func TestEveryUnitIsAccepted(t *testing.T) {
	a, p := newAggregator(t, nil)
	for _, u := range emf.Units() {
		if err := a.Record(emf.Sample{Name: "in " + u, Unit: u, Values: []float64{1}}); err != nil {
			t.Error(err)
		}
	}
	a.Flush(frozen)
	if lines := p.take(); len(lines) != 1 || strings.Count(lines[0], `"Unit":`) != 27 {
		t.Errorf("printed %q", lines)
	}
}
