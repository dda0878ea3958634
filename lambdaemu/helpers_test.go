package lambdaemu

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// rig is an emulator under test with the lines it printed.
type rig struct {
	*Emulator
	t    *testing.T
	dir  string
	logs *lineLog
}

type lineLog struct {
	mu    sync.Mutex
	lines []Line
}

func (l *lineLog) add(line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, line)
}

func (l *lineLog) of(origin Origin) []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.lines), func(line Line) bool { return origin != "" && line.Origin != origin })
}

func (l *lineLog) texts(origin Origin) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []string
	for _, line := range l.lines {
		if origin == "" || line.Origin == origin {
			list = append(list, line.Text)
		}
	}
	return list
}

// newRig starts an emulator with the test function and one test extension per
// key of exts.
func newRig(t *testing.T, opt Options, exts map[string]extConfig) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), logs: &lineLog{}}
	opt = r.options(opt, exts)
	t.Cleanup(func() { r.noProcessLeft() })
	e, err := Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	r.Emulator = e
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *rig) options(opt Options, exts map[string]extConfig) Options {
	r.t.Helper()
	if opt.Command == nil {
		opt.Command = []string{r.program("fn")}
	}
	for _, name := range sortedNames(exts) {
		opt.Layers = append(opt.Layers, r.program(name))
	}
	env := map[string]string{"EXT_OUT": r.dir, "EXT": string(mustJSON(exts)), "GORACE": "atexit_sleep_ms=0", "GOCOVERDIR": r.t.TempDir()}
	for k, v := range opt.Env {
		env[k] = v
	}
	opt.Env, opt.OnLine = env, r.logs.add
	return opt
}

// program makes the test binary available under a name.
func (r *rig) program(name string) string {
	r.t.Helper()
	self, err := os.Executable()
	if err != nil {
		r.t.Fatal(err)
	}
	path := filepath.Join(r.dir, "bin", name)
	os.MkdirAll(filepath.Dir(path), 0o700)
	if err := os.Symlink(self, path); err != nil {
		r.t.Fatal(err)
	}
	return path
}

func sortedNames(exts map[string]extConfig) []string {
	var names []string
	for name := range exts {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

func (r *rig) invoke(ev fnEvent) Response {
	r.t.Helper()
	return r.request(Request{Payload: mustJSON(ev)})
}

func (r *rig) request(req Request) Response {
	r.t.Helper()
	resp, err := r.Invoke(r.t.Context(), req)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp
}

func (r *rig) stop() Exit {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	exit, err := r.Shutdown(ctx)
	if err != nil {
		r.t.Error(err)
	}
	return exit
}

// noProcessLeft looks for programs of this test that still live.
func (r *rig) noProcessLeft() {
	r.t.Helper()
	for _, pid := range processesWith(r.dir) {
		r.t.Errorf("process %d survived", pid)
	}
}

func processesWith(arg string) []int {
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		cmdline, _ := os.ReadFile(file)
		if bytes.Contains(cmdline, []byte(arg)) {
			pid, _ := strconv.Atoi(strings.Split(file, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// posts returns what telemetry brought the extension so far.
func (r *rig) posts(name string) []received {
	r.t.Helper()
	data, _ := os.ReadFile(filepath.Join(r.dir, name))
	var list []received
	for line := range bytes.Lines(data) {
		var p received
		if err := json.Unmarshal(line, &p); err != nil {
			r.t.Fatal(err)
		}
		list = append(list, p)
	}
	return list
}

// telemetryEvent is an event as a subscriber decodes it.
type telemetryEvent struct {
	Time   string
	Type   string
	Record json.RawMessage
}

func (e telemetryEvent) get(path ...string) any {
	var v any
	json.Unmarshal(e.Record, &v)
	for _, key := range path {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func (r *rig) events(name string) []telemetryEvent {
	r.t.Helper()
	var list []telemetryEvent
	for _, p := range r.posts(name) {
		var batch []telemetryEvent
		if err := json.Unmarshal([]byte(p.Body), &batch); err != nil {
			r.t.Fatalf("POST is no JSON: %v\n%s", err, p.Body)
		}
		list = append(list, batch...)
	}
	return list
}

func types(events []telemetryEvent) []string {
	var list []string
	for _, e := range events {
		list = append(list, e.Type)
	}
	return list
}

func only(events []telemetryEvent, typ string) []telemetryEvent {
	return slices.DeleteFunc(slices.Clone(events), func(e telemetryEvent) bool { return e.Type != typ })
}

// eventually waits for a condition that another process brings about.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("never happened: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// entries returns the transcript entries of one lane as "what detail".
func (r *rig) entries(who string) []string {
	var list []string
	for _, entry := range r.Transcript() {
		if entry.Who == who {
			list = append(list, entry.String())
		}
	}
	return list
}

func contains(list []string, part string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.Contains(s, part) })
}
