package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// local is the platform that can be told to differ.
type local struct {
	t          *testing.T
	program    string // the probe
	descriptor string // LogDescriptor of managed runtimes
	newIDs     bool   // each try of an asynchronous event gets another id

	mu    sync.Mutex
	emus  map[string]*lambdaemu.Emulator
	lines map[string][]string
}

func newLocal(t *testing.T) *local {
	t.Helper()
	l := &local{t: t, program: filepath.Join(t.TempDir(), "verify-probe"), emus: map[string]*lambdaemu.Emulator{}, lines: map[string][]string{}}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", l.program, "./probe").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return l
}

func (l *local) deploy(ctx context.Context, p probe) error {
	opt := lambdaemu.Options{
		Runtime: p.runtime, Layers: []string{l.program}, Env: p.env, Timeout: 10 * time.Second, Command: []string{l.program},
		OnLine: func(line lambdaemu.Line) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.lines[p.name] = append(l.lines[p.name], line.Text)
		},
	}
	if p.runtime == "python3.13" {
		opt.Command = []string{harness.Need(l.t, "python/bin/python"), "-m", "awslambdaric", "probe.handler"}
		opt.Dir, opt.LogDescriptor = "probe", l.descriptor
	}
	if p.managed != "" {
		opt.InitType, opt.Concurrency, opt.Seed = "lambda-managed-instances", 1, 7
	}
	emu, err := lambdaemu.Start(ctx, opt)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.emus[p.name] = emu
	if l.lines[p.name] == nil {
		l.lines[p.name] = []string{}
	}
	return nil
}

func (l *local) invoke(ctx context.Context, p probe, call invocation) error {
	request := lambdaemu.Request{Payload: []byte(call.payload)}
	tries := max(call.atOnce, 1)
	if call.async {
		tries = 3
	}
	for range tries {
		response, err := l.emus[p.name].Invoke(ctx, request)
		if err != nil {
			return err
		}
		if call.async && !l.newIDs {
			request.RequestID = response.RequestID
		}
	}
	return nil
}

func (l *local) retire(ctx context.Context, p probe) error {
	_, err := l.emus[p.name].Shutdown(ctx)
	return err
}

func (*local) settle(context.Context) error { return nil }

func (l *local) logs(_ context.Context, p probe) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines[p.name], nil
}

func (*local) traces(_ context.Context, ids []string) (map[string]string, error) {
	out := map[string]string{}
	for _, id := range ids {
		out[id] = `{"name":"verify-probe"}`
	}
	return out, nil
}

func (l *local) remove(ctx context.Context) error {
	for _, emu := range l.emus {
		_, _ = emu.Shutdown(ctx)
	}
	return nil
}

func answers(t *testing.T, l *local, capacity string) map[string]answer {
	t.Helper()
	e, err := collect(t.Context(), l, probes("", "", capacity), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]answer{}
	for _, q := range questions() {
		a, seen := q.judge(e)
		got[q.id] = a
		t.Logf("%s: %s (%s)", q.id, a, seen)
	}
	return got
}

