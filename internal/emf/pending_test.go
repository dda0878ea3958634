package emf_test

import (
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

// pending returns copies of what Pending shows at the time.
func pending(a *emf.Aggregator, now time.Time) []string {
	var lines []string
	a.Pending(now, func(line []byte) { lines = append(lines, string(line)) })
	return lines
}

// randomSamples are of a few namespaces, dimensions, resolutions, times and
// metadata, so that some share a document and some do not.
func randomSamples(rnd *rand.Rand, n int) []emf.Sample {
	samples := make([]emf.Sample, n)
	for i := range samples {
		s := emf.Sample{
			Name: fmt.Sprint("m", rnd.IntN(6)), Unit: []string{"Count", "Milliseconds"}[rnd.IntN(2)],
			Namespace: []string{"", "shop", "other", "third"}[rnd.IntN(4)], Resolution: []int{0, 1, 60}[rnd.IntN(3)],
			Values: sequence(1 + rnd.IntN(3)),
		}
		if rnd.IntN(20) == 0 {
			s.Values = sequence(250)
		}
		if rnd.IntN(2) == 0 {
			s.Dimensions = dims("x", fmt.Sprint(rnd.IntN(4)), `y"`, "\\")
		}
		if rnd.IntN(3) == 0 {
			s.DimensionSets = [][]emf.Dimension{dims("z", fmt.Sprint(rnd.IntN(2))), dims("ü", "1")}
		}
		if rnd.IntN(3) == 0 {
			s.Metadata = []emf.Property{{Name: "id", Value: rnd.IntN(3)}, {Name: "text", Value: "\n<\u2028"}}
		}
		if rnd.IntN(2) == 0 {
			s.Time = frozen.Add(time.Duration(rnd.IntN(120_000)-60_000) * time.Millisecond)
		}
		samples[i] = s
	}
	return samples
}

// TestPendingIsWhatFlushPrints: byte for byte, whatever was recorded, and
// however often it is asked for.
func TestPendingIsWhatFlushPrints(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*emf.Options)
	}{
		{"defaults", nil},
		{"further default dimensions", func(o *emf.Options) { o.Dimensions = dims("stage", "prod") }},
		{"documents are split early", func(o *emf.Options) { o.SplitBytes = 1 << 10 }},
		{"all is printed early", func(o *emf.Options) { o.MaxPendingBytes = 4 << 10 }},
		{"dimensions overflow", func(o *emf.Options) { o.MaxSets = 2 }},
		{"indented", func(o *emf.Options) { o.Indent = true }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			waited := 0
			for seed := range uint64(100) {
				waited += pendingEqualsFlush(t, seed, tt.change)
			}
			if waited < 100 {
				t.Errorf("%d documents waited in all: nothing was compared", waited)
			}
		})
	}
}

// pendingEqualsFlush records random samples, looks at what waits in between,
// and compares at the end. It returns how many documents waited then.
func pendingEqualsFlush(t *testing.T, seed uint64, change func(*emf.Options)) int {
	t.Helper()
	var printed []string
	a, _ := newAggregator(t, func(o *emf.Options) {
		if change != nil {
			change(o)
		}
		o.Out = func(line []byte) { printed = append(printed, string(line)) }
	})
	rnd := rand.New(rand.NewPCG(seed, 11))
	for _, s := range randomSamples(rnd, 1+rnd.IntN(60)) {
		_ = a.Record(s) // another unit for the same name is refused, and that is fine
		if rnd.IntN(8) > 0 {
			continue
		}
		before, stats := len(printed), a.Stats()
		pending(a, frozen)
		if len(printed) != before || !cmp.Equal(stats, a.Stats()) {
			t.Fatalf("seed %d: it printed %q; stats %+v, before %+v", seed, printed[before:], a.Stats(), stats)
		}
	}
	want := pending(a, frozen)
	if diff := cmp.Diff(want, pending(a, frozen)); diff != "" {
		t.Fatalf("seed %d: the second look differs:\n%s", seed, diff)
	}
	printed = nil
	a.Flush(frozen)
	if diff := cmp.Diff(want, printed); diff != "" {
		t.Fatalf("seed %d (-pending +flushed):\n%s", seed, diff)
	}
	return len(want)
}

// TestLookingChangesNothing: two aggregators take the same samples, and one is
// looked at after each of them. They print the same in the same order.
func TestLookingChangesNothing(t *testing.T) {
	for seed := range uint64(50) {
		change := func(o *emf.Options) { o.SplitBytes, o.MaxSets, o.MaxPendingBytes = 2<<10, 5, 6<<10 }
		watched, got := newAggregator(t, change)
		alone, want := newAggregator(t, change)
		for _, s := range randomSamples(rand.New(rand.NewPCG(seed, 12)), 40) {
			_ = watched.Record(s)
			_ = alone.Record(s)
			pending(watched, frozen)
			pending(watched, frozen.Add(30*24*time.Hour)) // all too old: not counted as dropped
		}
		watched.Flush(frozen)
		alone.Flush(frozen)
		if diff := cmp.Diff(want.take(), got.take()); diff != "" {
			t.Fatalf("seed %d (-alone +watched):\n%s", seed, diff)
		}
		if diff := cmp.Diff(alone.Stats(), watched.Stats()); diff != "" {
			t.Fatalf("seed %d: stats (-alone +watched):\n%s", seed, diff)
		}
	}
}

