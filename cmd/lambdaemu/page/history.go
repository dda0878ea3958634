package page

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"sync"

	"powertools-extension/lambdaemu/transcript"
)

// What is kept for pages that come later. A page keeps as much.
const (
	maxInvocations = 1000
	maxBytes       = 16 << 20
	maxLasting     = 500
)

// message is one entry as it goes to a page.
type message struct {
	seq     int // from 1, without gaps
	body    []byte
	invoke  bool
	lasting string // entries that stay known when they are old: the last one of each such name
}

// history keeps the last messages of a run.
type history struct {
	mu        sync.Mutex
	messages  []message
	lasting   []message // dropped from messages, in order
	bytes     int
	invoked   int // in messages
	forgotten int // invocations dropped
	last      int // seq
	closed    bool
	changed   chan struct{} // closed and replaced at every change
}

func newHistory() *history { return &history{changed: make(chan struct{})} }

func (h *history) add(e transcript.Entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	body, err := encode(h.last+1, e)
	if err != nil || h.closed {
		return
	}
	h.last++
	m := message{seq: h.last, body: body, invoke: e.What == transcript.Invoke, lasting: lasting(e)}
	h.messages = append(h.messages, m)
	h.bytes += len(body)
	if m.invoke {
		h.invoked++
	}
	h.boundLocked()
	close(h.changed)
	h.changed = make(chan struct{})
}

// lasting names what a page must know however long the run is.
func lasting(e transcript.Entry) string {
	switch e.What {
	case transcript.RunTaken, transcript.Register, transcript.Subscribe, transcript.Warning, "init", transcript.InitDone, "exec", transcript.UsageTaken, transcript.CacheTaken:
		return e.Who + " " + e.What
	case transcript.Fault:
		if change, ok := e.Data.(transcript.FaultChange); ok {
			return "fault " + change.Of + " " + change.Name
		}
	}
	return ""
}

func (h *history) boundLocked() {
	n := 0
	for (h.bytes > maxBytes || h.invoked > maxInvocations) && n < len(h.messages)-1 {
		m := h.messages[n]
		h.bytes -= len(m.body)
		if m.invoke {
			h.invoked--
			h.forgotten++
		}
		h.keepLocked(m)
		n++
	}
	if n > 0 {
		h.messages = slices.Delete(h.messages, 0, n)
	}
}

func (h *history) keepLocked(m message) {
	if m.lasting == "" {
		return
	}
	h.lasting = slices.DeleteFunc(h.lasting, func(old message) bool { return old.lasting == m.lasting })
	h.lasting = append(h.lasting, m)
	if len(h.lasting) > maxLasting {
		h.lasting = h.lasting[1:]
	}
}

// encode is the form on the wire: the moment in milliseconds since 1970.
func encode(seq int, e transcript.Entry) ([]byte, error) {
	return json.Marshal(struct {
		Seq    int     `json:"seq"`
		At     float64 `json:"at"`
		Who    string  `json:"who"`
		What   string  `json:"what"`
		Detail string  `json:"detail,omitempty"`
		Data   any     `json:"data,omitempty"`
	}{seq, float64(e.At.UnixMicro()) / 1000, e.Who, e.What, detail(e), e.Data})
}

// detail leaves out the list of a batch, which may be long: its data counts it.
func detail(e transcript.Entry) string {
	if e.What == transcript.Telemetry {
		return ""
	}
	return e.Detail
}

// batch is what a page is told at once.
type batch struct {
	fresh     bool // the page must forget what it has: this is the beginning of what is left
	forgotten int  // invocations before it; with fresh
	last      int  // seq
	body      []byte
	ended     bool // nothing comes any more
}

// maxBatch is the size after which a batch is sent.
const maxBatch = 256 << 10

// after waits for messages behind seq. With 0 it begins with what is left.
func (h *history) after(ctx context.Context, seq int) (batch, bool) {
	for {
		b, changed := h.take(seq)
		if b.last > seq || b.ended {
			return b, true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return batch{}, false
		}
	}
}

func (h *history) take(seq int) (batch, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := batch{last: seq}
	var list []message
	oldest := h.last + 1
	if len(h.messages) > 0 {
		oldest = h.messages[0].seq
	}
	if b.fresh = seq == 0 || seq < oldest-1 || seq > h.last; b.fresh {
		b.forgotten, b.last, seq = h.forgotten, oldest-1, oldest-1
		list = h.lasting
	}
	list = append(list[:len(list):len(list)], h.messages[seq+1-oldest:]...)
	bodies := make([][]byte, 0, len(list))
	size := 0
	for _, m := range list {
		if size > maxBatch {
			break
		}
		bodies, size, b.last = append(bodies, m.body), size+len(m.body), max(b.last, m.seq)
	}
	b.body = slices.Concat([]byte("["), bytes.Join(bodies, []byte(",")), []byte("]"))
	b.ended = h.closed && b.last >= h.last
	return b, h.changed
}

// all is everything that is left, as one JSON array.
func (h *history) all() (body []byte, forgotten int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	bodies := make([][]byte, 0, len(h.messages)+len(h.lasting))
	for _, m := range slices.Concat(h.lasting, h.messages) {
		bodies = append(bodies, m.body)
	}
	return slices.Concat([]byte("["), bytes.Join(bodies, []byte(",")), []byte("]")), h.forgotten
}

func (h *history) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed {
		h.closed = true
		close(h.changed)
		h.changed = make(chan struct{})
	}
}
