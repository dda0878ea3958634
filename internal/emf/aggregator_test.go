package emf_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/emf"
)

// values returns the values of a metric over the documents, in order.
func values(t *testing.T, lines []string, name string) []float64 {
	t.Helper()
	var all []float64
	for _, line := range lines {
		var root map[string]json.RawMessage
		if err := json.Unmarshal([]byte(line), &root); err != nil {
			t.Fatal(err)
		}
		raw, ok := root[name]
		if !ok {
			continue
		}
		var one float64
		var many []float64
		if json.Unmarshal(raw, &one) == nil {
			many = []float64{one}
		} else if err := json.Unmarshal(raw, &many); err != nil {
			t.Fatal(err)
		}
		all = append(all, many...)
	}
	return all
}

func sequence(n int) []float64 {
	all := make([]float64, n)
	for i := range all {
		all[i] = float64(i)
	}
	return all
}

func TestSamplesShareADocument(t *testing.T) {
	withDims := func(d ...string) emf.Sample {
		return with(count("a", 1), func(s *emf.Sample) { s.Dimensions = dims(d...) })
	}
	withMeta := func(p ...emf.Property) emf.Sample {
		return with(count("a", 1), func(s *emf.Sample) { s.Metadata = p })
	}
	x, y := emf.Property{Name: "x", Value: 1}, emf.Property{Name: "y", Value: "1"}
	minute := frozen.Truncate(time.Minute).UnixMilli()
	hires := func(ms int64) emf.Sample {
		return with(at(count("a", 1), ms), func(s *emf.Sample) { s.Resolution = 1 })
	}
	tests := []struct {
		name    string
		samples []emf.Sample
		want    int // documents
	}{
		{"same name", []emf.Sample{count("a", 1), count("a", 2)}, 1},
		{"other name", []emf.Sample{count("a", 1), count("b", 2)}, 1},
		{"default namespace spelt out", []emf.Sample{count("a", 1), with(count("a", 1), func(s *emf.Sample) { s.Namespace = "shop" })}, 1},
		{"other namespace", []emf.Sample{count("a", 1), with(count("a", 1), func(s *emf.Sample) { s.Namespace = "other" })}, 2},
		{"dimensions in another order", []emf.Sample{withDims("x", "1", "y", "2"), withDims("y", "2", "x", "1")}, 1},
		{"dimensions with other values", []emf.Sample{withDims("x", "1"), withDims("x", "2")}, 2},
		{"dimensions that look alike when joined", []emf.Sample{withDims("x", "1y"), withDims("x1", "y")}, 2},
		{"equal sets given twice", []emf.Sample{
			with(withDims("x", "1"), func(s *emf.Sample) { s.DimensionSets = [][]emf.Dimension{dims("x", "1")} }), withDims("x", "1")}, 1},
		{"metadata in another order", []emf.Sample{withMeta(x, y), withMeta(y, x)}, 1},
		{"other metadata", []emf.Sample{withMeta(x), withMeta(y)}, 2},
		{"metadata and none", []emf.Sample{withMeta(x), count("a", 1)}, 2},
		{"two resolutions of different names", []emf.Sample{count("a", 1), with(count("b", 1), func(s *emf.Sample) { s.Resolution = 1 })}, 1},
		{"two resolutions of one name", []emf.Sample{count("a", 1), with(count("a", 1), func(s *emf.Sample) { s.Resolution = 1 }), count("a", 1)}, 2},
		{"same minute", []emf.Sample{at(count("a", 1), minute), at(count("a", 1), minute+59_999)}, 1},
		{"next minute", []emf.Sample{at(count("a", 1), minute), at(count("a", 1), minute+60_000)}, 2},
		{"interleaved minutes", []emf.Sample{at(count("a", 1), minute), at(count("a", 1), minute+60_000), at(count("a", 1), minute+1)}, 2},
		{"same second in high resolution", []emf.Sample{hires(minute), hires(minute + 999)}, 1},
		{"next second in high resolution", []emf.Sample{hires(minute), hires(minute + 1000)}, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, p := newAggregator(t, nil)
			if r := a.RecordAll(tt.samples); r != nil {
				t.Fatal(r[0].Err)
			}
			if early := p.take(); len(early) > 0 {
				t.Errorf("printed before the flush: %q", early)
			}
			a.Flush(frozen)
			lines := p.take()
			if len(lines) != tt.want {
				t.Errorf("%d documents, want %d:\n%s", len(lines), tt.want, strings.Join(lines, "\n"))
			}
			if n := len(values(t, lines, "a")) + len(values(t, lines, "b")); n != len(tt.samples) {
				t.Errorf("%d values of %d samples", n, len(tt.samples))
			}
			a.Flush(frozen)
			if again := p.take(); len(again) > 0 {
				t.Errorf("printed twice: %q", again)
			}
		})
	}
}

