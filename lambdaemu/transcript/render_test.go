package transcript

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Two runs of the same thing that differ in times, identifiers and interleaving
// render alike.
func TestRenderIsStable(t *testing.T) {
	const a1, b1, r1 = "1f3870be-274f-4c49-b3e3-1a0c6728957f", "2f3870be-274f-4c49-b3e3-1a0c6728957f", "3f3870be-274f-4c49-b3e3-1a0c6728957f"
	const a2, b2, r2 = "4f3870be-274f-4c49-b3e3-1a0c6728957f", "5f3870be-274f-4c49-b3e3-1a0c6728957f", "my-request"
	first := []Entry{
		{Who: "platform", What: "init", Detail: "init on-demand"},
		{Who: "a", What: "register", Detail: "INVOKE → 200 " + a1},
		{Who: "b", What: "register", Detail: "SHUTDOWN → 200 " + b1},
		{Who: "runtime", What: "next"},
		{Who: "a", What: "next"},
		{Who: "platform", What: "invoke", Detail: r1},
		{Who: "a", What: "telemetry POST", Detail: "200 platform.start " + r1 + ", function, function"},
		{Who: "a", What: "INVOKE", Detail: r1},
		{Who: "a", What: "telemetry POST", Detail: "200 function, platform.runtimeDone " + r1},
	}
	second := []Entry{
		{Who: "platform", What: "init", Detail: "init on-demand"},
		{Who: "b", What: "register", Detail: "SHUTDOWN → 200 " + b2},
		{Who: "a", What: "register", Detail: "INVOKE → 200 " + a2},
		{Who: "a", What: "next"},
		{Who: "runtime", What: "next"},
		{Who: "platform", What: "invoke", Detail: r2},
		{Who: "a", What: "INVOKE", Detail: r2},
		{Who: "a", What: "telemetry POST", Detail: "200 platform.start " + r2 + ", function, function, function, platform.runtimeDone " + r2},
	}
	want := `== init init on-demand
a            register INVOKE → 200 <extension-1>
a            next
b            register SHUTDOWN → 200 <extension-2>
runtime      next
== invoke <request-1>
a            INVOKE <request-1>
== telemetry to a
platform.start <request-1>
function ×3
platform.runtimeDone <request-1>
`
	for _, entries := range [][]Entry{first, second} {
		if diff := cmp.Diff(want, Render(entries)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestTimeline(t *testing.T) {
	at := time.Now()
	got := Timeline([]Entry{{At: at, Who: "platform", What: "freeze"}, {At: at.Add(1500 * time.Microsecond), Who: "shim", What: "exit", Detail: "0"}})
	want := "       0.0 ms  platform       freeze\n       1.5 ms  shim           exit 0\n"
	if got != want {
		t.Errorf("got %q", got)
	}
	if Timeline(nil) != "" {
		t.Error("an empty timeline says something")
	}
}
