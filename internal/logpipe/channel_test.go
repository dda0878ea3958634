package logpipe

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// enrich makes an object of each line.
func enrich(dst []byte, l Line) ([]byte, Fate) {
	return append(append(append(dst, `{"m":"`...), l.Text...), `"}`...), Object
}

func TestFates(t *testing.T) {
	r := &rules{line: func(dst []byte, l Line) ([]byte, Fate) {
		switch string(l.Text) {
		case "pass":
			return append(dst, "never seen"...), Pass
		case "gone":
			return append(dst, "never seen"...), Gone
		case "text":
			return append(dst, "TEXT"...), Text
		}
		return enrich(dst, l)
	}}
	for name, c := range map[string]struct {
		framed     bool
		data, want string
	}{
		"lines":                        {false, "pass\ngone\ntext\no\n", "pass\nTEXT\n{\"m\":\"o\"}\n"},
		"frames":                       {true, frame(3, true, 9, "pass\n") + frame(3, true, 9, "gone\n") + frame(4, true, 8, "text") + frame(5, true, 7, "o\n") + frame(2, true, 0, "o"), frame(3, true, 9, "pass\n") + frame(4, true, 8, "TEXT") + frame(5, false, 7, "{\"m\":\"o\"}\n") + frame(2, false, 0, `{"m":"o"}`)},
		"at the end without a newline": {false, "o", `{"m":"o"}`},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, r, c.framed, Options{})
			b.print(t, c.data)
			if got := b.end(t); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// A part of a line that has left is not followed by an object.
func TestRestOfAPart(t *testing.T) {
	b := newBench(t, &rules{line: enrich}, false, Options{})
	b.platform()
	b.print(t, "a\npartial req-1")
	b.pipes.Drain(nil, 0)
	await(t, "the part is in the log", func() bool { return b.text() == "{\"m\":\"a\"}\npartial req-1" })
	b.print(t, "print req-2\nb\n")
	if got, want := b.end(t), "{\"m\":\"a\"}\npartial req-1print req-2\n{\"m\":\"b\"}\n"; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if s := b.pipes.Stats(); s.Parts != 2 || s.Lines != 2 || s.Written != 4 {
		t.Errorf("%+v", s)
	}
}

// What a drain promises, against random writers and readers: when it returns,
// all that was written before it began is in the log, in its order.
func TestDrainModel(t *testing.T) {
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 2))
			framed := seed%2 == 1
			b := newBench(t, &rules{line: func(dst []byte, l Line) ([]byte, Fate) {
				if seed%3 == 0 {
					time.Sleep(time.Duration(seed) * 10 * time.Microsecond)
				}
				return dst, Pass
			}}, framed, Options{})
			b.platform()
			var written strings.Builder
			for i := range 60 {
				for range rng.IntN(8) {
					text := fmt.Sprintf("%d %s\n", i, strings.Repeat("x", rng.IntN(3000)))
					if framed {
						text = frame(3, true, int64(i+1), text)
					} else if rng.IntN(4) == 0 {
						text = text[:len(text)-1] // to be gone on with
					}
					b.print(t, text)
					written.WriteString(text)
				}
				if rng.IntN(3) == 0 {
					time.Sleep(time.Duration(rng.IntN(300)) * time.Microsecond)
				}
				b.pipes.Drain(nil, 0)
				if got := b.logged(); got < written.Len() {
					t.Fatalf("after drain %d only %d of %d bytes are in the log", i, got, written.Len())
				}
			}
			if got := b.end(t); got != written.String() {
				t.Errorf("%d bytes came of %d, or in another order", len(got), written.Len())
			}
		})
	}
}

// A writer without end: for each line that goes out another one stands in the
// channel, and still a drain returns.
func TestDrainIsASnapshot(t *testing.T) {
	r := &rules{}
	b := newBench(t, r, false, Options{})
	var quit atomic.Bool
	r.line = func(dst []byte, l Line) ([]byte, Fate) {
		if !quit.Load() {
			_, _ = syscall.Write(b.write, []byte("endless\n"))
		}
		return dst, Gone
	}
	b.print(t, strings.Repeat("endless\n", 2000))
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		for range 20 {
			b.pipes.Drain(nil, 0)
		}
	}()
	select {
	case <-returned:
	case <-time.After(10 * time.Second):
		t.Error("a drain waits for what was written after it began")
	}
	quit.Store(true)
	<-returned
	b.end(t)
}

