package lambdaemu

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func zero() *int { n := 0; return &n }

func code(n int) *int { return &n }

// Cold start, two invocations and shutdown: the whole wire as a golden file.
// [lambda-apis.md §7; RIE:rapid/handlers.go, rapid/shutdown.go]
func TestGoldenTranscript(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{
		"ext-a": {Subscribe: []string{"platform", "function"}, WaitDone: true},
		"ext-b": {Events: []string{"SHUTDOWN"}},
	})
	r.invoke(fnEvent{Print: []string{"one", "two"}})
	r.invoke(fnEvent{Error: "Function.Broken"})
	r.stop()
	got := Render(r.Transcript())
	golden := filepath.Join("testdata", "transcript.golden")
	if os.Getenv("UPDATE_GOLDEN") != "" {
		os.MkdirAll("testdata", 0o755)
		os.WriteFile(golden, []byte(got), 0o644)
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("UPDATE_GOLDEN=1 accepts this:\n%s", diff)
	}
}

// What CloudWatch Logs would hold, in order, numbers aside (behaviour 20).
// [DOC:lambda-runtime-environment] [captures of 2023–2026]
func TestLogStream(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform", "function"}, WaitDone: true}})
	resp := r.invoke(fnEvent{Print: []string{"hello", ""}})
	id := resp.RequestID
	r.stop()
	const number = `\d+\.\d\d`
	want := []string{
		`platform  INIT_START Runtime Version: provided:al2023\.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:0{64}`,
		`platform  TELEMETRY\tName: ext-a\tState: Subscribed\tTypes: \[Platform, Function\]`,
		`extension ext-a subscribed 200 "OK"`,
		`platform  EXTENSION\tName: ext-a\tState: Ready\tEvents: \[INVOKE,SHUTDOWN\]`,
		`platform  START RequestId: ` + id + ` Version: \$LATEST`,
		`function  hello`,
		`function  `,
		`platform  END RequestId: ` + id,
		`platform  REPORT RequestId: ` + id + `\tDuration: ` + number + ` ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: ` + number + ` ms\t`,
		`extension ext-a \{"eventType":"SHUTDOWN","deadlineMs":\d+,"shutdownReason":"spindown"\}`,
	}
	r.logs.mu.Lock()
	defer r.logs.mu.Unlock()
	for i, line := range r.logs.lines {
		text := strings.TrimSuffix(string(line.Origin)+" "+line.Name+" "+line.Text, "")
		if i >= len(want) || !regexp.MustCompile("^"+want[i]+"$").MatchString(text) {
			t.Errorf("line %d: %q", i, text)
		}
	}
	if len(r.logs.lines) != len(want) {
		t.Errorf("%d lines, want %d", len(r.logs.lines), len(want))
	}
}

// A name that was not launched is an internal extension: with SHUTDOWN refused,
// without it accepted while init hangs (behaviour 1). [RIE:rapi/handler/agentregister.go]
func TestWrongNameHangsInit(t *testing.T) {
	r := newRig(t, Options{InitTimeout: 500 * time.Millisecond, Timeout: time.Second},
		map[string]extConfig{"ext-a": {As: "ext-A", Events: []string{"INVOKE"}}})
	if !contains(r.logs.texts(OriginPlatform), "Phase: init\tStatus: timeout") {
		t.Errorf("no timeout of init: %q", r.logs.texts(OriginPlatform))
	}
	if contains(r.entries(whoRuntime), "exec") {
		t.Error("the runtime was started before all extensions had registered")
	}
	resp := r.invoke(fnEvent{})
	if resp.ErrorType != "Sandbox.Timedout" || !strings.HasSuffix(string(resp.Payload), `Error: Task timed out after 1.00 seconds"}`) {
		t.Errorf("got %s %s", resp.ErrorType, resp.Payload)
	}
}

