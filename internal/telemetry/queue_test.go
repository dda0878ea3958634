package telemetry

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestQueueDropsOldestAndPlatformLast(t *testing.T) {
	// Bodies are named by their last character and are 100 bytes each.
	line := func(name string) []byte { return pad(`{"type":"function"}`, name) }
	event := func(name string) []byte { return pad(`{"type":"platform.report"}`, name) }
	for name, tt := range map[string]struct {
		push    [][]byte
		dropped string
		left    string
	}{
		"room for all":                {[][]byte{line("a"), line("b"), event("c")}, "", "abc"},
		"the oldest goes":             {[][]byte{line("a"), line("b"), line("c"), line("d"), line("e")}, "ab", "cde"},
		"platform events stay":        {[][]byte{event("a"), line("b"), line("c"), line("d"), line("e")}, "bc", "ade"},
		"a line finds only platform":  {[][]byte{event("a"), event("b"), event("c"), line("d")}, "d", "abc"},
		"platform finds only itself":  {[][]byte{event("a"), event("b"), event("c"), event("d")}, "a", "bcd"},
		"a large one takes all room":  {[][]byte{line("a"), line("b"), append(line("c"), make([]byte, 900)...)}, "ab", "c"},
		"a large one in an empty one": {[][]byte{append(line("a"), make([]byte, 900)...)}, "", "a"},
		"a large line and a platform": {[][]byte{event("a"), append(line("b"), make([]byte, 900)...)}, "b", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			q := newQueue(300)
			var dropped string
			for _, body := range tt.push {
				for _, d := range q.push(body) {
					dropped += nameOf(d)
				}
				if len(q.items) > 1 && q.bytes > 300 {
					t.Errorf("%d bytes in the queue", q.bytes)
				}
			}
			q.close()
			var left string
			for it, ok := q.pop(); ok; it, ok = q.pop() {
				left += nameOf(it.body)
			}
			if diff := cmp.Diff([]string{tt.dropped, tt.left}, []string{dropped, left}); diff != "" {
				t.Errorf("dropped, left (-want +got):\n%s", diff)
			}
			if q.bytes != 0 {
				t.Errorf("%d bytes in the empty queue", q.bytes)
			}
		})
	}
}

// pad makes body 100 bytes long, in a buffer of that size, with name inside.
func pad(body, name string) []byte {
	b := make([]byte, 0, 100)
	return append(b, "<"+name+">"+body+strings.Repeat(" ", 97-len(body))...)
}

func nameOf(body []byte) string { return string(body[1:2]) }

func TestQueueCountsMemoryNotLength(t *testing.T) {
	q := newQueue(1000)
	small := make([]byte, 1, 600)
	if dropped := q.push(small); len(dropped) != 0 {
		t.Fatal("dropped the first")
	}
	if dropped := q.push(make([]byte, 1, 600)); len(dropped) != 1 {
		t.Errorf("%d dropped, want 1: two buffers of 600 bytes are more than 1000", len(dropped))
	}
}

func TestQueueKeepsMarksInPlace(t *testing.T) {
	q := newQueue(200)
	m := make(chan struct{})
	q.push(pad("", "a"))
	q.mark(m)
	q.push(pad("", "b"))
	q.push(pad("", "c")) // drops a
	if it, _ := q.pop(); it.mark != m {
		t.Errorf("first is %q, want the mark", it.body)
	}
	if it, _ := q.pop(); nameOf(it.body) != "b" {
		t.Errorf("second is %q", it.body)
	}
}

func TestQueueRefusesWhenEnded(t *testing.T) {
	q := newQueue(1000)
	q.close()
	if dropped := q.push(pad("", "a")); len(dropped) != 0 {
		t.Error("closed, but the reader is still there: dropped")
	}
	q.pop()
	if _, ok := q.pop(); ok {
		t.Fatal("not ended")
	}
	if dropped := q.push(pad("", "b")); len(dropped) != 1 {
		t.Error("nobody will read it, but it was taken")
	}
	if q.mark(make(chan struct{})) {
		t.Error("took a mark")
	}
}

func TestBuffersAreReusedBySize(t *testing.T) {
	var p buffers
	for n, want := range map[int]int{1: 4 << 10, 4 << 10: 4 << 10, 4<<10 + 1: 16 << 10, 200 << 10: 256 << 10, 1 << 20: 1 << 20, 3<<20 + 5: 3<<20 + 5} {
		if b := p.get(n); len(b) != 0 || cap(b) != want || bufferSize(n) != want {
			t.Errorf("get(%d) has length %d and capacity %d, want 0 and %d", n, len(b), cap(b), want)
		}
	}
	b := append(p.get(5000), "x"...)
	p.put(b)
	if again := p.get(6000); &again[:1][0] != &b[0] {
		t.Error("not reused")
	}
	// Neither too many nor foreign sizes are kept.
	for range 10 {
		p.put(make([]byte, 0, 64<<10))
		p.put(make([]byte, 0, 5<<10))
		p.put(make([]byte, 0, 2<<20))
	}
	idle := 0
	for _, spare := range p.spare {
		for _, b := range spare {
			idle += cap(b)
		}
	}
	if idle != 2*64<<10 {
		t.Errorf("%d bytes lie idle", idle)
	}
}
