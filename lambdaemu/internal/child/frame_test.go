package child

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// frameOf builds a frame byte by byte, from the bytes that clients were seen to
// write; at is microseconds, 0 means the form without a time.
func frameOf(typ byte, at int64, body string) []byte {
	b := []byte{0xa5, 0x5a, 0x00, typ}
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	if at != 0 {
		b = binary.BigEndian.AppendUint64(b, uint64(at))
	}
	return append(b, body...)
}

type frameSink struct {
	got    []string
	broken []string
}

func (s *frameSink) frames() *frames {
	return &frames{
		emit: func(m Message) {
			s.got = append(s.got, fmt.Sprintf("%q framed=%t level=%s bare=%t", clip(m.Text), m.Framed, m.Level, m.Bare))
		},
		broken: func(err error) { s.broken = append(s.broken, err.Error()) },
	}
}

func clip(text string) string {
	if len(text) > 40 {
		return fmt.Sprintf("%s… %d", text[:5], len(text))
	}
	return text
}

// Every frame is one event, whatever it was written in: levels and the form
// without a time, several lines in one, none at all, a body that ends with a
// newline and one that does not. What is no frame is lines from there on, and is
// told once; a frame that was cut gives what came of it.
func TestFrames(t *testing.T) {
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for _, c := range []struct {
		name   string
		in     []byte
		want   []string
		broken string
	}{
		{"text with a newline", frameOf(0x03, 1, "hello\n"), []string{`"hello" framed=true level= bare=false`}, ""},
		{"an object without one", frameOf(0x02, 1, `{"a":1}`), []string{`"{\"a\":1}" framed=true level= bare=true`}, ""},
		{"levels", join(frameOf(1<<2|3, 1, "t"), frameOf(2<<2|3, 1, "d"), frameOf(3<<2|3, 1, "i"), frameOf(4<<2|3, 1, "w"), frameOf(5<<2|3, 1, "e"), frameOf(6<<2|3, 1, "f")),
			[]string{`"t" framed=true level=TRACE bare=true`, `"d" framed=true level=DEBUG bare=true`, `"i" framed=true level=INFO bare=true`,
				`"w" framed=true level=WARN bare=true`, `"e" framed=true level=ERROR bare=true`, `"f" framed=true level=FATAL bare=true`}, ""},
		{"without a time", join(frameOf(0x01, 0, "old\n"), frameOf(0x03, 1, "new\n")),
			[]string{`"old" framed=true level= bare=false`, `"new" framed=true level= bare=false`}, ""},
		{"several lines", frameOf(0x17, 1, "Traceback\n  line 1\n"), []string{`"Traceback\n  line 1" framed=true level=ERROR bare=false`}, ""},
		{"empty", frameOf(0x03, 1, ""), []string{`"" framed=true level= bare=true`}, ""},
		{"larger than an event", frameOf(0x03, 1, strings.Repeat("x", maxText+3)+"\n"),
			[]string{`"xxxxx… 1048576" framed=true level= bare=true`, `"xxx" framed=true level= bare=false`}, ""},
		{"a line among frames", join(frameOf(0x03, 1, "good\n"), []byte("plain text\nmore\n"), frameOf(0x03, 1, "x\n")),
			[]string{`"good" framed=true level= bare=false`, `"plain text" framed=false level= bare=false`, `"more" framed=false level= bare=false`}, "not a frame: type 0x706c6169, length 1847620709"},
		{"level 7", frameOf(7<<2|3, 1, "x\n"), nil, "not a frame: type 0xa55a001f, length 2"},
		{"too long", []byte{0xa5, 0x5a, 0, 3, 0x10, 0, 0, 0}, nil, "not a frame: type 0xa55a0003, length 268435456"},
		{"cut in its body", frameOf(0x03, 1, "half of it\n")[:20], []string{`"half" framed=true level= bare=true`}, "a frame was cut after 20 bytes"},
		{"cut in its header", frameOf(0x03, 1, "half of it\n")[:12], nil, "a frame was cut after 12 bytes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, size := range []int{1, 7, 16, len(c.in)} { // as it may be read
				if size == 1 && len(c.in) > maxText {
					continue
				}
				s := &frameSink{}
				f := s.frames()
				for part := range bytesIn(c.in, size) {
					f.feed(part)
				}
				f.flush()
				if strings.HasPrefix(c.broken, "not a frame") && len(s.got) > len(c.want) {
					s.got = s.got[:len(c.want)] // the rest is binary
				}
				if diff := cmp.Diff(c.want, s.got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("in parts of %d: %s", size, diff)
				}
				if got := strings.Join(s.broken, "; "); got != c.broken {
					t.Errorf("in parts of %d: told %q, want %q", size, got, c.broken)
				}
			}
		})
	}
}

func bytesIn(b []byte, size int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			n := min(size, len(b))
			if !yield(b[:n]) {
				return
			}
			b = b[n:]
		}
	}
}

// A frame has its own time, unless that is a day or more away.
func TestFrameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		for offset, want := range map[time.Duration]time.Duration{0: 0, -time.Hour: -time.Hour, time.Minute: time.Minute, -25 * time.Hour: 0, 1000 * time.Hour: 0} {
			var got time.Time
			f := &frames{emit: func(m Message) { got = m.Time }}
			f.feed(frameOf(0x03, now.Add(offset).UnixMicro(), "x"))
			if diff := got.Sub(now).Round(time.Microsecond); diff != want {
				t.Errorf("a frame of now%+v is dated now%+v", offset, diff)
			}
		}
	})
}

// Whatever comes, nothing is lost that is not a header, and nothing panics.
func FuzzFrames(f *testing.F) {
	f.Add(frameOf(0x03, 1, "hello\n"), 3)
	f.Add(append(frameOf(0x01, 0, "a"), "plain\n"...), 5)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		texts := func(size int) (list []string, bytes int) {
			s := &frames{emit: func(m Message) {
				list = append(list, m.Text)
				bytes += len(m.Text)
			}, broken: func(error) {}}
			for part := range bytesIn(data, size) {
				s.feed(part)
			}
			s.flush()
			return list, bytes
		}
		whole, n := texts(max(len(data), 1))
		parts, _ := texts(max(1, size&0xff))
		if diff := cmp.Diff(whole, parts); diff != "" {
			t.Errorf("it matters how it is read: %s", diff)
		}
		if n > len(data) {
			t.Errorf("%d bytes out of %d", n, len(data))
		}
	})
}
