package telemetry

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// lines makes a batch of n function lines.
func lines(n int, record string) []byte {
	var b bytes.Buffer
	b.WriteByte('[')
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"time":"2022-10-12T00:03:50.%03dZ","type":"function","record":%s}`, i%1000, record)
	}
	b.WriteByte(']')
	return b.Bytes()
}

// Records of 300 bytes: what a structured logger prints, as text and as an
// object, and a plain line.
var (
	objectRecord = `{"timestamp":"2022-10-12T00:03:50.000Z","level":"INFO","requestId":"79b4f56e-95b1-4643-9700-2807f4e68189","message":"order accepted","order":{"id":"A-1029384756","items":3,"total":129.95,"currency":"EUR"},"customer":"c-99812","region":"eu-central-1","latency_ms":12.75,"retry":false,"tags":["web","new","eu"]}`
	textRecord   = quoted(objectRecord + "\n")
	plainRecord  = quoted(strings.Repeat("order accepted for customer c-99812 in 12.75 ms; ", 7)[:298] + "\n")
)

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestDecodeAllocatesNothingPerLine(t *testing.T) {
	for name, record := range map[string]string{"text": textRecord, "object": objectRecord, "plain": plainRecord, "number": "1"} {
		t.Run(name, func(t *testing.T) {
			batch := lines(64, record)
			body, events := make([]byte, len(batch)), make([]Event, 0, 64)
			allocs := testing.AllocsPerRun(100, func() {
				copy(body, batch)
				got, err := Decode(events[:0], body)
				if err != nil || len(got) != 64 {
					t.Fatalf("%d events, %v", len(got), err)
				}
			})
			if allocs != 0 {
				t.Errorf("%v allocations for 64 lines", allocs)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, form := range []struct{ name, record string }{{"text", textRecord}, {"object", objectRecord}, {"plain", plainRecord}} {
		b.Run(form.name, func(b *testing.B) {
			batch := lines(64, form.record)
			body, events := make([]byte, len(batch)), make([]Event, 0, 64)
			b.ReportAllocs()
			b.SetBytes(int64(len(batch)))
			for b.Loop() {
				copy(body, batch)
				events, _ = Decode(events[:0], body)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/line")
		})
	}
}
