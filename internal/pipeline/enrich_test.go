package pipeline

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/jsonbytes"
	"powertools-extension/internal/logtime"
	"powertools-extension/internal/telemetry"
)

const stampOf = `"timestamp":"2024-01-15T11:30:45.123Z"`

func TestEnrichLines(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     string // what any destination gets
		known    bool   // not repeated on stdout
	}{
		{"text", "order accepted",
			`{"message":"order accepted",` + stampOf + `,` + testTail + `}`, false},
		{"text keeps a logger's header", "[ERROR] 2024-01-15T11:30:45.123Z x failed",
			`{"level":"ERROR","message":"[ERROR] 2024-01-15T11:30:45.123Z x failed",` + stampOf + `,` + testTail + `}`, false},
		{"text loses a runtime's head", "[ERROR]\t2024-01-15T11:30:45.777Z\t" + testID + "\tfailed",
			`{"level":"ERROR","message":"failed","timestamp":"2024-01-15T11:30:45.777Z",` + testTail + `}`, false},
		{"text with quotes and controls", "a \"b\" \\c\n\t\x00\x1f d",
			`{"message":"a \"b\" \\c\n\t\u0000\u001f d",` + stampOf + `,` + testTail + `}`, false},
		{"text that is not UTF-8", "caf\xe9 ☕",
			"{\"message\":\"caf\\ufffd ☕\"," + stampOf + `,` + testTail + `}`, false},
		{"empty text", "",
			`{"message":"",` + stampOf + `,` + testTail + `}`, false},
		{"text that is nearly an object", `{"a":1,}`,
			`{"message":"{\"a\":1,}",` + stampOf + `,` + testTail + `}`, false},
		{"array", `[1,2]`,
			`{"message":"[1,2]",` + stampOf + `,` + testTail + `}`, false},
		{"object keeps bytes and order", `{ "b" : 1.50, "message":"m","a":{"level":"x"} }`,
			`{ "b" : 1.50, "message":"m","a":{"level":"x"} ,` + stampOf + `,` + testTail + `}`, false},
		{"object with its own values", `{"level":"warn","service":"mine","cold_start":null,"timestamp":1}`,
			`{"level":"warn","service":"mine","cold_start":null,"timestamp":1,"observed_timestamp":"2024-01-15T11:30:45.123Z",` + testTail[strings.Index(testTail, `"function_request_id"`):] + `}`, false},
		{"keys spelled with escapes", `{"l\u0065vel":"INFO","mess\u0061ge":"m","s\u0065rvice":"mine"}`,
			`{"l\u0065vel":"INFO","mess\u0061ge":"m","s\u0065rvice":"mine",` + stampOf + `,` + testTail[strings.Index(testTail, `"cold_start"`):] + `}`, false},
		{"level under another key", `{"severity":"error","msg":"m"}`,
			`{"severity":"error","msg":"m","level":"ERROR","message":"m",` + stampOf + `,` + testTail + `}`, false},
		{"object in a text", " {\"message\":\"m\"}\r\n",
			`{"message":"m",` + stampOf + `,` + testTail + `}`, false},
		{"object over several lines", "{\n  \"message\": \"a\\nb\"\r\n}",
			"{   \"message\": \"a\\nb\"  " + `,` + stampOf + `,` + testTail + `}`, false},
		{"object that is not UTF-8", "{\"message\":\"caf\xe9\"}",
			"{\"message\":\"caf\uFFFD\"," + stampOf + `,` + testTail + `}`, false},
		{"half a surrogate pair", `{"message":"cut \ud83d"}`,
			`{"message":"cut \ud83d",` + stampOf + `,` + testTail + `}`, false},
		{"empty object", `{}`,
			`{` + stampOf + `,` + testTail + `}`, false},
		{"empty object with space", `{ }`,
			`{ ` + stampOf + `,` + testTail + `}`, false},
		{"duplicate names are the function's own", `{"a":1,"a":2}`,
			`{"a":1,"a":2,` + stampOf + `,` + testTail + `}`, false},
		{"nothing is missing", `{"level":"INFO",` + stampOf + `,` + testTail + `}`,
			`{"level":"INFO",` + stampOf + `,` + testTail + `}`, true},
		{"metrics of the function", `{"_aws":{"Timestamp":1,"CloudWatchMetrics":[]},"n":1}`,
			`{"_aws":{"Timestamp":1,"CloudWatchMetrics":[]},"n":1}`, true},
		{"_aws is a word", `{"_aws":"x"}`,
			`{"_aws":"x",` + stampOf + `,` + testTail + `}`, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, nil).running()
			for _, object := range []bool{false, true} {
				ev := textLine(tc.in)
				ev.Object = object && json.Valid([]byte(tc.in))
				if got := r.one(ev); got != tc.want {
					t.Errorf("object %v: got  %s\nwant %s", ev.Object, got, tc.want)
				}
				if got := len(r.stdout.got) == 0; got != tc.known {
					t.Errorf("object %v: kept off stdout %v, want %v", ev.Object, got, tc.known)
				}
				if !json.Valid([]byte(tc.want)) {
					t.Errorf("the test's own line is not JSON: %s", tc.want)
				}
			}
		})
	}
}

