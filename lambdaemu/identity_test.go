package lambdaemu

import "testing"

// The three sides of one trace. [LMI:telemetry/xray/tracer.go]
func TestNewTrace(t *testing.T) {
	tests := []struct{ name, header, upstream, runtime string }{
		{"sampled", "Root=1-a-b;Parent=c;Sampled=1", "Root=1-a-b;Parent=c;Sampled=1", "Root=1-a-b;Parent=<span>;Sampled=1"},
		{"not sampled", "Root=1-a-b;Parent=c;Sampled=0", "Root=1-a-b;Parent=c;Sampled=0", "Root=1-a-b;Parent=c;Sampled=0"},
		{"lineage only", "Root=1-a-b;Lineage=1:73f724a8:0", "Root=1-a-b;Lineage=1:73f724a8:0", "Root=1-a-b;Lineage=1:73f724a8:0"},
		{"none", NoTrace, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := newTrace(tt.header)
			runtime := got.runtime
			if got.spanID != "" {
				runtime = replaceOnce(runtime, got.spanID, "<span>")
			}
			if got.upstream != tt.upstream || runtime != tt.runtime {
				t.Errorf("got %+v", got)
			}
			if sampled := tt.name == "sampled"; (got.telemetryTracing() != nil) != sampled {
				t.Errorf("tracing in telemetry: %v", got.telemetryTracing())
			}
		})
	}
	if fresh := newTrace(""); fresh.spanID == "" || fresh.upstream == "" {
		t.Errorf("a new trace is %+v", fresh)
	}
}

func FuzzNewTrace(f *testing.F) {
	f.Add("Root=1-a-b;Parent=c;Sampled=1")
	f.Add(";;=;Sampled=1;Root=")
	f.Fuzz(func(t *testing.T, header string) {
		if got := newTrace(header); header != "" && header != NoTrace && got.upstream != header {
			t.Errorf("upstream header changed: %q", got.upstream)
		}
	})
}
