package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"
)

// never is a header with which the memo does not answer: the way of a request
// through the handler.
const never = "If-None-Match: \"00000000000000000000000000000000000000000000000000000\"\r\n\r\n"

// gets are the samples of all rounds by server.
type gets struct {
	kept, fresh   map[string][]sample
	traced, plain []sample // the extension's, with other heads each time and without the memo
	small, full   []sample // with little and with 10 MB in the cache
	rss, rssBare  []float64
	all           []server
}

// measureGets reads one cached secret from each server in turn, round by
// round: over 16 kept connections, and over a new one each.
func measureGets(all []server, rounds, total int) []string {
	g := gets{kept: map[string][]sample{}, fresh: map[string][]sample{}, all: all}
	for range rounds {
		for _, s := range all {
			g.round(s, total)
		}
	}
	return g.rows(total)
}

func (g *gets) round(s server, total int) {
	l, err := newLambda()
	if err != nil {
		log.Fatal(err)
	}
	defer l.close()
	cmd, err := s.start(l)
	if err != nil {
		log.Fatalf("%s: %v", s.name, err)
	}
	defer func() {
		l.shutdown()
		if s.name != ourName && s.name != bareName {
			_ = cmd.Process.Kill()
		}
		_ = cmd.Wait()
	}()
	pid := cmd.Process.Pid
	load(pid, 4, 400, true, constant(s.head)) // the miss, and what is built at first use
	kept := load(pid, 16, total, true, constant(s.head))
	g.kept[s.name] = append(g.kept[s.name], kept)
	g.fresh[s.name] = append(g.fresh[s.name], load(pid, 1, total/10, false, constant(s.head)))
	switch s.name {
	case bareName:
		g.rssBare = append(g.rssBare, kept.rss)
	case ourName:
		g.rss = append(g.rss, kept.rss)
		g.traced = append(g.traced, load(pid, 16, total, true, traced(s.head)))
		g.plain = append(g.plain, load(pid, 16, total, true, constant(s.head[:len(s.head)-2]+never)))
		g.small = append(g.small, load(pid, 16, total/2, true, constant(s.head)))
		for i := range 240 {
			load(pid, 1, 1, true, constant(strings.Replace(s.head, "secretId=bench", fmt.Sprintf("secretId=large-%d", i), 1)))
		}
		g.full = append(g.full, load(pid, 16, total/2, true, constant(s.head)))
	}
}

func (g *gets) rows(total int) (rows []string) {
	for _, s := range g.all {
		k, f := g.kept[s.name], g.fresh[s.name]
		rows = append(rows, row("cached GET, "+s.name, fmt.Sprintf("%.1f µs CPU, %.0f k/s, p99 %.2f ms; new connection %.0f µs CPU",
			med(k, cpuOf), med(k, rateOf)/1000, med(k, p99Of)/1000, med(f, cpuOf)), "", "", ""))
	}
	compare := func(what string, ours, base []sample, of func(sample) float64, unit string, bar float64) {
		if len(base) > 0 {
			a, b := med(ours, of), med(base, of)
			rows = append(rows, bounded(what, fmt.Sprintf("%.1f %s", a, unit), fmt.Sprintf("%.1f %s", b, unit), a/b, bar))
		}
	}
	ours, fresh := g.kept[ourName], g.fresh[ourName]
	compare("cached GET, 16 connections: CPU, to a constant handler", ours, g.kept[bareName], cpuOf, "µs", 0.65)
	compare("… to AWS's agent", ours, g.kept[agentName], cpuOf, "µs", 1)
	compare("… to C epoll", ours, g.kept[ceilingName], cpuOf, "µs", 0)
	compare("… p99, to AWS's agent", ours, g.kept[agentName], p99Of, "µs", 1.5)
	compare("… p99, to a constant handler", ours, g.kept[bareName], p99Of, "µs", 1)
	compare("cached GET, another traceparent each: CPU, to the same without the memo", g.traced, g.plain, cpuOf, "µs", 1.1)
	compare("cached GET, a new connection each: CPU, to a constant handler", fresh, g.fresh[bareName], cpuOf, "µs", 0.7)
	compare("… to AWS's agent", fresh, g.fresh[agentName], cpuOf, "µs", 1)
	compare("cached GET with 10 MB cached: CPU, to the empty cache", g.full, g.small, cpuOf, "µs", 1.3)
	rows = append(rows, limited(fmt.Sprintf("RSS after %d cached GETs", total), median(g.rss), median(g.rssBare), "MB", 8))
	return rows
}

func cpuOf(s sample) float64  { return s.cpu }
func rateOf(s sample) float64 { return s.rate }
func p99Of(s sample) float64  { return s.p99 }

func med(all []sample, of func(sample) float64) float64 {
	var v []float64
	for _, s := range all {
		v = append(v, of(s))
	}
	return median(v)
}

// cpuTime is the CPU time of all threads of a process, in nanoseconds, from
// schedstat: finer than the ticks of /proc/PID/stat.
func cpuTime(pid int) time.Duration {
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		log.Fatal(err)
	}
	var sum time.Duration
	for _, task := range tasks {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", pid, task.Name()))
		if err != nil {
			continue // the thread is gone
		}
		ns, _ := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		sum += time.Duration(ns)
	}
	return sum
}
