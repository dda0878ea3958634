package canonical

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"powertools-extension/internal/batch"
	"powertools-extension/internal/emf"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/procstat"
	"powertools-extension/internal/telemetry"
)

var t0 = time.Date(2024, 1, 15, 11, 30, 45, 123_000_000, time.UTC)

func options(setting string) Options {
	s, _ := Select(setting)
	return Options{Selection: s, Namespace: "shop", Service: "orders", FunctionName: "my-fn"}
}

// full is an event in which everything is known, each figure with a value of
// its own.
func full() *Event {
	next := 1000.25
	number := func() telemetry.Number { next++; return telemetry.Num(next) }
	s := &invocation.Summary{
		Request: &invocation.Request{
			ID: "c6af9ac6-7b61-11e6-9a41-93e812345678", FunctionARN: "arn:aws:lambda:eu-west-1:123456789012:function:my-fn",
			FunctionVersion: "$LATEST", TraceID: "1-5759e988-bd862e3fe1be46a994272793", TenantID: "blue", ColdStart: true,
		},
		Start: t0, InitType: "on-demand", Status: "success", ErrorType: "KeyError", Outcome: invocation.OutcomeError, Failed: true, Complete: true,
		ShutdownReason: "spindown", FirstErrorFingerprint: "0123456789abcdef",
	}
	for i, v := 0, reflect.ValueOf(s).Elem(); i < v.NumField(); i++ {
		if n, ok := v.Field(i).Addr().Interface().(*telemetry.Number); ok {
			*n = number()
		}
	}
	s.Passed = &invocation.Passage{EventSource: "sqs", Records: 3, RequestBytes: number(), ResponseBytes: number(), HandlerMs: number(), ProxyMs: number(),
		HTTPStatus: 201, Streamed: true, AnsweredBy: "idempotency", HookErrors: 2, Guards: invocation.Guards{Invalid: 4001, Dropped: 4002, Closed: 4003}}
	for i := range s.Logs {
		s.Logs[i] = uint32(number().Value)
	}
	tally := &idempotency.Tally{State: "run", Key: "my-fn#0123", Store: 1234567 * time.Microsecond}
	for i, n := range []*uint32{&tally.Replays, &tally.InProgress, &tally.Skipped, &tally.NotStored, &tally.Lost, &tally.Bypassed, &tally.Errors} {
		*n = 2000 + uint32(i)
	}
	e := &Event{Summary: s, Idempotent: tally, Batch: &batch.Counts{Records: 3001, Failed: 3002, Unprocessed: 3003, Slowest: 1234568 * time.Microsecond}, Released: uint32(number().Value), HoldDropped: uint32(number().Value), Bypassed: uint64(number().Value)}
	for i, v := 0, reflect.ValueOf(&e.Process).Elem(); i < v.NumField(); i++ {
		v.Field(i).Set(reflect.ValueOf(procstat.Figure(number())))
	}
	return e
}

func encode(t testing.TB, opt Options, e *Event) (line string, root map[string]any, listed []string) {
	t.Helper()
	out, billed, err := NewEncoder(opt).Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &root); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if root["_aws"] != nil {
		directive := root["_aws"].(map[string]any)["CloudWatchMetrics"].([]any)[0].(map[string]any)
		for _, m := range directive["Metrics"].([]any) {
			listed = append(listed, m.(map[string]any)["Name"].(string))
		}
	}
	if billed != len(listed) {
		t.Errorf("said to list %d metrics, lists %v", billed, listed)
	}
	return string(out), root, listed
}

