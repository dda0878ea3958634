package foreign

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// rust is the extension of rust/src/extension.rs, on the crate
// lambda-extension 1.1.1.
const rust = "foreign-rust"

// account is what it prints at the end.
type account struct {
	Events   []string `json:"events"`
	Received []string `json:"received"`
}

func beginRust(t *testing.T, mode string, withOurs bool, opt lambdaemu.Options) *world {
	t.Helper()
	opt.Layers = []string{harness.Need(t, "rust/"+rust)}
	opt.Env = map[string]string{"FOREIGN_MODE": mode, "FOREIGN_PORT": harness.FreePort(t)}
	return begin(t, withOurs, opt)
}

func (w *world) account() account {
	w.t.Helper()
	for text := range strings.Lines(w.text(rust)) {
		var a account
		if json.Unmarshal([]byte(text), &a) == nil && a.Events != nil {
			return a
		}
	}
	w.t.Fatal("the extension printed no account")
	return account{}
}

// The crate's telemetry processor, in both record types and both log formats.
//
// A known limit of the crate does not show: by default a record is a string,
// which the object of a JSON line would not fit (aws-lambda-rust-runtime issue
// 977). But it subscribes with the oldest schema version, in which records are
// strings in every log format (AWS page: telemetry-api).
func TestRustTelemetry(t *testing.T) {
	for _, mode := range []string{"telemetry", "json"} {
		for _, format := range []string{"Text", "JSON"} {
			for _, withOurs := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s format/ours %t", mode, format, withOurs), func(t *testing.T) {
					t.Parallel()
					w := beginRust(t, mode, withOurs, lambdaemu.Options{LogFormat: format})
					w.invoke()
					w.invoke()
					if exit := w.end(); !exit.Clean() {
						t.Errorf("exit %+v", exit)
					}
					w.checkEvents()
					w.checkReceived()
					if !withOurs {
						w.checkPlainLines()
					} else if got := w.canonical(); !slices.Equal(got, w.ids) {
						t.Errorf("complete canonical events of %v, want %v", got, w.ids)
					}
				})
			}
		}
	}
}

func (w *world) checkEvents() {
	w.t.Helper()
	want := []string{"INVOKE " + w.ids[0], "INVOKE " + w.ids[1], "SHUTDOWN spindown"}
	if got := w.account().Events; !slices.Equal(got, want) {
		w.t.Errorf("events %v, want %v", got, want)
	}
}

