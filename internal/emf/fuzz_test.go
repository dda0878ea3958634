package emf_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/emf"
)

// FuzzAppendDocument: whatever goes in, what comes out is nothing or one line
// that CloudWatch would extract.
func FuzzAppendDocument(f *testing.F) {
	f.Add("shop", "service", "orders", "a", "Count", "id", "b-1", []byte(`{"a":[1]}`), 1.5, int64(1705318245123), uint8(1))
	f.Add("n", `d"`, "\\", "größe\n", "", "\u2028", "\xff\x00", []byte(" \"\xff\\\"\" "), -1e-7, int64(0), uint8(99))
	f.Add("", "_aws", "", "_aws", "count", "_aws", "", []byte("{"), 1e300, int64(-1), uint8(0))
	f.Fuzz(func(t *testing.T, namespace, dimName, dimValue, name, unit, key, text string, raw []byte, value float64, ms int64, n uint8) {
		doc := emf.Document{
			Time: time.UnixMilli(ms), Namespace: namespace,
			Dimensions: [][]emf.Dimension{dims("service", "s", dimName, dimValue), dims(dimName, dimValue), dims("other", dimValue)},
			Properties: []emf.Property{{Name: key, Value: text}, {Name: text, Value: json.RawMessage(raw)}, {Name: key + "f", Value: value}},
			Metrics:    []emf.Metric{{Name: name, Unit: unit, Values: make([]float64, n)}, {Name: name + key, Unit: unit, Values: []float64{value}, Resolution: int(n)}},
		}
		got, err := emf.AppendDocument([]byte("x"), doc)
		if err != nil {
			if string(got) != "x" {
				t.Fatalf("returned %q with %v", got, err)
			}
			return
		}
		checkLine(t, got[1:])
	})
}

// FuzzRecord: as above for the aggregator, and no accepted value is lost.
func FuzzRecord(f *testing.F) {
	f.Add("shop", "x", "1", "a", "Count", "id", []byte(`1`), 2.0, int64(0), uint8(3), uint8(1))
	f.Add("", "service", "s", "b", "", "k", []byte(`"text"`), 1e-7, int64(61_000), uint8(250), uint8(60))
	f.Add("AWS/x", ":", " ", "", "count", "", []byte(``), 0.0, int64(1)<<50, uint8(0), uint8(7))
	f.Fuzz(func(t *testing.T, namespace, dimName, dimValue, name, unit, key string, raw []byte, value float64, shift int64, n, resolution uint8) {
		a, p := newAggregator(t, func(o *emf.Options) {
			o.MaxSets, o.MaxPendingBytes, o.SplitBytes = 2, 8<<10, 2<<10
			o.Dimensions = dims("stage", "prod", key, dimValue)
		})
		sample := emf.Sample{Namespace: namespace, Name: name, Unit: unit, Resolution: int(resolution), Values: []float64{value}}
		many := sample
		many.Values = make([]float64, n)
		dimmed := sample
		dimmed.Dimensions = dims(dimName, dimValue)
		dimmed.DimensionSets = [][]emf.Dimension{dims(dimName, dimValue), dims("y", "1")}
		described := dimmed
		described.Metadata = []emf.Property{{Name: key, Value: json.RawMessage(raw)}}
		shifted := described
		shifted.Time = frozen.Add(time.Duration(shift) * time.Millisecond)
		third := dimmed
		third.Dimensions = dims(dimName+"3", dimValue)

		accepted := 0
		for _, s := range []emf.Sample{sample, many, dimmed, described, shifted, third, sample} {
			if a.Record(s) == nil {
				accepted += len(s.Values)
			}
		}
		a.Flush(frozen)
		lines := p.take()
		if got := len(values(t, lines, strings.ToValidUTF8(name, "\ufffd"))); got != accepted {
			t.Errorf("%d values accepted, %d printed:\n%s", accepted, got, strings.Join(lines, "\n"))
		}
		if stats := a.Stats(); stats.PendingBytes != 0 || stats.Dropped != 0 || stats.Documents != uint64(len(lines)) {
			t.Errorf("stats %+v", stats)
		}
	})
}