func TestBlockedOriginal(t *testing.T) {
	b := newBench(t, &rules{}, false, Options{})
	line := strings.Repeat("y", 1023) + "\n"
	for range 120 { // the original holds 64
		b.print(t, line)
		if readable(b.channel.fd) > 0 {
			time.Sleep(100 * time.Microsecond)
		}
	}
	b.pipes.Drain(nil, 30*time.Millisecond) // returns by its limit
	stop := make(chan struct{})
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		b.pipes.Drain(stop, 0)
	}()
	select {
	case <-returned:
		t.Error("a drain without a limit did not wait for a blocked original")
	case <-time.After(50 * time.Millisecond):
	}
	close(stop)
	<-returned
	if got := b.end(t); got != strings.Repeat(line, 120) {
		t.Errorf("%d bytes of %d came", len(got), 120*1024)
	}
}

// An original that fails for good closes our end: the function sees what it
// would have seen.
func TestOriginalFails(t *testing.T) {
	b := newBench(t, &rules{}, false, Options{})
	_ = b.log.Close()
	await(t, "the function's write fails", func() bool {
		_, err := b.function.WriteString("x\n")
		return err != nil
	})
}

func TestPanickingRule(t *testing.T) {
	boom := &rules{line: func(dst []byte, l Line) ([]byte, Fate) {
		if strings.Contains(string(l.Text), "secret") {
			panic("secret")
		}
		return enrich(dst, l)
	}, part: func(dst, text []byte) []byte { panic("secret") }}
	now := func() time.Time { return time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		framed, withhold bool
		data, want       string
	}{
		"passes":           {false, false, "a\nsecret 1\nb\n", "{\"m\":\"a\"}\nsecret 1\n{\"m\":\"b\"}\n"},
		"is withheld":      {false, true, "a\nsecret 1\nb\n", "{\"m\":\"a\"}\n{\"timestamp\":\"2026-01-31T12:00:00.000Z\",\"message\":\"line withheld: redaction failed\",\"bytes\":9}\n{\"m\":\"b\"}\n"},
		"frame passes":     {true, false, frame(3, true, 1, "secret\n") + frame(3, true, 1, "b"), frame(3, true, 1, "secret\n") + frame(3, false, 1, `{"m":"b"}`)},
		"frame withheld":   {true, true, frame(5, true, 1e6, "secret\n"), frame(5, false, 1e6, "{\"timestamp\":\"1970-01-01T00:00:01.000Z\",\"level\":\"ERROR\",\"message\":\"line withheld: redaction failed\",\"bytes\":7}\n")},
		"part withheld":    {false, true, strings.Repeat("s", mostHeld+1) + "\nb\n", "{\"timestamp\":\"2026-01-31T12:00:00.000Z\",\"message\":\"line withheld: redaction failed\",\"bytes\":262144}{\"timestamp\":\"2026-01-31T12:00:00.000Z\",\"message\":\"line withheld: redaction failed\",\"bytes\":2}\n{\"m\":\"b\"}\n"},
		"large frame":      {true, true, frame(3, true, 1, strings.Repeat("s", mostHeld+1)), frame(3, true, 1, strings.Repeat(" ", mostHeld+1))},
		"frame cut":        {true, true, frame(3, true, 1, "secret")[:20], "{\"timestamp\":\"2026-01-31T12:00:00.000Z\",\"message\":\"line withheld: redaction failed\",\"bytes\":20}"},
		"no frames at all": {true, true, "secret\n", "{\"timestamp\":\"2026-01-31T12:00:00.000Z\",\"message\":\"line withheld: redaction failed\",\"bytes\":7}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, boom, c.framed, Options{Withhold: c.withhold, Now: now})
			b.platform()
			b.print(t, c.data)
			if got := b.end(t); got != c.want {
				t.Errorf("got  %.400q\nwant %.400q", got, c.want)
			}
			if len(b.degraded()) == 0 {
				t.Error("nobody was told")
			}
			for _, e := range b.observed.All() {
				if strings.Contains(fmt.Sprint(e.ContextMap()), "secret 1") {
					t.Errorf("the log holds the line: %v", e.ContextMap())
				}
			}
		})
	}
}

