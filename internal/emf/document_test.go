package emf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"powertools-extension/internal/emf"
)

// frozen is the time at which the vectors were taken.
var frozen = time.UnixMilli(1705318245123)

// compileSchema reads testdata/emf_document.schema.json once.
var compileSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	text, err := os.ReadFile("testdata/emf_document.schema.json")
	if err != nil {
		return nil, err
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("emf.json", schema); err != nil {
		return nil, err
	}
	return c.Compile("emf.json")
})

// checkLine fails the test unless the line is one document that CloudWatch
// would extract: it keeps the schema, and each name of its directives points
// at a member of the right type.
func checkLine(t testing.TB, line []byte) {
	t.Helper()
	if err := validLine(line); err != nil {
		t.Errorf("%v\n%s", err, line)
	}
}

func validLine(line []byte) error {
	if bytes.ContainsAny(line, "\r\n") {
		return errors.New("document is not one line")
	}
	schema, err := compileSchema()
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(line))
	if err != nil {
		return err
	}
	if err := schema.Validate(doc); err != nil {
		return err
	}
	root := doc.(map[string]any)
	if n, err := countMembers(line); err != nil || n != len(root) {
		return fmt.Errorf("%d members, %d different names, error %v", n, len(root), err)
	}
	directive := root["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
	for _, set := range directive["Dimensions"].([]any) {
		for _, name := range set.([]any) {
			if _, ok := root[name.(string)].(string); !ok {
				return fmt.Errorf("dimension %q points at %v", name, root[name.(string)])
			}
		}
	}
	for _, m := range directive["Metrics"].([]any) {
		name := m.(map[string]any)["Name"].(string)
		if err := validValue(root[name]); err != nil {
			return fmt.Errorf("metric %q: %w", name, err)
		}
	}
	return nil
}

func validValue(v any) error {
	switch v := v.(type) {
	case json.Number:
		return nil
	case []any:
		if len(v) < 2 || len(v) > 100 {
			return fmt.Errorf("array of %d values", len(v))
		}
		for _, e := range v {
			if _, ok := e.(json.Number); !ok {
				return fmt.Errorf("array with a %T", e)
			}
		}
		return nil
	}
	return fmt.Errorf("value is a %T", v)
}

// countMembers counts the members of the root object as written, so that a
// name that occurs twice is seen.
func countMembers(line []byte) (int, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	if _, err := d.Token(); err != nil {
		return 0, err
	}
	n := 0
	for d.More() {
		if _, err := d.Token(); err != nil {
			return 0, err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// printer is an Out that checks and keeps what it is given.
type printer struct {
	t     testing.TB
	mu    sync.Mutex
	lines []string
}

func (p *printer) out(line []byte) {
	checkLine(p.t, line)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, string(line))
}

// take returns the lines so far and forgets them.
func (p *printer) take() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := p.lines
	p.lines = nil
	return lines
}

// newAggregator returns an aggregator of service orders and namespace shop at
// the frozen time, and what it prints. change may alter the options.
func newAggregator(t testing.TB, change func(*emf.Options)) (*emf.Aggregator, *printer) {
	p := &printer{t: t}
	opt := emf.Options{Namespace: "shop", Service: "orders", Out: p.out, Now: func() time.Time { return frozen }}
	if change != nil {
		change(&opt)
	}
	return emf.NewAggregator(opt), p
}

// count is a sample of one value.
func count(name string, value float64) emf.Sample {
	return emf.Sample{Name: name, Unit: "Count", Values: []float64{value}}
}

// dims makes dimensions from names and values in turn.
func dims(pairs ...string) []emf.Dimension {
	var d []emf.Dimension
	for i := 0; i < len(pairs); i += 2 {
		d = append(d, emf.Dimension{Name: pairs[i], Value: pairs[i+1]})
	}
	return d
}

// wantField fails the test unless err is a *LimitError of the field.
func wantField(t testing.TB, err error, field string) *emf.LimitError {
	t.Helper()
	var limit *emf.LimitError
	if !errors.As(err, &limit) || limit.Field != field {
		t.Fatalf("got %v, want a LimitError of %s", err, field)
	}
	return limit
}

func nan() float64 { return math.NaN() }