// checkReceived wants the telemetry of two invocations in Lambda's order. The
// report of an invocation comes in the next one or during shutdown, and the
// end of the last one may be too late for an extension that leaves at once.
func (w *world) checkReceived() {
	w.t.Helper()
	var got []string
	for _, what := range w.account().Received {
		if strings.Contains(what, ours) {
			continue // its subscription and its state
		}
		if strings.HasPrefix(what, "function ") {
			what = "function"
		}
		got = append(got, what)
	}
	want := []string{
		"platform.initStart", "platform.telemetrySubscription " + rust,
		"platform.initRuntimeDone Success", "platform.extension " + rust + " Ready", "platform.initReport",
	}
	for _, id := range w.ids {
		want = append(want, "platform.start "+id, "function", "function",
			"platform.runtimeDone "+id+" Success", "platform.report "+id+" Success")
	}
	const late = 2 // runtimeDone and report of the last
	if len(got) < len(want)-late || len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
		w.t.Errorf("received\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// checkPlainLines: a record is the line with its newline.
func (w *world) checkPlainLines() {
	w.t.Helper()
	for _, line := range []string{`function "a plain line\n"`, `function "{\"level\":\"INFO\",\"message\":\"a JSON line\",\"order\":7}\n"`} {
		if !slices.Contains(w.account().Received, line) {
			w.t.Errorf("not received: %s", line)
		}
	}
}

// The crate's log processor uses the Logs API: it gets the lines of every
// invocation between its start and its report.
func TestRustLogs(t *testing.T) {
	for _, withOurs := range []bool{false, true} {
		t.Run(fmt.Sprintf("ours %t", withOurs), func(t *testing.T) {
			t.Parallel()
			w := beginRust(t, "logs", withOurs, lambdaemu.Options{})
			w.invoke()
			w.invoke()
			if exit := w.end(); !exit.Clean() {
				t.Errorf("exit %+v", exit)
			}
			w.checkEvents()
			w.checkLogs()
		})
	}
}

// checkLogs wants the Logs API's events of every invocation; those after the
// last answer may come too late.
func (w *world) checkLogs() {
	w.t.Helper()
	var got, want []string
	for _, what := range w.account().Received {
		if name, _, _ := strings.Cut(what, " "); name == "function" {
			what = name
		}
		if !strings.HasPrefix(what, "platform.extension ") {
			got = append(got, what)
		}
	}
	want = append(want, "platform.logsSubscription "+rust)
	for _, id := range w.ids {
		want = append(want, "platform.start "+id, "function", "function",
			"platform.runtimeDone "+id+" success", "platform.end "+id, "platform.report "+id)
	}
	const late = 3
	if len(got) < len(want)-late || len(got) > len(want) || !slices.Equal(got, want[:len(got)]) {
		w.t.Errorf("received\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The crate's loop asks for the next event after SHUTDOWN too, as all its
// examples do: such an extension is killed at the end of its two seconds.
func TestRustStays(t *testing.T) {
	t.Parallel()
	w := beginRust(t, "stay", true, lambdaemu.Options{})
	w.invoke()
	w.invoke()
	checkKilled(t, w.end(), rust)
	w.checkEvents()
	w.checkReceived()
}

// A type of event that the crate does not know costs it the whole batch: it
// answers 400, Lambda repeats the same body, and drops it in the end. The
// function and the extension beside it notice nothing.
func TestRustUnknownEvents(t *testing.T) {
	t.Parallel()
	w := beginRust(t, "telemetry", true, lambdaemu.Options{Faults: []lambdaemu.Fault{{Name: "events-unknown"}}})
	w.invoke()
	w.invoke()
	if exit := w.end(); !exit.Clean() {
		t.Errorf("exit %+v", exit)
	}
	posts := map[string]int{}
	for _, entry := range w.emu.Transcript() {
		if strings.Contains(entry.Detail, "platform.somethingNew") {
			status, _, _ := strings.Cut(entry.Detail, " ")
			posts[entry.Who+" "+status]++
		}
	}
	if posts[rust+" 400"] == 0 || posts[rust+" 200"] != 0 || posts[ours+" 200"] == 0 || posts[ours+" 400"] != 0 {
		t.Errorf("answers to batches with an unknown event: %v", posts)
	}
	w.checkEvents()
	if got := w.canonical(); !slices.Equal(got, w.ids) {
		t.Errorf("complete canonical events of %v, want %v", got, w.ids)
	}
}

// What the crate makes of a subscription that is refused. 202 means that there
// is no telemetry here, and it runs on without; after any other answer its
// process ends, and an extension that ends takes the function with it.
func TestRustTelemetryRefused(t *testing.T) {
	for fault, lives := range map[string]bool{
		"telemetry-202": true, "telemetry-403": false, "telemetry-500": false, "telemetry-closed": false,
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			w := beginRust(t, "telemetry", false, lambdaemu.Options{Faults: []lambdaemu.Fault{{Name: fault}}})
			res, err := w.emu.Invoke(t.Context(), lambdaemu.Request{Payload: []byte(`{}`)})
			if err != nil {
				t.Fatal(err)
			}
			exit := w.end()
			if lives {
				if res.FunctionError != "" || !exit.Clean() || len(w.account().Received) != 0 {
					t.Errorf("error %q, exit %+v, received %v", res.ErrorType, exit, w.account().Received)
				}
				return
			}
			if res.ErrorType != "Extension.Crash" || !strings.Contains(w.text(rust), "unable to initialize the telemetry api") {
				t.Errorf("error type %q: %s", res.ErrorType, res.Payload)
			}
		})
	}
}