// A file that cannot be executed and an eleventh extension fail the init
// (behaviour 1). [RIE:rapid/handlers.go doInitExtensions; core/registrations.go]
func TestLaunchErrors(t *testing.T) {
	t.Run("not executable", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "readme.txt")
		if err := os.WriteFile(path, []byte("hello"), 0o600); err != nil {
			t.Fatal(err)
		}
		r := newRig(t, Options{Layers: []string{path}}, nil)
		want := []string{
			"EXTENSION\tName: readme.txt\tState: LaunchError\tEvents: []\tError Type: PermissionDenied",
			"Phase: init\tStatus: error\tError Type: Extension.LaunchError",
		}
		for _, line := range want {
			if !contains(r.logs.texts(OriginPlatform), line) {
				t.Errorf("missing %q in %q", line, r.logs.texts(OriginPlatform))
			}
		}
		if resp := r.invoke(fnEvent{}); resp.ErrorType != "Extension.LaunchError" {
			t.Errorf("got %+v", resp)
		}
	})
	t.Run("eleventh", func(t *testing.T) {
		exts := make(map[string]extConfig)
		for i := range 11 {
			exts["ext-"+strconv.Itoa(10+i)] = extConfig{}
		}
		r := newRig(t, Options{}, exts)
		if !contains(r.logs.texts(OriginPlatform), "EXTENSION\tName: ext-20\tState: LaunchError\tEvents: []\tError Type: TooManyExtensions") {
			t.Errorf("got %q", r.logs.texts(OriginPlatform))
		}
	})
}

// The runtime starts when all external extensions have registered, and init ends
// when all have called /next, those without events too (behaviour 3).
// [RIE:rapid/handlers.go doRuntimeDomainInit]
func TestGating(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {}, "ext-b": {Events: []string{}}})
	var order []string
	for _, entry := range r.Transcript() {
		order = append(order, entry.Who+" "+entry.What)
	}
	index := func(s string) int { return slices.Index(order, s) }
	for _, name := range []string{"ext-a", "ext-b"} {
		if index(name+" register") > index("runtime exec") {
			t.Errorf("%s registered after the runtime started", name)
		}
		if index(name+" next") > index("platform init end") {
			t.Errorf("init ended before %s called /next", name)
		}
	}
	if index("runtime next") < 0 || index("runtime next") > index("platform init end") {
		t.Errorf("init ended before the runtime called /next: %v", order)
	}
}

// An init that takes too long is repeated inside the first invocation, with
// phase invoke, a new process and a new identifier (behaviour 3).
// [DOC:lambda-runtime-environment] [RIE:rapid/handlers.go doInvoke]
func TestInitRepeatedInInvoke(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "second")
	r := newRig(t, Options{InitTimeout: 2 * time.Second, Timeout: 10 * time.Second, Env: map[string]string{"FN_INIT": "hang-once:" + mark}},
		map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, WaitDone: true}})
	resp := r.invoke(fnEvent{})
	if !resp.ColdStart || resp.Init <= 0 || resp.FunctionError != "" {
		t.Errorf("got %+v", resp)
	}
	var starts []any
	for _, e := range only(r.events("ext-a"), "platform.initStart") {
		starts = append(starts, e.get("phase"))
	}
	if diff := cmp.Diff([]any{"init", "invoke"}, starts); diff != "" {
		t.Errorf("phases seen by the two processes: %s", diff)
	}
	var ids []string
	for _, entry := range r.entries("ext-a") {
		if strings.HasPrefix(entry, "register") {
			ids = append(ids, entry[strings.LastIndexByte(entry, ' ')+1:])
		}
	}
	if len(ids) != 2 || ids[0] == ids[1] {
		t.Errorf("identifiers %v", ids)
	}
	if n := len(slices.Compact(r.entries("ext-a"))); n == 0 || !contains(r.entries("ext-a"), "SHUTDOWN timeout") {
		t.Errorf("no SHUTDOWN with reason timeout: %v", r.entries("ext-a"))
	}
	text := strings.Join(r.logs.texts(OriginPlatform), "\n")
	if !strings.Contains(text, "Phase: init\tStatus: timeout") || strings.Index(text, "START RequestId") < strings.LastIndex(text, "INIT_START") {
		t.Errorf("log:\n%s", text)
	}
	if second := r.invoke(fnEvent{}); second.ColdStart || second.Init != 0 {
		t.Errorf("second invocation %+v", second)
	}
}

