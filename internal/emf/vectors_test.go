package emf_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/emf"
)

// A case of the vectors is code against a library. Here it is retold as what
// the extension is asked to do: samples posted to it, flushes, or a document
// of the pipeline. Every case of both files is in one of the tables, either
// retold or with the reason why it says nothing about this package.
type retold struct {
	options  func(*emf.Options)
	steps    []step
	document *emf.Document // a platform document instead of samples
	refused  string        // expected LimitError.Field of the last sample; the vector then throws or warns
	ours     string        // where the extension differs on purpose: why; nothing is printed then
	not      string        // not applicable: why
}

// step is one of: a sample, a flush, or a mark in the output that shows that
// what is before it was printed at once.
type step struct {
	sample emf.Sample
	flush  bool
	mark   string
}

var flush = step{flush: true}

func record(samples ...emf.Sample) []step {
	var steps []step
	for _, s := range samples {
		steps = append(steps, step{sample: s})
	}
	return steps
}

func steps(parts ...any) []step {
	var all []step
	for _, p := range parts {
		switch p := p.(type) {
		case emf.Sample:
			all = append(all, step{sample: p})
		case []step:
			all = append(all, p...)
		case step:
			all = append(all, p)
		}
	}
	return all
}

// with returns the sample after a change.
func with(s emf.Sample, change func(*emf.Sample)) emf.Sample {
	change(&s)
	return s
}

func counts(n int, name func(int) string) []step {
	var all []step
	for i := range n {
		all = append(all, step{sample: count(name(i), float64(i))})
	}
	return all
}

func numbered(i int) string { return fmt.Sprintf("m%d", i) }
func alwaysA(int) string    { return "a" }

func manyDimensions(n int) []emf.Dimension {
	var d []emf.Dimension
	for i := range n {
		d = append(d, emf.Dimension{Name: fmt.Sprintf("d%d", i), Value: "v"})
	}
	return d
}

func coldStart(dimensions ...string) *emf.Document {
	return &emf.Document{
		Time: frozen, Namespace: "shop", Dimensions: [][]emf.Dimension{dims(dimensions...)},
		Metrics: []emf.Metric{{Name: "ColdStart", Unit: "Count", Values: []float64{1}}},
	}
}

