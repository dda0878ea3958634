package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// sample is what one load cost the server, and what its clients saw.
type sample struct {
	cpu  float64 // µs of the server per request
	rate float64 // requests per second
	p99  float64 // µs
	rss  float64 // MB, of the server after it
}

// load sends heads over that many kept connections, or a connection for each
// request where kept is false, and measures the process.
func load(pid, connections, total int, kept bool, head func(i int) []byte) sample {
	before, began := cpuTime(pid), time.Now()
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	for k := range connections {
		wg.Go(func() {
			mine := make([]time.Duration, 0, total/connections)
			var c *client
			for i := range total / connections {
				request := head(k*total + i)
				begin := time.Now()
				if c == nil {
					c = dial()
				}
				c.ask(request)
				if !kept {
					c.close()
					c = nil
				}
				mine = append(mine, time.Since(begin))
			}
			if c != nil {
				c.close()
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	wg.Wait()
	took, used := time.Since(began), cpuTime(pid)-before
	slices.Sort(all)
	return sample{
		cpu:  float64(used) / float64(time.Microsecond) / float64(len(all)),
		rate: float64(len(all)) / took.Seconds(),
		p99:  float64(all[len(all)*99/100]) / float64(time.Microsecond),
		rss:  status(pid, "VmRSS:"),
	}
}

// client reads answers with as little of its own as can be: its CPU is taken
// from the same machine.
type client struct {
	conn net.Conn
	r    *bufio.Reader
}

func dial() *client {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	return &client{conn, bufio.NewReaderSize(conn, 64<<10)}
}

func (c *client) close() { _ = c.conn.Close() }

// ask sends one head and reads the answer, which must be a 200.
func (c *client) ask(head []byte) {
	if _, err := c.conn.Write(head); err != nil {
		log.Fatal(err)
	}
	length, first := -1, true
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			log.Fatalf("read an answer: %v", err)
		}
		if first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
			log.Fatalf("answer to %.60q: %s", head, line)
		}
		first = false
		if len(line) == 2 {
			break
		}
		const name = "content-length: "
		if len(line) > len(name) && bytes.EqualFold(line[:len(name)], []byte(name)) {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(line[len(name):])))
		}
	}
	if length < 0 {
		log.Fatal("an answer without a length")
	}
	if _, err := io.CopyN(io.Discard, c.r, int64(length)); err != nil {
		log.Fatal(err)
	}
}

// constant sends the same head each time.
func constant(head string) func(int) []byte {
	b := []byte(head)
	return func(int) []byte { return b }
}

// traced sends a head with another trace id each time, as HTTP libraries do
// under a tracer.
func traced(head string) func(int) []byte {
	return func(i int) []byte {
		return []byte(head[:len(head)-2] + fmt.Sprintf("traceparent: 00-%032x-%016x-01\r\n\r\n", i+1, i+1))
	}
}
