package logpipe

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// frame is one as the runtimes' clients write it; us 0: without a time.
func frame(level byte, text bool, us int64, body string) string {
	typ := uint32(frameMagic)<<8 | uint32(level)<<2
	if text {
		typ |= frameText
	}
	if us != 0 {
		typ |= frameTime
	}
	b := binary.BigEndian.AppendUint32(nil, typ)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	if us != 0 {
		b = binary.BigEndian.AppendUint64(b, uint64(us))
	}
	return string(b) + body
}

// cut takes bytes apart that come in pieces of the sizes, and says what came.
func cut(framed bool, data []byte, sizes func() int, last end) (items []string, all []byte) {
	c := cutter{framed: framed}
	var buf []byte
	names := [...]string{"", "whole ", "part ", "header ", "piece ", "as it is ", "no frame"}
	take := func(behind end) {
		for {
			it := c.next(buf, behind)
			if it.kind == none {
				return
			}
			text := string(it.text())
			if it.kind == whole && !it.newline {
				text += "$"
			}
			if len(text) > 40 {
				text = text[:20] + "…"
			}
			items = append(items, names[it.kind]+text)
			all = append(all, it.all...)
			buf = buf[len(it.all):]
		}
	}
	for len(data) > 0 {
		n := min(sizes(), len(data))
		buf = append(buf, data[:n]...)
		data = data[n:]
		take(open)
	}
	take(last)
	if last == pause {
		all = append(all, buf...)
	}
	return items, all
}

func TestItems(t *testing.T) {
	long := strings.Repeat("x", mostHeld)
	for name, c := range map[string]struct {
		framed bool
		data   string
		last   end
		want   []string
	}{
		"lines":                          {data: "a\nb\r\n\nc\n", want: []string{"whole a", "whole b\r", "whole ", "whole c"}},
		"no newline at the end":          {data: "a\nb", last: noMore, want: []string{"whole a", "whole b$"}},
		"no newline, and nobody knows":   {data: "a\nb", last: pause, want: []string{"whole a", "part b"}},
		"no newline yet":                 {data: "a\nb", last: open, want: []string{"whole a"}},
		"too long":                       {data: long + "yz\nb\n", want: []string{"part xxxxxxxxxxxxxxxxxxxx…", "part yz\n", "whole b"}},
		"binary":                         {data: "\x00\xff\n\n", want: []string{"whole \x00\xff", "whole "}},
		"frames":                         {framed: true, data: frame(3, true, 1, "a\nb\n") + frame(0, false, 0, `{}`) + frame(5, true, 7, ""), want: []string{"whole a\nb", "whole {}$", "whole $"}},
		"a frame cut by a crash":         {framed: true, data: frame(3, true, 1, "abc")[:17], last: noMore, want: []string{"as it is " + frame(3, true, 1, "abc")[:17]}},
		"a header without a body":        {framed: true, data: frame(3, true, 1, "abc")[:16], last: noMore, want: []string{"as it is " + frame(3, true, 1, "abc")[:16]}},
		"a frame that may go on":         {framed: true, data: frame(3, true, 1, "abc")[:17], last: pause, want: nil},
		"no frame":                       {framed: true, data: frame(3, true, 1, "a") + "hello\nworld", want: []string{"whole a$", "no frame", "as it is hello\nworld"}},
		"no frame, seen at once":         {framed: true, data: "h", want: []string{"no frame", "as it is h"}},
		"a level that is none":           {framed: true, data: frame(7, true, 1, "a"), want: []string{"no frame", "as it is " + frame(7, true, 1, "a")}},
		"a length that is none":          {framed: true, data: "\xa5\x5a\x00\x03\x7f\xff\xff\xff", want: []string{"no frame", "as it is \xa5\x5a\x00\x03\x7f\xff\xff\xff"}},
		"a large frame, and a small one": {framed: true, data: frame(3, true, 1, long+"y") + frame(3, true, 1, "b"), want: []string{"header " + frame(3, true, 1, long+"y")[:16], "piece xxxxxxxxxxxxxxxxxxxx…", "whole b$"}},
	} {
		t.Run(name, func(t *testing.T) {
			items, all := cut(c.framed, []byte(c.data), func() int { return 1 << 30 }, c.last)
			if d := cmp.Diff(c.want, items); d != "" {
				t.Error(d)
			}
			if c.last != open && string(all) != c.data {
				t.Errorf("bytes are lost or made up: %d of %d", len(all), len(c.data))
			}
		})
	}
}

// However the bytes come, none is lost, and what is whole is the same.
func FuzzItems(f *testing.F) {
	f.Add(true, []byte(frame(3, true, 1, "a\n")+frame(0, false, 0, "{}")), uint64(1))
	f.Add(true, []byte(frame(3, true, 1, "a\n")+"\xa5\x5b"), uint64(2))
	f.Add(false, []byte("a\nb\r\n\n\x00c"), uint64(3))
	f.Fuzz(func(t *testing.T, framed bool, data []byte, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		once, all := cut(framed, data, func() int { return 1 << 30 }, noMore)
		if !bytes.Equal(all, data) {
			t.Fatalf("lost: %q of %q", all, data)
		}
		many, all := cut(framed, data, func() int { return 1 + rng.IntN(7) }, noMore)
		if !bytes.Equal(all, data) {
			t.Fatalf("in pieces: lost: %q of %q", all, data)
		}
		wholes := func(items []string) (out []string) {
			for _, it := range items {
				if strings.HasPrefix(it, "whole") {
					out = append(out, it)
				}
			}
			return out
		}
		if d := cmp.Diff(wholes(once), wholes(many)); d != "" {
			t.Fatal(d)
		}
	})
}
