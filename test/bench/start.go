package main

import (
	"fmt"
	"log"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// measureStart times exec → first next, rounds × starts of each binary,
// interleaved, and compares the medians of the rounds' medians. Memory is
// read while next is pending.
func measureStart(ours, bare string, rounds, starts int) []string {
	type sample struct{ start, rss, cpu []float64 }
	var a, b sample
	for range rounds {
		var ra, rb sample
		for range starts {
			for _, x := range []struct {
				binary string
				into   *sample
			}{{ours, &ra}, {bare, &rb}} {
				took, rss, cpu := startOnce(x.binary)
				x.into.start = append(x.into.start, took)
				x.into.rss = append(x.into.rss, rss)
				x.into.cpu = append(x.into.cpu, cpu)
			}
		}
		a.start, b.start = append(a.start, median(ra.start)), append(b.start, median(rb.start))
		a.rss, b.rss = append(a.rss, median(ra.rss)), append(b.rss, median(rb.rss))
		a.cpu, b.cpu = append(a.cpu, median(ra.cpu)), append(b.cpu, median(rb.cpu))
	}
	start, base := median(a.start), median(b.start)
	rss, rssBase := median(a.rss), median(b.rss)
	cpu, cpuBase := median(a.cpu), median(b.cpu)
	return []string{
		row("start: exec → first `/next`", fmt.Sprintf("%.2f ms", start), fmt.Sprintf("%.2f ms", base), fmt.Sprintf("%.2f", start/base), "≤ 1.2"),
		row("CPU of the whole short life", fmt.Sprintf("%.1f ms", cpu), fmt.Sprintf("%.1f ms", cpuBase), fmt.Sprintf("%.2f", cpu/cpuBase), "–"),
		row("RSS after start", fmt.Sprintf("%.1f MB", rss), fmt.Sprintf("%.1f MB", rssBase), fmt.Sprintf("%+.1f MB", rss-rssBase), "≤ +2 MB"),
	}
}

func startOnce(binary string) (ms, rssMB, cpuMS float64) {
	l, err := newLambda()
	if err != nil {
		log.Fatal(err)
	}
	defer l.close()
	cmd, took, err := l.start(binary)
	if err != nil {
		log.Fatalf("%s: %v", binary, err)
	}
	rssMB = status(cmd.Process.Pid, "VmRSS:")
	l.shutdown()
	if err := cmd.Wait(); err != nil {
		log.Fatalf("%s: %v", binary, err)
	}
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return float64(took) / float64(time.Millisecond), rssMB, float64(used) / float64(time.Millisecond)
}

// measureInit sums what the packages do before main (GODEBUG=inittrace=1).
// Neither binary does anything after it: one prints its version, the other
// finds no Runtime API.
func measureInit(ours, bare string) string {
	var a, b []float64
	for range 15 {
		a, b = append(a, initOnce(ours, "-version")), append(b, initOnce(bare))
	}
	return row("package initialisation", fmt.Sprintf("%.2f ms", median(a)), fmt.Sprintf("%.2f ms", median(b)), fmt.Sprintf("%.2f", median(a)/median(b)), "≤ 0.7 ms")
}

func initOnce(binary string, args ...string) float64 {
	cmd := exec.Command(binary, args...)
	cmd.Env = []string{"GODEBUG=inittrace=1", "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1"}
	var trace strings.Builder
	cmd.Stderr = &trace
	_ = cmd.Run() // the bare one fails, after its packages are initialised
	sum := 0.0
	for _, m := range regexp.MustCompile(`@.* ms, ([0-9.]+) ms clock`).FindAllStringSubmatch(trace.String(), -1) {
		ms, _ := strconv.ParseFloat(m[1], 64)
		sum += ms
	}
	if sum == 0 {
		log.Fatalf("%s printed no inittrace:\n%s", binary, trace.String())
	}
	return sum
}

func status(pid int, key string) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, key); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	return s[len(s)/2]
}