func TestKeysThatAreNotKnownAreLeftOut(t *testing.T) {
	r := newRig(t, func(o *Options) { o.MemoryMB, o.SampleRate = 0, 1; every(o) })
	want := `{"message":"init code",` + stampOf + `,"service":"orders","function_name":"my-fn"}`
	if got := r.one(textLine("init code")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	r.HandleEvents([]telemetry.Event{platform(telemetry.KindStart, t0, telemetry.Platform{RequestID: "a", TenantID: "blue"})})
	want = `{"message":"x",` + stampOf + `,"service":"orders","cold_start":true,"function_name":"my-fn","function_request_id":"a","sampling_rate":1,"tenant_id":"blue"}`
	if got := r.one(textLine("x")); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	// INVOKE comes later and tells more: the next line has it.
	r.Begin(invocation.Invoke{RequestID: "a", FunctionARN: "arn:x", At: t0})
	if got := r.one(textLine("x")); !strings.Contains(got, `"function_arn":"arn:x"`) {
		t.Errorf("line after INVOKE: %s", got)
	}
}

func TestLinesNameTheirRequest(t *testing.T) {
	r := newRig(t, nil)
	other := "0b1c2d3e-0000-4fff-8abc-0123456789ab"
	r.HandleEvents([]telemetry.Event{
		platform(telemetry.KindStart, t0, telemetry.Platform{RequestID: other}),
		platform(telemetry.KindRuntimeDone, t0, telemetry.Platform{RequestID: other, Status: "success"}),
	})
	r.running()
	for _, line := range []string{
		"2024-01-15T11:30:45.123Z\t" + other + "\tINFO\tlate",
		"[INFO]\t2024-01-15T11:30:45.123Z\t" + other + "\tlate",
		`{"requestId":"` + other + `"}`, `{"AWSRequestId":"` + other + `"}`, `{"awsRequestId":"` + other + `"}`,
		`{"requestId":"of some api gateway","function_request_id":"` + other + `"}`, `{"function_request_id":"` + other + `","requestId":"of some api gateway"}`,
	} {
		if got := r.one(textLine(line)); !strings.Contains(got, `"function_request_id":"`+other+`"`) || strings.Contains(got, "xray_trace_id") {
			t.Errorf("%s belongs to %s", line, got)
		}
	}
	for _, line := range []string{"plain", `{"requestId":"of some api gateway"}`, `{"requestId":7}`} {
		if got := r.one(textLine(line)); !strings.Contains(got, `"function_request_id":"`+testID+`"`) {
			t.Errorf("%s belongs to %s", line, got)
		}
	}
	got := r.one(textLine(`{"function_request_id":"` + other + `"}`))
	if strings.Count(got, "function_request_id") != 1 {
		t.Errorf("own key is repeated: %s", got)
	}
}

func TestLevelFilterAndSampling(t *testing.T) {
	lines := []telemetry.Event{
		objectLine(`{"level":"DEBUG"}`), objectLine(`{"level":"info"}`), objectLine(`{"level":40}`),
		textLine("[DEBUG]\tx"), textLine("no level at all"), objectLine(`{"_aws":{"CloudWatchMetrics":[]}}`),
	}
	for _, tc := range []struct {
		name     string
		level    invocation.Level
		rate     float64
		passed   uint64
		filtered uint64
	}{
		{"INFO", invocation.LevelInfo, 0, 4, 2},
		{"TRACE", invocation.LevelTrace, 0, 6, 0},
		{"WARN", invocation.LevelWarn, 0, 2, 4},
		{"SILENT", invocation.LevelSilent, 0, 1, 5},
		{"sampled", invocation.LevelError, 1, 6, 0},
		{"hardly sampled", invocation.LevelInfo, 1e-9, 4, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, func(o *Options) { o.Level, o.SampleRate = tc.level, tc.rate }).running()
			r.HandleEvents(lines)
			if s := r.Stats(); s.Lines != 6 || s.Passed != tc.passed || s.Filtered != tc.filtered {
				t.Errorf("stats %+v, want %d passed, %d filtered", s, tc.passed, tc.filtered)
			}
			if got := uint64(len(r.lines.got)); got != tc.passed {
				t.Errorf("%d lines left, want %d", got, tc.passed)
			}
		})
	}
}

