package telemetry

import (
	"bytes"
	"errors"
	"hash/maphash"
	"io"
	"net/http"
	"slices"
	"sync"

	"go.uber.org/zap"
)

const (
	// maxBody bounds one body, in bytes. The platform's limit is 6 MiB and
	// the envelope of the events (Lambda Telemetry API reference).
	maxBody = 8 << 20

	// maxDiscard bounds how much of a body that is too large is read and
	// thrown away, so that its sender sees the answer, in bytes.
	maxDiscard = 64 << 20

	// maxReceiving bounds the memory of all bodies being read, in bytes. The
	// platform sends one at a time; while the largest moves to a larger
	// buffer it is there twice.
	maxReceiving = 2*maxBody + largestBuffer

	// firstRead is how much memory a body gets at most before it has shown how
	// long it is, in bytes: what it says of itself is not believed. One that
	// does not say it gets firstUnknown.
	firstRead    = 1 << 20
	firstUnknown = 16 << 10
)

// ServeHTTP takes any request for a batch: whatever the method, the path and
// the body, the answer is 200 as soon as the bytes are taken, because anything
// else makes the platform send the same body again.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, size, whole := s.read(r)
	switch {
	case !whole: // the sender has gone and will come again
		s.buffers.put(body)
		return
	case body == nil && size > 0:
		s.took(size)
		s.dropped(size, 0)
	case size > 0:
		s.took(size)
		s.enqueue(body)
	}
	w.WriteHeader(http.StatusOK)
}

func (s *Server) took(size int64) {
	s.count.bodies.Add(1)
	s.count.bytes.Add(size)
}

// enqueue queues a body that is new.
func (s *Server) enqueue(body []byte) {
	if s.recent.seen(body) {
		s.count.duplicates.Add(1)
		s.buffers.put(body)
		return
	}
	for _, d := range s.queue.push(body) {
		s.dropped(int64(len(d)), int64(bytes.Count(d, []byte(`"type":"function"`))))
		s.buffers.put(d)
	}
}

func (s *Server) dropped(size, lines int64) {
	s.count.droppedBytes.Add(size)
	s.count.dropLines.Add(lines)
	if n := s.count.droppedBodies.Add(1); worthSaying(n, 1) {
		s.log.Warn("telemetry dropped: more arrives than can be handled; print less, or give the function more memory and with it CPU",
			zap.Int64("batches", n), zap.Int64("bytes", s.count.droppedBytes.Load()), zap.Int64("lines", s.count.dropLines.Load()))
	}
}

// read reads the body of a request into a buffer. Of a body too large for us
// only the size is returned. whole is false if the sender went away.
func (s *Server) read(r *http.Request) (body []byte, size int64, whole bool) {
	if r.ContentLength == 0 {
		return nil, 0, true
	}
	if r.ContentLength <= maxBody {
		in := incoming{server: s}
		defer in.release()
		complete, err := in.readAll(r.Body, r.ContentLength)
		if complete || err != nil {
			return in.body, int64(len(in.body)), complete
		}
		size = int64(len(in.body))
		s.buffers.put(in.body)
	}
	n, err := io.CopyN(io.Discard, r.Body, maxDiscard)
	return nil, size + n, err == nil || errors.Is(err, io.EOF)
}

// incoming is a body being read. Its memory is reserved while it grows.
type incoming struct {
	server   *Server
	body     []byte
	reserved int64
}

// readAll reads until the end of r. It reports whether it got there, as
// opposed to having no room for more. length is how long the sender says the
// body is, or -1.
func (in *incoming) readAll(r io.Reader, length int64) (complete bool, err error) {
	first, limit := firstUnknown, maxBody+1
	if length >= 0 {
		first, limit = firstRead, int(length)
	}
	for in.room(first, limit) {
		n, err := r.Read(in.body[len(in.body):cap(in.body)])
		in.body = in.body[:len(in.body)+n]
		if errors.Is(err, io.EOF) {
			return len(in.body) <= maxBody, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// room makes room for one byte more, if the limits allow it. The first time it
// makes room for first bytes, and never for more than limit if that is enough.
func (in *incoming) room(first, limit int) bool {
	have := cap(in.body)
	if len(in.body) < have {
		return true
	}
	if have > maxBody {
		return false
	}
	size := bufferSize(min(max(2*have, first), max(limit, have+1)))
	if in.server.receiving.Add(int64(size)) > maxReceiving {
		in.server.receiving.Add(-int64(size))
		return false
	}
	bigger := append(in.server.buffers.get(size), in.body...)
	in.server.buffers.put(in.body)
	in.release()
	in.body, in.reserved = bigger, int64(size)
	return true
}

// release ends the reservation: the memory is the queue's from now on, or free.
func (in *incoming) release() {
	in.server.receiving.Add(-in.reserved)
	in.reserved = 0
}

// recent remembers the last bodies, to know one that is delivered again: after
// a freeze the platform may not have seen our answer.
type recent struct {
	seed maphash.Seed

	mu   sync.Mutex
	last [32]uint64
	next int
}

func newRecent() recent { return recent{seed: maphash.MakeSeed()} }

// seen reports whether body is among the last bodies, and remembers it.
func (r *recent) seen(body []byte) bool {
	sum := maphash.Bytes(r.seed, body) | 1 // 0 marks an unused place
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.last[:], sum) {
		return true
	}
	r.last[r.next] = sum
	r.next = (r.next + 1) % len(r.last)
	return false
}