// TestEveryFigureIsAMember, whatever the preset: it only says what is listed.
// Figures that are read of the sandbox are read, and known, where they are
// listed.
func TestEveryFigureIsAMember(t *testing.T) {
	_, all, _ := encode(t, options("all"), full())
	for _, setting := range []string{"event", "default", "insights", "all", "Duration", "CpuUser,LogsDropped"} {
		s, _ := Select(setting)
		_, root, listed := encode(t, options(setting), full())
		want := maps.Clone(all)
		for i, m := range metricTable() {
			if m.want != 0 && !s.has(i) {
				delete(want, m.Name)
			}
		}
		delete(want, "_aws")
		delete(root, "_aws")
		delete(root, "timestamp")
		if diff := cmp.Diff(want, root); diff != "" {
			t.Errorf("%s (-want +got):\n%s", setting, diff)
		}
		slices.Sort(listed)
		if diff := cmp.Diff(names(s), listed); diff != "" {
			t.Errorf("%s lists (-want +got):\n%s", setting, diff)
		}
	}
}

// TestPlainEvent is a line for queries with the invocation's own time.
func TestPlainEvent(t *testing.T) {
	line, root, _ := encode(t, options("event"), full())
	if !strings.HasPrefix(line, `{"timestamp":"2024-01-15T11:30:45.123Z",`) || strings.Contains(line, "_aws") || root["service"] != "orders" {
		t.Error(line)
	}
	e := full() // a warm start that lists nothing else
	e.Request.ColdStart = false
	if line, _, _ := encode(t, options("ColdStart"), e); !strings.HasPrefix(line, `{"timestamp":"2024-01-15T11:30:45.123Z",`) {
		t.Error(line)
	}
	if line, _, err := NewEncoder(options("none")).Encode(full()); line != nil || err != nil {
		t.Errorf("none: %s, %v", line, err)
	}
}

// TestNoFigureTwice: each figure of the event has a value of its own; no two
// members may have one, but those of a batch (docs/adr/0029).
func TestNoFigureTwice(t *testing.T) {
	twice := map[string]bool{"batch_size": true, "batch_failed": true, "batch_unprocessed": true}
	_, root, _ := encode(t, options("all"), full())
	at := map[float64]string{}
	for name, v := range root {
		f, ok := v.(float64)
		if !ok || f < 1000 || twice[name] {
			continue
		}
		if other := at[f]; other != "" {
			t.Errorf("%s and %s are one figure", name, other)
		}
		at[f] = name
	}
	if len(at) < 30 {
		t.Errorf("only %d figures: %v", len(at), at)
	}
}

// TestMissingSourceMissingFigure: nothing is known but the request.
func TestMissingSourceMissingFigure(t *testing.T) {
	e := &Event{Summary: &invocation.Summary{Request: &invocation.Request{ID: "a"}, Start: t0, Outcome: invocation.OutcomeUnknown}}
	_, root, listed := encode(t, options("all"), e)
	for _, m := range Metrics() {
		_, there := root[m.Name]
		always := m.Name == "Invocations" || m.Name == "Errors" || m.Name == "Timeouts" || m.Name == "OutOfMemory"
		if there != always {
			t.Errorf("%s: there %t", m.Name, there)
		}
	}
	if len(listed) != 4 {
		t.Errorf("listed %v", listed)
	}
}

// TestMemoryIsMiB: like is divided by like.
func TestMemoryIsMiB(t *testing.T) {
	for _, tc := range []struct {
		used, size, want float64
	}{{64, 128, 50}, {94, 128, 73.44}, {10240, 10240, 100}, {1, 10240, 0.01}} {
		e := full()
		e.MaxMemoryUsedMB, e.MemorySizeMB = telemetry.Num(tc.used), telemetry.Num(tc.size)
		if _, root, _ := encode(t, options("default"), e); root["MemoryUtilization"] != tc.want || root["MaxMemoryUsed"] != tc.used {
			t.Errorf("%v of %v is %v %%", tc.used, tc.size, root["MemoryUtilization"])
		}
	}
}

