package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// measureGets reads one cached parameter over 16 keep-alive connections: CPU
// of the server per read, and the 99th percentile seen by the client, against
// a net/http handler that answers with a constant.
func measureGets(ours, bare string, rounds, gets int) []string {
	var a, b load
	for range rounds {
		a.add(getRound(ours, gets))
		b.add(getRound(bare, gets))
	}
	return []string{
		row("cached GET, 16 connections: CPU per GET", fmt.Sprintf("%.1f µs", median(a.cpu)), fmt.Sprintf("%.1f µs", median(b.cpu)), fmt.Sprintf("%.2f", median(a.cpu)/median(b.cpu)), "≤ 0.65 (with the memo, not built yet)"),
		row("cached GET, 16 connections: p99", fmt.Sprintf("%.2f ms", median(a.p99)), fmt.Sprintf("%.2f ms", median(b.p99)), fmt.Sprintf("%.2f", median(a.p99)/median(b.p99)), "≤ 1"),
		row(fmt.Sprintf("RSS after %d cached GETs", gets), fmt.Sprintf("%.1f MB", median(a.rss)), fmt.Sprintf("%.1f MB", median(b.rss)), fmt.Sprintf("%+.1f MB", median(a.rss)-median(b.rss)), "≤ +4 MB"),
	}
}

type load struct{ cpu, p99, rss []float64 }

func (l *load) add(o load) {
	l.cpu, l.p99, l.rss = append(l.cpu, o.cpu...), append(l.p99, o.p99...), append(l.rss, o.rss...)
}

func getRound(binary string, gets int) load {
	l, err := newLambda()
	if err != nil {
		log.Fatal(err)
	}
	defer l.close()
	cmd, _, err := l.start(binary)
	if err != nil {
		log.Fatalf("%s: %v", binary, err)
	}
	read(1, 1) // the miss
	before := cpuTime(cmd.Process.Pid)
	latencies := read(16, gets)
	used := cpuTime(cmd.Process.Pid) - before
	rss := status(cmd.Process.Pid, "VmRSS:")
	l.shutdown()
	_ = cmd.Wait()
	slices.Sort(latencies)
	return load{
		cpu: []float64{float64(used) / float64(time.Microsecond) / float64(gets)},
		p99: []float64{float64(latencies[len(latencies)*99/100]) / float64(time.Millisecond)},
		rss: []float64{rss},
	}
}

func read(connections, total int) []time.Duration {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			mine := make([]time.Duration, 0, total/connections)
			for range max(1, total/connections) {
				begin := time.Now()
				req, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:27730/parameters/ssm/bench/p", nil)
				if err != nil {
					log.Fatal(err)
				}
				req.Header.Set("X-Aws-Parameters-Secrets-Token", "bench")
				res, err := client.Do(req)
				if err != nil {
					log.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
					log.Fatalf("GET: %s %v", res.Status, err)
				}
				_ = res.Body.Close()
				mine = append(mine, time.Since(begin))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	wg.Wait()
	return all
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
