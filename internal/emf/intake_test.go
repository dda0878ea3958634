package emf_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"powertools-extension/internal/emf"
)

// pipe stands for stdout: what is put is buffered, what is written is out.
type pipe struct {
	mu       sync.Mutex
	buffered []string
	out      []string
	at       []time.Time
}

func (p *pipe) put(line []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buffered = append(p.buffered, string(line))
}

func (p *pipe) write() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, line := range p.buffered {
		p.out, p.at = append(p.out, line), append(p.at, time.Now())
	}
	p.buffered = nil
}

// values are the samples of metric n that are out, with the time since from.
func (p *pipe) values(t *testing.T, from time.Time) map[float64]time.Duration {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	got := map[float64]time.Duration{}
	for i, line := range p.out {
		var doc struct{ N json.RawMessage }
		if err := json.Unmarshal([]byte(line), &doc); err != nil {
			t.Fatal(err)
		}
		var many []float64
		if json.Unmarshal(doc.N, &many) != nil {
			many = make([]float64, 1)
			if err := json.Unmarshal(doc.N, &many[0]); err != nil {
				t.Fatal(err)
			}
		}
		for _, v := range many {
			if _, twice := got[v]; twice {
				t.Errorf("value %v is out twice", v)
			}
			got[v] = p.at[i].Sub(from)
		}
	}
	return got
}

func newIntake(p *pipe, opt emf.Options) *emf.Intake {
	opt.Namespace, opt.Out = "shop", p.put
	return emf.NewIntake(emf.NewAggregator(opt), emf.IntakeOptions{Write: p.write})
}

// post is one request with one sample, answered when it returns.
func post(t *testing.T, in *emf.Intake, v float64) {
	t.Helper()
	if err := in.Record(emf.Sample{Name: "N", Values: []float64{v}}); err != nil {
		t.Fatal(err)
	}
	in.Settle()
}

func TestIntake(t *testing.T) {
	at := func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }
	for name, tc := range map[string]struct {
		posts []int         // when, in ms
		out   []int         // when each is out
		lines int           // documents in all
		flush time.Duration // an invocation ends then
	}{
		"one in a quiet moment":         {[]int{0}, []int{0}, 1, 0},
		"the next ones with the timer":  {[]int{0, 1, 50, 99}, []int{0, 100, 100, 100}, 2, 0},
		"quiet again":                   {[]int{0, 100, 200, 1000}, []int{0, 100, 200, 1000}, 4, 0},
		"behind a timer":                {[]int{0, 10, 150, 199, 300}, []int{0, 100, 200, 200, 300}, 4, 0},
		"the end of the invocation":     {[]int{0, 10, 20, 60}, []int{0, 40, 40, 100}, 3, at(40)},
		"a long invocation, ten a sec.": {[]int{0, 99, 198, 297, 396, 495}, []int{0, 100, 200, 300, 400, 500}, 6, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pipe{}
				in := newIntake(p, emf.Options{})
				defer in.Stop()
				from := time.Now()
				if tc.flush > 0 {
					time.AfterFunc(tc.flush, func() { in.Flush(time.Now()); p.write() })
				}
				for i, ms := range tc.posts {
					time.Sleep(time.Until(from.Add(at(ms))))
					synctest.Wait()
					post(t, in, float64(i))
				}
				time.Sleep(time.Second)
				synctest.Wait()
				got := p.values(t, from)
				for i, ms := range tc.out {
					if took, out := got[float64(i)]; !out || took != at(ms) {
						t.Errorf("sample %d of %d ms is out %t at %v, want %v", i, tc.posts[i], out, took, at(ms))
					}
				}
				if len(p.out) != tc.lines {
					t.Errorf("%d documents, want %d: %v", len(p.out), tc.lines, p.out)
				}
			})
		})
	}
}

// TestIntakeNeverHolds: whenever samples come, one that was answered a Window
// ago is out, and none is out twice. Many requests of a moment cost one
// document a Window.
func TestIntakeNeverHolds(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			p := &pipe{}
			in := newIntake(p, emf.Options{})
			defer in.Stop()
			from := time.Now()
			answered := map[float64]time.Duration{}
			for i := range 300 {
				post(t, in, float64(i))
				answered[float64(i)] = time.Since(from)
				time.Sleep(time.Duration(r.IntN(40)*r.IntN(2)) * time.Millisecond)
				if r.IntN(50) == 0 {
					time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
				}
			}
			lasted := time.Since(from)
			time.Sleep(emf.Window)
			synctest.Wait()
			got := p.values(t, from)
			for v, at := range answered {
				if out, ok := got[v]; !ok || out > at+emf.Window {
					t.Errorf("seed %d: %v was answered at %v, out %t at %v", seed, v, at, ok, out)
				}
			}
			if most := int(lasted/emf.Window) + 2; len(p.out) > most {
				t.Errorf("seed %d: %d documents in %v, want at most %d", seed, len(p.out), lasted, most)
			}
		})
	}
}

