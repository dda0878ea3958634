package loopback

import (
	"bytes"
	"hash/maphash"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Ticket allows the answer that a handler is about to write to be given again
// for the same bytes of a request head, for as long as Again says so.
type Ticket struct {
	// Again judges and counts one repeated answer. It is called without any
	// lock of this package held, by several goroutines at once, and must be quick.
	Again func() bool

	Body int // bytes of the answer's body
}

type connKey struct{}

// Repeated reports whether the head of r has come before, whole and by itself,
// so that a Ticket for its answer would be used. A head that comes for the
// first time costs no ticket: many clients write something else into each.
func Repeated(r *http.Request) bool {
	c, ok := r.Context().Value(connKey{}).(*conn)
	return ok && len(c.request.head) > 0 && repeatable(r)
}

// Remember hands the ticket to the connection of r. Call it once, before the
// answer is written, and only if Repeated.
func Remember(r *http.Request, t Ticket) {
	if c, ok := r.Context().Value(connKey{}).(*conn); ok && len(c.request.head) > 0 {
		c.request.ticket = t
	}
}

// repeatable tells whether the connection would be left as it was by an answer
// that net/http does not know of. Refused are heads after which the connection
// ends or changes, and those that announce a body.
func repeatable(r *http.Request) bool {
	if r.Method != http.MethodGet || r.ProtoMajor != 1 || r.ProtoMinor != 1 || r.Close || r.ContentLength != 0 || r.TransferEncoding != nil {
		return false
	}
	for _, name := range [...]string{"Expect", "Upgrade", "Content-Length", "Trailer"} {
		if r.Header[name] != nil {
			return false
		}
	}
	return true
}

const (
	// wholeRead is how much net/http asks for when its buffer is empty: only
	// then do the bytes that come begin a request. Other sizes are reads of a
	// body, of the rest of a head, or of one byte while a handler runs.
	wholeRead = 4096

	maxAnswer  = 16 << 10 // bytes of an answer that is kept
	maxAnswers = 256
	overhead   = 128 // bytes that an answer costs beside its own
)

// memo holds answers of the second that is running. Date and Age stand in their
// bytes and change with it, so nothing lives longer, by the wall clock: the
// monotonic one stands still in a frozen sandbox.
//
// It is no cache with rules of its own: an answer is found by all bytes of a
// head that a handler has answered, and the handler's ticket decides.
type memo struct {
	room int // bytes; 0: nothing is kept
	seed maphash.Seed
	hits atomic.Int64

	mu     sync.Mutex
	second int64 // of known, since 1970
	known  map[uint64]*given
	bytes  int
	epoch  uint64      // counts calls of forget
	seen   [512]uint64 // hashes of heads that have come, by their last bits
}

// given is one answer. It does not change once it is in the map.
type given struct {
	head, answer []byte
	again        func() bool
}

func newMemo(room int) *memo {
	return &memo{room: room, seed: maphash.MakeSeed(), known: map[uint64]*given{}}
}

// sight is what is known of a head when it comes.
type sight struct {
	key   uint64
	epoch uint64
	again bool // it has come before
}

// find returns the answer to a head, if one is wanted, or what to remember of
// the head.
func (m *memo) find(head []byte, now time.Time, wanted bool) (*given, sight) {
	if m.room == 0 || !bytes.HasPrefix(head, []byte("GET /")) {
		return nil, sight{}
	}
	key := maphash.Bytes(m.seed, head)
	g, s := m.look(key, now.Unix())
	if !wanted || g == nil || !bytes.Equal(g.head, head) || !g.again() {
		return nil, s
	}
	m.hits.Add(1)
	return g, s
}

func (m *memo) look(key uint64, second int64) (*given, sight) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if second != m.second {
		m.dropLocked()
		m.second = second
	}
	at := &m.seen[key%uint64(len(m.seen))]
	s := sight{key: key, epoch: m.epoch, again: *at == key}
	*at = key
	return m.known[key], s
}

// keep files the answer of a request.
func (m *memo) keep(answer []byte, r *request) {
	size := len(r.head) + len(answer) + overhead
	g := &given{head: bytes.Clone(r.head), answer: bytes.Clone(answer), again: r.ticket.Again}
	s := r.sight
	m.mu.Lock()
	defer m.mu.Unlock()
	// Date was written in the second in which the head came, if that still runs.
	if m.second != r.came.Unix() || time.Now().Unix() != m.second || m.epoch != s.epoch {
		return
	}
	if old := m.known[s.key]; old != nil {
		m.bytes -= len(old.head) + len(old.answer) + overhead
		delete(m.known, s.key)
	}
	if len(m.known) >= maxAnswers || m.bytes+size > m.room {
		return // room comes with the next second
	}
	m.known[s.key], m.bytes = g, m.bytes+size
}

// forget drops everything, also what is being answered just now.
func (m *memo) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
	m.dropLocked()
}

func (m *memo) dropLocked() {
	clear(m.known)
	m.bytes = 0
}

// wholeHead tells whether b is one head of a GET and nothing else, however a
// line may end. The answer to the first of two heads that came together must
// not stand for both.
func wholeHead(b []byte) bool {
	return bytes.HasPrefix(b, []byte("GET /")) && bytes.Index(b, []byte("\r\n\r\n")) == len(b)-len("\r\n\r\n") &&
		bytes.Count(b, []byte("\n")) == bytes.Count(b, []byte("\r\n"))
}

// wholeAnswer tells whether b is one answer of status 200 with a body of that
// many bytes, as its head says, after which the connection stays.
func wholeAnswer(b []byte, body int) bool {
	end := len(b) - body - len("\r\n\r\n")
	if end < 0 || !bytes.HasPrefix(b, []byte("HTTP/1.1 200 OK\r\n")) || bytes.Index(b, []byte("\r\n\r\n")) != end {
		return false
	}
	head := b[:end+len("\r\n")]
	return bytes.Contains(head, []byte("\r\nContent-Length: "+strconv.Itoa(body)+"\r\n")) && !bytes.Contains(head, []byte("\r\nConnection:"))
}
