package relay

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func line(text string) queued {
	e := Event{At: time.Date(2026, 9, 3, 14, 29, 52, 929e6, time.UTC), Type: "function", Category: "function", Line: text}
	return queued{encoded: e.encode("2022-12-13", "Text")}
}

// A batch is complete at maxItems or at the event that reaches maxBytes, which
// still belongs to it: a body may exceed maxBytes (behaviour 11). [DOC:telemetry-api]
func TestBatchSize(t *testing.T) {
	small := line("x")
	big := line(strings.Repeat("x", 300_000))
	many := func(n int, q queued) []queued {
		list := make([]queued, n)
		for i := range list {
			list[i] = q
		}
		return list
	}
	tests := []struct {
		name  string
		queue []queued
		n     int
		full  bool
	}{
		{"empty", nil, 0, false},
		{"few", many(3, small), 3, false},
		{"one below items", many(999, small), 999, false},
		{"items", many(1500, small), 1000, true},
		{"bytes by one event", []queued{small, big, small}, 2, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, full := buffering{maxItems: 1000, maxBytes: 262144}.batchSize(tt.queue)
			if n != tt.n || full != tt.full {
				t.Errorf("got %d %v, want %d %v", n, full, tt.n, tt.full)
			}
		})
	}
}

// An oversized record is torn over two POSTs, and the events behind it ride in
// the second (behaviour 15). [DataDog bottlecap, September 2026]
func TestOversizedRecord(t *testing.T) {
	const head = `{"time":"2026-09-03T14:29:52.929Z","type":"function","record":`
	done := Event{At: time.Date(2026, 9, 3, 14, 29, 52, 930e6, time.UTC), Type: "platform.runtimeDone", Category: "platform",
		Record: RuntimeDoneRecord{RequestID: "abc123", Status: "success"}}
	batch := []queued{line("a"), line("AAAABBBB"), {encoded: done.encode("2022-12-13", "Text")}}
	var got []string
	for _, p := range posts(batch, 5) {
		got = append(got, string(p.body))
	}
	want := []string{
		`[` + head + `"a\n"},` + head + `"AAAA}]`,
		`[` + head + `BBBB\}]`,
		`[` + head + `n"},{"time":"2026-09-03T14:29:52.930Z","type":"platform.runtimeDone","record":{"req}]`,
	}
	if diff := cmp.Diff(want, got[:3]); diff != "" {
		t.Error(diff)
	}
	for i, body := range got[:3] {
		if json.Valid([]byte(body)) {
			t.Errorf("POST %d is valid JSON", i)
		}
	}
}

// Joining the pieces as a subscriber would gives the whole batch back.
func FuzzPostsJoin(f *testing.F) {
	f.Add("hello", 3)
	f.Add("é\"\\", 1)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		if cut < 1 || cut > 1000 || len(text) > 1000 {
			return
		}
		batch := []queued{line(text), line("next")}
		var joined []byte
		for i, p := range posts(batch, cut) {
			body := p.body
			if i > 0 { // drop the framing before and the repeated head
				joined = bytes.TrimSuffix(joined, []byte("}]"))
				body = body[1+len(batch[0].head):]
			}
			joined = append(joined, body...)
		}
		want := posts(batch, 1<<30)[0].body
		if !bytes.Equal(joined, want) {
			t.Errorf("cut %d: %s\nwant %s", cut, joined, want)
		}
	})
}
