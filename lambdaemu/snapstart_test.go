package lambdaemu

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// SnapStart: no static keys in any process, credentials from the container
// endpoint that change at the restore, a runtime suspended in /restore/next and
// an extension suspended in /next across it, restore events before START, and
// figures of the restore in REPORT (behaviour 19).
// [DOC:snapstart, snapstart-monitoring] [RIE:rapid/handlers.go handleRestore, rapi/handler/credentials.go]
func TestSnapStart(t *testing.T) {
	r := newRig(t, Options{InitType: "snap-start", Env: map[string]string{"FN_INIT": "restore:"}},
		map[string]extConfig{"ext-a": {Subscribe: []string{"platform"}, WaitDone: true, Env: true}})
	if last := r.entries(whoPlatform); !slices.Equal(last[len(last)-2:], []string{"snapshot", "freeze"}) {
		t.Errorf("init ends with %v", last)
	}
	resp := r.invoke(fnEvent{Env: true})
	if !resp.ColdStart || resp.Init != 0 || resp.Restore <= 0 {
		t.Errorf("cold %v, init %s, restore %s", resp.ColdStart, resp.Init, resp.Restore)
	}
	second := r.invoke(fnEvent{})
	if second.Restore != 0 || second.ColdStart {
		t.Errorf("the second invocation restored again: %+v", second)
	}
	checkSnapStartEnv(t, string(resp.Payload), r.logs.texts(OriginExtension)[0])
	checkRestoredCredentials(t, r.logs.texts(OriginFunction))
	want := []string{
		"platform.initStart", "platform.telemetrySubscription", "platform.initRuntimeDone", "platform.extension", "platform.initReport",
		"platform.restoreStart", "platform.restoreRuntimeDone", "platform.restoreReport", "platform.start", "platform.runtimeDone",
	}
	if diff := cmp.Diff(want, types(r.events("ext-a"))[:len(want)]); diff != "" {
		t.Error(diff)
	}
	report := only(r.events("ext-a"), "platform.report")[0]
	if restored, _ := report.get("metrics", "restoreDurationMs").(float64); restored <= 0 || report.get("metrics", "initDurationMs") != nil {
		t.Errorf("report %s", report.Record)
	}
	checkRestoreLines(t, r.logs.texts(OriginPlatform))
}

func checkSnapStartEnv(t *testing.T, function, extension string) {
	t.Helper()
	for name, env := range map[string]string{"function": function, "extension": extension} {
		for _, absent := range []string{"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SESSION_TOKEN=", "AWS_LAMBDA_LOG_STREAM_NAME=", "AWS_LAMBDA_LOG_GROUP_NAME="} {
			if strings.Contains(env, `"`+absent) {
				t.Errorf("%s has %s", name, absent)
			}
		}
		for _, present := range []string{`"AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127\.0\.0\.1:\d+/2021-04-23/credentials"`, `"AWS_CONTAINER_AUTHORIZATION_TOKEN=[0-9a-f-]{36}"`, `"AWS_LAMBDA_INITIALIZATION_TYPE=snap-start"`, `"AWS_LAMBDA_FUNCTION_VERSION=1"`} {
			if !regexp.MustCompile(present).MatchString(env) {
				t.Errorf("%s lacks %s", name, present)
			}
		}
	}
}

func checkRestoredCredentials(t *testing.T, lines []string) {
	t.Helper()
	if len(lines) < 3 || lines[1] != "restored 200 0" {
		t.Fatalf("lines %q", lines)
	}
	keys := func(line, prefix string) map[string]string {
		var got map[string]string
		if err := json.Unmarshal([]byte(strings.TrimPrefix(line, prefix+" 200 ")), &got); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		return got
	}
	before, after := keys(lines[0], "before"), keys(lines[2], "after")
	for _, name := range []string{"AccessKeyId", "SecretAccessKey", "Token"} {
		if before[name] == "" || before[name] == after[name] {
			t.Errorf("%s: %q before, %q after the restore", name, before[name], after[name])
		}
	}
	if after["Expiration"] == "" || len(after) != 4 {
		t.Errorf("credentials %v", after)
	}
}

func checkRestoreLines(t *testing.T, lines []string) {
	t.Helper()
	all := strings.Join(lines, "\n")
	for _, want := range []string{
		`(?m)^INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init$`,
		`(?m)^RESTORE_START Runtime Version: provided:al2023\.v1\tRuntime Version ARN: arn:`,
		`(?m)^RESTORE_REPORT Restore Duration: \d+\.\d\d ms$`,
		`(?m)^REPORT RequestId: .*\tRestore Duration: \d+\.\d\d ms\tBilled Restore Duration: \d+ ms\t$`,
	} {
		if len(regexp.MustCompile(want).FindAllString(all, -1)) != 1 {
			t.Errorf("not once: %s in\n%s", want, all)
		}
	}
}

// A hook that fails ends the invocation that restored; the environment is
// replaced and its successor restores anew. [DOC:snapstart-runtime-hooks-custom]
func TestRestoreError(t *testing.T) {
	r := newRig(t, Options{InitType: "snap-start", Env: map[string]string{"FN_INIT": "restore:Runtime.HookFailed"}},
		map[string]extConfig{"ext-a": {}})
	for range 2 {
		resp := r.invoke(fnEvent{})
		if resp.ErrorType != "Runtime.HookFailed" || string(resp.Payload) != `{"errorMessage":"no socket","errorType":"HookError"}` {
			t.Errorf("got %s %s", resp.ErrorType, resp.Payload)
		}
	}
	if n := strings.Count(strings.Join(r.entries(whoPlatform), "\n"), "snapshot"); n != 2 {
		t.Errorf("%d environments: %v", n, r.entries(whoPlatform))
	}
	if !contains(r.logs.texts(OriginPlatform), "RESTORE_REPORT Restore Duration: ") || !contains(r.logs.texts(OriginPlatform), "Status: error\tError Type: Runtime.HookFailed") {
		t.Errorf("lines %q", r.logs.texts(OriginPlatform))
	}
}

// A runtime without hooks calls /invocation/next at once, and its restore waits
// for nothing. [RIE:rapi/router.go]
func TestRestoreWithoutHooks(t *testing.T) {
	r := newRig(t, Options{InitType: "snap-start"}, nil)
	if resp := r.invoke(fnEvent{}); resp.FunctionError != "" || resp.Restore <= 0 {
		t.Errorf("got %+v", resp)
	}
}

// The credentials endpoint: exact token, 404 otherwise, and no such route without
// SnapStart. [RIE:rapi/handler/credentials.go]
func TestCredentialsEndpoint(t *testing.T) {
	r := newAPIRig(t)
	if got := r.do("GET", "/2021-04-23/credentials", "", "Authorization", r.box.env.containerToken); got.status != 404 {
		t.Errorf("on-demand: %d", got.status)
	}
	r.box.opt.InitType = "snap-start"
	if got := r.do("GET", "/2021-04-23/credentials", "", "Authorization", "wrong"); got.status != 404 {
		t.Errorf("wrong token: %d", got.status)
	}
	r.box.opt.Env = map[string]string{"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": ""}
	got := r.do("GET", "/2021-04-23/credentials", "", "Authorization", r.box.env.containerToken)
	if got.status != 200 || !strings.HasPrefix(got.body, `{"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"s","Token":"","Expiration":"2`) {
		t.Errorf("customer's keys: %d %s", got.status, got.body)
	}
}
