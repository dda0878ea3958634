package telemetry

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
)

// collector keeps copies of what it is handed.
type collector struct {
	events []Event
}

func (c *collector) HandleEvents(events []Event) {
	for _, ev := range events {
		ev.Line = bytes.Clone(ev.Line)
		c.events = append(c.events, ev)
	}
}

// texts are the lines, and the ids of platform events.
func (c *collector) texts() []string {
	var texts []string
	for _, ev := range c.events {
		text := string(ev.Line)
		if ev.Platform != nil {
			text = "platform " + ev.Platform.RequestID
		}
		if ev.Truncated {
			text += " (truncated)"
		}
		texts = append(texts, text)
	}
	return texts
}

func newWorker() (*worker, *collector) {
	c := &collector{}
	return &worker{Server: &Server{log: zap.NewNop()}, handler: c, events: make([]Event, 0, handful)}, c
}

const (
	cutHead = `{"time":"2022-10-12T00:03:50.123Z","type":"function","record":`
	early   = `{"time":"2022-10-12T00:03:50.000Z","type":"function","record":"early\n"}`
	done    = `{"time":"2022-10-12T00:03:51.000Z","type":"platform.runtimeDone","record":{"requestId":"r-1","status":"success"}}`
)

// cutValues are records in which every kind of place to cut occurs, with the
// line they stand for.
func cutValues() map[string][2]string {
	values := map[string][2]string{}
	for name, text := range map[string]string{
		"plain":             "one two three",
		"escapes":           "tab\tquote\"back\\slash/\b\f\r\n end",
		"characters":        "é€😀 日本",
		"JSON in text":      `{"a":"b","c":[{"d":"}]"}],"e":"\"x\""}`,
		"what looks whole":  `"},"},{"time":"x"}]`,
		"quotes":            `""""`,
		"backslashes":       `\\\\"\\`,
		"an event in a log": `[{"time":"2022-10-12T00:03:50.123Z","type":"function","record":"x"}]`,
	} {
		values["text: "+name] = [2]string{quoted(text + "\n"), text}
		// As other encoders write it: everything but ASCII escaped.
		values["escaped text: "+name] = [2]string{asciiQuoted(text + "\n"), text}
	}
	for name, object := range map[string]string{
		"flat":   `{"level":"INFO","n":-12.5e+3,"ok":true,"no":false,"nil":null,"s":"a\"}]b\u00e9\\"}`,
		"nested": `{"a":{"b":{"c":[1,[2,{"d":{}}]]}},"time":"x","list":[{"time":"y","type":"z","record":"w"}],"end":[]}`,
	} {
		values["object: "+name] = [2]string{object, object}
	}
	return values
}

func asciiQuoted(s string) string {
	var b strings.Builder
	for _, r := range quoted(s) {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		var escaped []byte
		if r > 0xffff {
			r -= 0x10000
			escaped = []byte(`"` + u(0xd800+r>>10) + u(0xdc00+r&0x3ff) + `"`)
		} else {
			escaped = []byte(`"` + u(r) + `"`)
		}
		b.Write(escaped[1 : len(escaped)-1])
	}
	return b.String()
}

func u(r rune) string {
	const hex = "0123456789abcdef"
	return `\u` + string([]byte{hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15]})
}

func TestCutRecordIsStitchedAtEveryByte(t *testing.T) {
	for name, v := range cutValues() {
		t.Run(name, func(t *testing.T) {
			value, line := v[0], v[1]
			want := []string{"early", line, "platform r-1"}
			for cut := range len(value) + 1 {
				w, got := newWorker()
				w.batch([]byte("[" + early + "," + cutHead + value[:cut] + "}]"))
				w.batch([]byte("[" + cutHead + value[cut:] + "}," + done + "]"))
				if diff := cmp.Diff(want, got.texts()); diff != "" {
					t.Fatalf("cut at %d (-want +got):\n%s", cut, diff)
				}
				// Cut at the very end, the first half is whole and the
				// second is nothing.
				end := int64(0)
				if cut == len(value) {
					end = 1
				}
				s := w.Stats()
				if s.Stitched != 1-end || s.Undecodable != end || s.Truncated != 0 || s.Events != 3 {
					t.Fatalf("cut at %d: %+v", cut, s)
				}
				if !got.events[1].Time.Equal(time.Date(2022, 10, 12, 0, 3, 50, 123e6, time.UTC)) {
					t.Fatalf("cut at %d: time %v", cut, got.events[1].Time)
				}
			}
		})
	}
}

func TestCutRecordWithoutItsRest(t *testing.T) {
	for name, v := range cutValues() {
		t.Run(name, func(t *testing.T) {
			value, line := v[0], v[1]
			for cut := 1; cut < len(value); cut++ {
				w, got := newWorker()
				w.batch([]byte("[" + early + "," + cutHead + value[:cut] + "}]"))
				if texts := got.texts(); len(texts) != 1 {
					t.Fatalf("cut at %d: not held: %q", cut, texts)
				}
				w.batch([]byte("[" + done + "]"))
				if len(got.events) != 3 {
					t.Fatalf("cut at %d: %q", cut, got.texts())
				}
				half := got.events[1]
				if !half.Truncated || half.Object || half.Kind != KindFunction || half.Time.IsZero() {
					t.Fatalf("cut at %d: %+v", cut, half)
				}
				// Half of a pair of surrogates is all that may differ.
				text := strings.TrimSuffix(string(half.Line), "\uFFFD")
				if !strings.HasPrefix(line+"\n", text) {
					t.Fatalf("cut at %d: %q is no start of %q", cut, half.Line, line)
				}
				if s := w.Stats(); s.Truncated != 1 || s.Undecodable != 0 {
					t.Fatalf("cut at %d: %+v", cut, s)
				}
			}
		})
	}
}

