package child

import (
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// lineSink collects what comes from a descriptor under test.
type lineSink struct {
	mu    sync.Mutex
	lines []string
}

func (s *lineSink) emit(msg Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, msg.Text)
}

func (s *lineSink) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.lines...)
}

func newPipe(t *testing.T) (*output, *os.File, *lineSink) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	sink := &lineSink{}
	return newOutput(r, &lines{emit: sink.emit}, func() {}, func() int { return 0 }), w, sink
}

// What was written before a drain is emitted by it, whether or not the reader
// has run; a line without end waits.
func TestDrain(t *testing.T) {
	o, w, sink := newPipe(t)
	w.WriteString("one\ntw")
	o.drain()
	if diff := cmp.Diff([]string{"one"}, sink.all()); diff != "" {
		t.Error(diff)
	}
	go o.pump()
	w.WriteString("o\n\nlast")
	w.Close()
	<-o.done
	o.finish()
	if diff := cmp.Diff([]string{"one", "two", "", "last"}, sink.all()); diff != "" {
		t.Error(diff)
	}
	o.drain() // after the end it does nothing
}

// A line without end is cut at 1 MiB, and nothing is lost.
func TestLongLineIsCut(t *testing.T) {
	o, w, sink := newPipe(t)
	go o.pump()
	w.WriteString(strings.Repeat("x", 3<<20) + "\n")
	w.Close()
	<-o.done
	o.finish()
	total := 0
	for _, line := range sink.all() {
		total += len(line)
		if len(line) > maxText+readSize {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	if total != 3<<20 {
		t.Errorf("%d bytes of %d", total, 3<<20)
	}
}

// A stray child that holds the pipe open does not hold the end.
func TestFinishWithOpenPipe(t *testing.T) {
	o, w, sink := newPipe(t)
	defer w.Close()
	go o.pump()
	w.WriteString("said\n")
	o.finish()
	if diff := cmp.Diff([]string{"said"}, sink.all()); diff != "" {
		t.Error(diff)
	}
}

// The memory of this very process counts, a stranger's does not.
func TestPeakMemory(t *testing.T) {
	pgid, err := syscall.Getpgid(0)
	if err != nil {
		t.Fatal(err)
	}
	self := PeakMemoryMB(map[int]bool{pgid: true})
	if self <= 0 {
		t.Errorf("own group uses %d MB", self)
	}
	if none := PeakMemoryMB(map[int]bool{}); none != 0 {
		t.Errorf("no group uses %d MB", none)
	}
}
