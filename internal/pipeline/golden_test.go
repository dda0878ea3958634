package pipeline

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"powertools-extension/internal/canonical"
	"powertools-extension/internal/emf"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/telemetry"
)

var update = flag.Bool("update", false, "write the golden files")

// scenario is what happens to a sandbox: batches as the platform posts them,
// INVOKE events, and the end.
type scenario struct {
	InitType     string  `json:"init_type"`
	SampleRate   float64 `json:"sample_rate"`
	Metrics      string  `json:"metrics"` // default: default
	Architecture string  `json:"architecture"`

	Hold    string   `json:"hold"`
	Redact  []string `json:"redact"`
	Include string   `json:"include"`
	Exclude string   `json:"exclude"`
	Process bool     `json:"process"` // with readings that grow by ten

	Steps []struct {
		Invoke *struct {
			RequestID string    `json:"requestId"`
			ARN       string    `json:"invokedFunctionArn"`
			Trace     string    `json:"tracing"`
			Deadline  int64     `json:"deadlineMs"`
			At        time.Time `json:"at"`
		} `json:"invoke"`
		Batch    json.RawMessage `json:"batch"`
		Shutdown string          `json:"shutdown"`
		At       time.Time       `json:"at"`
	} `json:"steps"`
}

// transcript writes down what each output gets, in order.
type transcript struct {
	out  *bytes.Buffer
	name string
}

func (w transcript) Put(line []byte) {
	w.out.WriteString(w.name + " " + string(line) + "\n")
}

// M1, M3, M4, M5, I6, I11: whole lives of sandboxes.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d scenarios, %v", len(files), err)
	}
	schema := emfSchema(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			got := play(t, file)
			golden := strings.TrimSuffix(file, ".json") + ".golden"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
				t.Errorf("transcript (-want +got):\n%s", diff)
			}
			for line := range strings.Lines(string(got)) {
				if doc, ok := strings.CutPrefix(line, "metrics "); ok {
					checkEMF(t, schema, doc)
				}
			}
		})
	}
}

// play runs a scenario and returns the transcript.
func play(t *testing.T, file string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s scenario
	if err := json.Unmarshal(raw, &s); err != nil {
		t.Fatal(err)
	}
	if s.Metrics == "" {
		s.Metrics = "default"
	}
	selection, unknown := canonical.Select(s.Metrics)
	if len(unknown) > 0 {
		t.Fatalf("unknown metrics %v", unknown)
	}
	var out bytes.Buffer
	now := time.Date(2024, 1, 15, 11, 30, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	options := Options{
		Lines:   []Destination{{Output: transcript{&out, "every"}}, {Output: transcript{&out, "stdout"}, Stdout: true}},
		Metrics: transcript{&out, "metrics"}, Platform: selection, Namespace: "shop", Dimensions: []emf.Dimension{{Name: "stage", Value: "prod"}},
		Service: "orders", FunctionName: "my-fn", MemoryMB: 128, Architecture: s.Architecture,
		Level: invocation.LevelInfo, SampleRate: s.SampleRate, Now: clock,
		Meters:       []Meter{&countingMeter{}},
		FlushMetrics: func(time.Time) { out.WriteString("flush custom metrics\n") },
		FlushOutputs: func() { out.WriteString("flush outputs\n") },
	}
	s.features(t, &options)
	p := New(invocation.New(invocation.Options{InitType: s.InitType, MemoryMB: 128, Now: clock}), options)
	for _, step := range s.Steps {
		switch {
		case step.Invoke != nil:
			inv := step.Invoke
			now = inv.At
			p.Begin(invocation.Invoke{RequestID: inv.RequestID, FunctionARN: inv.ARN, TraceHeader: inv.Trace, Deadline: time.UnixMilli(inv.Deadline).UTC(), At: inv.At})
		case step.Batch != nil:
			events, err := telemetry.Decode(nil, bytes.Clone(step.Batch))
			if err != nil {
				t.Fatal(err)
			}
			p.HandleEvents(events)
		default:
			p.Flush(step.Shutdown, step.At)
		}
	}
	return out.Bytes()
}

// features turns on what a scenario asks for.
func (s *scenario) features(t *testing.T, o *Options) {
	t.Helper()
	if s.Hold != "" {
		o.Hold = parseLevel([]byte(s.Hold))
	}
	if len(s.Redact) > 0 {
		o.Redact = redactor(t, s.Redact...)
	}
	if s.Include != "" {
		o.Include = regexp.MustCompile(s.Include)
	}
	if s.Exclude != "" {
		o.Exclude = regexp.MustCompile(s.Exclude)
	}
	if s.Process {
		o.Process = &fakeProcess{}
	}
}

// countingMeter counts how often it was asked: the n-th invocation has n.
type countingMeter struct{ n int64 }

func (m *countingMeter) Take() []emf.Property {
	m.n++
	return []emf.Property{{Name: "taken", Value: m.n}}
}

func emfSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("testdata/emf_document.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// checkEMF checks the schema, and what it cannot say: that every name points
// at a number or a dimension's text.
func checkEMF(t *testing.T, schema *jsonschema.Schema, doc string) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(doc))
	if err != nil {
		t.Errorf("%v: %s", err, doc)
		return
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("%v: %s", err, doc)
	}
	var d struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	root := v.(map[string]any)
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		t.Error(err)
	}
	for _, m := range d.AWS.CloudWatchMetrics {
		for _, set := range m.Dimensions {
			for _, name := range set {
				if _, ok := root[name].(string); !ok {
					t.Errorf("dimension %s is %v", name, root[name])
				}
			}
		}
		for _, metric := range m.Metrics {
			if _, ok := root[metric.Name].(json.Number); !ok {
				t.Errorf("metric %s is %v", metric.Name, root[metric.Name])
			}
		}
	}
	for name := range root {
		if !documented()[name] {
			t.Errorf("member %s is in no table", name)
		}
	}
	if strings.Count(doc, "\n") > 1 || len(doc) > 256<<10 {
		t.Errorf("document of %d bytes is not one line", len(doc))
	}
}

// documented are the members that the reference page knows, and those of the
// test's own dimension and meter.
func documented() map[string]bool {
	names := map[string]bool{"_aws": true, "service": true, "function_name": true, "stage": true, "taken": true}
	for _, m := range canonical.Metrics() {
		names[m.Name] = true
	}
	for _, p := range canonical.Properties() {
		names[p.Name] = true
	}
	return names
}