// TestLeanEvent: an invocation as most are.
func TestLeanEvent(t *testing.T) {
	e := full()
	e.Summary = &invocation.Summary{
		Request: e.Request, Start: t0, InitType: "on-demand", Status: "success", Outcome: invocation.OutcomeSuccess, Complete: true,
		DurationMs: telemetry.Num(12.25), BilledDurationMs: telemetry.Num(13), RuntimeDurationMs: telemetry.Num(11.5), PostRuntimeDurationMs: telemetry.Num(0.75),
		ResponseLatencyMs: telemetry.Num(10.5), ResponseDurationMs: telemetry.Num(0.1), DeadlineSlackMs: telemetry.Num(2987),
		MemorySizeMB: telemetry.Num(128), MaxMemoryUsedMB: telemetry.Num(64), ProducedBytes: telemetry.Num(35),
	}
	e.Request.ColdStart, e.Request.TenantID = false, ""
	e.Logs = [invocation.LevelSilent]uint32{invocation.LevelInfo: 2}
	e.Released, e.HoldDropped, e.Idempotent, e.Batch = 0, 0, nil, nil
	if line, _, _ := encode(t, options("default"), e); len(line) > 1100 {
		t.Errorf("%d bytes: %s", len(line), line)
	}
}

// TestColdStartIsCountedOnce beside a library that counts it.
func TestColdStartIsCountedOnce(t *testing.T) {
	const own = `{"_aws":{"Timestamp":1,"CloudWatchMetrics":[{"Namespace":"shop","Dimensions":[["service","function_name"]],"Metrics":[{"Name":"ColdStart","Unit":"Count"}]}]},"service":"orders","function_name":"my-fn","ColdStart":1}`
	edit := func(from, to string) string {
		if !strings.Contains(own, from) {
			t.Fatalf("%q is not in the document", from)
		}
		return strings.Replace(own, from, to, 1)
	}
	for name, tc := range map[string]struct {
		doc  string
		want bool
	}{
		"as Powertools for TypeScript": {own, true},
		"dimensions in another order":  {edit(`["service","function_name"]`, `["function_name","service"]`), true},
		"in the second set":            {edit(`[["service"`, `[["service"],["service"`), true},
		"in the second directive":      {edit(`"CloudWatchMetrics":[`, `"CloudWatchMetrics":[{"Namespace":"x","Dimensions":[[]],"Metrics":[]},`), true},
		"with an array of one value":   {edit(`"ColdStart":1`, `"ColdStart":[1.0]`), true},
		"another namespace":            {edit(`"shop"`, `"other"`), false},
		"one dimension less":           {edit(`["service","function_name"]`, `["service"]`), false},
		"one dimension more":           {edit(`["service","function_name"]`, `["service","function_name","stage"]`), false},
		"another value":                {edit(`"my-fn"`, `"my-fn:live"`), false},
		"Java's names":                 {edit(`["service","function_name"]`, `["Service","FunctionName"]`), false},
		"another metric":               {edit(`"Name":"ColdStart"`, `"Name":"ColdStarts"`), false},
		"a member only":                {edit(`{"Name":"ColdStart","Unit":"Count"}`, ``), false},
		"no document":                  {`{"message":"ColdStart"}`, false},
		"broken":                       {own[:len(own)-1], false},
		"odd types":                    {edit(`"service":"orders"`, `"service":7`), false},
	} {
		if got := NewEncoder(options("default")).CountsColdStart([]byte(tc.doc)); got != tc.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	for _, setting := range []string{"none", "event", "Duration"} {
		if NewEncoder(options(setting)).CountsColdStart([]byte(own)) {
			t.Errorf("%s: nothing of ours counts it", setting)
		}
	}
	e := full()
	e.ColdStartCounted = true
	_, root, listed := encode(t, options("default"), e)
	if root["ColdStart"] != 1.0 || root["cold_start"] != true || slices.Contains(listed, "ColdStart") {
		t.Errorf("ColdStart %v, listed %v", root["ColdStart"], listed)
	}
}

// TestDimensionLimits, each from both sides: what CloudWatch takes is a
// dimension; what it does not costs that dimension and nothing else.
func TestDimensionLimits(t *testing.T) {
	good := map[string]string{"one": "x", "1024": strings.Repeat("x", 1024), "ASCII": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ x"}
	bad := map[string]string{"empty": "", "blank": "  ", "1025": strings.Repeat("x", 1025), "umlaut": "Zahlung Müller", "control": "a\tb", "newline": "a\nb", "DEL": "a\x7f", "not UTF-8": "a\xff", "kanji": "注文"}
	check := func(name, value string, ok bool) {
		opt := options("default")
		opt.Service = value
		if value != "" {
			opt.FunctionName = value
		}
		opt.Dimensions = []emf.Dimension{{Name: "stage", Value: value}}
		enc := NewEncoder(opt)
		line, billed, err := enc.Encode(full())
		var root map[string]any
		if err != nil || billed == 0 || json.Unmarshal(line, &root) != nil {
			t.Fatalf("%s: %d metrics, %v: %s", name, billed, err, line)
		}
		if bad := root["function_request_id"] == nil || root["outcome"] != "error"; bad {
			t.Errorf("%s: %s", name, line)
		}
		if _, there := root["service"]; there != ok || len(enc.Problems()) == 0 != ok {
			t.Errorf("%s: service %v, problems %v", name, root["service"], enc.Problems())
		}
		if _, there := root["stage"]; there != ok {
			t.Errorf("%s: stage %v", name, root["stage"])
		}
	}
	for name, value := range good {
		check(name, value, true)
	}
	for name, value := range bad {
		check(name, value, false)
	}
	opt := options("default")
	opt.ServiceName = "Zahlung Müller"
	if _, root, _ := encode(t, opt, full()); root["service_name"] != "Zahlung Müller" || root["service"] != "orders" {
		t.Errorf("service %v, service_name %v", root["service"], root["service_name"])
	}
}

// TestNumberOfDimensions: 29 in all are kept, further ones go.
func TestNumberOfDimensions(t *testing.T) {
	for more, want := range map[int]int{26: 28, 27: 29, 28: 29, 60: 29} {
		opt := options("default")
		for i := range more {
			opt.Dimensions = append(opt.Dimensions, emf.Dimension{Name: fmt.Sprint("d", i), Value: "x"})
		}
		enc := NewEncoder(opt)
		line, _, err := enc.Encode(full())
		if n := strings.Count(string(line), `":"x"`); err != nil || n != want-2 || len(enc.Problems()) != more+2-want {
			t.Errorf("%d further dimensions: %d are kept, %v, %v", more, n, enc.Problems(), err)
		}
	}
}

// FuzzEncode: whatever a sandbox and its lines tell, the event is written and
// valid.
func FuzzEncode(f *testing.F) {
	schema, err := jsonschema.NewCompiler().Compile("../emf/testdata/emf_document.schema.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("all", "orders", "my-fn", "shop", "stage", "KeyError", 12.5, int64(1705318245123))
	f.Add("default", "Zahlung Müller", "", "AWS/x", "service", strings.Repeat("ü", 5000), math.NaN(), int64(-5))
	f.Add("event", "a\x00", "\xff", "", "timestamp", "\xff\"\n", math.Inf(1), int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, setting, service, function, namespace, dimension, text string, number float64, at int64) {
		opt := options(setting)
		if !opt.Selection.Event() {
			return
		}
		opt.Service, opt.ServiceName, opt.FunctionName, opt.Namespace = service, text, function, namespace
		opt.Dimensions = []emf.Dimension{{Name: dimension, Value: service}, {Name: text, Value: dimension}}
		e := full()
		e.ErrorType, e.Status, e.Request.ID, e.Request.FunctionARN, e.Start = text, text, function, text, time.UnixMilli(at)
		e.DurationMs, e.DeadlineSlackMs, e.MemorySizeMB, e.MaxMemoryUsedMB, e.BilledDurationMs = telemetry.Num(number), telemetry.Num(number), telemetry.Num(number), telemetry.Num(-number), telemetry.Num(number)
		line, billed, err := NewEncoder(opt).Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(line)))
		if err != nil || strings.ContainsAny(string(line), "\n\r") || len(line) > 64<<10 {
			t.Fatalf("%v: %s", err, line)
		}
		if billed == 0 {
			return
		}
		if err := schema.Validate(v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	enc, e := NewEncoder(options("default")), full()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := enc.Encode(e); err != nil {
			b.Fatal(err)
		}
	}
}
