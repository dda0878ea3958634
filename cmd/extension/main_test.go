package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ask runs the command as a person does.
func ask(t *testing.T, environ []string, words ...string) (code int, stdout, stderr string) {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "stdout"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	var errs bytes.Buffer
	code = run(append([]string{"/opt/extensions/powertools-extension"}, words...), environ, out, &errs)
	printed, err := os.ReadFile(out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return code, string(printed), errs.String()
}

// TestOutsideLambda: started by hand it says so in one line, names what helps,
// and ends.
func TestOutsideLambda(t *testing.T) {
	for _, environ := range [][]string{nil, {"AWS_LAMBDA_RUNTIME_API="}, {"AWS_LAMBDA_RUNTIME_API=  ", "POWERTOOLS_EXTENSION_HTTP_PORT=x"}} {
		code, stdout, stderr := ask(t, environ)
		if code != 2 || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "AWS Lambda") || !strings.Contains(stderr, "lambdaemu --extension") {
			t.Errorf("%q: exit %d, %q, %q", environ, code, stdout, stderr)
		}
	}
}

func TestWords(t *testing.T) {
	for _, tc := range []struct {
		words          string
		code           int
		stdout, stderr string // parts; empty: nothing at all
	}{
		{"-version", 0, version + "\npowertools-extension, an AWS Lambda extension", ""}, {"--version", 0, version, ""}, {"version", 0, version, ""},
		{"-help", 0, "an AWS Lambda extension", ""}, {"--help", 0, "lambdaemu --extension", ""}, {"-h", 0, "-config", ""}, {"help", 0, "-version", ""},
		{"-config", 0, "POWERTOOLS_SERVICE_NAME", ""}, {"--config", 0, "service_undefined", ""},
		{"start", 2, "", `unknown arguments ["start"]`}, {"-foo", 2, "", "an AWS Lambda extension"}, {"-config please", 2, "", "lambdaemu"}, {"-", 2, "", "-help"},
	} {
		code, stdout, stderr := ask(t, nil, strings.Fields(tc.words)...)
		if code != tc.code || !strings.Contains(stdout, tc.stdout) || !strings.Contains(stderr, tc.stderr) || (tc.stdout == "") != (stdout == "") || (tc.stderr == "") != (stderr == "") {
			t.Errorf("%s: exit %d, %q, %q", tc.words, code, stdout, stderr)
		}
	}
}

// TestPresetThatIsNone: what is used instead, said once.
func TestPresetThatIsNone(t *testing.T) {
	for setting, want := range map[string]string{
		"basic":           "entry 1: neither one of none, event, default, insights, all nor a metric; using default",
		"Everything":      "entry 1: neither one of none, event, default, insights, all nor a metric; using default",
		"duration,errors": "",
		"Duration, , x":   "entry 2: neither one of none, event, default, insights, all nor a metric; using the other entries",
		"Duration;Errors": "not one of none, event, default, insights, all and not a comma list of metric names; using default",
	} {
		_, stdout, _ := ask(t, []string{"POWERTOOLS_METRICS_PLATFORM=" + setting}, "-config")
		_, warnings, _ := strings.Cut(stdout, "warning: ")
		if want != "" {
			want = "POWERTOOLS_METRICS_PLATFORM: " + want + "\n"
		}
		if warnings != want {
			t.Errorf("%s: %q, want %q", setting, warnings, want)
		}
	}
}

// TestConfigShowsEveryProblem, those that another room finds among them, and
// no secret.
func TestConfigShowsEveryProblem(t *testing.T) {
	const canary = "c4n4ry"
	_, stdout, _ := ask(t, []string{
		"POWERTOOLS_SERVICE_NAME=Zahlung Müller",
		"POWERTOOLS_METRICS_PLATFORM=Duration,Error",
		"POWERTOOLS_METRICS_DIMENSIONS=stage=prod,cold_start=x",
		"POWERTOOLS_LOGS_REDACT=password,re:(",
		"POWERTOOLS_LOGS_EXCLUDE=(",
		"POWERTOOLS_LOGS_DESTINATION=stdout,kafka:x",
		"POWERTOOLS_LOGS_HTTP_HEADERS=Authorization: Bearer " + canary,
		"POWERTOOLS_PARAMETERS_PREFETCH=ssm:/app/db,nonsense",
		"AWS_APPCONFIG_EXTENSION_PREFETCH_LIST=app:env",
		"POWERTOOLS_LOGS_BUFER=DEBUG",
		"POWERTOOLS_SERVICE_NAM=x",
		"AWS_SESSION_TOKEN=" + canary, "AWS_SECRET_ACCESS_KEY=" + canary, "OWN_PASSWORD=" + canary,
	}, "-config")
	for _, want := range []string{
		"POWERTOOLS_SERVICE_NAME  ", "Zahlung Müller", "[redacted]",
		"warning: POWERTOOLS_SERVICE_NAME: not the value of a CloudWatch dimension",
		"warning: POWERTOOLS_METRICS_PLATFORM: entry 2: neither one of none, event, default, insights, all nor a metric: did you mean Errors?",
		"warning: POWERTOOLS_METRICS_DIMENSIONS: dimension cold_start left out",
		"warning: POWERTOOLS_LOGS_REDACT: ",
		"warning: POWERTOOLS_LOGS_EXCLUDE: not an RE2 expression",
		"warning: POWERTOOLS_LOGS_DESTINATION: entry 2",
		"warning: POWERTOOLS_PARAMETERS_PREFETCH: entry 2",
		"warning: AWS_APPCONFIG_EXTENSION_PREFETCH_LIST: entry 1: not App:Env:Profile",
		"warning: POWERTOOLS_LOGS_BUFER: unknown variable: did you mean POWERTOOLS_LOGS_BUFFER?",
		"warning: POWERTOOLS_SERVICE_NAM: unknown variable: did you mean POWERTOOLS_SERVICE_NAME?",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(stdout, canary) || strings.Contains(stdout, "nonsense") {
		t.Error("a value is told")
	}
	if t.Failed() {
		t.Log(stdout)
	}
}