func TestSamplingIsFairAndRepeatable(t *testing.T) {
	for _, rate := range []float64{0, 0.01, 0.1, 0.5, 1} {
		hits := 0
		for i := range 10000 {
			id := testID[:24] + string(rune('a'+i%26)) + time.Unix(int64(i), 0).UTC().Format("150405.000000000")
			first, again := sampled(id, rate), sampled(id, rate)
			if first != again {
				t.Fatal("decided differently twice")
			}
			if first {
				hits++
			}
		}
		if got := float64(hits) / 10000; math.Abs(got-rate) > 0.015 {
			t.Errorf("rate %v: %v of the requests", rate, got)
		}
	}
}

// I3: long lines end at a character and are marked.
func TestLongLinesAreCut(t *testing.T) {
	const bound = 2000
	for name, in := range map[string]string{
		"text":                 "[ERROR] " + strings.Repeat("é☕", 1000),
		"text full of escapes": "[ERROR] " + strings.Repeat("\x01\"", 1000),
		"text that just grows": "[ERROR] " + strings.Repeat("\n", 1200),
		"object":               `{"level":"ERROR","message":"` + strings.Repeat("é\\\"", 700) + `"}`,
		"object, others whole": `{"level":"ERROR","x":[` + strings.Repeat("1,", 1000) + `1]}`,
		"not UTF-8":            "[ERROR] " + strings.Repeat("\xff", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(o *Options) { o.MaxLineBytes = bound }).running()
			got := r.one(textLine(in))
			if len(got)+1 > bound || len(got) < bound-20 {
				t.Errorf("%d bytes, want at most and nearly %d", len(got), bound-1)
			}
			var m struct {
				Level, Message    string
				Truncated         bool
				FunctionRequestID string `json:"function_request_id"`
			}
			if err := json.Unmarshal([]byte(got), &m); err != nil {
				t.Fatalf("not JSON: %v: %s", err, got)
			}
			if !m.Truncated || m.Level != "ERROR" || m.FunctionRequestID != testID {
				t.Errorf("%+v", m)
			}
			whole := strings.ToValidUTF8(in, "\uFFFD")
			if name == "not UTF-8" {
				whole = "[ERROR] " + strings.Repeat("\uFFFD", 2000)
			}
			if !strings.HasPrefix(whole, m.Message) || !utf8.ValidString(m.Message) {
				t.Errorf("message is no prefix: %.60q", m.Message)
			}
			if s := r.Stats(); s.Truncated != 1 {
				t.Errorf("%d truncated, want 1", s.Truncated)
			}
		})
	}
}

// TestDefaultBound: one line of a megabyte.
func TestDefaultBound(t *testing.T) {
	r := newRig(t, nil).running()
	for _, in := range []string{strings.Repeat("x", 1<<20), `{"message":"` + strings.Repeat("x", 1<<20) + `"}`} {
		got := r.one(textLine(in))
		if len(got)+1 != 256<<10 || !strings.HasSuffix(got, `,"truncated":true}`) || !json.Valid([]byte(got)) {
			t.Errorf("%d bytes, ends in %q", len(got), got[len(got)-40:])
		}
	}
}

func TestIndent(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Indent = true; o.Service = "s"; o.FunctionName = ""; o.MemoryMB = 0 })
	want := "{\n    \"message\": \"x\",\n    \"timestamp\": \"2024-01-15T11:30:45.123Z\",\n    \"service\": \"s\"\n}"
	if got := r.one(textLine("x")); got != want {
		t.Errorf("got %s", got)
	}
	if got := r.one(objectLine(`{"_aws":{"CloudWatchMetrics":[]}}`)); got != `{"_aws":{"CloudWatchMetrics":[]}}` {
		t.Errorf("metrics are on several lines: %s", got)
	}
}

