package jsonline

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
)

func TestEach(t *testing.T) {
	for _, tc := range []struct {
		name, line string
		want       []string
		object     bool
	}{
		{"members in order", `{"a":1, "b" : {"a":[1,2]},"c":"x"}`, []string{"a=1", `b={"a":[1,2]}`, `c="x"`}, true},
		{"escaped name", `{"\u0061\"":true}`, []string{`a"=true`}, true},
		{"empty", ` {} `, nil, true},
		{"same name twice", `{"a":1,"a":2}`, []string{"a=1", "a=2"}, true},
		{"half a surrogate pair", `{"a":"\ud83d"}`, []string{`a="\ud83d"`}, true},
		{"text", `hello`, nil, false},
		{"array", `[1]`, nil, false},
		{"two objects", `{"a":1}{}`, nil, false},
		{"torn", `{"a":1,"b`, nil, false},
		{"not a number", `{"a":NaN,"b":[-Infinity]}`, []string{"a=NaN", "b=[-Infinity]"}, true},
		{"nothing", ``, nil, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			var r Reader
			for range 2 { // the second time with used memory
				got = nil
				object := r.Each([]byte(tc.line), func(name []byte, value jsontext.Value) bool {
					got = append(got, string(name)+"="+string(value))
					return true
				})
				if object != tc.object {
					t.Errorf("object %v, want %v", object, tc.object)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse(t *testing.T) {
	const want = "2024-01-15T11:30:45.123Z"
	for _, s := range []string{
		`"2024-01-15T11:30:45.123Z"`, `"2024-01-15T13:30:45.123+02:00"`, `"2024-01-15T11:30:45.123+0000"`,
		`"2024-01-15 11:30:45,123+0000"`, `"2024-01-15 11:30:45.123"`, `"2024-01-15T11:30:45.123"`,
		`"2024-01-15 12:30:45,123+01:00"`, `1705318245123`, `1705318245.123`, `1705318245123000`, `"1705318245123"`,
		`1705318245123000000`,
	} {
		got, ok := Parse(jsontext.Value(s))
		if !ok || got.UTC().Round(time.Millisecond).Format("2006-01-02T15:04:05.000Z") != want {
			t.Errorf("%s: %v %v", s, got, ok)
		}
	}
	for _, s := range []string{`"yesterday"`, `null`, `1`, `-5`, `{}`, `""`, `1e400`, `"NaN"`, `12345678901234567890123`} {
		if got, ok := Parse(jsontext.Value(s)); ok {
			t.Errorf("%s: %v, want none", s, got)
		}
	}
}

// TestTimes: a line has its own time or that of the batch, never another
// line's.
func TestTimes(t *testing.T) {
	now := time.Date(2024, 1, 15, 12, 0, 0, 0, time.UTC)
	times, r := Times{Now: now}, Reader{}
	for _, tc := range []struct{ line, want string }{
		{`no object`, "12:00:00"},
		{`{"timestamp":"2024-01-15T11:00:00Z"}`, "11:00:00"},
		{`{"timestamp":"1999-01-15T11:00:00Z"}`, "12:00:00"}, // a date of the business
		{`{"timestamp":"2024-01-15T15:00:00Z"}`, "12:00:00"}, // too far ahead
		{`{"timestamp":"30/Nov/2023","observed_timestamp":"2024-01-15T11:59:00Z"}`, "11:59:00"},
		{`{"timestamp":"2024-01-15T11:00:00","observed_timestamp":"2024-01-15T11:58:00Z"}`, "11:58:00"},
		{`{"a":NaN,"timestamp":"2024-01-15T11:00:00Z"}`, "11:00:00"},
		{`{"_aws":{"CloudWatchMetrics":[],"Timestamp":1705316520000},"n":1}`, "11:02:00"},
		{`{"message":"x"}`, "12:00:00"},
	} {
		if got := times.Of(&r, []byte(tc.line)).UTC().Format("15:04:05"); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.line, got, tc.want)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"timestamp":"2024-01-15T11:30:45.123Z","a":{"b":[1]}}`))
	f.Add([]byte(`{"_aws":{"Timestamp":1705318245123},"\u0061":"\ud83d"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var r Reader
		members := map[string]bool{}
		ok := r.Each(line, func(name []byte, value jsontext.Value) bool {
			members[string(name)] = true
			if !json.Valid(value) && !bytes.ContainsAny(value, "NI") {
				t.Errorf("member %q has the value %q", name, value)
			}
			return true
		})
		if !json.Valid(line) {
			return
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(line, &want); ok && (err != nil || len(want) != len(members)) {
			t.Errorf("%q: %d members, %v: want %d", line, len(members), err, len(want))
		}
		times := Times{Now: time.UnixMilli(1705318245123)}
		if got := times.Of(&r, line); got.Before(times.Now.Add(-maxAge)) || got.After(times.Now.Add(maxAhead)) {
			t.Errorf("%q: %v", line, got)
		}
	})
}

func BenchmarkTime(b *testing.B) {
	line := []byte(`{"level":"INFO","message":"order accepted","order_id":"1234567890","items":[1,2,3],"timestamp":"2024-01-15T11:30:45.123Z","service":"orders","cold_start":true,"function_name":"orders"}`)
	times, r := Times{Now: time.Date(2024, 1, 15, 12, 0, 0, 0, time.UTC)}, Reader{}
	b.ReportAllocs()
	for b.Loop() {
		times.Of(&r, line)
	}
}