// A second /next of a real process, as 5 in the list.
// [RIE:core/externalagent_states.go]
func TestProcessDoubleNext(t *testing.T) {
	r := newRig(t, Options{Env: map[string]string{"FN_INIT": "sleep:2s"}}, map[string]extConfig{"ext-a": {DoubleNext: true, Events: []string{}}})
	if !contains(r.logs.texts(OriginExtension), "State transition from Ready to Ready failed") {
		t.Errorf("got %q", r.logs.texts(OriginExtension))
	}
}

// The client has its answer at once; the invocation ends with the extension, and
// its time is billed (behaviour 7). [DOC:lambda-runtime-environment]
func TestInvokeEndsWithExtension(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {InvokeSleepMs: 1000}})
	var atClient time.Duration
	resp := r.request(Request{Payload: []byte(`{}`), OnResponse: func(early Response) { atClient = early.Latency }})
	if atClient == 0 || atClient != resp.Latency || resp.Latency > 750*time.Millisecond {
		t.Errorf("client waited %s, response says %s", atClient, resp.Latency)
	}
	if resp.PostRuntime < 250*time.Millisecond || resp.Billed < time.Second {
		t.Errorf("post runtime %s, billed %s", resp.PostRuntime, resp.Billed)
	}
}

// The function timeout covers the extension: the client keeps its answer, and
// the platform resets (behaviour 7). [RIE:rapid/handlers.go; DOC]
func TestExtensionOverrunsTimeout(t *testing.T) {
	r := newRig(t, Options{Timeout: 2 * time.Second, Faults: []Fault{{Name: "short-deadline", Arg: "200"}}}, map[string]extConfig{"ext-a": {InvokeHang: true}})
	resp := r.invoke(fnEvent{Bytes: 3})
	if string(resp.Payload) != "yyy" || resp.FunctionError != "" || resp.ErrorType != "Sandbox.Timedout" {
		t.Errorf("got %+v", resp)
	}
	if !contains(r.logs.texts(OriginPlatform), "\tStatus: timeout") {
		t.Errorf("log %q", r.logs.texts(OriginPlatform))
	}
	if again := r.invoke(fnEvent{}); !again.ColdStart {
		t.Errorf("no new sandbox after the reset: %+v", again)
	}
}

// processState is the letter of /proc/pid/stat, T when stopped.
func processState(pid int) string {
	stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest[:min(1, len(rest))]
}

// Between invocations every process of every group stands still, children
// included (behaviour 8). [DOC:lambda-runtime-environment]
func TestFreezeStopsProcessGroups(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {}})
	r.invoke(fnEvent{Child: true})
	var pids []int
	for _, p := range r.box.procs.all() {
		pids = append(pids, p.PID())
	}
	groups := make(map[int]int)
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		pid, _ := strconv.Atoi(strings.Split(file, "/")[2])
		if group, err := syscall.Getpgid(pid); err == nil && slices.Contains(pids, group) {
			groups[group]++
			eventually(t, "stop of "+strconv.Itoa(pid), func() bool { return processState(pid) == "T" })
		}
	}
	if len(groups) != 2 || groups[pids[1]] != 2 {
		t.Errorf("groups %v of %v: want an extension, and a function with a child", groups, pids)
	}
	if resp := r.invoke(fnEvent{}); resp.FunctionError != "" {
		t.Errorf("after the thaw: %+v", resp)
	}
}

// A telemetry POST that a freeze cuts finishes after the thaw, once (behaviour 8).
func TestFreezeInterruptsPost(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, SlowMs: 150, InvokeSleepMs: 50}})
	if resp := r.invoke(fnEvent{}); resp.TelemetryPending == 0 {
		t.Error("nothing was pending at the freeze")
	}
	time.Sleep(300 * time.Millisecond)
	for range 12 {
		r.invoke(fnEvent{})
	}
	starts := len(only(r.events("ext-a"), "platform.initStart"))
	if starts != 1 {
		t.Errorf("initStart delivered %d times", starts)
	}
}

