package localhttp_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/emf"
	"powertools-extension/internal/localhttp"

	"github.com/google/go-cmp/cmp"
)

func TestMetricsSamples(t *testing.T) {
	one := func(name string) emf.Sample { return emf.Sample{Name: name, Unit: "Count", Values: []float64{1}} }
	for name, test := range map[string]struct {
		body string
		want []emf.Sample
	}{
		"object": {`{"metrics":[{"name":"a","unit":"Count","value":1}]}`, []emf.Sample{one("a")}},
		"everything, shared members last": {
			`{"metrics":[{"name":"a","unit":"Seconds","value":[0.5,1e3],"resolution":1},{"value":-2,"name":"b"}],
			  "namespace":"shop","dimensions":{"z":"1","a":"2"},"dimension_sets":[{"x":"3"},{}],
			  "metadata":{"s":"\u00e9","t":true,"f":false,"n":12345678901234567890,"o":{"k":[1]},"null":null},"timestamp":1700000000123}`,
			func() []emf.Sample {
				shared := emf.Sample{
					Namespace:     "shop",
					Dimensions:    []emf.Dimension{{Name: "z", Value: "1"}, {Name: "a", Value: "2"}},
					DimensionSets: [][]emf.Dimension{{{Name: "x", Value: "3"}}, nil},
					Metadata: []emf.Property{
						{Name: "s", Value: "é"}, {Name: "t", Value: true}, {Name: "f", Value: false},
						{Name: "n", Value: json.RawMessage("12345678901234567890")}, {Name: "o", Value: json.RawMessage(`{"k":[1]}`)}, {Name: "null", Value: json.RawMessage("null")},
					},
					Time: time.UnixMilli(1700000000123),
				}
				a, b := shared, shared
				a.Name, a.Unit, a.Values, a.Resolution = "a", "Seconds", []float64{0.5, 1000}, 1
				b.Name, b.Values = "b", []float64{-2}
				return []emf.Sample{a, b}
			}()},
		"array":             {`[{"metrics":[{"name":"a","unit":"Count","value":1}]},{"metrics":[{"name":"b","unit":"Count","value":1}]}]`, []emf.Sample{one("a"), one("b")}},
		"lines":             {"{\"metrics\":[{\"name\":\"a\",\"unit\":\"Count\",\"value\":1}]}\n\r\n{\"metrics\":[{\"name\":\"b\",\"unit\":\"Count\",\"value\":1}]}\n", []emf.Sample{one("a"), one("b")}},
		"indented":          {"{\n \"metrics\": [\n  {\"name\": \"a\", \"unit\": \"Count\", \"value\": 1}\n ]\n}\n", []emf.Sample{one("a")}},
		"date":              {`{"timestamp":"2026-01-31T12:00:00Z","metrics":[{"name":"a","value":1}]}`, []emf.Sample{{Name: "a", Values: []float64{1}, Time: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}}},
		"bad line between":  {"{\"metrics\":[{\"name\":\"a\",\"unit\":\"Count\",\"value\":1}]}\nnonsense {\"metrics\":\n{\"metrics\":[{\"name\":\"b\",\"unit\":\"Count\",\"value\":1}]}", []emf.Sample{one("a"), one("b")}},
		"bad metric beside": {`{"metrics":[{"name":1},{"name":"a","unit":"Count","value":1},{"name":"c","value":"1"}]}`, []emf.Sample{one("a")}},
	} {
		t.Run(name, func(t *testing.T) {
			fake := &fakeMetrics{}
			w := do(newServer(localhttp.Deps{Metrics: fake}, localhttp.Options{}), "POST", "/metrics", test.body)
			if w.Code != 202 {
				t.Fatalf("got %d %s", w.Code, w.Body)
			}
			if diff := cmp.Diff(test.want, fake.samples); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMetricsAnswers(t *testing.T) {
	limits := func(s emf.Sample) error {
		switch s.Name {
		case "dims":
			return &emf.LimitError{Field: "dimensions", Reason: "too many"}
		case "unit":
			return &emf.LimitError{Field: "unit", Reason: `unknown unit "count"`}
		case "odd":
			return errors.New("closed")
		case "token":
			return &emf.LimitError{Field: "name", Reason: "bad " + token}
		}
		return nil
	}
	const good = `{"name":"a","value":1}`
	metrics := func(list ...string) string { return `{"metrics":[` + strings.Join(list, ",") + `]}` }
	for name, test := range map[string]struct {
		body   string
		status int
		want   string // the whole body of 202, a part of it otherwise
	}{
		"all taken":           {metrics(good, good), 202, `{"accepted":2,"rejected":[]}`},
		"refused by limits":   {metrics(good, `{"name":"unit","value":1}`, `{"name":"dims","value":1}`), 202, `{"accepted":1,"rejected":[{"index":0,"field":"metrics[1].unit","reason":"unknown unit \"count\""},{"index":0,"field":"dimensions","reason":"too many"}]}`},
		"all refused":         {metrics(`{"name":"unit","value":1}`), 400, `{"accepted":0,"rejected":[{"index":0,"field":"metrics[0].unit","reason":"unknown unit \"count\""}]}`},
		"other error":         {metrics(`{"name":"odd","value":1}`), 400, `{"accepted":0,"rejected":[{"index":0,"field":"metrics[0]","reason":"closed"}]}`},
		"token in a reason":   {metrics(`{"name":"token","value":1}`), 400, `{"accepted":0,"rejected":[{"index":0,"field":"metrics[0].name","reason":"bad [redacted]"}]}`},
		"second object":       {metrics(good) + "\n" + metrics(`{"name":"a","valu":1}`), 202, `{"accepted":1,"rejected":[{"index":1,"field":"metrics[0].valu","reason":"unknown member: did you mean value?"}]}`},
		"broken second line":  {metrics(good) + "\n{\"metrics\":[\n" + metrics(good), 202, `{"accepted":2,"rejected":[{"index":1,"field":"","reason":"not JSON: unexpected end of body"}]}`},
		"number as name":      {metrics(good, `{"name":1,"value":1}`), 202, `{"accepted":1,"rejected":[{"index":0,"field":"metrics[1].name","reason":"want a string"}]}`},
		"string as value":     {metrics(good, `{"name":"a","value":"1"}`), 202, `{"accepted":1,"rejected":[{"index":0,"field":"metrics[1].value","reason":"want a number"}]}`},
		"null in values":      {metrics(good, `{"name":"a","value":[1,null]}`), 202, `{"accepted":1,"rejected":[{"index":0,"field":"metrics[1].value[1]","reason":"want a number"}]}`},
		"too large a number":  {metrics(good, `{"name":"a","value":1e999}`), 202, `{"accepted":1,"rejected":[{"index":0,"field":"metrics[1].value","reason":"number is out of range"}]}`},
		"half a resolution":   {metrics(good, `{"name":"a","value":1,"resolution":1.5}`), 202, `{"accepted":1,"rejected":[{"index":0,"field":"metrics[1].resolution","reason":"want 1 or 60"}]}`},
		"resolution zero":     {metrics(good, `{"name":"a","value":1,"resolution":0}`), 202, `{"accepted":1,"rejected":[{"index":0,"field":"metrics[1].resolution","reason":"want 1 or 60"}]}`},
		"huge resolution":     {metrics(good, `{"name":"a","value":1,"resolution":1e300}`), 202, `{"accepted":1,"rejected":[{"index":0,"field":"metrics[1].resolution","reason":"want 1 or 60"}]}`},
		"metric is a number":  {metrics(good, `1`), 202, `{"accepted":1,"rejected":[{"index":0,"field":"metrics[1]","reason":"want an object"}]}`},
		"bad dimension":       {metrics(good) + `{"dimensions":{"a":1},"metrics":[` + good + `]}`, 202, `{"accepted":1,"rejected":[{"index":1,"field":"dimensions.a","reason":"want a string"}]}`},
		"bad dimension set":   {metrics(good) + `{"dimension_sets":[{},{"a":1}],"metrics":[` + good + `]}`, 202, `{"accepted":1,"rejected":[{"index":1,"field":"dimension_sets[1].a","reason":"want a string"}]}`},
		"sets not an array":   {metrics(good) + `{"dimension_sets":{},"metrics":[` + good + `]}`, 202, `{"accepted":1,"rejected":[{"index":1,"field":"dimension_sets","reason":"want an array"}]}`},
		"bad timestamp":       {metrics(good) + `{"timestamp":"yesterday","metrics":[` + good + `]}`, 202, `{"accepted":1,"rejected":[{"index":1,"field":"timestamp","reason":"want milliseconds since 1970, or a date such as 2026-01-31T12:00:00Z"}]}`},
		"huge timestamp":      {metrics(good) + `{"timestamp":1e300,"metrics":[` + good + `]}`, 202, `{"accepted":1,"rejected":[{"index":1,"field":"timestamp","reason":"want milliseconds since 1970, or a date such as 2026-01-31T12:00:00Z"}]}`},
		"unknown member":      {metrics(good) + `{"metric":[` + good + `]}`, 202, `{"accepted":1,"rejected":[{"index":1,"field":"metric","reason":"unknown member: did you mean metrics?"}]}`},
		"no metrics":          {metrics(good) + `{}`, 202, `{"accepted":1,"rejected":[{"index":1,"field":"metrics","reason":"is missing: want an array of metrics"}]}`},
		"empty metrics":       {metrics(good) + `{"metrics":[]}`, 202, `{"accepted":1,"rejected":[{"index":1,"field":"metrics","reason":"want an array of at least one metric"}]}`},
		"metrics not a list":  {metrics(good) + `{"metrics":` + good + `}`, 202, `{"accepted":1,"rejected":[{"index":1,"field":"metrics","reason":"want an array of at least one metric"}]}`},
		"member twice":        {metrics(good) + "\n" + `{"metrics":[` + good + `],"metrics":[]}`, 202, `{"accepted":1,"rejected":[{"index":1,"field":"","reason":"not JSON: duplicate object member name"}]}`},
		"array in lines":      {"[" + metrics(good) + "]\n" + metrics(good), 202, `{"accepted":2,"rejected":[]}`},
		"empty":               {"", 400, `{"accepted":0,"rejected":[{"index":0,"field":"","reason":"no metric in the body: want {\"metrics\":[{\"name\":\"orders\",\"unit\":\"Count\",\"value\":1}]}"}]}`},
		"space":               {" \n\t", 400, `no metric in the body`},
		"not JSON":            {"orders=1", 400, `"reason":"not JSON: invalid character`},
		"cut":                 {`{"metrics":[`, 400, `unexpected end of body`},
		"broken array":        {"[" + metrics(good) + ",]", 400, `"reason":"not JSON`},
		"not UTF-8":           {`{"metrics":[{"name":"` + "\xff" + `","value":1}]}`, 400, `invalid UTF-8`},
		"null":                {"null", 400, `{"accepted":0,"rejected":[{"index":0,"field":"","reason":"want an object"}]}`},
		"nothing but shapes":  {`{"metrics":5}`, 400, `"field":"metrics","reason":"want an array`},
		"empty array":         {`[]`, 400, `no metric in the body`},
		"deep":                {strings.Repeat("[", 100_000), 400, `"reason":"not JSON`},
		"deep in metadata":    {`{"metadata":{"a":` + strings.Repeat(`[`, 20_000) + `}}`, 400, `"reason":"not JSON`},
		"very long unknown":   {`{"` + strings.Repeat("x", 100_000) + `":1}`, 400, `unknown member`},
		"very long dimension": {`{"dimensions":{"` + strings.Repeat("x", 100_000) + `":1},"metrics":[` + good + `]}`, 400, `want a string`},
		"empty dimension":     {`{"dimensions":{"a":"","b":"x"},"metrics":[` + good + `]}`, 202, `{"accepted":1,"rejected":[{"index":0,"field":"dimensions.a","reason":"empty: the metrics are kept without this dimension"}]}`},
		"blank, null, unnamed": {`{"dimensions":{"a":" \t","b":null,"":"x"},"dimension_sets":[{"c":""}],"metrics":[` + good + `]}`, 202, `{"accepted":1,"rejected":[` +
			`{"index":0,"field":"dimensions.a","reason":"empty: the metrics are kept without this dimension"},{"index":0,"field":"dimensions.b","reason":"empty: the metrics are kept without this dimension"},` +
			`{"index":0,"field":"dimensions.","reason":"empty: the metrics are kept without this dimension"},{"index":0,"field":"dimension_sets[0].c","reason":"empty: the metrics are kept without this dimension"}]}`},
		"one more than limit": {strings.Repeat("x", 262145), 413, `"code":"body_too_large"`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(localhttp.Deps{Metrics: &fakeMetrics{refuse: limits}}, localhttp.Options{})
			w := do(s, "POST", "/metrics", test.body)
			if w.Code != test.status {
				t.Fatalf("got %d %.500s", w.Code, w.Body)
			}
			if w.Code == 202 {
				if diff := cmp.Diff(test.want, w.Body.String()); diff != "" {
					t.Error(diff)
				}
				return
			}
			if !strings.Contains(w.Body.String(), test.want) || w.Body.Len() > 2000 {
				t.Errorf("want %s in %.2000s", test.want, w.Body)
			}
			var answer struct {
				Accepted *int
				Rejected []any
			}
			if err := json.Unmarshal(w.Body.Bytes(), &answer); w.Code == 400 && (err != nil || answer.Accepted == nil || len(answer.Rejected) == 0) {
				t.Errorf("not the body of 202: %v, %.500s", err, w.Body)
			}
		})
	}
}

// TestMetricsSettleOnce for each request of which something was taken, and what
// was no sample is counted without a word of the caller's.
func TestMetricsSettleOnce(t *testing.T) {
	const canary = "c4n4ry"
	for name, tc := range map[string]struct {
		body             string
		samples, skipped int
		rejected         []string
	}{
		"many":       {`[{"metrics":[{"name":"a","value":1},{"name":"b","value":1}]},{"metrics":[{"name":"c","value":1}]}]`, 3, 0, nil},
		"nothing":    {``, 0, 0, []string{"body: no metric in the body"}},
		"dimension":  {`{"dimensions":{"` + canary + `":""},"metrics":[{"name":"a","value":1},{"name":"b","value":1}]}`, 2, 1, nil},
		"members":    {`{"` + canary + `":1}` + `{"metrics":[{"` + canary + `":1,"name":"a"},{"name":1},{"unit":1},{"value":["` + canary + `"]},7]}`, 0, 0, []string{"body: unknown member", "metrics: unknown member", "name: want a string", "unit: want a string", "value: want a number", "metrics: want an object"}},
		"objects":    {`{"dimensions":{"` + canary + `":7}}{"dimension_sets":[{"` + canary + `":7}]}{"namespace":1}{"metadata":1}{"timestamp":"` + canary + `"}7`, 0, 0, []string{"dimensions: want a string", "dimension_sets: want a string", "namespace: want a string", "metadata: want an object", "timestamp: want milliseconds since 1970, or a date such as 2026-01-31T12", "body: want an object"}},
		"no JSON":    {canary, 0, 0, []string{"body: not JSON"}},
		"a resolved": {`{"metrics":[{"name":"a","value":1,"resolution":7.5}]}`, 0, 0, []string{"resolution: want 1 or 60"}},
	} {
		fake := &fakeMetrics{}
		do(newServer(localhttp.Deps{Metrics: fake}, localhttp.Options{}), "POST", "/metrics", tc.body)
		if diff := cmp.Diff(tc.rejected, fake.rejected); diff != "" || fake.settled != min(tc.samples, 1) || len(fake.samples) != tc.samples || fake.skipped != tc.skipped {
			t.Errorf("%s: settled %d, %d samples, %d skipped, rejected (-want +got):\n%s", name, fake.settled, len(fake.samples), fake.skipped, diff)
		}
	}
}

// TestManyRejections: the answer is bounded however many objects are wrong.
func TestManyRejections(t *testing.T) {
	fake := &fakeMetrics{}
	body := `{"metrics":[{"name":"a","value":1}]}` + strings.Repeat("\n{}", 5000)
	w := do(newServer(localhttp.Deps{Metrics: fake}, localhttp.Options{}), "POST", "/metrics", body)
	var answer struct {
		Accepted int
		Rejected []any
		More     int `json:"more_rejected"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.Accepted != 1 || len(answer.Rejected) != 100 || answer.More != 4900 {
		t.Errorf("got %d accepted, %d listed, %d more", answer.Accepted, len(answer.Rejected), answer.More)
	}
}

func TestMetricsEncoding(t *testing.T) {
	s := newServer(localhttp.Deps{Metrics: &fakeMetrics{}}, localhttp.Options{})
	for _, coding := range []string{"gzip", "br", "deflate, gzip"} {
		w := do(s, "POST", "/metrics", "\x1f\x8b\x08", "Content-Encoding", coding)
		if w.Code != 415 || !strings.Contains(w.Body.String(), `"code":"unsupported_encoding"`) {
			t.Errorf("%s: %d %s", coding, w.Code, w.Body)
		}
	}
	w := do(s, "POST", "/metrics", `{"metrics":[{"name":"a","value":1}]}`, "Content-Encoding", "identity", "Content-Type", "application/x-www-form-urlencoded")
	if w.Code != 202 {
		t.Errorf("identity: %d %s", w.Code, w.Body)
	}
}
