package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/redact"
	"powertools-extension/internal/telemetry"
)

// place is a log that lines are released to.
type place struct{ got []string }

func (p *place) Release(header, text []byte, newline, object bool) {
	p.got = append(p.got, fmt.Sprintf("%s%s newline=%t object=%t", header, text, newline, object))
}

// inPlace is a stream of a rig whose runtime has the test's request.
func inPlace(t testing.TB, change func(*Options)) (*rig, *Stream, *place) {
	t.Helper()
	r := newRig(t, func(o *Options) {
		o.Lines = o.Lines[1:] // back to where the function wrote them, and nowhere else
		if change != nil {
			change(o)
		}
	})
	a := r.tracker.Delivered(invocation.Delivery{RequestID: testID, FunctionARN: testARN, TraceHeader: testTrace, At: t0})
	to := &place{}
	return r, r.Stream(func() *invocation.Attempt { return a }, to), to
}

func write(s *Stream, w Written) string {
	out, fate := s.Line(nil, w)
	names := [...]string{"pass", "text ", "object ", "gone"}
	return names[fate] + string(out)
}

func TestLineInPlace(t *testing.T) {
	const tail = `"service":"orders","cold_start":true,"function_request_id":"` + testID + `","xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793"`
	secret, _ := redact.NewRules([]string{"password"})
	keep := func(o *Options) { o.KeepText = true }
	hide := func(o *Options) { o.Redact = secret }
	complete := `{"level":"INFO","message":"m","timestamp":"2024-01-15T11:30:45.123Z","requestId":"` + testID + `"}`
	for name, c := range map[string]struct {
		change func(*Options)
		line   string
		want   string
	}{
		"text":                          {nil, "hello", `object {"message":"hello","timestamp":"2024-01-15T11:30:45.123Z",` + tail + `}`},
		"text that is kept":             {keep, "hello", "pass"},
		"empty":                         {nil, "", "pass"},
		"an object":                     {nil, `{"level":"WARN","message":"m"}`, `object {"level":"WARN","message":"m","timestamp":"2024-01-15T11:30:45.123Z",` + tail + `}`},
		"an object, text is kept":       {keep, `{"level":"WARN","message":"m"}`, `object {"level":"WARN","message":"m","timestamp":"2024-01-15T11:30:45.123Z",` + tail + `}`},
		"complete":                      {nil, complete, "pass"},
		"complete but for the id":       {nil, strings.Replace(complete, testID, "41b45ea3-70b5-11e6-b7bd-69b5aaebc7d9", 1), "object " + strings.TrimSuffix(strings.Replace(complete, testID, "41b45ea3-70b5-11e6-b7bd-69b5aaebc7d9", 1), "}") + `,` + tail + `}`},
		"complete, everything wanted":   {func(o *Options) { o.CopyAll = true }, complete, "object " + strings.TrimSuffix(complete, "}") + `,` + tail + `}`},
		"metrics":                       {nil, `{"_aws":{"CloudWatchMetrics":[]},"x":1}`, "pass"},
		"metrics with a secret":         {hide, `{"_aws":{"CloudWatchMetrics":[]},"password":"x"}`, `object {"_aws":{"CloudWatchMetrics":[]},"password":"[redacted]"}`},
		"below the level":               {nil, `{"level":"DEBUG","message":"m"}`, "gone"},
		"carriage return at the end":    {nil, "hello\r", `object {"message":"hello","timestamp":"2024-01-15T11:30:45.123Z",` + tail + `}`},
		"carriage returns inside":       {nil, "a\rb", `object {"message":"a\nb","timestamp":"2024-01-15T11:30:45.123Z",` + tail + `}`},
		"a secret in a text":            {hide, "password=x", `object {"message":"password=[redacted]","timestamp":"2024-01-15T11:30:45.123Z",` + tail + `}`},
		"a secret in a text to keep":    {func(o *Options) { hide(o); keep(o) }, "a\rpassword=x\r", "text a\rpassword=[redacted]\r"},
		"a secret in a complete object": {hide, strings.Replace(complete, `"message":"m"`, `"password":"m"`, 1), "object " + strings.Replace(complete, `"message":"m"`, `"password":"[redacted]"`, 1)},
		"indent is for one line":        {func(o *Options) { o.Indent = true }, "hello", `object {"message":"hello","timestamp":"2024-01-15T11:30:45.123Z",` + tail + `}`},
		"too long with our keys":        {nil, strings.Repeat("x", DefaultMaxLineBytes-100), "pass"},
	} {
		t.Run(name, func(t *testing.T) {
			r, s, _ := inPlace(t, c.change)
			if diff := cmp.Diff(c.want, write(s, Written{Text: []byte(c.line), Newline: true})); diff != "" {
				t.Error(diff)
			}
			if len(r.stdout.got) > 0 {
				t.Errorf("a copy: %q", r.stdout.got)
			}
		})
	}
}

// A stream and the telemetry stream make the same of a line.
func TestLineInPlaceIsTheCopy(t *testing.T) {
	for _, text := range []string{
		"hello", `{"a":1}`, `{"level":"error","msg":"m","err":{"type":"T","stack":"s"}}`, "[ERROR]\t2024-01-15T11:30:45.000Z\t" + testID + "\tboom",
		"2024-01-15T11:30:45.000Z\t" + testID + "\tWARN\t{\"x\":1}", "\x00\xff", `{"a":NaN}`, "Traceback (most recent call last):\n  File \"x\"\nKeyError: 'x'",
	} {
		r, s, _ := inPlace(t, nil)
		out, _ := s.Line(nil, Written{Text: []byte(text)})
		r.running().HandleEvents([]telemetry.Event{textLine(text)})
		if len(r.stdout.got) != 1 || r.stdout.got[0] != string(out) {
			t.Errorf("%q: in place %s, as a copy %q", text, out, r.stdout.got)
		}
	}
}

