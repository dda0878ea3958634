package main

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	"powertools-extension/cmd/lambdaemu/show"
	"powertools-extension/lambdaemu"
)

// maxLines and maxBytes bound what is kept for one block of output; the log
// stream file gets every line.
const (
	maxLines = 20_000
	maxBytes = 32 << 20
)

// collector takes the lines as they come and hands them out per invocation.
type collector struct {
	mu      sync.Mutex
	lines   []lambdaemu.Line
	bytes   int
	dropped int
	wake    chan struct{} // closed and replaced at every REPORT
	reports map[string]bool

	file *os.File
	out  *bufio.Writer
	err  error // the first write that failed
}

// newCollector also writes the lines to the named file, unless it is empty.
func newCollector(logStream string) (*collector, error) {
	c := &collector{wake: make(chan struct{}), reports: map[string]bool{}}
	if logStream == "" {
		return c, nil
	}
	f, err := os.Create(logStream)
	if err != nil {
		return nil, usageError{err}
	}
	c.file, c.out = f, bufio.NewWriter(f)
	return c, nil
}

// add is the emulator's OnLine.
func (c *collector) add(line lambdaemu.Line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out != nil && c.err == nil {
		_, c.err = c.out.WriteString(line.Text + "\n")
	}
	if id := reportID(line); id != "" {
		c.reports[id] = true
		close(c.wake)
		c.wake = make(chan struct{})
	}
	if len(c.lines) >= maxLines || c.bytes+len(line.Text) > maxBytes {
		c.dropped++
		return
	}
	c.lines = append(c.lines, line)
	c.bytes += len(line.Text)
}

// take returns the lines since the last call and how many were too many.
func (c *collector) take() (lines []lambdaemu.Line, dropped int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out != nil && c.err == nil {
		c.err = c.out.Flush()
	}
	lines, dropped = c.lines, c.dropped
	c.lines, c.bytes, c.dropped = nil, 0, 0
	return lines, dropped
}

// awaitReport returns once the REPORT line of an invocation has come, or after
// limit: lines travel behind the answer, and REPORT is the last of them.
func (c *collector) awaitReport(ctx context.Context, id string, limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		wake, there := c.reported(id)
		if there {
			return
		}
		select {
		case <-wake:
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (c *collector) reported(id string) (<-chan struct{}, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	there := c.reports[id]
	delete(c.reports, id)
	return c.wake, there
}

// close flushes the file and returns what went wrong with it.
func (c *collector) close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file == nil {
		return nil
	}
	err := errors.Join(c.err, c.out.Flush(), c.file.Close())
	c.file, c.out = nil, nil
	return err
}

// reportID returns the request id of a REPORT line in either log format, ""
// for other lines.
func reportID(line lambdaemu.Line) string {
	if line.Origin != lambdaemu.OriginPlatform {
		return ""
	}
	if rest, ok := strings.CutPrefix(line.Text, "REPORT RequestId: "); ok {
		id, _, _ := strings.Cut(rest, "\t")
		return strings.TrimSpace(id)
	}
	if p, ok := show.ParsePlatform(line.Text); ok && p.Type == "platform.report" {
		return p.Record.RequestID
	}
	return ""
}
