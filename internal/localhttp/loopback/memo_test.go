package loopback

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const (
	someHead   = "GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"
	someAnswer = "HTTP/1.1 200 OK\r\nDate: now\r\nContent-Length: 2\r\n\r\nok"
)

// sees is a head that comes; says is its answer, with a ticket.
func (m *memo) sees(head string) sight {
	_, s := m.find([]byte(head), time.Now(), true)
	return s
}

func (m *memo) says(head, answer string, s sight, again func() bool) {
	m.keep([]byte(answer), &request{head: []byte(head), came: time.Now(), sight: s, ticket: Ticket{Again: again, Body: 2}})
}

func (m *memo) knows(head string) bool {
	g, _ := m.find([]byte(head), time.Now(), true)
	return g != nil
}

func always() bool { return true }

// TestMemoLivesOneSecond: by the wall clock, from the full second on.
func TestMemoLivesOneSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemo(1 << 20)
		time.Sleep(300 * time.Millisecond)
		m.says(someHead, someAnswer, m.sees(someHead), always)
		time.Sleep(699 * time.Millisecond)
		if !m.knows(someHead) {
			t.Error("not known in the same second")
		}
		time.Sleep(time.Millisecond)
		if m.knows(someHead) {
			t.Error("known in the next second")
		}
		if m.bytes != 0 || len(m.known) != 0 {
			t.Errorf("%d bytes of the second before are held", m.bytes)
		}
	})
}

// TestMemoOfTheLastSecond: an answer whose Date is of the second in which its
// head came is not kept in the next one.
func TestMemoOfTheLastSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemo(1 << 20)
		r := &request{head: []byte(someHead), came: time.Now(), sight: m.sees(someHead), ticket: Ticket{Again: always, Body: 2}}
		time.Sleep(time.Second)
		m.keep([]byte(someAnswer), r)
		m.sees("GET /other")
		m.keep([]byte(someAnswer), r)
		if m.knows(someHead) {
			t.Error("kept")
		}
	})
}

func TestMemoIsJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, asked, answer := newMemo(1<<20), 0, true
		m.says(someHead, someAnswer, m.sees(someHead), func() bool { asked++; return answer })
		if !m.knows(someHead) || asked != 1 || m.hits.Load() != 1 {
			t.Errorf("asked %d times, %d hits", asked, m.hits.Load())
		}
		answer = false
		if m.knows(someHead) || m.hits.Load() != 1 {
			t.Errorf("given again against the judge")
		}
	})
}

// TestMemoForgets: also an answer that is under way while it forgets.
func TestMemoForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemo(1 << 20)
		before := m.sees(someHead)
		m.says(someHead, someAnswer, before, always)
		m.forget()
		if m.knows(someHead) || m.bytes != 0 {
			t.Error("known after forget")
		}
		m.says(someHead, someAnswer, before, always)
		if m.knows(someHead) {
			t.Error("an answer from before was kept")
		}
	})
}

// TestMemoIsBounded: in bytes and in number, and the books are right.
func TestMemoIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemo(20_000)
		for i := range 5 * maxAnswers {
			head := fmt.Sprintf("GET /%d HTTP/1.1\r\n\r\n", i%300)
			m.says(head, someAnswer, m.sees(head), always)
			sum := 0
			for _, g := range m.known {
				sum += len(g.head) + len(g.answer) + overhead
			}
			if sum != m.bytes || sum > m.room || len(m.known) > maxAnswers {
				t.Fatalf("%d answers, %d bytes counted as %d", len(m.known), sum, m.bytes)
			}
		}
		m = newMemo(1 << 30)
		for i := range 2 * maxAnswers {
			head := fmt.Sprintf("GET /%d HTTP/1.1\r\n\r\n", i)
			m.says(head, someAnswer, m.sees(head), always)
		}
		if len(m.known) != maxAnswers {
			t.Errorf("%d answers", len(m.known))
		}
	})
}

// TestMemoChurn: a head that never comes twice leaves nothing behind.
func TestMemoChurn(t *testing.T) {
	m := newMemo(1 << 20)
	for i := range 10_000 {
		if s := m.sees(fmt.Sprintf("GET /a HTTP/1.1\r\ntraceparent: 00-%032x-01\r\n\r\n", i)); s.again {
			t.Fatalf("head %d counts as seen", i)
		}
	}
	if s := m.sees(someHead); s.again {
		t.Error("seen at first sight")
	}
	if s := m.sees(someHead); !s.again {
		t.Error("not seen at second sight")
	}
}

func TestWholeHead(t *testing.T) {
	for head, want := range map[string]bool{
		someHead: true,
		"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\n\r\n": false,
		"GET / HTTP/1.1\nHost: localhost\n\n":                             false,
		"GET / HTTP/1.1\nHost: localhost\n\nGET / HTTP/1.1\r\n\r\n":       false,
		"GET / HTTP/1.1\r\nHost: localhost\n\r\nGET / HTTP/1.1\r\n\r\n":   false,
		"GET / HTTP/1.1\r\nHost: localhost\r\n":                           false,
		"GET / HTTP/1.1\r\n\r\n\r\n":                                      false,
		"\r\nGET / HTTP/1.1\r\n\r\n":                                      false,
		"POST / HTTP/1.1\r\n\r\n":                                         false,
		"GET http://x/ HTTP/1.1\r\n\r\n":                                  false,
		"\r\n\r\n":                                                        false,
		"":                                                                false,
	} {
		if got := wholeHead([]byte(head)); got != want {
			t.Errorf("%q: %v", head, got)
		}
	}
}

func TestWholeAnswer(t *testing.T) {
	for answer, want := range map[string]bool{
		someAnswer: true,
		strings.Replace(someAnswer, "200 OK", "201 Created", 1):             false,
		strings.Replace(someAnswer, "Date", "Connection: close\r\nDate", 1): false,
		someAnswer + "x":                                          false,
		strings.TrimSuffix(someAnswer, "k"):                       false,
		"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nok":         false,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nok": false,
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\r\n\r\nok":  false,
		"HTTP/1.1 100 Continue\r\n\r\n" + someAnswer:              false,
		"": false,
	} {
		if got := wholeAnswer([]byte(answer), 2); got != want {
			t.Errorf("%q: %v", answer, got)
		}
	}
}

// FuzzWholeHead: what counts as one whole head ends with its first empty line,
// in every way to read line ends.
func FuzzWholeHead(f *testing.F) {
	f.Add([]byte(someHead))
	f.Add([]byte("GET / HTTP/1.1\n\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if !wholeHead(b) {
			return
		}
		lines := bytes.SplitAfter(b, []byte("\n"))
		for i, line := range lines[:len(lines)-2] {
			if len(bytes.TrimRight(line, "\r\n")) == 0 && len(line) <= 2 {
				t.Errorf("line %d of %q is empty", i, b)
			}
		}
	})
}

// TestMemoComparesAllBytes: two heads of one hash are two heads.
func TestMemoComparesAllBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemo(1 << 20)
		const other = "GET /b HTTP/1.1\r\nHost: localhost\r\n\r\n"
		m.says(someHead, someAnswer, m.sees(someHead), always)
		m.known[m.sees(other).key] = m.known[m.sees(someHead).key]
		if m.knows(other) {
			t.Error("answered with what another head was answered with")
		}
	})
}
