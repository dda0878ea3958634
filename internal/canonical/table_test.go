package canonical

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/emf"
)

func TestSelection(t *testing.T) {
	names := func(s Selection) []string {
		var out []string
		for i, m := range Metrics() {
			if s.has(i) {
				out = append(out, m.Name)
			}
		}
		return out
	}
	basic := []string{"Invocations", "Errors", "Timeouts", "OutOfMemory", "ColdStart", "Duration"}
	for _, tc := range []struct {
		setting string
		want    []string
		unknown []string
	}{
		{"none", nil, nil},
		{"", nil, nil},
		{"basic", basic, nil},
		{"default", append(slices.Clone(basic), "InitDuration", "RestoreDuration", "BilledDuration", "RuntimeDuration", "PostRuntimeDuration",
			"ResponseLatency", "ResponseDuration", "MemoryUtilization", "MaxMemoryUsed", "ProducedBytes", "LogsDropped"), nil},
		{"Duration, Errors", []string{"Errors", "Duration"}, nil},
		{"basic,EstimatedCost,duration", append(slices.Clone(basic), "EstimatedCost"), []string{"duration"}},
	} {
		s, unknown := Select(tc.setting)
		if diff := cmp.Diff(tc.want, names(s)); diff != "" || !slices.Equal(unknown, tc.unknown) {
			t.Errorf("%q: unknown %v, (-want +got):\n%s", tc.setting, unknown, diff)
		}
	}
	if all, _ := Select("all"); len(names(all)) != len(Metrics()) {
		t.Errorf("all is %v", names(all))
	}
}

// TestTables: what the tables promise to the reference page and to CloudWatch.
func TestTables(t *testing.T) {
	units := emf.Units()
	seen := map[string]bool{"service": true, "function_name": true}
	for _, m := range Metrics() {
		if !slices.Contains(units[:], m.Unit) || m.Source == "" || m.Meaning == "" || seen[m.Name] {
			t.Errorf("metric %+v", m)
		}
		if !slices.Contains([]Preset{"basic", "default", "all"}, m.Preset) {
			t.Errorf("%s is in preset %q", m.Name, m.Preset)
		}
		seen[m.Name] = true
	}
	for _, p := range Properties() {
		if p.Meaning == "" || seen[p.Name] || strings.ToLower(p.Name) != p.Name {
			t.Errorf("property %+v", p)
		}
		seen[p.Name] = true
	}
}
