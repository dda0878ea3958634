package procstat_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/procstat"
)

const everything = procstat.CPU | procstat.Network | procstat.Tmp | procstat.FDs | procstat.Threads | procstat.OwnCPU | procstat.OwnMemory

func num(v float64) procstat.Figure { return procstat.Figure{Value: v, Set: true} }

// M6: sandboxes of several kinds, and files that are missing, cut or other
// than they should be. What cannot be read is absent.
func TestRead(t *testing.T) {
	const want = procstat.CPU | procstat.Network | procstat.FDs | procstat.Threads | procstat.OwnMemory
	pages := float64(os.Getpagesize()) / (1 << 20)
	for root, sample := range map[string]procstat.Sample{
		"ondemand": {
			CPUUserMs: num(12400), CPUSystemMs: num(5670), RxBytes: num(123456), TxBytes: num(7890),
			FDs: num(9), Threads: num(18), OwnMemoryMB: num(3072 * pages),
		},
		"newkernel": {CPUUserMs: num(500), CPUSystemMs: num(200), RxBytes: num(4e12), TxBytes: num(200)},
		"managed":   {RxBytes: num(300), TxBytes: num(400)},
		"rie":       {RxBytes: num(110), TxBytes: num(220)},
		"broken":    {},
		"loonly":    {},
		"no such":   {},
	} {
		t.Run(root, func(t *testing.T) {
			r := procstat.New(procstat.Options{Root: filepath.Join("testdata", root)})
			if diff := cmp.Diff(sample, r.Read(want)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestOnlyWhatIsWanted: a figure that nobody asks for is not read.
func TestOnlyWhatIsWanted(t *testing.T) {
	r := procstat.New(procstat.Options{Root: "testdata/ondemand", Tmp: t.TempDir()})
	if s := r.Read(0); s != (procstat.Sample{}) {
		t.Errorf("read %+v", s)
	}
	for want, set := range map[procstat.Want]func(procstat.Sample) procstat.Figure{
		procstat.CPU:       func(s procstat.Sample) procstat.Figure { return s.CPUSystemMs },
		procstat.Network:   func(s procstat.Sample) procstat.Figure { return s.TxBytes },
		procstat.Tmp:       func(s procstat.Sample) procstat.Figure { return s.TmpUsedBytes },
		procstat.FDs:       func(s procstat.Sample) procstat.Figure { return s.FDs },
		procstat.Threads:   func(s procstat.Sample) procstat.Figure { return s.Threads },
		procstat.OwnCPU:    func(s procstat.Sample) procstat.Figure { return s.OwnCPUMs },
		procstat.OwnMemory: func(s procstat.Sample) procstat.Figure { return s.OwnMemoryMB },
	} {
		if !set(r.Read(want)).Set || set(r.Read(everything&^want)).Set {
			t.Errorf("want %b: asked %+v, not asked %+v", want, r.Read(want), r.Read(everything&^want))
		}
	}
}

// M6: counters never run backwards, levels stay.
func TestSince(t *testing.T) {
	base := procstat.Sample{CPUUserMs: num(100), CPUSystemMs: num(50), RxBytes: num(1000), TmpUsedBytes: num(9), OwnCPUMs: num(0.1)}
	now := procstat.Sample{CPUUserMs: num(130), CPUSystemMs: num(40), RxBytes: num(1000), TxBytes: num(7), TmpUsedBytes: num(5), OwnCPUMs: num(0.3), FDs: num(3)}
	want := procstat.Sample{CPUUserMs: num(30), RxBytes: num(0), TmpUsedBytes: num(5), OwnCPUMs: num(0.2), FDs: num(3)}
	if diff := cmp.Diff(want, now.Since(base)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTooManyProcesses: where there are hundreds, this is no sandbox and the
// reading would take too long.
func TestTooManyProcesses(t *testing.T) {
	root := t.TempDir()
	for i := 1; i <= 65; i++ {
		dir := fmt.Sprintf("%s/%d", root, i)
		if err := os.MkdirAll(dir+"/fd/0", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r := procstat.New(procstat.Options{Root: root})
	if s := r.Read(procstat.FDs); s.FDs.Set {
		t.Errorf("counted %+v", s.FDs)
	}
	if err := os.RemoveAll(root + "/65"); err != nil {
		t.Fatal(err)
	}
	if s := r.Read(procstat.FDs); s.FDs != num(64) {
		t.Errorf("counted %+v, want 64", s.FDs)
	}
}

// TestLongNetworkFile: a file that is not read whole says nothing.
func TestLongNetworkFile(t *testing.T) {
	root := t.TempDir()
	if err := os.Mkdir(root+"/net", 0o755); err != nil {
		t.Fatal(err)
	}
	long := bytes.Repeat([]byte("eth0: 1 0 0 0 0 0 0 0 1 0 0 0 0 0 0 0\n"), 300)
	if err := os.WriteFile(root+"/net/dev", long, 0o644); err != nil {
		t.Fatal(err)
	}
	if s := procstat.New(procstat.Options{Root: root}).Read(procstat.Network); s.RxBytes.Set || s.TxBytes.Set {
		t.Errorf("read %+v", s)
	}
}

// TestKernel reads the kernel this test runs on: work that is done shows.
func TestKernel(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the kernel of Lambda is Linux")
	}
	r := procstat.New(procstat.Options{Tmp: t.TempDir()})
	var s procstat.Sample
	for range 20 { // the kernel may set /proc/stat back, count the time elsewhere, or run others
		base := r.Read(everything)
		until := time.Now().Add(60 * time.Millisecond)
		for time.Now().Before(until) {
			_ = strings.Repeat("x", 1000)
		}
		s = r.Read(everything).Since(base)
		if s.OwnCPUMs.Value >= 5 && s.OwnMemoryMB.Value >= 1 && s.CPUUserMs.Set && s.CPUSystemMs.Set && s.CPUUserMs.Value+s.CPUSystemMs.Value >= 10 {
			return
		}
	}
	t.Errorf("%+v: the work left no trace", s)
}

func FuzzFiles(f *testing.F) {
	f.Add([]byte("cpu  1 2 3\n"))
	f.Add([]byte("vinternal_1: 1 2 3 4 5 6 7 8 9\n"))
	f.Add([]byte("9 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"))
	f.Add([]byte("1 99999999999999999999"))
	root := f.TempDir()
	for _, dir := range []string{"net", "self", "9/fd"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			f.Fatal(err)
		}
	}
	r := procstat.New(procstat.Options{Root: root})
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, name := range []string{"stat", "net/dev", "self/statm", "9/stat"} {
			if err := os.WriteFile(filepath.Join(root, name), text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		s := r.Read(everything &^ procstat.Tmp)
		for _, v := range []procstat.Figure{s.CPUUserMs, s.CPUSystemMs, s.RxBytes, s.TxBytes, s.Threads, s.OwnMemoryMB} {
			if v.Value < 0 || !v.Set && v.Value != 0 {
				t.Errorf("%q: %+v", text, s)
			}
		}
	})
}

// BenchmarkRead is the cost of one reading; on a machine with many processes
// the last one is what it costs to see that there are too many.
func BenchmarkRead(b *testing.B) {
	r := procstat.New(procstat.Options{})
	for name, want := range map[string]procstat.Want{
		"begin": procstat.Counters, "cpu": procstat.CPU, "network": procstat.Network, "tmp": procstat.Tmp,
		"own": procstat.OwnCPU | procstat.OwnMemory, "processes": procstat.FDs | procstat.Threads, "end": everything,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				r.Read(want)
			}
		})
	}
	fixture := procstat.New(procstat.Options{Root: "testdata/ondemand"})
	b.Run("fixture, end", func(b *testing.B) {
		for b.Loop() {
			fixture.Read(everything)
		}
	})
}
