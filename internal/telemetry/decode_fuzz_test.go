package telemetry

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// simple decodes one element with encoding/json alone. It reports false for
// what is no event.
func simple(element []byte) (Event, bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(element, &fields) != nil {
		return Event{}, false
	}
	var typ string
	if !bytes.HasPrefix(fields["type"], []byte(`"`)) || json.Unmarshal(fields["type"], &typ) != nil {
		return Event{}, false
	}
	ev := Event{Kind: kindOf([]byte(typ))}
	var stamp string
	if json.Unmarshal(fields["time"], &stamp) == nil {
		ev.Time = parseTime([]byte(stamp))
	}
	var text string
	isText := bytes.HasPrefix(fields["record"], []byte(`"`)) && json.Unmarshal(fields["record"], &text) == nil
	switch {
	case ev.Kind == KindUnknown:
		ev.Type = typ
		ev.Line, ev.Object = oneLine(fields["record"]), bytes.HasPrefix(fields["record"], []byte("{"))
	case ev.Kind != KindFunction && ev.Kind != KindExtension && ev.Kind != KindFault:
		ev.Platform = platform(fields["record"])
	case isText:
		ev.Line = []byte(strings.TrimSuffix(text, "\n"))
		if strings.HasSuffix(text, "\r\n") {
			ev.Line = []byte(strings.TrimSuffix(text, "\r\n"))
		}
	default:
		ev.Line, ev.Object = oneLine(fields["record"]), bytes.HasPrefix(fields["record"], []byte("{"))
	}
	if ev.Kind == KindFault {
		ev.Platform = fault(ev.Line, ev.Object)
	}
	return ev, true
}

func oneLine(json []byte) []byte {
	return []byte(strings.NewReplacer("\n", " ", "\r", " ").Replace(string(json)))
}

// FuzzDecode puts anything between two valid events. They must survive, and
// if it is an event itself, it must be read as encoding/json reads it.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		``, `1`, `"`, `"x`, `{`, `}`, `[`, `]`, `{}`, `[0`, `{"time":"x","type":"function","record":"a`,
		`{"time":"2022-10-12T00:03:50.000Z","type":"function","record":"a\u00e9\ud83d\n"}`,
		`{"time":"2022-10-12T00:03:50.000Z","type":"function","record":{"time":"x","type":"function","record":"a"}}`,
		`{"time":"2022-10-12T00:03:50.000Z","type":"extension","record":[1,2]}`,
		`{"type":"platform.report","record":{"requestId":"r","metrics":{"durationMs":1}}}`,
		`{"type":"platform.fault","record":"RequestId: x y"}`, `{"type":"new","record":null}`, `{"type":"function","record":"`,
		`{"time":"x","type":"function","record":"a","k":"`, `{"time":"x","type":"function","record":[0`, `{"a":1}]}`, `\`, `{"a\`,
		`{"time":[{"time":[`, `x,{"time":"`, "\xef\xbb\xbf", `{"type":"function","record":"a"}}}]]]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, middle []byte) {
		const before = `{"time":"2022-10-12T00:03:50.001Z","type":"function","record":"before\n"}`
		const after = `{"time":"2022-10-12T00:03:50.002Z","type":"function","record":"after\n"}`
		if len(middle) > 1<<12 {
			return
		}
		body := append(append([]byte("["+before+","), middle...), ","+after+"]"...)
		events, _ := Decode(nil, body)
		if n := len(events); n < 2 || string(events[0].Line) != "before" || string(events[n-1].Line) != "after" {
			t.Fatalf("neighbours lost: %d events", n)
		}
		for _, ev := range events {
			if ev.Object && (!json.Valid(ev.Line) || bytes.ContainsAny(ev.Line, "\r\n")) {
				t.Fatalf("object is not JSON in one line: %q", ev.Line)
			}
		}
		// Names with escapes are read by encoding/json only.
		want, ok := simple(middle)
		if !ok || bytes.Contains(middle, []byte(`\u00`)) || bytes.ContainsAny(middle, "\xff") {
			return
		}
		if len(events) != 3 {
			t.Fatalf("an event was lost: %q", middle)
		}
		got := events[1]
		if want.Line != nil {
			got.Line, want.Line = []byte(replaced(got.Line)), []byte(replaced(want.Line))
		}
		got.Type = replaced([]byte(got.Type))
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q (-encoding/json +ours):\n%s", middle, diff)
		}
	})
}

// replaced is what encoding/json makes of bytes that are not UTF-8.
func replaced(s []byte) string { return string([]rune(string(s))) }
