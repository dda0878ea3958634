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

// starting is what starts of one binary took.
type starting struct{ register, next, rss, cpu []float64 }

// measureStart times exec → register and exec → first next, rounds × starts of
// each binary, interleaved, and compares the medians of the rounds' medians.
// Memory is read while next is pending.
func measureStart(ours, bare string, rounds, starts int) []string {
	var a, b starting
	for range rounds {
		var ra, rb starting
		for range starts {
			ra.add(startOnce(ours))
			rb.add(startOnce(bare))
		}
		a.add(median(ra.register), median(ra.next), median(ra.rss), median(ra.cpu))
		b.add(median(rb.register), median(rb.next), median(rb.rss), median(rb.cpu))
	}
	ratio := func(what string, ours, base []float64, bar float64) string {
		x, y := median(ours), median(base)
		return bounded(what, fmt.Sprintf("%.2f ms", x), fmt.Sprintf("%.2f ms", y), x/y, bar)
	}
	return []string{
		ratio("start: exec → register", a.register, b.register, 1.25),
		ratio("start: exec → first `/next`", a.next, b.next, 1.25),
		ratio("CPU of the whole short life", a.cpu, b.cpu, 0),
		limited("RSS after start", median(a.rss), median(b.rss), "MB", 3),
	}
}

func (s *starting) add(register, next, rss, cpu float64) {
	s.register, s.next = append(s.register, register), append(s.next, next)
	s.rss, s.cpu = append(s.rss, rss), append(s.cpu, cpu)
}

func startOnce(binary string) (registerMS, nextMS, rssMB, cpuMS float64) {
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
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	return ms(took.register), ms(took.next), rssMB, ms(used)
}

// measureInit sums what the packages do before main (GODEBUG=inittrace=1).
// Neither binary does anything after it: one prints its version, the other
// finds no Runtime API.
func measureInit(ours, bare string) string {
	var a, b []float64
	for range 15 {
		a, b = append(a, initOnce(ours, "-version")), append(b, initOnce(bare))
	}
	return capped("sum of package initialisation", median(a), median(b), "ms", 0.9)
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
