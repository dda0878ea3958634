// Command stress runs compiled test suites many times beside busy loops, and
// prints a table of runs and failures. A suite that fails once in twenty runs on
// a busy machine fails every week in CI.
//
// The rule a reader could break: nothing is run again to make it pass; every
// failure is counted, and what it said is kept.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// options are the flags.
type options struct {
	runs  int
	load  int // busy loops beside the suites
	limit time.Duration
	race  bool
	keep  string // directory of what failing runs said
}

func main() {
	var o options
	flag.IntVar(&o.runs, "runs", 20, "how often each suite runs")
	flag.IntVar(&o.load, "load", 3, "busy loops beside them")
	flag.DurationVar(&o.limit, "limit", 20*time.Minute, "of one run")
	flag.BoolVar(&o.race, "race", false, "with the race detector")
	flag.StringVar(&o.keep, "keep", "bin/stress", "directory of what failing runs said")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "usage: stress [flags] PACKAGE…   e.g. ./internal/... ./test/e2e")
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	failed, err := run(ctx, o, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "stress:", err)
		os.Exit(2)
	}
	if failed > 0 {
		os.Exit(1)
	}
}

// suite is one package's tests, compiled.
type suite struct {
	name, dir, binary string
}

func run(ctx context.Context, o options, packages []string) (failed int, err error) {
	scratch, err := os.MkdirTemp("", "stress")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(scratch)
	if err := os.MkdirAll(o.keep, 0o750); err != nil {
		return 0, err
	}
	suites, err := compile(ctx, scratch, o.race, packages)
	if err != nil {
		return 0, err
	}
	defer busy(o.load)()
	fmt.Printf("%-40s %5s %8s %8s %8s  %s\n", "suite", "runs", "failures", "median s", "worst s", "what failed")
	runs := 0
	for _, s := range suites {
		var took []time.Duration
		tests := map[string]int{}
		bad := 0
		for n := 1; n <= o.runs && ctx.Err() == nil; n++ {
			began := time.Now()
			said, ok := s.once(ctx, o.limit)
			if ctx.Err() != nil {
				break
			}
			took = append(took, time.Since(began))
			if ok {
				continue
			}
			bad++
			for _, name := range failures(said) {
				tests[name]++
			}
			file := filepath.Join(o.keep, fmt.Sprintf("%s.%d.txt", strings.ReplaceAll(s.name, "/", "-"), n))
			if err := os.WriteFile(file, said, 0o600); err != nil {
				return failed, err
			}
		}
		runs += len(took)
		failed += bad
		fmt.Println(row(s.name, took, bad, tests))
	}
	fmt.Printf("%d runs of %d suites beside %d busy loops: %d passed, %d failed\n", runs, len(suites), o.load, runs-failed, failed)
	return failed, ctx.Err()
}

// compile builds the suites of the packages that have tests.
func compile(ctx context.Context, scratch string, race bool, packages []string) (suites []suite, err error) {
	list := exec.CommandContext(ctx, "go", append([]string{"list", "-f", `{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}`}, packages...)...) //nolint:gosec // the caller's packages
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	for line := range strings.Lines(string(out)) {
		path, dir, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		_, name, _ := strings.Cut(path, "/")
		s := suite{name: name, dir: dir, binary: filepath.Join(scratch, strings.ReplaceAll(name, "/", "-"))}
		args := []string{"test", "-c", "-o", s.binary, path}
		if race {
			args = slices.Insert(args, 2, "-race")
		}
		build := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the caller's packages
		if said, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w: %s", name, err, said)
		}
		suites = append(suites, s)
	}
	if len(suites) == 0 {
		return nil, errors.New("no package with tests: name some, such as ./internal/sink")
	}
	return suites, nil
}

// once runs a suite and returns what it said.
func (s suite) once(ctx context.Context, limit time.Duration) (said []byte, ok bool) {
	cmd := exec.CommandContext(ctx, s.binary, "-test.count=1", "-test.timeout="+limit.String()) //nolint:gosec // built above
	cmd.Dir = s.dir
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.Bytes(), err == nil
}

// failures are the tests that a run says have failed; without one, its last
// line, e.g. of a panic or of a time-out.
func failures(said []byte) (names []string) {
	for line := range strings.Lines(string(said)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "--- FAIL: "); ok {
			name, _, _ = strings.Cut(name, " ")
			names = append(names, name)
		}
	}
	// A test that failed because of one below it says nothing more.
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(names, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	})
	if len(names) == 0 {
		lines := strings.Split(strings.TrimSpace(string(said)), "\n")
		names = []string{lines[len(lines)-1]}
	}
	return names
}

func row(name string, took []time.Duration, bad int, tests map[string]int) string {
	var median, worst time.Duration
	if len(took) > 0 {
		slices.Sort(took)
		median, worst = took[len(took)/2], took[len(took)-1]
	}
	var what []string
	for test, n := range tests {
		what = append(what, fmt.Sprintf("%s ×%d", test, n))
	}
	slices.Sort(what)
	return fmt.Sprintf("%-40s %5d %8d %8.1f %8.1f  %s", name, len(took), bad, median.Seconds(), worst.Seconds(), strings.Join(what, ", "))
}

// busy keeps n processors at work until the returned function is called.
func busy(n int) (stop func()) {
	quit := make(chan struct{})
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
					runtime.Gosched() // and goes on
				}
			}
		})
	}
	return func() { close(quit); wg.Wait() }
}