// The header of a frame gives the time, and the level where the line has none.
func TestFrameInPlace(t *testing.T) {
	_, s, _ := inPlace(t, nil)
	at := t0.Add(-time.Minute)
	got := write(s, Written{Text: []byte("a\nb"), At: at, Level: 4, Header: []byte("HEADER"), Newline: true})
	if !strings.HasPrefix(got, `object {"level":"WARN","message":"a\nb","timestamp":"2024-01-15T11:29:45.123Z"`) {
		t.Error(got)
	}
	if got := write(s, Written{Text: []byte(`{"level":"ERROR","message":"m"}`), At: at, Level: 4, Header: []byte("HEADER")}); !strings.Contains(got, `"level":"ERROR"`) || strings.Contains(got, "WARN") {
		t.Error(got)
	}
	if got := write(s, Written{Text: []byte("quiet"), Level: 2, Header: []byte("HEADER")}); got != "gone" {
		t.Error(got)
	}
}

// Before the first request lines are of none; a line that names a request is
// that one's.
func TestOwnerInPlace(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Lines = o.Lines[1:] })
	var a *invocation.Attempt
	s := r.Stream(func() *invocation.Attempt { return a }, &place{})
	if got := write(s, Written{Text: []byte("init")}); strings.Contains(got, "function_request_id") {
		t.Error(got)
	}
	const other = "11111111-7b61-11e6-9a41-93e812345678"
	a = r.tracker.Delivered(invocation.Delivery{RequestID: other, At: t0})
	a = r.tracker.Delivered(invocation.Delivery{RequestID: testID, At: t0})
	if got := write(s, Written{Text: []byte("mine")}); !strings.Contains(got, testID) {
		t.Error(got)
	}
	if got := write(s, Written{Text: []byte(`{"requestId":"` + other + `"}`)}); strings.Contains(got, testID) {
		t.Error(got)
	}
}

// Held lines go back to where they were written, in their order, with what
// frames them: at an ERROR, when the runtime says that it failed, and when it
// is gone without an answer.
func TestHeldInPlace(t *testing.T) {
	hold := func(o *Options) { o.Hold = invocation.LevelDebug }
	held := func(t *testing.T) (*rig, *Stream, *place) {
		r, s, to := inPlace(t, hold)
		for i := range 2 {
			if got := write(s, Written{Text: fmt.Appendf(nil, `{"level":"DEBUG","message":"%d"}`, i), Header: []byte("HEADER"), Newline: true}); got != "gone" {
				t.Fatal(got)
			}
		}
		return r, s, to
	}
	check := func(t *testing.T, to *place, want int) {
		t.Helper()
		if len(to.got) != want {
			t.Fatalf("released %q", to.got)
		}
		for i, line := range to.got {
			if !strings.HasPrefix(line, fmt.Sprintf(`HEADER{"level":"DEBUG","message":"%d",`, i)) || !strings.HasSuffix(line, "newline=true object=true") {
				t.Error(line)
			}
		}
	}
	t.Run("an error", func(t *testing.T) {
		_, s, to := held(t)
		write(s, Written{Text: []byte(`{"level":"ERROR","message":"bad"}`)})
		check(t, to, 2)
	})
	t.Run("failed", func(t *testing.T) {
		r, _, to := held(t)
		r.Failed(testID)
		check(t, to, 2)
	})
	t.Run("died", func(t *testing.T) {
		_, s, to := held(t)
		s.End()
		check(t, to, 2)
	})
	t.Run("ended well", func(t *testing.T) {
		r, s, to := held(t)
		r.tracker.Answered(invocation.Answer{RequestID: testID, At: t0, Status: 202})
		s.End()
		check(t, to, 0)
	})
}

// Where lines go nowhere but to a remote destination, nothing is stored where
// they were written, but metrics.
func TestRemoteOnlyInPlace(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Lines = o.Lines[:1] })
	s := r.Stream(func() *invocation.Attempt { return nil }, &place{})
	if got := write(s, Written{Text: []byte("hello")}); got != "gone" || len(r.lines.got) != 1 || !strings.Contains(r.lines.got[0], `"hello"`) {
		t.Errorf("%s, %q", got, r.lines.got)
	}
	if got := write(s, Written{Text: []byte(`{"_aws":{"CloudWatchMetrics":[]}}`)}); got != "pass" {
		t.Error(got)
	}
	if got := string(s.Part(nil, []byte("part"))); got != "" || len(r.lines.got) != 3 {
		t.Errorf("%q, %q", got, r.lines.got)
	}
}

func TestPartInPlace(t *testing.T) {
	secret, _ := redact.NewRules([]string{"password"})
	_, s, _ := inPlace(t, func(o *Options) { o.Redact = secret })
	if got := string(s.Part([]byte("x"), []byte("password=1 and"))); got != "xpassword=[redacted] and" {
		t.Error(got)
	}
}

func BenchmarkStream(b *testing.B) {
	text := `{"level":"INFO","message":"order placed","order":"` + strings.Repeat("x", 240) + `"}`
	for name, line := range map[string]string{"object": text, "text": strings.Repeat("order placed ", 23), "complete": strings.TrimSuffix(text, "}") + `,"timestamp":"2024-01-15T11:30:45.123Z","requestId":"` + testID + `"}`} {
		b.Run(name, func(b *testing.B) {
			_, s, _ := inPlace(b, nil)
			w := Written{Text: []byte(line), Newline: true}
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst, _ = s.Line(dst[:0], w)
			}
		})
	}
}
