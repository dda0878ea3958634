package pipeline

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"powertools-extension/internal/jsonbytes"
	"powertools-extension/internal/telemetry"
)

// The three shapes of a line, each about 300 bytes.
const (
	benchObject = `{"level":"INFO","message":"order accepted and stored in the table","timestamp":"2024-01-15T11:30:45.123Z","customer":{"id":"c-1234","tier":"gold"},"items":[{"sku":"a-1","qty":2,"price":12.5},{"sku":"b-2","qty":1,"price":3.75}],"total":28.75,"currency":"EUR","path":"/orders/2024/01/15/o-778899"}`
	benchText   = "2024-01-15T11:30:45.123Z\tc6af9ac6-7b61-11e6-9a41-93e812345678\tINFO\torder accepted and stored in the table; customer c-1234 of tier gold, two items of a-1 for 12.50 EUR and one item of b-2 for 3.75 EUR, 28.75 EUR in total; the next step is the payment service in the same region, with three tries at most"
)

func batchOf(ev telemetry.Event) []telemetry.Event {
	batch := make([]telemetry.Event, 64)
	for i := range batch {
		batch[i] = ev
	}
	return batch
}

func benchmarkLines(b *testing.B, ev telemetry.Event) {
	r := newRig(b, func(o *Options) { o.Lines = []Destination{{Output: &nowhere{}, Stdout: true}} }).running()
	batch := batchOf(ev)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		r.HandleEvents(batch)
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*len(batch)), "ns/line")
}

func BenchmarkLineObject(b *testing.B)  { benchmarkLines(b, objectLine(benchObject)) }
func BenchmarkLineEscaped(b *testing.B) { benchmarkLines(b, textLine(benchObject)) }
func BenchmarkLineText(b *testing.B)    { benchmarkLines(b, textLine(benchText)) }
func BenchmarkLinePlainText(b *testing.B) {
	benchmarkLines(b, textLine(strings.Repeat("plain words ", 25)))
}
func BenchmarkLineKnown(b *testing.B) {
	benchmarkLines(b, objectLine(strings.TrimSuffix(benchObject, "}")+","+testTail+"}"))
}

// benchmarkBatch measures from the bytes of a posted batch of 64 lines, so
// that unescaping counts for the line that is an object in a string.
func benchmarkBatch(b *testing.B, record string) {
	r := newRig(b, func(o *Options) { o.Lines = []Destination{{Output: &nowhere{}, Stdout: true}} }).running()
	event := `{"time":"2024-01-15T11:30:45.123Z","type":"function","record":` + record + `}`
	body := []byte("[" + strings.Repeat(event+",", 63) + event + "]")
	posted := make([]byte, len(body))
	var batch []telemetry.Event
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		copy(posted, body) // the decoder writes into it
		var err error
		if batch, err = telemetry.Decode(batch[:0], posted); err != nil {
			b.Fatal(err)
		}
		r.HandleEvents(batch)
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*64), "ns/line")
}

func quoted(s string) string { return string(jsonbytes.AppendString(nil, []byte(s))) }

func BenchmarkBatchEscaped(b *testing.B) { benchmarkBatch(b, quoted(benchObject)) }
func BenchmarkBatchObject(b *testing.B)  { benchmarkBatch(b, benchObject) }
func BenchmarkBatchText(b *testing.B)    { benchmarkBatch(b, quoted(benchText)) }

// BenchmarkValidate is the share of the strict validation alone.
func BenchmarkValidate(b *testing.B) {
	obj := []byte(benchObject)
	for b.Loop() {
		if !jsonbytes.Valid(obj) {
			b.Fatal("invalid")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/line")
}

// TestLinesDoNotAllocate is the bar: no allocation for any line.
func TestLinesDoNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties the decoder's pool at random")
	}
	for name, ev := range map[string]telemetry.Event{
		"object":       objectLine(benchObject),
		"text object":  textLine(benchObject),
		"text":         textLine(benchText),
		"escaped keys": objectLine(`{"le\u0076el":"INFO","message":"x"}`),
		"not UTF-8":    textLine("caf\xe9 \xff"),
		"error":        textLine("[ERROR] KeyError: 'x'"),
		"filtered":     objectLine(`{"level":"DEBUG","message":"x"}`),
	} {
		r := newRig(t, func(o *Options) { o.Lines = []Destination{{Output: &nowhere{}}} }).running()
		batch := batchOf(ev)
		r.HandleEvents(batch)
		if n := testing.AllocsPerRun(20, func() { r.HandleEvents(batch) }); n > 0 {
			t.Errorf("%s: %v allocations per 64 lines, want 0", name, n)
		}
	}
}

// BenchmarkInterleaved: lines of many requests side by side, as on managed
// instances.
func BenchmarkInterleaved(b *testing.B) {
	for _, n := range []int{1, 16, 64} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			r := newRig(b, func(o *Options) { o.Lines = []Destination{{Output: &nowhere{}, Stdout: true}} })
			batch := make([]telemetry.Event, 64)
			for i := range batch {
				id := fmt.Sprintf("%08d-2222-4333-8444-555555555555", i%n)
				if i < n {
					r.HandleEvents(events(platform(telemetry.KindStart, t0, telemetry.Platform{RequestID: id, TraceHeader: testTrace})))
				}
				batch[i] = objectLine(`{"level":"INFO","message":"order accepted","timestamp":"2024-01-15T11:30:45.123Z","requestId":"` + id + `"}`)
			}
			b.ReportAllocs()
			k := 0
			for b.Loop() {
				r.HandleEvents(batch)
				k++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(k*len(batch)), "ns/line")
		})
	}
}