func TestUnitChangesOnlyBetweenDocuments(t *testing.T) {
	a, p := newAggregator(t, nil)
	seconds := emf.Sample{Name: "a", Unit: "Seconds", Values: []float64{2}}
	if err := a.Record(count("a", 1)); err != nil {
		t.Fatal(err)
	}
	limit := wantField(t, a.Record(seconds), emf.FieldUnit)
	if !strings.Contains(limit.Reason, `"Seconds"`) || !strings.Contains(limit.Reason, `"Count"`) {
		t.Errorf("reason does not name both units: %s", limit.Reason)
	}
	a.Flush(frozen)
	if err := a.Record(seconds); err != nil {
		t.Errorf("after the flush: %v", err)
	}
	a.Flush(frozen)
	if got := values(t, p.take(), "a"); !slices.Equal(got, []float64{1, 2}) {
		t.Errorf("values %v", got)
	}
}

func TestSampleOfManyValuesIsSplit(t *testing.T) {
	a, p := newAggregator(t, nil)
	s := emf.Sample{Name: "a", Unit: "Count", Values: sequence(250), Dimensions: dims("x", "1"), Metadata: []emf.Property{{Name: "id", Value: 7}}}
	if err := a.Record(s); err != nil {
		t.Fatal(err)
	}
	if n := len(p.lines); n != 2 {
		t.Errorf("%d full documents before the flush, want 2", n)
	}
	a.Flush(frozen)
	lines := p.take()
	if diff := cmp.Diff(sequence(250), values(t, lines, "a")); diff != "" {
		t.Error(diff)
	}
	for _, line := range lines {
		if !strings.Contains(line, `"Dimensions":[["service","x"]]`) || !strings.Contains(line, `"id":7`) {
			t.Errorf("a part lost dimensions or metadata: %s", line)
		}
	}
	if stats := a.Stats(); stats.Recorded != 1 || stats.Documents != 3 || stats.PendingBytes != 0 {
		t.Errorf("stats %+v", stats)
	}
}

func TestDocumentsStayBelowTheSplit(t *testing.T) {
	const split = 4 << 10
	a, p := newAggregator(t, func(o *emf.Options) { o.SplitBytes = split })
	for i := range 100 {
		s := count(fmt.Sprintf("%d%s", i, strings.Repeat("ü\"", 20)), 1.0/3)
		s.Metadata = []emf.Property{{Name: "note", Value: strings.Repeat("x", 1000)}}
		if err := a.Record(s); err != nil {
			t.Fatal(err)
		}
	}
	a.Flush(frozen)
	lines := p.take()
	for _, line := range lines {
		if len(line) > split {
			t.Errorf("document of %d bytes", len(line))
		}
	}
	if len(lines) < 3 {
		t.Errorf("%d documents", len(lines))
	}
}

func TestDocumentMayExceedTheSplitAloneButNotTheLimit(t *testing.T) {
	a, p := newAggregator(t, nil)
	big := count("a", 1)
	big.Metadata = []emf.Property{{Name: "note", Value: strings.Repeat("x", 600<<10)}}
	for range 2 {
		if err := a.Record(big); err != nil {
			t.Fatal(err)
		}
	}
	a.Flush(frozen)
	if lines := p.take(); len(lines) != 2 || len(lines[0]) < 600<<10 {
		t.Errorf("%d documents", len(lines))
	}
}

func TestPendingBytesAreBounded(t *testing.T) {
	const most = 16 << 10
	printed := 0
	a, _ := newAggregator(t, func(o *emf.Options) {
		o.MaxPendingBytes, o.MaxSets = most, 100_000
		o.Out = func(line []byte) { printed++ }
	})
	for i := range 5000 {
		s := count("a", 1)
		s.Dimensions = dims("user", fmt.Sprint(i))
		if err := a.Record(s); err != nil {
			t.Fatal(err)
		}
		if n := a.Stats().PendingBytes; n > most {
			t.Fatalf("%d bytes pending after %d samples", n, i+1)
		}
	}
	a.Flush(frozen)
	if printed != 5000 {
		t.Errorf("%d documents", printed)
	}
}