func TestCutRecordInThreeParts(t *testing.T) {
	for name, v := range cutValues() {
		t.Run(name, func(t *testing.T) {
			value, line := v[0], v[1]
			for first := 1; first < len(value)-1; first++ {
				for second := first + 1; second < len(value); second += 3 {
					w, got := newWorker()
					w.batch([]byte("[" + cutHead + value[:first] + "}]"))
					w.batch([]byte("[" + cutHead + value[first:second] + "}]"))
					w.batch([]byte("[" + cutHead + value[second:] + "}," + done + "]"))
					if diff := cmp.Diff([]string{line, "platform r-1"}, got.texts()); diff != "" {
						t.Fatalf("cut at %d and %d (-want +got):\n%s", first, second, diff)
					}
				}
			}
		})
	}
}

func TestStitchTellsApart(t *testing.T) {
	const half = "[" + cutHead + `"first`
	for name, tt := range map[string]struct {
		bodies []string
		want   []string
		bad    int64
	}{
		"another event of the same time": {
			[]string{half + `}]`, "[" + cutHead + `"other\n"},` + done + "]"},
			[]string{"first (truncated)", "other", "platform r-1"}, 0,
		},
		"another time": {
			[]string{half + `}]`, `[{"time":"2022-10-12T00:03:50.124Z","type":"function","record": and last"},` + done + "]"},
			[]string{"first (truncated)", "platform r-1"}, 1,
		},
		"another stream": {
			[]string{half + `}]`, `[{"time":"2022-10-12T00:03:50.123Z","type":"extension","record": and last"},` + done + "]"},
			[]string{"first (truncated)", "platform r-1"}, 1,
		},
		"an empty body of events": {
			[]string{half + `}]`, "[]", "[" + cutHead + ` and last"}]`},
			[]string{"first (truncated)"}, 1,
		},
		"cut before its first byte, and lost": {
			[]string{"[" + early + "," + cutHead + "}]", "[" + done + "]"},
			[]string{"early", "platform r-1"}, 1,
		},
		"white space behind": {
			[]string{half + "}]\n", "[" + cutHead + ` and last"}]`},
			[]string{"first and last"}, 0,
		},
		"second half only": {
			[]string{"[" + cutHead + ` and last"},` + done + "]"},
			[]string{"platform r-1"}, 1,
		},
		"cut, but not by the platform": {
			[]string{half, "[" + done + "]"},
			[]string{"platform r-1"}, 1,
		},
		"a broken event before valid ones is not held": {
			[]string{"[" + cutHead + "[1," + early + "]", "[" + done + "]"},
			[]string{"early", "platform r-1"}, 1,
		},
		"a platform event is not held": {
			[]string{`[{"time":"x","type":"platform.report","record":{"requestId":"r}]`, "[" + done + "]"},
			[]string{"platform r-1"}, 1,
		},
		"one after the other": {
			[]string{half + `}]`, "[" + cutHead + ` and last"},` + cutHead + `"again}]`, "[" + cutHead + ` and again"}]`},
			[]string{"first and last", "again and again"}, 0,
		},
		"damage before the cut": {
			[]string{`[{"time":"x"},` + cutHead + `"first}]`, "[" + cutHead + ` and last"}]`},
			[]string{"first and last"}, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, got := newWorker()
			for _, body := range tt.bodies {
				w.batch([]byte(body))
			}
			if diff := cmp.Diff(tt.want, got.texts()); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if bad := w.Stats().Undecodable; bad != tt.bad {
				t.Errorf("%d undecodable, want %d", bad, tt.bad)
			}
		})
	}
}

// A record that never ends is not collected for ever.
func TestHoldIsBounded(t *testing.T) {
	var s stitcher
	for size, want := range map[int]bool{8<<20 - len(cutHead): true, 8<<20 - len(cutHead) + 1: false} {
		value := `"` + strings.Repeat("x", size-1)
		if got := s.hold([]byte("["+cutHead+value+"}]"), 1); got != want {
			t.Errorf("%d bytes held: %v, want %v", size, got, want)
		}
	}
}

// Whatever comes, in whatever pieces: no panic, and what is valid in the last
// body is delivered.
func FuzzStitch(f *testing.F) {
	f.Add([]byte(`"first`), []byte(` and last"}`), true)
	f.Add([]byte(`{"a":[`), []byte(`1]}}`), true)
	f.Add([]byte(``), []byte(``), false)
	f.Add([]byte(`"a\`), []byte(`"},{"time":"`), true)
	f.Fuzz(func(t *testing.T, first, second []byte, same bool) {
		w, got := newWorker()
		w.batch([]byte("[" + cutHead + string(first) + "}]"))
		head := cutHead
		if !same {
			head = ""
		}
		w.batch([]byte("[" + head + string(second) + "," + done + "]"))
		w.batch([]byte("[" + early + "]"))
		texts := got.texts()
		if len(texts) == 0 || texts[len(texts)-1] != "early" {
			t.Fatalf("lost the valid body: %q", texts)
		}
	})
}