// TestPendingShowsEachDocument in full, in the order of their beginning.
func TestPendingShowsEachDocument(t *testing.T) {
	a, _ := newAggregator(t, nil)
	for _, s := range []emf.Sample{
		count("a", 1),
		with(count("b", 2), func(s *emf.Sample) { s.Namespace, s.Resolution = "other", 1 }),
		with(count("c", 3), func(s *emf.Sample) {
			s.Dimensions, s.Metadata = dims("x", "1"), []emf.Property{{Name: "id", Value: 7}}
		}),
		count("a", 4),
	} {
		if err := a.Record(s); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		`{"_aws":{"Timestamp":1705318245123,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["service"]],"Metrics":[{"Name":"a","Unit":"Count"}]}]},"service":"orders","a":[1,4]}`,
		`{"_aws":{"Timestamp":1705318245123,"CloudWatchMetrics":[{"Namespace":"other","Dimensions":[["service"]],"Metrics":[{"Name":"b","Unit":"Count","StorageResolution":1}]}]},"service":"orders","b":2}`,
		`{"_aws":{"Timestamp":1705318245123,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["service","x"]],"Metrics":[{"Name":"c","Unit":"Count"}]}]},"id":7,"service":"orders","x":"1","c":3}`,
	}
	if diff := cmp.Diff(want, pending(a, frozen)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPendingLeavesOutWhatIsTooOld: Flush drops and counts it, a look does
// neither.
func TestPendingLeavesOutWhatIsTooOld(t *testing.T) {
	const twoWeeks = 14 * 24 * time.Hour
	a, p := newAggregator(t, nil)
	for i, s := range []emf.Sample{
		at(count("old", 1), frozen.Add(-twoWeeks).UnixMilli()),
		count("new", 2),
		with(at(count("old too", 3), frozen.Add(-twoWeeks).UnixMilli()), func(s *emf.Sample) { s.Namespace = "other" }),
	} {
		if err := a.Record(s); err != nil {
			t.Fatalf("sample %d: %v", i, err)
		}
	}
	if got := pending(a, frozen); len(got) != 3 {
		t.Errorf("%d of 3 documents are shown while none is too old: %q", len(got), got)
	}
	thawed := frozen.Add(time.Hour)
	want := pending(a, thawed)
	if len(want) != 1 || !strings.Contains(want[0], `"new":2`) {
		t.Errorf("shown after the freeze: %q, want the new one alone", want)
	}
	if got := a.Stats().Dropped; got != 0 {
		t.Errorf("a look counted %d documents as dropped", got)
	}
	a.Flush(thawed)
	if diff := cmp.Diff(want, p.take()); diff != "" || a.Stats().Dropped != 2 {
		t.Errorf("dropped %d, want 2 (-pending +flushed):\n%s", a.Stats().Dropped, diff)
	}
}

func TestPendingShowsNothingWhereNothingWaits(t *testing.T) {
	record := func(a *emf.Aggregator) {
		if err := a.Record(count("a", 1)); err != nil {
			t.Error(err)
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*emf.Options)
		before func(a *emf.Aggregator)
	}{
		{"nothing was recorded", nil, func(*emf.Aggregator) {}},
		{"disabled", func(o *emf.Options) { o.Disabled = true }, record},
		{"flushed", nil, func(a *emf.Aggregator) { record(a); a.Flush(frozen) }},
		{"the only document was full", nil, func(a *emf.Aggregator) {
			if err := a.Record(emf.Sample{Name: "a", Unit: "Count", Values: sequence(emf.MaxValues)}); err != nil {
				t.Error(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, _ := newAggregator(t, tt.change)
			tt.before(a)
			if got := pending(a, frozen); len(got) > 0 {
				t.Errorf("shown: %q", got)
			}
		})
	}
}

// TestPendingBesideOthers: a look while samples come in and leave sees whole
// documents only, and no sample is lost by it.
func TestPendingBesideOthers(t *testing.T) {
	a, p := newAggregator(t, func(o *emf.Options) { o.MaxPendingBytes = 8 << 10 })
	const workers, each = 4, 200
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				s := count("a", 1)
				s.Dimensions = dims("x", fmt.Sprint((w+i)%7))
				if err := a.Record(s); err != nil {
					t.Error(err)
				}
				if i%20 == w {
					a.Flush(frozen)
				}
			}
		})
	}
	stop := make(chan struct{})
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		for {
			select {
			case <-stop:
				return
			default:
				a.Pending(frozen, func(line []byte) { checkLine(t, line) })
			}
		}
	}()
	wg.Wait()
	close(stop)
	<-looked
	a.Flush(frozen)
	got := values(t, p.take(), "a")
	if len(got) != workers*each || slices.ContainsFunc(got, func(v float64) bool { return v != 1 }) {
		t.Errorf("%d values, want %d ones", len(got), workers*each)
	}
}
