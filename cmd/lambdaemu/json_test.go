package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/lambdaemu"
)

func TestJSONOutput(t *testing.T) {
	box := &fakeBox{exit: lambdaemu.Exit{Reason: "spindown", Extensions: []lambdaemu.ExtensionExit{{Name: "e", After: 5 * time.Millisecond}}}}
	box.invoke = func(n int, req lambdaemu.Request) (lambdaemu.Response, error) {
		box.says("<hello>")
		resp, err := ok(n, req)
		resp.ColdStart, resp.Init, resp.Duration = true, 90*time.Millisecond, 1500*time.Microsecond
		return resp, err
	}
	got := command(t, t.Context(), box, "--json", "--count", "1", "--", "true")
	want := []string{
		`{"type":"invocation","number":1,"requestId":"11111111-1111-1111-1111-111111111111","ok":true,"coldStart":true,"initMs":90,"latencyMs":0,"durationMs":1.5,"postRuntimeMs":0,"billedMs":0,"maxMemoryUsedMB":0,"producedBytes":0,"telemetryPending":0,"event":{},"payload":{"a":1},` +
			`"lines":[{"time":"0001-01-01T00:00:00Z","origin":"function","text":"<hello>"},{"time":"0001-01-01T00:00:00Z","origin":"platform","text":"REPORT RequestId: 11111111-1111-1111-1111-111111111111\tDuration: 1.00 ms\t"}]}`,
		`{"type":"summary","ok":true,"invocations":1,"failed":0,"shutdown":{"clean":true,"reason":"spindown","ms":0,"extensions":[{"name":"e","code":0,"killed":false,"ms":5}]},"tallies":[{"number":1,"requestId":"11111111-1111-1111-1111-111111111111","metrics":0,"logErrors":0}],"lines":[]}`,
	}
	if diff := cmp.Diff(want, strings.Split(strings.TrimSpace(got.stdout), "\n")); diff != "" {
		t.Error(diff)
	}
}