// TestOnTheLocalLambda: the local Lambda behaves as the code believes Lambda
// does, for all that can be asked of it. The probes run for real.
func TestOnTheLocalLambda(t *testing.T) {
	want := map[string]answer{"names": yes, "produced_bytes": yes, "managed_order": yes, "retries": yes, "descriptor": yes,
		"in_place": notAsked, "xray": unclear, "missing_parameter": notAsked, "shutdown_telemetry": yes}
	if diff := cmp.Diff(want, answers(t, newLocal(t), "some")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestAPlatformThatDiffers: where the local Lambda is told to behave otherwise,
// the answers change, and no others.
func TestAPlatformThatDiffers(t *testing.T) {
	l := newLocal(t)
	l.descriptor, l.newIDs = "off", true
	got := answers(t, l, "")
	for id, want := range map[string]answer{"descriptor": no, "retries": no, "managed_order": notAsked, "names": yes, "produced_bytes": yes, "shutdown_telemetry": yes} {
		if got[id] != want {
			t.Errorf("%s: %s, want %s", id, got[id], want)
		}
	}
}

// TestJudges gives each question evidence for yes and for no, and none at all.
func TestJudges(t *testing.T) {
	line := func(name, id string) string {
		return `{"verify":"line","name":"` + name + `","request_id":"` + id + `"}`
	}
	for id, c := range map[string]struct{ yes, no evidence }{
		"names": {
			logged("custom", `{"verify":"host","host":"sandbox.localdomain","found":true}`),
			logged("custom", `{"verify":"host","host":"sandbox.localdomain","found":false}`)},
		"produced_bytes": {
			logged("custom", line("fails", "b"), `{"verify":"telemetry","type":"platform.runtimeDone","request_id":"b","produced_bytes":0}`),
			logged("custom", line("fails", "b"), `{"verify":"telemetry","type":"platform.runtimeDone","request_id":"b","produced_bytes":90}`)},
		"managed_order": {
			logged("managed", `{"verify":"telemetry","type":"platform.report","request_id":"a"}`, `{"verify":"telemetry","type":"function","line":"{\"verify\":\"line\",\"request_id\":\"a\"}"}`),
			logged("managed", `{"verify":"telemetry","type":"function","line":"{\"verify\":\"line\",\"request_id\":\"a\"}"}`, `{"verify":"telemetry","type":"platform.report","request_id":"a"}`)},
		"retries": {
			logged("custom", line("async", "a"), line("async", "a"), line("async", "a")),
			logged("custom", line("async", "a"), line("async", "b"), line("async", "c"))},
		"descriptor": {
			logged("python", "[ERROR] verify-two-lines\nsecond of python"),
			logged("python", "[ERROR] verify-two-lines", "second of python")},
		"in_place": {
			logged("inplace", `{"verify":"line","name":"in place","service":"verify","function_request_id":"a"}`),
			logged("inplace", line("in place", "a"), `{"verify":"line","name":"in place","service":"verify","function_request_id":"a"}`)},
		"xray": {
			traced(`{"verify":"xray_sent","trace_id":"1-a-b","sampled":"1"}`, `{"subsegments":[{"name":"verify-probe"}]}`),
			traced(`{"verify":"xray_sent","trace_id":"1-a-b","sampled":"1"}`, `{"name":"orders"}`)},
		"missing_parameter": {
			logged("parameters", `{"verify":"get","status":400,"body":"an unexpected error"}`),
			logged("parameters", `{"verify":"get","status":404,"body":"not found"}`)},
		"shutdown_telemetry": {
			logged("custom", line("last", "z"), `{"verify":"shutdown","reason":"spindown","reports":["a","z"]}`),
			logged("custom", line("last", "z"), `{"verify":"shutdown","reason":"spindown","reports":["a"]}`)},
	} {
		t.Run(id, func(t *testing.T) {
			for _, q := range questions() {
				if q.id != id {
					continue
				}
				for want, e := range map[answer]evidence{yes: c.yes, no: c.no} {
					if got, seen := q.judge(&e); got != want {
						t.Errorf("%s (%s), want %s", got, seen, want)
					}
				}
				if got, _ := q.judge(&evidence{}); got != unclear && got != notAsked {
					t.Errorf("without evidence: %s", got)
				}
				return
			}
			t.Error("no such question")
		})
	}
	if n := len(questions()); n != 9 {
		t.Errorf("%d questions, and cases for 9", n)
	}
}

func logged(probe string, lines ...string) evidence {
	return evidence{lines: map[string][]string{probe: lines}}
}

func traced(line, document string) evidence {
	e := logged("custom", line)
	e.traces = map[string]string{"1-a-b": document}
	return e
}

// TestEverythingIsRemoved: whatever fails on the way, each thing that was made is
// taken back, and what cannot be is named.
func TestEverythingIsRemoved(t *testing.T) {
	t.Chdir("../..") // where make runs it
	made := map[string]string{"create-role": "delete-role", "attach-role-policy": "detach-role-policy", "publish-layer-version": "delete-layer-version", "create-function": "delete-function"}
	for _, failing := range []string{"", "attach-role-policy", "publish-layer-version", "create-function", "invoke", "filter-log-events", "batch-get-traces"} {
		t.Run("fails at "+failing, func(t *testing.T) {
			dir := t.TempDir()
			script := `#!/bin/sh
echo "$2" >>` + dir + `/calls
[ "$2" = "` + failing + `" ] && { echo refused >&2; exit 1; }
case "$2" in
create-role) echo '{"Role":{"Arn":"arn:role"}}';;
publish-layer-version) echo '{"LayerVersionArn":"arn:layer:1","Version":1}';;
filter-log-events) echo '{"events":[{"message":"{\"verify\":\"xray_sent\",\"trace_id\":\"1-a-b\",\"sampled\":\"1\"}"}]}';;
batch-get-traces) echo '{"Traces":[{"Id":"1-a-b","Segments":[{"Document":"verify-probe"}]}]}';;
esac
`
			cli := filepath.Join(dir, "aws")
			if err := os.WriteFile(cli, []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			err := run(t.Context(), []string{"-region", "eu-north-1", "-aws", cli, "-wait", "1ms", "-do"}, &out)
			if (err != nil) != (failing != "") {
				t.Errorf("error %v\n%s", err, out.String())
			}
			if err != nil && !strings.Contains(err.Error(), failing) {
				t.Errorf("the error does not name %s: %v", failing, err)
			}
			if err == nil && !strings.Contains(out.String(), "daemon of the sandbox take datagrams from an extension? | unclear | yes") {
				t.Errorf("no answer:\n%s", out.String())
			}
			text, err := os.ReadFile(filepath.Join(dir, "calls"))
			if err != nil {
				t.Fatal(err)
			}
			count := map[string]int{}
			for call := range strings.Lines(string(text)) {
				count[strings.TrimSpace(call)]++
			}
			for make, remove := range made {
				n := count[make]
				if make == failing {
					n-- // the one that was refused made nothing
				}
				if count[remove] < n {
					t.Errorf("%s %d times, %s %d times", make, n, remove, count[remove])
				}
			}
		})
	}
}

// TestDryRun: nothing is called, and the plan names what would be made.
func TestDryRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-region", "eu-north-1", "-aws", "/nonexistent"}, &out); err != nil || !strings.Contains(out.String(), "Nothing was made") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if err := run(t.Context(), nil, &out); err == nil || !strings.Contains(err.Error(), "REGION=") {
		t.Errorf("without a region: %v", err)
	}
}

// TestPage: docs/verify-on-aws.md lists the questions as they are.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/verify-on-aws.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range questions() {
		if row := "| " + q.text + " | " + string(q.believe) + " | " + q.matters + " |"; !strings.Contains(string(page), row) {
			t.Errorf("docs/verify-on-aws.md has no row\n%s", row)
		}
	}
}