func typescriptCases() map[string]retold {
	ok := steps(count("a", 1), flush)
	return map[string]retold{
		"one metric": {steps: steps(count("ok", 1), flush)},
		"defaults without env": {
			options: func(o *emf.Options) { o.Namespace, o.Service = "", "" },
			steps:   steps(count("ok", 1), flush),
		},
		"same name aggregates to array": {steps: steps(count("a", 1), count("a", 2), count("a", 3), flush)},
		"same name other unit throws": {
			steps:   steps(count("a", 1), emf.Sample{Name: "a", Unit: "Seconds", Values: []float64{2}}),
			refused: emf.FieldUnit,
		},
		"high resolution": {steps: steps(
			with(count("a", 1), func(s *emf.Sample) { s.Resolution = 1 }),
			with(count("b", 1), func(s *emf.Sample) { s.Resolution = 60 }), flush)},
		"dimensions + metadata": {steps: steps(with(count("a", 1), func(s *emf.Sample) {
			s.Dimensions = dims("environment", "prod")
			s.Metadata = []emf.Property{{Name: "bookingId", Value: "b-1"}}
		}), flush)},
		"custom dimension not kept for next publish": {steps: steps(
			with(count("a", 1), func(s *emf.Sample) { s.Dimensions = dims("x", "1") }), flush, count("b", 1), flush)},
		"dimension sets (addDimensions)": {steps: steps(with(count("a", 1), func(s *emf.Sample) {
			s.Dimensions = dims("env", "prod")
			s.DimensionSets = [][]emf.Dimension{dims("dimA", "1", "dimB", "2"), dims("region", "us")}
		}), flush)},
		"addDimensions only": {steps: steps(with(count("a", 1), func(s *emf.Sample) {
			s.DimensionSets = [][]emf.Dimension{dims("dimA", "1")}
		}), flush)},
		"override service dimension": {
			options: func(o *emf.Options) { o.Dimensions = dims("service", "other") },
			steps:   ok,
		},
		"30th dimension throws": {
			steps:   record(with(count("a", 1), func(s *emf.Sample) { s.Dimensions = manyDimensions(29) })),
			refused: emf.FieldDimensions,
		},
		"101 metrics overflow into two blobs": {steps: steps(counts(101, numbered), flush)},
		"100 values in one metric flush immediately": {
			steps: steps(counts(100, alwaysA), step{mark: "--"}, count("a", 100), flush),
		},
		"invalid unit":       {steps: record(emf.Sample{Name: "a", Unit: "count", Values: []float64{1}}), refused: emf.FieldUnit},
		"invalid resolution": {steps: record(with(count("a", 1), func(s *emf.Sample) { s.Resolution = 10 })), refused: emf.FieldResolution},
		"invalid value":      {not: "a Sample's values are numbers; the local API refuses a string when it decodes"},
		"NaN value": {
			steps: record(emf.Sample{Name: "a", Unit: "Count", Values: []float64{nan()}}), refused: emf.FieldValue,
			ours: "the library prints null, which CloudWatch cannot extract",
		},
		"empty metric name":                         {steps: record(count("", 1)), refused: emf.FieldName},
		"metric name 256 chars":                     {steps: record(count(strings.Repeat("x", 256), 1)), refused: emf.FieldName},
		"no metrics: warning, nothing printed":      {steps: steps(flush)},
		"no metrics: throwOnEmptyMetrics":           {not: "a flush belongs to the extension; no caller could catch the error"},
		"disabled env":                              {options: func(o *emf.Options) { o.Disabled = true }, steps: ok},
		"dev mode disables":                         {not: "config turns POWERTOOLS_DEV into Options.Disabled"},
		"dev mode + METRICS_DISABLED=false emits":   {steps: ok},
		"timestamp int and Date":                    {steps: steps(at(count("a", 1), 1705318000000), flush, at(count("b", 1), 1705317000000), flush, count("c", 1), flush)},
		"timestamp garbage becomes 0":               {steps: record(at(count("a", 1), 0)), refused: emf.FieldTimestamp, ours: "CloudWatch skips such a document in silence"},
		"singleMetric emitted at once":              {steps: steps(emf.Sample{Name: "one", Unit: "Percent", Values: []float64{50}, Dimensions: dims("InnerDimension", "true")}, flush)},
		"cold start with default dimensions":        {document: coldStart("service", "orders", "environment", "prod", "function_name", "my-fn")},
		"cold start function name env":              {document: coldStart("service", "orders", "function_name", "env-name")},
		"cold start function name ctor beats env":   {document: coldStart("service", "orders", "function_name", "ctor-name")},
		"cold start without function name":          {document: coldStart("service", "orders")},
		"cold start not on provisioned concurrency": {not: "the pipeline decides whether there is a cold start to print"},
	}
}

// pythonCases are compared as JSON values, after what the library is known to
// write otherwise: always an array, spaces on an automatic flush, the service
// dimension last, metadata behind the dimensions.
func pythonCases() map[string]retold {
	return map[string]retold{
		"one metric":                           {steps: steps(count("ok", 1), flush)},
		"no service env: no service dimension": {not: "the extension always has a service: service_undefined, as TypeScript"},
		"no namespace raises":                  {not: "the extension falls back to default_namespace, as TypeScript"},
		"high resolution": {steps: steps(
			with(count("a", 1), func(s *emf.Sample) { s.Resolution = 1 }),
			with(count("b", 1), func(s *emf.Sample) { s.Resolution = 60 }), flush)},
		"invalid unit":       {steps: record(emf.Sample{Name: "a", Unit: "count", Values: []float64{1}}), refused: emf.FieldUnit},
		"invalid resolution": {steps: record(with(count("a", 1), func(s *emf.Sample) { s.Resolution = 10 })), refused: emf.FieldResolution},
		"invalid value":      {not: "a Sample's values are numbers; the local API refuses a string when it decodes"},
		"dimensions, metadata": {steps: steps(with(count("a", 1), func(s *emf.Sample) {
			s.Dimensions = dims("environment", "prod", "n", "5")
			s.Metadata = []emf.Property{{Name: "booking_id", Value: "b-1"}, {Name: "obj", Value: json.RawMessage(`{ "a": [1] }`)}}
		}), flush)},
		"default dimensions persist": {
			options: func(o *emf.Options) { o.Dimensions = dims("environment", "prod") },
			steps:   steps(with(count("a", 1), func(s *emf.Sample) { s.Dimensions = dims("x", "1") }), flush, count("b", 1), flush),
		},
		"29 custom dimensions leave no room for service": {
			steps: record(with(count("a", 1), func(s *emf.Sample) { s.Dimensions = manyDimensions(29) })), refused: emf.FieldDimensions,
		},
		"28 custom dimensions + service ok": {
			steps: steps(with(count("a", 1), func(s *emf.Sample) { s.Dimensions = manyDimensions(28) }), flush),
		},
		"30th add_dimension raises": {
			steps: record(with(count("a", 1), func(s *emf.Sample) { s.Dimensions = manyDimensions(30) })), refused: emf.FieldDimensions,
		},
		"100th metric flushes at once (note spaces in JSON)": {
			not: "the extension prints with the 101st name, as TypeScript: the hundredth may still get values",
		},
		"100 values flush at once":                          {steps: steps(counts(100, alwaysA), step{mark: "--"}, count("a", 100), flush)},
		"empty flush raises":                                {not: "a flush belongs to the extension; no caller could catch the error"},
		"handler error still flushes, no cold start metric": {steps: steps(count("biz", 1), flush, step{mark: "raised"})},
		"timestamps":                                        {not: "the library keeps a timestamp for the next flush by mistake; here each sample has its own"},
		"timestamp too old warns": {
			steps: record(at(count("a", 1), frozen.UnixMilli()-15*24*3600*1000)), refused: emf.FieldTimestamp,
			ours: "the library warns and prints what CloudWatch skips",
		},
		"datadog provider": {not: "not EMF"},
		"datadog default namespace has no prefix; cold start": {not: "not EMF"},
	}
}