func TestTooManyDimensionSetsOverflow(t *testing.T) {
	var told []int
	a, p := newAggregator(t, func(o *emf.Options) {
		o.MaxSets = 3
		o.Dimensions = dims("stage", "prod")
		o.OnOverflow = func(n int) { told = append(told, n) }
	})
	user := func(i int) emf.Sample {
		return with(count("a", float64(i)), func(s *emf.Sample) { s.Dimensions = dims("user", fmt.Sprint(i)) })
	}
	for range 2 { // the first three keep their place also later
		for i := range 6 {
			if err := a.Record(user(i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := a.Record(count("a", 100)); err != nil { // the default dimensions always pass
		t.Fatal(err)
	}
	a.Flush(frozen)
	want := []string{
		`{"_aws":{"Timestamp":1705318245123,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["service","stage","user"]],"Metrics":[{"Name":"a","Unit":"Count"}]}]},"service":"orders","stage":"prod","user":"0","a":[0,0]}`,
		`{"_aws":{"Timestamp":1705318245123,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["service","stage","user"]],"Metrics":[{"Name":"a","Unit":"Count"}]}]},"service":"orders","stage":"prod","user":"1","a":[1,1]}`,
		`{"_aws":{"Timestamp":1705318245123,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["service","stage","user"]],"Metrics":[{"Name":"a","Unit":"Count"}]}]},"service":"orders","stage":"prod","user":"2","a":[2,2]}`,
		`{"_aws":{"Timestamp":1705318245123,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["service","stage","dimension_overflow"]],"Metrics":[{"Name":"a","Unit":"Count"}]}]},"service":"orders","stage":"prod","dimension_overflow":"true","a":[3,4,5,3,4,5]}`,
		`{"_aws":{"Timestamp":1705318245123,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["service","stage"]],"Metrics":[{"Name":"a","Unit":"Count"}]}]},"service":"orders","stage":"prod","a":100}`,
	}
	if diff := cmp.Diff(want, p.take()); diff != "" {
		t.Error(diff)
	}
	if !slices.Equal(told, []int{3}) {
		t.Errorf("told %v, want once", told)
	}
	if stats := a.Stats(); stats.Overflowed != 6 || stats.Recorded != 13 {
		t.Errorf("stats %+v", stats)
	}
}

func TestSampleBelongsToTheCaller(t *testing.T) {
	a, p := newAggregator(t, nil)
	s := count("a", 1)
	s.Dimensions, s.DimensionSets = dims("x", "1"), [][]emf.Dimension{dims("y", "2")}
	raw := json.RawMessage(`{"k":1}`)
	s.Metadata = []emf.Property{{Name: "m", Value: raw}}
	if err := a.Record(s); err != nil {
		t.Fatal(err)
	}
	s.Values[0], s.Dimensions[0].Name, s.DimensionSets[0][0].Value, s.Metadata[0].Name = 9, "z", "9", "q"
	copy(raw, "garbage")
	a.Flush(frozen)
	want := `{"_aws":{"Timestamp":1705318245123,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["service","x"],["service","y"]],"Metrics":[{"Name":"a","Unit":"Count"}]}]},"m":{"k":1},"service":"orders","x":"1","y":"2","a":1}`
	if diff := cmp.Diff([]string{want}, p.take()); diff != "" {
		t.Error(diff)
	}
}

func TestDocumentTooOldAfterAFreezeIsCounted(t *testing.T) {
	a, p := newAggregator(t, nil)
	if err := a.Record(at(count("old", 1), frozen.Add(-14*24*time.Hour).UnixMilli())); err != nil {
		t.Fatal(err)
	}
	if err := a.Record(count("new", 1)); err != nil {
		t.Fatal(err)
	}
	a.Flush(frozen.Add(time.Hour))
	if lines := p.take(); len(lines) != 1 || a.Stats().Dropped != 1 || a.Stats().Documents != 1 {
		t.Errorf("printed %q, stats %+v", lines, a.Stats())
	}
}

func TestDisabledChecksAndPrintsNothing(t *testing.T) {
	a, p := newAggregator(t, func(o *emf.Options) { o.Disabled = true })
	for i := range 150 {
		if err := a.Record(count("a", float64(i))); err != nil {
			t.Fatal(err)
		}
	}
	wantField(t, a.Record(count("", 1)), emf.FieldName)
	a.Flush(frozen)
	if lines := p.take(); len(lines) > 0 {
		t.Errorf("printed %q", lines)
	}
	if stats := a.Stats(); stats.Recorded != 150 || stats.PendingBytes != 0 {
		t.Errorf("stats %+v", stats)
	}
}

func TestIndent(t *testing.T) {
	var lines []string
	a, _ := newAggregator(t, func(o *emf.Options) {
		o.Indent = true
		o.Out = func(line []byte) { lines = append(lines, string(line)) }
	})
	if r := a.RecordAll([]emf.Sample{count("a", 1), with(count("b", 2), func(s *emf.Sample) { s.Dimensions = dims("x", "1") })}); r != nil {
		t.Fatal(r)
	}
	a.Flush(frozen)
	if len(lines) != 2 {
		t.Fatalf("%d documents", len(lines))
	}
	for i, end := range []string{"\n    \"service\": \"orders\",\n    \"a\": 1\n}", "\n    \"x\": \"1\",\n    \"b\": 2\n}"} {
		if !strings.HasPrefix(lines[i], "{\n    \"_aws\": {") || !strings.HasSuffix(lines[i], end) || !json.Valid([]byte(lines[i])) {
			t.Errorf("printed %s", lines[i])
		}
	}
}

func TestWrongDefaultsAreReplacedAndTold(t *testing.T) {
	a, p := newAggregator(t, func(o *emf.Options) {
		o.Namespace, o.Service = "AWS/Lambda", "bücher"
		o.Dimensions = append(dims("stage", "", ":x", "1", "team", "pay"), manyDimensions(30)...)
	})
	var fields []string
	for _, problem := range a.Problems() {
		fields = append(fields, problem.Field)
	}
	if want := []string{"namespace", "dimensions", "dimensions", "dimensions", "dimensions"}; !slices.Equal(fields, want) {
		t.Errorf("problems with %q, want %q", fields, want)
	}
	if err := a.Record(count("a", 1)); err != nil {
		t.Fatal(err)
	}
	a.Flush(frozen)
	lines := p.take()
	if len(lines) != 1 || !strings.Contains(lines[0], `"Namespace":"default_namespace","Dimensions":[["service","team","d0"`) ||
		!strings.Contains(lines[0], `"service":"service_undefined"`) {
		t.Errorf("printed %q", lines)
	}
	if ok, _ := newAggregator(t, nil); len(ok.Problems()) != 0 {
		t.Errorf("problems %v", ok.Problems())
	}
}

func TestRecordAllTellsWhichWereRefused(t *testing.T) {
	a, _ := newAggregator(t, nil)
	got := a.RecordAll([]emf.Sample{count("a", 1), count("", 1), count("b", 1), {Name: "c", Unit: "x", Values: []float64{1}}})
	if len(got) != 2 || got[0].Index != 1 || got[0].Err.Field != "name" || got[1].Index != 3 || got[1].Err.Field != "unit" {
		t.Errorf("rejections %+v", got)
	}
	if diff := cmp.Diff(map[string]uint64{"name: empty": 1, "unit: unknown": 1}, a.Stats().Rejected); diff != "" {
		t.Error(diff)
	}
}

// TestOutMayRecord: what prints may itself be measured.
func TestOutMayRecord(t *testing.T) {
	var a *emf.Aggregator
	n := 0
	a = emf.NewAggregator(emf.Options{Out: func([]byte) {
		if n++; n == 1 {
			if err := a.Record(count("printed", 1)); err != nil {
				t.Error(err)
			}
		}
	}})
	if err := a.Record(count("a", 1)); err != nil {
		t.Fatal(err)
	}
	a.Flush(time.Now())
	a.Flush(time.Now())
	if n != 2 {
		t.Errorf("%d documents", n)
	}
}

func TestConcurrentUse(t *testing.T) {
	a, p := newAggregator(t, func(o *emf.Options) { o.MaxPendingBytes, o.MaxSets = 8<<10, 50 })
	const workers, each = 8, 400
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 1))
			for i := range each {
				s := count("a", 1)
				s.Dimensions = dims("x", fmt.Sprint(random.IntN(100)))
				if err := a.Record(s); err != nil {
					t.Error(err)
				}
				if i%50 == 0 {
					a.Flush(frozen)
					a.Stats()
				}
			}
		})
	}
	wg.Wait()
	a.Flush(frozen)
	if n := len(values(t, p.take(), "a")); n != workers*each {
		t.Errorf("%d values, want %d", n, workers*each)
	}
}

func BenchmarkRecord(b *testing.B) {
	a := emf.NewAggregator(emf.Options{})
	s := count("a", 1)
	s.Dimensions = dims("environment", "prod")
	b.ReportAllocs()
	for b.Loop() {
		if err := a.Record(s); err != nil {
			b.Fatal(err)
		}
	}
}
