package lambdaemu

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func envMap(list []string) map[string]string {
	m := make(map[string]string, len(list))
	for _, pair := range list {
		key, value, _ := strings.Cut(pair, "=")
		m[key] = value
	}
	return m
}

// The exact sets of variables (behaviour 2).
// [RIE:rapidcore/env] [LMI:rapidcore/env/environment.go] [DOC:runtimes-extensions-api]
func TestEnvironmentSets(t *testing.T) {
	t.Setenv("HOST_SECRET", "leak")
	t.Setenv("PATH", "/usr/bin")
	t.Setenv("AWS_PROFILE", "leak")
	opt := Options{
		Command: []string{"/bin/true"}, Dir: "/", Inherit: []string{"PATH"}, Handler: "app.handler",
		Env: map[string]string{"TABLE": "t", "_HANDLER": "mine", "_X": "1", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/w"},
	}
	opt, err := opt.resolve()
	if err != nil {
		t.Fatal(err)
	}
	env := environment{opt: &opt, id: identity{"/aws/lambda/function", "stream", "/tmp/lambda-1"}, creds: credentials{"ASIA", "s", "t"}, api: "127.0.0.1:9001"}
	both := map[string]string{
		"PATH": "/usr/bin", "LANG": "en_US.UTF-8", "TZ": ":UTC", "TMPDIR": "/tmp/lambda-1",
		"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
		"AWS_LAMBDA_FUNCTION_NAME": "function", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
		"AWS_ACCESS_KEY_ID": "ASIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t",
		"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_FORMAT": "Text",
		"TABLE": "t", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/w",
	}
	if diff := cmp.Diff(both, envMap(env.extension())); diff != "" {
		t.Errorf("extension: %s", diff)
	}
	for key, value := range map[string]string{
		"_HANDLER": "app.handler", "LAMBDA_TASK_ROOT": "/", "LAMBDA_RUNTIME_DIR": "/var/runtime",
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/function", "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
		"AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR", "AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129:2000",
		"_AWS_XRAY_DAEMON_ADDRESS": "169.254.79.129", "_AWS_XRAY_DAEMON_PORT": "2000",
	} {
		both[key] = value
	}
	if diff := cmp.Diff(both, envMap(env.runtime())); diff != "" {
		t.Errorf("runtime: %s", diff)
	}
}

// An extension may listen on sandbox.localdomain, as AWS's own examples do; where
// the names cannot be given to the processes, the transcript says what to do.
// [SAMP:go-example-telemetry-api-extension]
func TestSandboxNames(t *testing.T) {
	r := newRig(t, Options{}, map[string]extConfig{"ext-a": {Lookup: true}})
	if contains(r.entries(whoPlatform), "warning") {
		if !contains(r.entries(whoPlatform), `add "127.0.0.1 sandbox.localdomain sandbox" to /etc/hosts`) {
			t.Errorf("no cure: %q", r.entries(whoPlatform))
		}
		t.Skip("this system does not allow it")
	}
	want := []string{"sandbox.localdomain [127.0.0.1] <nil>", "sandbox [127.0.0.1] <nil>"}
	if diff := cmp.Diff(want, r.logs.texts(OriginExtension)); diff != "" {
		t.Error(diff)
	}
}

// What a customer may override, and where it is seen.
// [LMI:rapidcore/env/environment.go overridable] [DOC:configuration-envvars]
func TestEnvironmentOverrides(t *testing.T) {
	opt := Options{Command: []string{"/usr/bin/python3.11"}, LogFormat: "JSON", InitType: "provisioned-concurrency", Env: map[string]string{
		"AWS_ACCESS_KEY_ID": "mine", "AWS_ENDPOINT_URL": "http://127.0.0.1:5000", "TZ": "Europe/Berlin",
		"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000", "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
	}}
	opt.Command[0] = "/bin/true"
	resolved, err := opt.resolve()
	if err != nil {
		t.Fatal(err)
	}
	resolved.Runtime = "python3.11"
	env := environment{opt: &resolved, creds: inventCredentials()}
	for name, list := range map[string][]string{"extension": env.extension(), "runtime": env.runtime()} {
		got := envMap(list)
		for key, want := range map[string]string{
			"AWS_ACCESS_KEY_ID": "mine", "AWS_ENDPOINT_URL": "http://127.0.0.1:5000", "TZ": "Europe/Berlin",
			"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000", "AWS_LAMBDA_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_LOG_FORMAT": "JSON",
			"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency",
		} {
			if got[key] != want {
				t.Errorf("%s: %s=%q, want %q", name, key, got[key], want)
			}
		}
	}
	if got := envMap(env.runtime())["AWS_EXECUTION_ENV"]; got != "AWS_Lambda_python3.11" {
		t.Errorf("AWS_EXECUTION_ENV %q", got)
	}
	if _, present := envMap(env.extension())["AWS_EXECUTION_ENV"]; present {
		t.Error("the extension has AWS_EXECUTION_ENV")
	}
}

// The environment as real processes have it, and how an extension is executed:
// full path, no arguments, directory / (behaviours 1 and 2). [RIE:rapid/handlers.go ExecRequest]
func TestProcessEnvironment(t *testing.T) {
	t.Setenv("HOST_SECRET", "leak")
	r := newRig(t, Options{Env: map[string]string{"TABLE": "t", "_PRIVATE": "x"}}, map[string]extConfig{"ext-env.sh": {Env: true}})
	var function []string
	if err := json.Unmarshal(r.invoke(fnEvent{Env: true}).Payload, &function); err != nil {
		t.Fatal(err)
	}
	var extension []string
	for _, line := range r.logs.texts(OriginExtension) {
		json.Unmarshal([]byte(line), &extension)
	}
	if contains(extension, "HOME=") || !contains(function, "HOME=") {
		t.Error("HOME is for the function only: an extension has none on Lambda")
	}
	for _, forbidden := range []string{"HOST_SECRET", "_PRIVATE"} {
		if contains(function, forbidden+"=") || contains(extension, forbidden+"=") {
			t.Errorf("%s reached a process", forbidden)
		}
	}
	for _, runtimeOnly := range []string{"_HANDLER", "LAMBDA_TASK_ROOT", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_XRAY_DAEMON_ADDRESS"} {
		if !contains(function, runtimeOnly+"=") || contains(extension, runtimeOnly+"=") {
			t.Errorf("%s is not the runtime's alone", runtimeOnly)
		}
	}
	for _, want := range []string{"argv0=" + r.dir + "/bin/ext-env.sh", "argc=1", "cwd=" + cwd(), "TABLE=t"} {
		if !slices.Contains(extension, want) {
			t.Errorf("extension lacks %s", want)
		}
	}
	if got, want := envMap(extension)["AWS_SESSION_TOKEN"], envMap(function)["AWS_SESSION_TOKEN"]; got != want || got == "" {
		t.Errorf("tokens differ: %q %q", got, want)
	}
}