// Never invoked: SHUTDOWN is the first event (behaviour 8), and the first
// invocation finds a new environment.
func TestShutdownFirst(t *testing.T) {
	r := newRig(t, Options{Faults: []Fault{{Name: "shutdown-first"}}}, map[string]extConfig{"ext-a": {}})
	want := []string{"exec ext-a", "next", "SHUTDOWN spindown", "exit 0"}
	got := slices.DeleteFunc(r.entries("ext-a"), func(s string) bool { return strings.HasPrefix(s, "register") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	resp := r.invoke(fnEvent{})
	if !resp.ColdStart || resp.FunctionError != "" {
		t.Errorf("got %+v", resp)
	}
	if phases := strings.Count(strings.Join(r.entries(whoPlatform), "\n"), "init init"); phases != 2 {
		t.Errorf("%d inits of phase init", phases)
	}
}

// A late PUT is refused (behaviour 9). [opentelemetry-lambda PR #1452]
func TestLateSubscription(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {LateSub: true, Subscribe: []string{"platform"}}})
	r.invoke(fnEvent{})
	if !contains(r.logs.texts(OriginExtension), `subscribed 403 {"errorMessage":"Telemetry API subscription is closed already"`) {
		t.Errorf("got %q", r.logs.texts(OriginExtension))
	}
}

// Host names are the platform's, the path of the URI is kept, and a fault posts
// to / as AWS's emulator does (behaviour 10). [DOC:telemetry-api] [LMI:…/client.go]
func TestDestinationPath(t *testing.T) {
	for fault, want := range map[string]string{"": "POST /telemetry/path?a=b", "telemetry-root": "POST /"} {
		var list []Fault
		if fault != "" {
			list = []Fault{{Name: fault}}
		}
		r := newRig(t, Options{Faults: list}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, WaitDone: true}})
		r.invoke(fnEvent{})
		p := r.posts("ext-a")[0]
		if p.Request != want || !strings.HasPrefix(p.Host, "sandbox.localdomain:") || p.ContentType != "application/json" {
			t.Errorf("%s: %+v", fault, p)
		}
	}
}

// What happened before the subscription is delivered after it, first (behaviour
// 12), and extension lines come back as records (behaviour 20).
// [SAMP test.json] [LMI:telemetry/relay.go]
func TestReplay(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {
		Say: "early bird", Subscribe: []string{"platform", "function", "extension"}, WaitDone: true}})
	r.invoke(fnEvent{})
	events := r.events("ext-a")
	if len(events) < 3 || events[0].Type != "platform.initStart" || events[1].Type != "extension" || string(events[1].Record) != `"early bird\n"` {
		t.Errorf("got %v", types(events))
	}
}

// The report arrives in the next invocation or during SHUTDOWN, runtimeDone
// before the extension ends, the events of init in the first invocation
// (behaviour 13). [DOC:telemetry-api] [RIE:rapid/handlers.go]
func TestLateness(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, WaitDone: true}})
	first := r.invoke(fnEvent{}).RequestID
	seen := types(r.events("ext-a"))
	if slices.Contains(seen, "platform.report") || !slices.Contains(seen, "platform.runtimeDone") || !slices.Contains(seen, "platform.initReport") {
		t.Errorf("in the first invocation: %v", seen)
	}
	second := r.invoke(fnEvent{}).RequestID
	reports := only(r.events("ext-a"), "platform.report")
	if len(reports) != 1 || reports[0].get("requestId") != first {
		t.Errorf("in the second invocation: %v", reports)
	}
	if !r.stop().Clean() {
		t.Error("shutdown was not clean")
	}
	reports = only(r.events("ext-a"), "platform.report")
	if len(reports) != 2 || reports[1].get("requestId") != second {
		t.Errorf("%d reports after shutdown", len(reports))
	}
}