func at(s emf.Sample, ms int64) emf.Sample {
	s.Time = time.UnixMilli(ms)
	return s
}

type vector struct {
	Name     string   `json:"name"`
	Lines    []string `json:"stdout_lines"`
	Warnings []string `json:"warnings_or_errors"`
}

func readVectors(t *testing.T, file string) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Cases []vector }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all.Cases
}

// play takes the steps and returns what was printed, and the error of the
// last sample.
func play(t *testing.T, r retold) ([]string, error) {
	t.Helper()
	if r.document != nil {
		line, err := emf.AppendDocument(nil, *r.document)
		if err != nil {
			t.Fatal(err)
		}
		checkLine(t, line)
		return []string{string(line)}, nil
	}
	a, p := newAggregator(t, r.options)
	var lines []string
	var last error
	for i, s := range r.steps {
		switch {
		case s.flush:
			a.Flush(frozen)
		case s.mark != "":
			lines = append(append(lines, p.take()...), s.mark)
		default:
			last = a.Record(s.sample)
			if last != nil && i < len(r.steps)-1 {
				t.Fatalf("step %d: %v", i, last)
			}
		}
	}
	return append(lines, p.take()...), last
}

func testVectors(t *testing.T, file string, table map[string]retold, equal func(got, want []string) string) {
	for _, v := range readVectors(t, file) {
		t.Run(v.Name, func(t *testing.T) {
			r, known := table[v.Name]
			delete(table, v.Name)
			switch {
			case !known:
				t.Fatal("case is not in the table")
			case r.not != "":
				t.Log("not applicable: ", r.not) // and not a skip: it will never apply
				return
			}
			lines, err := play(t, r)
			if r.refused != "" {
				limit := wantField(t, err, r.refused)
				t.Log(limit)
				if len(v.Warnings) == 0 && r.ours == "" {
					t.Error("the library accepts it")
				}
				if len(lines) > 0 {
					t.Errorf("printed %q", lines)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := equal(lines, v.Lines); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name := range table {
		t.Errorf("%s has no case %q", file, name)
	}
}

func TestTypescriptVectors(t *testing.T) {
	testVectors(t, "emf_typescript.json", typescriptCases(), func(got, want []string) string {
		return cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n"))
	})
}

func TestPythonVectors(t *testing.T) {
	testVectors(t, "emf_python.json", pythonCases(), func(got, want []string) string {
		return cmp.Diff(normal(t, want), normal(t, got))
	})
}

// normal parses lines and removes what Python is known to write otherwise.
func normal(t *testing.T, lines []string) []any {
	t.Helper()
	var all []any
	for _, line := range lines {
		if !strings.HasPrefix(line, "{") {
			all = append(all, line)
			continue
		}
		var root map[string]any
		if err := json.Unmarshal([]byte(line), &root); err != nil {
			t.Fatal(err)
		}
		directive := root["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
		for _, m := range directive["Metrics"].([]any) {
			name := m.(map[string]any)["Name"].(string)
			if values, ok := root[name].([]any); ok && len(values) == 1 {
				root[name] = values[0]
			}
		}
		for _, set := range directive["Dimensions"].([]any) {
			slices.SortFunc(set.([]any), func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
		}
		all = append(all, root)
	}
	return all
}
