package pipeline

import (
	"regexp"
	"testing"

	"powertools-extension/internal/telemetry"
)

// benchmarkFeature measures what a feature costs a line, an object and a text.
func benchmarkFeature(b *testing.B, change func(*Options)) {
	for name, ev := range map[string]telemetry.Event{
		"object": objectLine(benchObject), "text": textLine(benchText), "debug": debugLine("the order was accepted"),
	} {
		b.Run(name, func(b *testing.B) {
			r := newRig(b, func(o *Options) {
				o.Lines = []Destination{{Output: &nowhere{}, Stdout: true}}
				change(o)
			}).running()
			batch := batchOf(ev)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				r.HandleEvents(batch)
				n++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*len(batch)), "ns/line")
		})
	}
}

func BenchmarkFeatureNone(b *testing.B) { benchmarkFeature(b, func(*Options) {}) }
func BenchmarkFeatureExclude(b *testing.B) {
	benchmarkFeature(b, func(o *Options) { o.Exclude = regexp.MustCompile(`health ?check`) })
}
func BenchmarkFeatureRedactKeys(b *testing.B) {
	benchmarkFeature(b, func(o *Options) { o.Redact = redactor(b, "password", "authorization", "token", "ssn") })
}
func BenchmarkFeatureRedactHit(b *testing.B) {
	benchmarkFeature(b, func(o *Options) { o.Redact = redactor(b, "customer", "tier", "order") })
}
func BenchmarkFeatureRedactExpression(b *testing.B) {
	benchmarkFeature(b, func(o *Options) { o.Redact = redactor(b, `re:\b\d{16}\b`) })
}
func BenchmarkFeatureRedactPrefix(b *testing.B) {
	benchmarkFeature(b, func(o *Options) { o.Redact = redactor(b, `re:AKIA[0-9A-Z]{16}`) })
}
func BenchmarkFeatureHold(b *testing.B) {
	benchmarkFeature(b, func(o *Options) { o.Hold = levelDebug })
}
