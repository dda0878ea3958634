package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// testFunction is this test binary as a function: a Runtime API client that
// reads one parameter from the embedded AWS. It returns the exit code.
func testFunction(kind string) int {
	if kind == "crash" {
		fmt.Fprintln(os.Stderr, "cannot open the configuration")
		return 3
	}
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		resp, err := http.Get(api + "next")
		if err != nil {
			return 1
		}
		event, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Println("event", string(event))
		answer, err := http.Post(api+resp.Header.Get("Lambda-Runtime-Aws-Request-Id")+"/response", "application/json", bytes.NewReader(readParameter()))
		if err != nil {
			return 1
		}
		answer.Body.Close()
	}
}

// readParameter returns the answer or the error of the embedded AWS.
func readParameter() []byte {
	req, _ := http.NewRequest("POST", os.Getenv("AWS_ENDPOINT_URL"), strings.NewReader(`{"Name":"/demo/greeting"}`))
	req.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=A/20260102/us-east-1/ssm/aws4_request, SignedHeaders=host, Signature="+strings.Repeat("0", 64))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		text, _ := json.Marshal(err.Error())
		return text
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return body
}

// realCommand runs the command with the true emulator.
func realCommand(t *testing.T, args ...string) ran {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append(args, "--", self), process{
		stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, lookup: os.LookupEnv,
		environ: func() []string { return nil }, terminal: func(io.Writer) bool { return false }, start: startEmulator,
	})
	return ran{code, stdout.String(), stderr.String()}
}

func TestRealRunWithFaults(t *testing.T) {
	got := realCommand(t, "--count", "3", "--params", "../../examples/params.yaml", "--aws-fault", "throttled@2", "--aws-fault", "none@3",
		"--env", "LAMBDAEMU_TEST_FUNCTION=echo", "--timeout", "20")
	if got.code != 0 {
		t.Fatalf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
	for _, want := range []string{
		"#1 · cold start", "#2 · warm", "fn  │ event {}", `"Name":"/demo/greeting","Type":"String"`, "fault    embedded AWS: throttled", `"__type":"ThrottlingException"`,
		"shutdown · spindown", "summary · 3 invocations", "ssm:GetParameter  3 calls, 1 failed  /demo/greeting ×3",
	} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("output misses %q:\n%s", want, got.stdout)
		}
	}
}

func TestRealFunctionThatExitsAtOnce(t *testing.T) {
	got := realCommand(t, "--count", "1", "--env", "LAMBDAEMU_TEST_FUNCTION=crash")
	for _, want := range []string{"failed: Runtime.ExitError", "cannot open the configuration", "its last lines above say why"} {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("output misses %q:\n%s", want, got.stdout)
		}
	}
	if got.code != 1 {
		t.Errorf("exit code %d", got.code)
	}
}

// Invocations side by side on a managed instance, from the command line.
func TestRealConcurrency(t *testing.T) {
	got := realCommand(t, "--count", "6", "--concurrency", "3", "--init-type", "managed-instances", "--params", "../../examples/params.yaml",
		"--env", "LAMBDAEMU_TEST_FUNCTION=echo", "--timeout", "20")
	if got.code != 0 || !strings.Contains(got.stdout, "summary · 6 invocations") || !strings.Contains(got.stdout, "ssm:GetParameter  6 calls") || strings.Contains(got.stdout, " billed 0 ms") {
		t.Errorf("exit code %d\n%s%s", got.code, got.stdout, got.stderr)
	}
}