// A rule that hangs loses its descriptor, and nothing else waits for it.
func TestHangingRule(t *testing.T) {
	for _, withhold := range []bool{false, true} {
		for _, framed := range []bool{false, true} {
			t.Run(fmt.Sprint("withhold ", withhold, " framed ", framed), func(t *testing.T) {
				hang := make(chan struct{})
				t.Cleanup(func() { close(hang) })
				var inside atomic.Bool
				b := newBench(t, &rules{line: func(dst []byte, l Line) ([]byte, Fate) {
					if strings.Contains(string(l.Text), "secret") {
						inside.Store(true)
						<-hang
						return append(dst, "too late"...), Text
					}
					return enrich(dst, l)
				}}, framed, Options{Withhold: withhold})
				b.platform()
				wrap := func(s string) string {
					if framed {
						return frame(3, true, 1, s)
					}
					return s
				}
				b.print(t, wrap("a\n")+wrap("secret 1\n")+wrap("secret 2\n"))
				await(t, "the rule hangs", inside.Load)
				began := time.Now()
				b.pipes.Drain(nil, 0) // returns, without a limit
				t.Logf("the drain returned %v after it began", time.Since(began))
				b.print(t, wrap("secret 3\n"))
				b.pipes.Drain(nil, 0)
				got := b.end(t)
				switch {
				case !strings.Contains(got, `{"m":"a"}`), strings.Contains(got, "too late"):
					t.Errorf("%q", got)
				case withhold && (strings.Contains(got, "secret") || strings.Count(got, "line withheld") != 3):
					t.Errorf("%q", got)
				case !withhold && strings.Count(got, "secret") != 3:
					t.Errorf("%q", got)
				}
				if s := b.pipes.Stats(); s.Taken != 1 || len(b.degraded()) != 1 {
					t.Errorf("%+v, %v", s, b.degraded())
				}
			})
		}
	}
}

// A write that waits for the log is no rule that hangs.
func TestBlockedWriteIsNoHang(t *testing.T) {
	b := newBench(t, &rules{line: enrich}, false, Options{})
	go func() {
		_, _ = b.function.WriteString(strings.Repeat("z", 900) + strings.Repeat("\n"+strings.Repeat("z", 900), 300) + "\n")
	}()
	time.Sleep(20 * tick)
	b.platform()
	await(t, "all is in the log", func() bool { return strings.Count(b.text(), "\n") == 301 })
	if s := b.pipes.Stats(); s.Taken != 0 {
		t.Errorf("%+v", s)
	}
	b.end(t)
}

// Lines that were held back come before the line that let them go.
func TestReleasedBefore(t *testing.T) {
	r := &rules{}
	r.line = func(dst []byte, l Line) ([]byte, Fate) {
		switch string(l.Text) {
		case "held":
			return dst, Gone
		case "bad":
			r.place.Release(l.Header, []byte("HELD"), true, false)
		}
		return dst, Pass
	}
	r.end = func() { r.place.Release(nil, []byte("LAST"), true, false) }
	b := newBench(t, r, false, Options{})
	b.platform()
	b.print(t, "a\nheld\nb\nbad\nc\n")
	if got, want := b.end(t), "a\nb\nHELD\nbad\nc\nLAST\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestReleasedAlone(t *testing.T) {
	r := &rules{}
	b := newBench(t, r, false, Options{})
	b.platform()
	r.place.Release(nil, []byte("later"), true, false)
	b.pipes.Drain(nil, 0)
	await(t, "it is in the log", func() bool { return b.text() == "later\n" })
	b.end(t)
}

// A child that has the function's end keeps the channel open, and nothing
// waits for its end.
func TestInheritedEnd(t *testing.T) {
	b := newBench(t, &rules{}, false, Options{})
	b.platform()
	child, err := syscall.Dup(b.write)
	if err != nil {
		t.Fatal(err)
	}
	b.print(t, "a\n")
	_ = b.function.Close()
	b.pipes.Drain(nil, 0)
	await(t, "the line is in the log", func() bool { return b.text() == "a\n" })
	select {
	case <-b.eof:
		t.Error("the original was closed while somebody can write")
	default:
	}
	_ = syscall.Close(child)
	b.end(t)
}