// TestTypeScriptKeyOrder: a text line gets the keys of the Powertools logger
// in the order in which that logger writes them.
func TestTypeScriptKeyOrder(t *testing.T) {
	found := 0
	for _, c := range loggerVectors(t, "logger_typescript.json") {
		for _, line := range c {
			keys := topKeys(t, line)
			if !slices.Contains(keys, "function_request_id") {
				continue
			}
			found++
			r := newRig(t, func(o *Options) { o.SampleRate = 1; every(o) }).running()
			if slices.Contains(keys, "tenant_id") {
				r.HandleEvents([]telemetry.Event{platform(telemetry.KindRuntimeDone, t0, telemetry.Platform{RequestID: testID, TenantID: "t-1"})})
			}
			if diff := cmp.Diff(keys, topKeys(t, r.one(textLine("[INFO] first")))); diff != "" {
				t.Errorf("keys (-Powertools +ours):\n%s", diff)
			}
		}
	}
	if found < 4 {
		t.Errorf("%d vectors with the function's keys, want at least 4", found)
	}
}

// TestPowertoolsLinesAreKept: whatever the loggers of Powertools write leaves
// with its own members untouched, and with the missing ones behind.
func TestPowertoolsLinesAreKept(t *testing.T) {
	n := 0
	for _, file := range []string{"logger_typescript.json", "logger_python.json"} {
		for _, c := range loggerVectors(t, file) {
			for _, line := range c {
				n++
				r := newRig(t, func(o *Options) { o.Level = invocation.LevelTrace; every(o) }).running()
				got := r.one(textLine(line))
				if !strings.HasPrefix(got, strings.TrimSuffix(line, "}")) {
					t.Errorf("changed\n%s\nto\n%s", line, got)
				}
				own, all := topKeys(t, line), topKeys(t, got)
				if !slices.Equal(own, all[:len(own)]) || len(slices.Compact(slices.Sorted(slices.Values(all)))) != len(all) {
					t.Errorf("keys %v became %v", own, all)
				}
				for _, k := range []string{"level", "timestamp", "service", "cold_start", "function_arn", "function_memory_size", "function_name", "function_request_id", "xray_trace_id"} {
					if !slices.Contains(all, k) {
						t.Errorf("%s: no %s", got, k)
					}
				}
			}
		}
	}
	if n < 50 {
		t.Errorf("%d lines, want at least 50", n)
	}
}

// loggerVectors returns the object lines of each case.
func loggerVectors(t *testing.T, file string) [][]string {
	t.Helper()
	var v struct {
		Cases []struct {
			Lines []string `json:"stdout_lines"`
		} `json:"cases"`
	}
	readVectors(t, file, &v)
	var out [][]string
	for _, c := range v.Cases {
		var objects []string
		for _, l := range c.Lines {
			if strings.HasPrefix(l, "{") && json.Valid([]byte(l)) {
				objects = append(objects, l)
			}
		}
		out = append(out, objects)
	}
	return out
}

// topKeys returns the member names of an object, with the standard library's
// decoder.
func topKeys(t testing.TB, line string) []string {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(line))
	if tok, err := d.Token(); err != nil || tok != json.Delim('{') {
		t.Fatalf("not an object: %s", line)
	}
	var keys []string
	for d.More() {
		tok, err := d.Token()
		if err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		keys = append(keys, tok.(string))
		var skip json.RawMessage
		if err := d.Decode(&skip); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
	}
	return keys
}