// The faults around runtimeDone and report (behaviour 13).
func TestLatenessFaults(t *testing.T) {
	count := func(t *testing.T, fault string) (done, report int, order []string) {
		f, err := ParseFault(fault)
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, Options{Faults: []Fault{f}}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, InvokeSleepMs: 150}})
		r.invoke(fnEvent{})
		r.invoke(fnEvent{})
		r.stop()
		events := r.events("ext-a")
		return len(only(events, "platform.runtimeDone")), len(only(events, "platform.report")), types(events)
	}
	tests := []struct {
		fault        string
		done, report int
	}{
		{"runtime-done-lost", 0, 2}, {"runtime-done-twice", 4, 2}, {"runtime-done-early", 2, 2},
		{"runtime-done-late:100", 2, 2}, {"report-never", 2, 0}, {"report-never@2", 2, 1}, {"runtime-done-lost:1", 1, 2},
		{"events-unknown", 2, 2},
	}
	for _, tt := range tests {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			done, report, order := count(t, tt.fault)
			if done != tt.done || report != tt.report {
				t.Errorf("%d runtimeDone, %d report in %v", done, report, order)
			}
			if unknown := slices.Contains(order, "platform.somethingNew"); unknown != (tt.fault == "events-unknown") {
				t.Errorf("unknown event: %v", order)
			}
		})
	}
}

// A listener that answers 500 gets the same body again, and no event twice
// after it accepts (behaviour 14). [DOC:telemetry-api]
func TestProcessRetry(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {
		Subscribe: []string{"platform"}, Status: 500, StatusFor: 2, WaitDone: true}})
	r.invoke(fnEvent{})
	list := r.posts("ext-a")
	if len(list) < 3 || list[0].Body != list[1].Body || list[1].Body != list[2].Body {
		t.Errorf("bodies differ: %d", len(list))
	}
}

// A line beyond maxBytes comes in pieces, runtimeDone in the last (behaviour 15).
// [DataDog bottlecap, September 2026]
func TestOversizedLine(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform", "function"}, WaitDone: true}})
	r.invoke(fnEvent{Print: []string{strings.Repeat("z", 300_000)}})
	list := r.posts("ext-a")
	i := slices.IndexFunc(list, func(p received) bool { return strings.HasSuffix(p.Body, "zzz}]") })
	if i < 0 || i+1 >= len(list) || !strings.Contains(list[i+1].Body, `"record":zzz`) {
		t.Fatalf("no torn record in %d POSTs", len(list))
	}
	if !strings.Contains(list[len(list)-1].Body, "platform.runtimeDone") {
		t.Error("runtimeDone did not come")
	}
}

// JSON log format through real processes (behaviour 16).
// [DOC:monitoring-cloudwatchlogs-logformat] [HC:#173]
func TestJSONLogFormat(t *testing.T) {
	r := newRig(t, Options{LogFormat: "JSON"}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform", "function"}, WaitDone: true}})
	r.invoke(fnEvent{Print: []string{`{"level":"WARN","n":1}`, "plain"}})
	lines := only(r.events("ext-a"), "function")
	if len(lines) != 2 || string(lines[0].Record) != `{"level":"WARN","n":1}` || lines[1].get("message") != "plain" || lines[1].get("level") != "INFO" {
		t.Errorf("records %s", lines)
	}
	if got := r.logs.texts(OriginFunction); !slices.Equal(got, []string{`{"level":"WARN","n":1}`, "plain"}) {
		t.Errorf("log %q", got)
	}
	platform := strings.Join(r.logs.texts(OriginPlatform), "\n")
	for _, want := range []string{`"type":"platform.initStart"`, `"type":"platform.start"`, `"type":"platform.report"`} {
		if !strings.Contains(platform, want) {
			t.Errorf("log lacks %s", want)
		}
	}
	if strings.Contains(platform, "REPORT RequestId") || strings.Contains(platform, "platform.runtimeDone") {
		t.Errorf("log has lines of the text format, or below INFO:\n%s", platform)
	}
}

// Without freeze nothing is stopped, and the report comes on its own.
func TestNoFreeze(t *testing.T) {
	r := newRig(t, Options{NoFreeze: true}, map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}}})
	r.invoke(fnEvent{})
	eventually(t, "report", func() bool { return len(only(r.events("ext-a"), "platform.report")) == 1 })
	if contains(r.entries(whoPlatform), "freeze") {
		t.Errorf("got %v", r.entries(whoPlatform))
	}
}
