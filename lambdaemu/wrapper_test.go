package lambdaemu

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A managed runtime starts AWS_LAMBDA_EXEC_WRAPPER with its own command as the
// arguments, from a shell; one that knows nothing but the operating system starts
// its bootstrap. [DOC:runtimes-modify, runtimes-custom]
func TestExecWrapper(t *testing.T) {
	const wrap = "export WRAPPED=\"$0 $#\"\nexec \"$@\"\n"
	for _, c := range []struct {
		name    string
		runtime string
		script  string // none: the file is missing
		mode    os.FileMode
		want    string // of the variable the wrapper sets; "" means the runtime was started without
		line    string // printed instead of a start
		status  string
	}{
		{"managed", "python3.13", "#!/bin/sh\n" + wrap, 0o755, "WRAPPER 1", "", ""},
		{"no shebang", "nodejs22.x", wrap, 0o755, "WRAPPER 1", "", ""},
		{"missing", "java21", "", 0, "", "WRAPPER: does not exist", "exit status 127"},
		{"not executable", "ruby3.4", "#!/bin/sh\n" + wrap, 0o644, "", "WRAPPER: is not an executable", "exit status 126"},
		{"missing interpreter", "dotnet8", "#!/no/such/shell\n" + wrap, 0o755, "", "not found", "exit status 127"},
		{"OS-only", "provided.al2023", "#!/bin/sh\n" + wrap, 0o755, "", "", ""},
		{"OS-only and missing", "provided.al2023", "", 0, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "wrap")
			if c.script != "" {
				if err := os.WriteFile(path, []byte(c.script), c.mode); err != nil {
					t.Fatal(err)
				}
			}
			r := newRig(t, Options{Runtime: c.runtime, Env: map[string]string{wrapperKey: path}}, nil)
			resp := r.invoke(fnEvent{Env: true})
			if c.line != "" {
				if resp.ErrorType != "Runtime.ExitError" || !strings.Contains(string(resp.Payload), c.status) {
					t.Errorf("got %s, want %s", resp.Payload, c.status)
				}
				if want := strings.Replace(c.line, "WRAPPER", path, 1); !contains(r.logs.texts(OriginFunction), want) {
					t.Errorf("lines %q, want %q", r.logs.texts(OriginFunction), want)
				}
				return
			}
			got, want := string(resp.Payload), `"WRAPPED=`+strings.Replace(c.want, "WRAPPER", path, 1)+`"`
			if c.want != "" && !strings.Contains(got, want) || c.want == "" && strings.Contains(got, "WRAPPED") {
				t.Errorf("environment %s, want %s", got, want)
			}
			if managed := !strings.HasPrefix(c.runtime, "provided"); strings.Contains(got, `"AWS_EXECUTION_ENV=AWS_Lambda_`+c.runtime+`"`) != managed {
				t.Errorf("environment %s: wrong AWS_EXECUTION_ENV", got)
			}
		})
	}
}

// The wrapper becomes the runtime: signals, freeze and the exit reach it as one
// process.
func TestExecWrapperIsOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wrap")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nexec \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, Options{Runtime: "python3.13", Env: map[string]string{wrapperKey: path}}, map[string]extConfig{"ext-a": {}})
	if resp := r.invoke(fnEvent{Touch: r.dir + "/pid"}); resp.FunctionError != "" {
		t.Fatalf("got %+v", resp)
	}
	pid, _ := os.ReadFile(r.dir + "/pid")
	if got := r.current().runtime.machine.proc.PID(); strings.TrimSpace(string(pid)) != strconv.Itoa(got) {
		t.Errorf("the function runs as process %s, the platform started %d", pid, got)
	}
	if resp := r.invoke(fnEvent{Exit: code(7)}); !strings.Contains(string(resp.Payload), "exit status 7") {
		t.Errorf("got %s", resp.Payload)
	}
}

// INIT_START and AWS_EXECUTION_ENV follow the runtime's identifier.
func TestRuntimeNames(t *testing.T) {
	for _, c := range []struct{ command, id, version, env string }{
		{"/usr/bin/python3", "python3.13", "python:3.13.v1", "AWS_Lambda_python3.13"},
		{"/usr/bin/python3.11", "python3.11", "python:3.11.v1", "AWS_Lambda_python3.11"},
		{"node", "nodejs22.x", "nodejs:22.v1", "AWS_Lambda_nodejs22.x"},
		{"/jdk/bin/java", "java21", "java:21.v1", "AWS_Lambda_java21"},
		{"ruby", "ruby3.4", "ruby:3.4.v1", "AWS_Lambda_ruby3.4"},
		{"dotnet", "dotnet8", "dotnet:8.v1", "AWS_Lambda_dotnet8"},
		{"./bootstrap", "provided.al2023", "provided:al2023.v1", ""},
	} {
		o := Options{Runtime: runtimeID(c.command)}
		if o.Runtime != c.id || o.runtimeVersion() != c.version || o.executionEnv() != c.env || o.checkRuntime() != nil {
			t.Errorf("%s: %s, %s, %q, %v", c.command, o.Runtime, o.runtimeVersion(), o.executionEnv(), o.checkRuntime())
		}
	}
	for _, id := range []string{"provided", "nodejs24.x", "python3.15", "java8.al2"} {
		if err := (&Options{Runtime: id}).checkRuntime(); err != nil {
			t.Error(err)
		}
	}
	for _, id := range []string{"", "python", "cobol1", "Python3.13", "nodejs22.x\n"} {
		if (&Options{Runtime: id}).checkRuntime() == nil {
			t.Errorf("%q was taken", id)
		}
	}
}