func TestStamp(t *testing.T) {
	var s logtime.Stamp
	for _, at := range []time.Time{
		t0, t0, t0.Add(876 * time.Millisecond), t0.Add(877 * time.Millisecond),
		time.Date(2024, 2, 29, 23, 59, 59, 999_999_999, time.FixedZone("", 3600)),
		time.Unix(0, 0), time.Unix(-1, 500_000_000), time.Date(1999, 12, 31, 0, 0, 0, 1, time.UTC),
	} {
		want := at.UTC().Format("2006-01-02T15:04:05.000Z")
		if got := string(s.Append(nil, at)); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// FuzzEnrich: whatever a line is, what leaves is one valid object on one line
// that has everything the function wrote.
func FuzzEnrich(f *testing.F) {
	for _, s := range []string{benchObject, benchText, `{}`, `{"a":"\\\"","level":null}`, `{"\u005faws":{}}`, "{\"a\":\"\xff\"}",
		"[INFO]\t\x00", `{"a":[{"b":"}]"}],"c":-1.5e3}`, `{"a":1} `, "{\n}", `{"level":""}`, "\u2028", `{"a\ud800":"\udc00"}`} {
		f.Add([]byte(s), false)
	}
	r := newRig(f, func(o *Options) { o.Level = invocation.LevelTrace; o.MaxLineBytes = 1 << 20 }).running()
	for _, s := range []string{"[ERROR] ValueError: no\rTraceback (most recent call last):\r  File", "2024-01-15T11:30:45.123Z\t" + testID + "\tINFO\t{\"level\":\"error\",\"n\":NaN}",
		`{"a":-Infinity,"message":{"errorType":"X","stackTrace":["a"]},"level":50}`, "thread 'main' panicked at x:\nboom", "\x1b[31mERROR\x1b[0m x", "panic: x\n\ngoroutine 1 [running]:",
		`{"timestamp":null,"record":{"message":"x","level":{"no":40}},"fields":{"message":"y"}}`, "Error raised\n{\"errorType\":\"X\",\"stackTrace\":[1]}"} {
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, in []byte, object bool) {
		r.stats = Stats{}
		ev := textLine(string(in))
		if object {
			var ok bool
			if ev, ok = decoded(in); !ok {
				return
			}
		}
		got := r.one(ev)
		if object := jsonbytes.ReplaceNonFinite([]byte(got)); bytes.ContainsAny(in, "NI") && jsonbytes.Valid(object) {
			got = string(object)
		}
		if !json.Valid([]byte(got)) || !utf8.ValidString(got) || strings.ContainsAny(got, "\n\r") || r.stats.Panics > 0 {
			t.Fatalf("%q became %q", in, got)
		}
		trimmed := bytes.Trim(in, " \t\r\n")
		if !json.Valid(trimmed) || !utf8.Valid(trimmed) || len(trimmed) == 0 || trimmed[0] != '{' {
			if !jsonbytes.LooksLikeObject(trimmed) || !json.Valid([]byte(validRunes(trimmed))) {
				fuzzText(t, in, got)
			}
			return
		}
		fuzzObject(t, string(trimmed), got)
	})
}

// decoded is the event of a posted record that is an object.
func decoded(record []byte) (telemetry.Event, bool) {
	body := slices.Concat([]byte(`[{"time":"2024-01-15T11:30:45.123Z","type":"function","record":`), record, []byte(`}]`))
	batch, err := telemetry.Decode(nil, body)
	if err != nil || len(batch) != 1 || !batch[0].Object {
		return telemetry.Event{}, false
	}
	return batch[0], json.Valid(record)
}

// fuzzText: the message is the whole text, but for a runtime's head, and a
// traceback gets its line breaks back.
func fuzzText(t *testing.T, in []byte, got string) {
	if open := bytes.IndexByte(in, '{'); open >= 0 && (open == 0 || in[open-1] == '\t') {
		loose := jsonbytes.TrimSpace(bytes.Clone(in[open:]))
		if jsonbytes.LooksLikeObject(loose) && jsonbytes.Valid(jsonbytes.ReplaceNonFinite(loose)) {
			return // an object with NaN, or behind a head
		}
	}
	var m struct{ Message string }
	err := json.Unmarshal([]byte(got), &m)
	whole := validRunes(in)
	if head, ok := strings.CutSuffix(whole, m.Message); err == nil && ok && (head == "" || strings.HasSuffix(head, "\t") && strings.Count(head, "\t") >= 2) {
		return
	}
	if strings.Contains(whole, "\r") && strings.HasSuffix(strings.ReplaceAll(whole, "\r", "\n"), m.Message) {
		return
	}
	t.Fatalf("message of %q is %q", in, m.Message)
}

// validRunes replaces each byte that is not UTF-8 on its own.
func validRunes(b []byte) string {
	var out strings.Builder
	for _, r := range string(b) {
		out.WriteRune(r)
	}
	return out.String()
}

func fuzzObject(t *testing.T, in, got string) {
	own := strings.NewReplacer("\n", " ", "\r", " ").Replace(in)
	if !strings.HasPrefix(got, strings.TrimSuffix(own, "}")) {
		t.Fatalf("changed %q to %q", in, got)
	}
	before, after := topKeys(t, in), topKeys(t, got)
	for _, added := range after[len(before):] {
		if slices.Contains(before, added) {
			t.Fatalf("%q repeats %q: %q", in, added, got)
		}
	}
	if n := len(after) - len(before); n > 0 && len(slices.Compact(slices.Sorted(slices.Values(after[len(before):])))) != n {
		t.Fatalf("added a key twice: %q", got)
	}
}
