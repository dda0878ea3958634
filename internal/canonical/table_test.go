package canonical

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/emf"
)

func names(s Selection) []string {
	var out []string
	for i, m := range Metrics() {
		if s.has(i) {
			out = append(out, m.Name)
		}
	}
	slices.Sort(out)
	return out
}

func words(s string) (w []string) {
	w = append(w, strings.Fields(s)...)
	slices.Sort(w)
	return w
}

// TestPresets against the table of the contract, name by name.
func TestPresets(t *testing.T) {
	const (
		preset = "ColdStart InitDuration Timeouts OutOfMemory MemoryUtilization RestoreDuration LogsDropped LinesBypassed" +
			" EventsInvalid EventsDropped GateClosed BatchRecords BatchRecordsFailed BatchRecordsUnprocessed IdempotentReplays IdempotencyInProgress IdempotencySkipped IdempotencyNotStored IdempotencyLost IdempotencyBypassed IdempotencyErrors IdempotencyStoreTime" +
			" SpansDropped SpansSkipped"
		insights = preset + " MaxMemoryUsed CpuTotal RxBytes TxBytes TmpUsed"
		all      = insights + " Invocations Errors Duration BilledDuration RuntimeDuration PostRuntimeDuration ResponseLatency ResponseDuration" +
			" ProducedBytes CpuUser CpuSystem FdUsed Threads EstimatedCost ExtensionCpu ExtensionMemory HandlerDuration ProxyDuration"
	)
	for _, tc := range []struct {
		setting, want string
		event         bool
		unknown       []string
	}{
		{"none", "", false, nil},
		{"event", "", true, nil},
		{"default", preset, true, nil},
		{"insights", insights, true, nil},
		{"all", all, true, nil},
		{"", preset, true, nil},
		{"Duration, Errors", "Duration Errors", true, nil},
		{"ALL", all, true, nil},
		{"duration,ERRORS", "Duration Errors", true, nil},
		{"default,Duration", preset + " Duration", true, nil},
		{"none,Duration", "Duration", true, nil},
		{"event,Duration", "Duration", true, nil},
		{"basic", preset, true, []string{"entry 1: neither one of none, event, default, insights, all nor a metric"}},
		{"basic,Duration", "Duration", true, []string{"entry 1: neither one of none, event, default, insights, all nor a metric"}},
		{"Duration,,Error", "Duration", true, []string{"entry 2: neither one of none, event, default, insights, all nor a metric: did you mean Errors?"}},
	} {
		s, unknown := Select(tc.setting)
		if diff := cmp.Diff(words(tc.want), names(s)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tc.setting, diff)
		}
		if diff := cmp.Diff(tc.unknown, unknown); diff != "" || s.Event() != tc.event {
			t.Errorf("%q: event %t, unknown (-want +got):\n%s", tc.setting, s.Event(), diff)
		}
	}
}

// TestBill: what a function pays for the presets, in every kind of sandbox,
// the rare metrics included.
func TestBill(t *testing.T) {
	limits := map[Preset]float64{PresetNone: 0, PresetEvent: 0, PresetDefault: 2, PresetInsights: 3.30, PresetAll: 9}
	got := map[string]string{}
	for preset, limit := range limits {
		s, _ := Select(string(preset))
		for _, initType := range []string{"on-demand", "provisioned-concurrency", "snap-start", "lambda-managed-instances", "something-new"} {
			metrics, rare := s.Billed(initType)
			if usd := float64(metrics+rare) * PricePerMetric; usd > limit+1e-9 {
				t.Errorf("%s in %s: %d metrics and %d rare ones, $%.2f a month; at most $%.2f", preset, initType, metrics, rare, usd, limit)
			}
			got[string(preset)+" "+initType] = fmt.Sprint(metrics, "+", rare)
			// A feature's figures are billed where it is switched on, in whatever
			// way; most of them are rare.
			more, moreRare := s.Billed(initType, "idempotency")
			if listed := limit > 0; more-metrics != map[bool]int{true: 1}[listed] || moreRare-rare != map[bool]int{true: 7}[listed] {
				t.Errorf("%s in %s: idempotency adds %d metrics and %d rare ones", preset, initType, more-metrics, moreRare-rare)
			}
		}
	}
	for at, want := range map[string]string{
		"none on-demand": "0+0", "event snap-start": "0+0",
		"default on-demand": "5+1", "default snap-start": "4+1", "default lambda-managed-instances": "2+1",
		"insights on-demand": "10+1", "all on-demand": "28+1", "all something-new": "28+1",
	} {
		if strings.ReplaceAll(got[at], " ", "") != want {
			t.Errorf("%s: %s, want %s", at, got[at], want)
		}
	}
	if math.Abs(PricePerMetric-0.30) > 1e-9 {
		t.Errorf("a metric costs %v", PricePerMetric)
	}
}

// TestTables: what the tables promise to the reference page and to CloudWatch.
func TestTables(t *testing.T) {
	units := emf.Units()
	seen := map[string]bool{"service": true, "function_name": true, "timestamp": true}
	for _, m := range Metrics() {
		if !slices.Contains(units[:], m.Unit) || m.Source == "" || m.Meaning == "" || seen[m.Name] {
			t.Errorf("metric %+v", m)
		}
		if !slices.Contains([]Preset{PresetDefault, PresetInsights, PresetAll}, m.Preset) {
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
	if n := len(Metrics()); n > 64 {
		t.Errorf("%d rows do not fit into a Selection", n)
	}
}
