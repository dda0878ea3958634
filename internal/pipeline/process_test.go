package pipeline

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"powertools-extension/internal/canonical"
	"powertools-extension/internal/procstat"
	"powertools-extension/internal/telemetry"
)

// fakeProcess counts up by ten with each reading and keeps what was asked.
type fakeProcess struct {
	asked []procstat.Want
	next  func(n int, s *procstat.Sample) // changes the n-th reading
}

func (f *fakeProcess) Read(want procstat.Want) procstat.Sample {
	f.asked = append(f.asked, want)
	n := len(f.asked)
	v := procstat.Figure{Value: float64(10 * n), Set: true}
	s := procstat.Sample{CPUUserMs: v, CPUSystemMs: v, RxBytes: v, TxBytes: v, TmpUsedBytes: v, FDs: v, Threads: v, OwnCPUMs: v, OwnMemoryMB: v}
	if f.next != nil {
		f.next(n, &s)
	}
	return s
}

// measured is a rig that measures, and the source.
func measured(t *testing.T, metrics string) (*rig, *fakeProcess) {
	t.Helper()
	source := &fakeProcess{}
	return newRig(t, func(o *Options) {
		o.Process = source
		o.Platform, _ = canonical.Select(metrics)
	}), source
}

// TestProcessMetrics: counters are what they grew by, levels are those of the
// end, and a reading that ends one invocation begins the next.
func TestProcessMetrics(t *testing.T) {
	for name, feed := range map[string]func(r *rig){
		"runtimeDone ends": func(r *rig) {
			r.Begin(invoke("a"))
			r.HandleEvents(events(start("a"), runtimeDone("a"), report("a"), runtimeDone("a"), report("a")))
		},
		"report ends": func(r *rig) {
			r.Begin(invoke("a"))
			r.HandleEvents(events(start("a"), report("a")))
		},
		"next INVOKE ends": func(r *rig) {
			r.Begin(invoke("a"))
			r.Begin(invoke("b"))
			r.HandleEvents(events(start("a"), runtimeDone("a"), report("a")))
		},
		"another request's end is not ours": func(r *rig) {
			r.Begin(invoke("a"))
			r.HandleEvents(events(start("x"), runtimeDone("x"), report("a")))
		},
		"shutdown ends": func(r *rig) {
			r.Begin(invoke("a"))
			r.Flush("spindown", t0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, source := measured(t, "all")
			feed(r)
			got := ""
			for _, line := range r.metrics.got {
				if member(t, line, "function_request_id") == "a" {
					got = line
				}
			}
			for metric, want := range map[string]float64{
				"CpuUser": 10, "CpuSystem": 10, "RxBytes": 10, "TxBytes": 10, "ExtensionCpu": 10,
				"TmpUsed": 20, "FdUsed": 20, "Threads": 20, "ExtensionMemory": 20,
			} {
				if v := member(t, got, metric); v != want {
					t.Errorf("%s is %v, want %v", metric, v, want)
				}
			}
			if source.asked[0] != procstat.Counters {
				t.Errorf("asked for %b at INVOKE, want the counters alone", source.asked[0])
			}
		})
	}
}

// TestProcessIsAskedOnlyIfSelected: without a metric that needs it, nothing is
// read, and only what is needed otherwise.
func TestProcessIsAskedOnlyIfSelected(t *testing.T) {
	for metrics, want := range map[string][]procstat.Want{
		"none": nil, "default": nil, "EstimatedCost": nil,
		"Duration,CpuUser":         {procstat.CPU, procstat.CPU},
		"FdUsed,ExtensionMemory":   {procstat.FDs | procstat.OwnMemory},
		"RxBytes,TmpUsed,TxBytes":  {procstat.Network, procstat.Network | procstat.Tmp},
		"ExtensionCpu,Invocations": {procstat.OwnCPU, procstat.OwnCPU},
	} {
		r, source := measured(t, metrics)
		r.Begin(invoke("a"))
		r.HandleEvents(events(start("a"), runtimeDone("a"), report("a")))
		r.Flush("spindown", t0)
		asked := slices.DeleteFunc(source.asked, func(w procstat.Want) bool { return w == 0 })
		if !slices.Equal(asked, want) {
			t.Errorf("%s: asked %b, want %b", metrics, asked, want)
		}
	}
}

// M6: what cannot be read, or ran backwards, is missing and not 0.
func TestMissingProcessMetrics(t *testing.T) {
	r, source := measured(t, "all")
	source.next = func(n int, s *procstat.Sample) {
		s.TmpUsedBytes, s.FDs = procstat.Figure{}, procstat.Figure{}
		if n == 2 {
			s.CPUUserMs.Value = 1
			s.RxBytes = procstat.Figure{}
		} else {
			s.OwnCPUMs = procstat.Figure{}
		}
	}
	r.Begin(invoke("a"))
	r.HandleEvents(events(runtimeDone("a"), report("a")))
	var root map[string]json.RawMessage
	if err := json.Unmarshal([]byte(r.metrics.got[0]), &root); err != nil {
		t.Fatal(err)
	}
	for metric, want := range map[string]bool{
		"CpuUser": false, "CpuSystem": true, "RxBytes": false, "TxBytes": true, "TmpUsed": false, "FdUsed": false,
		"Threads": true, "ExtensionCpu": false, "ExtensionMemory": true,
	} {
		if _, got := root[metric]; got != want || strings.Contains(string(root["_aws"]), `"`+metric+`"`) != want {
			t.Errorf("%s is there: %v, want %v", metric, got, want)
		}
	}
}

// TestNoProcessMetricsWithoutInvoke: on managed instances several requests
// run at once, and what happens cannot be said to be of one of them.
func TestNoProcessMetricsWithoutInvoke(t *testing.T) {
	r, source := measured(t, "all")
	r.HandleEvents(events(start("a"), start("b"), report("a"), report("b")))
	if len(r.metrics.got) != 2 || member(t, r.metrics.got[0], "CpuUser") != nil || member(t, r.metrics.got[0], "TmpUsed") != nil || len(source.asked) != 0 {
		t.Errorf("asked %v: %v", source.asked, r.metrics.got)
	}
}

// TestKernelReading goes through the true reader, on this machine.
func TestKernelReading(t *testing.T) {
	r := newRig(t, func(o *Options) {
		o.Process = procstat.New(procstat.Options{Tmp: t.TempDir()})
		o.Platform, _ = canonical.Select("all")
	})
	r.Begin(invoke("a"))
	r.HandleEvents([]telemetry.Event{start("a"), runtimeDone("a"), report("a")})
	// Hypervisors set the processor times of /proc/stat back at times, so
	// those may be missing.
	for _, metric := range []string{"ExtensionCpu", "ExtensionMemory", "TmpUsed"} {
		if v, ok := member(t, r.metrics.got[0], metric).(float64); !ok || v < 0 {
			t.Errorf("%s is %v", metric, member(t, r.metrics.got[0], metric))
		}
	}
}