// TestIntakeFrozen: the timer fires hours late, the next event of the sandbox
// does not wait for it, and nothing is out twice.
func TestIntakeFrozen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipe{}
		var slept atomic.Int64 // a freeze stops the timers and not the wall clock
		wall := func() time.Time { return time.Now().Add(time.Duration(slept.Load())) }
		in := emf.NewIntake(emf.NewAggregator(emf.Options{Namespace: "shop", Out: p.put, Now: wall}), emf.IntakeOptions{Write: p.write, Now: wall})
		defer in.Stop()
		from := time.Now()
		post(t, in, 0)
		post(t, in, 1)
		slept.Add(int64(5 * time.Hour)) // thawed; the timer has not run yet
		in.Flush(wall())                // INVOKE
		p.write()
		post(t, in, 2)
		if got := p.values(t, from); len(got) != 3 {
			t.Errorf("out: %v", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := p.values(t, from); len(got) != 3 || len(p.out) != 3 {
			t.Errorf("out: %v", got)
		}
		slept.Add(-int64(time.Hour)) // the clock was set back
		post(t, in, 3)
		if got := p.values(t, from); len(got) != 4 {
			t.Errorf("after the clock was set back: %v", got)
		}
	})
}

// TestIntakeDisabled: nothing is written and no timer runs.
func TestIntakeDisabled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipe{}
		in := newIntake(p, emf.Options{Disabled: true})
		post(t, in, 0)
		post(t, in, 1)
		time.Sleep(time.Second)
		if len(p.out)+len(p.buffered) != 0 {
			t.Errorf("%v, %v", p.out, p.buffered)
		}
	})
}

// TestIntakeAtOnce: requests of many callers, and a flush beside them.
func TestIntakeAtOnce(t *testing.T) {
	p := &pipe{}
	in := newIntake(p, emf.Options{})
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 200 {
				if err := in.Record(emf.Sample{Name: "N", Values: []float64{float64(g*1000 + i)}}); err != nil {
					t.Error(err)
				}
				in.Settle()
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			in.Flush(time.Now())
			p.write()
		}
	})
	wg.Wait()
	in.Stop()
	in.Flush(time.Now())
	p.write()
	if got := p.values(t, time.Now()); len(got) != 1600 {
		t.Errorf("%d of 1600 samples are out", len(got))
	}
}

// TestRejectionsByKind: each kind is told once and counted always, and nothing
// that a caller wrote is in it.
func TestRejectionsByKind(t *testing.T) {
	const canary = "c4n4ry"
	var told []string
	a := emf.NewAggregator(emf.Options{OnReject: func(err *emf.LimitError) { told = append(told, err.Kind()) }})
	for i := range 3 {
		bad := []emf.Sample{
			{Name: "", Values: []float64{1}},
			{Name: strings.Repeat(canary, 100+i), Values: []float64{1}},
			{Name: "n", Unit: canary + fmt.Sprint(i), Values: []float64{1}},
			{Name: "n", Namespace: canary + "ö", Values: []float64{1}},
			{Name: "n", Dimensions: []emf.Dimension{{Name: canary, Value: canary + "ö"}}, Values: []float64{1}},
			{Name: "n", Metadata: []emf.Property{{Name: canary, Value: json.RawMessage(canary)}}, Values: []float64{1}},
			{Name: "n", Values: []float64{1}, Time: time.Now().Add(-1000 * time.Hour)},
		}
		for _, s := range bad {
			if a.Record(s) == nil {
				t.Errorf("%+v is taken", s)
			}
		}
	}
	stats := a.Stats()
	for kind, n := range stats.Rejected {
		if n != 3 || strings.Contains(kind, canary) {
			t.Errorf("%s: %d", kind, n)
		}
	}
	if len(stats.Rejected) != 7 || len(told) != 7 {
		t.Errorf("counted %v, told %v", stats.Rejected, told)
	}
	for i := range 1000 { // words of somebody else
		a.Reject(&emf.LimitError{Field: "x", Rule: fmt.Sprint(i)})
	}
	if n := len(a.Stats().Rejected); n > 101 {
		t.Errorf("%d kinds are kept", n)
	}
}

// TestDefaultNamespaceIsToldOnce, at the first sample that goes there.
func TestDefaultNamespaceIsToldOnce(t *testing.T) {
	for _, disabled := range []bool{false, true} {
		n := 0
		a := emf.NewAggregator(emf.Options{Disabled: disabled, OnDefault: func() { n++ }})
		sample := emf.Sample{Name: "n", Values: []float64{1}, Namespace: "own"}
		_ = a.Record(sample)
		if n != 0 {
			t.Error("told for a sample with a namespace of its own")
		}
		sample.Namespace = ""
		_, _ = a.Record(sample), a.Record(sample)
		if want := map[bool]int{false: 1, true: 0}[disabled]; n != want {
			t.Errorf("disabled %t: told %d times", disabled, n)
		}
	}
}
