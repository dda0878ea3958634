package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"powertools-extension/test/harness"
)

// leakFree runs the tests and then looks for goroutines that were left behind.
type leakFree struct{ m *testing.M }

func (l leakFree) Run() int {
	code := l.m.Run()
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestScripts is the command as its users have it: the true binary and
// emulator, real processes, files and exit codes. testdata/script says what is
// typed and what comes of it.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PORT", harness.FreePort(t))
			env.Setenv("EXTENSION", filepath.Join(strings.Split(env.Getenv("PATH"), ":")[0], "ext-scripted"))
			env.Setenv("COLUMNS", "160")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"post": post, "exits": exits},
	})
}

// exits CODE COMMAND…: runs the command, which must end with the code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		_, text, found := strings.Cut(err.Error(), "exit status ")
		if !found {
			ts.Fatalf("%v", err)
		}
		_, _ = fmt.Sscan(text, &got)
	}
	if want := args[0]; fmt.Sprint(got) != want {
		ts.Fatalf("exit code %d, want %s\n%s%s", got, want, ts.ReadFile("stdout"), ts.ReadFile("stderr"))
	}
}

// post URL BODY WANT: posts until something listens; the answer must contain WANT.
func post(ts *testscript.TestScript, _ bool, args []string) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		res, err := client.Post(args[0], "application/json", strings.NewReader(args[1]))
		if err != nil {
			continue
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if text := fmt.Sprintf("%d %s %s", res.StatusCode, res.Header.Get("X-Amz-Function-Error"), body); err != nil || !strings.Contains(text, args[2]) {
			ts.Fatalf("%s: %v, want %s", text, err, args[2])
		}
		return
	}
	ts.Fatalf("nothing listens at %s", args[0])
}

// bootstrap is the function of the scripts. It fails records and events that
// say bad: by naming them, or with THROW set by failing as a whole.
func bootstrap() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		res, err := http.Get(api + "next") //nolint:gosec // the emulator
		if err != nil {
			os.Exit(1)
		}
		event, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		fmt.Println("order received")
		printWanted()
		path, answer := "/response", answerTo(event)
		if answer == nil {
			path, answer = "/error", []byte(`{"errorType":"BadOrder","errorMessage":"no stock"}`)
		}
		res, err = http.Post(api+res.Header.Get("Lambda-Runtime-Aws-Request-Id")+path, "application/json", bytes.NewReader(answer)) //nolint:gosec // the emulator
		if err != nil {
			os.Exit(1)
		}
		_ = res.Body.Close()
	}
}

// printWanted prints the variables that SHOW names, the working directory as "cwd" and
// whether stdout and stderr are one pipe as "one pipe".
func printWanted() {
	for name := range strings.SplitSeq(os.Getenv("SHOW"), ",") {
		value, set := os.LookupEnv(name)
		switch {
		case name == "cwd":
			value, _ = os.Getwd()
		case name == "one pipe":
			out, _ := os.Readlink("/proc/self/fd/1")
			errs, _ := os.Readlink("/proc/self/fd/2")
			value = fmt.Sprint(out == errs)
		case name == "":
			continue
		case !set:
			value = "(unset)"
		}
		fmt.Printf("%s is %s\n", name, value)
	}
}

// answerTo is nil for an error.
func answerTo(text []byte) []byte {
	var event struct {
		Records []struct {
			MessageID string `json:"messageId"`
			Body      string
			Kinesis   struct {
				SequenceNumber string
				Data           []byte
			}
			Dynamodb struct {
				SequenceNumber string
				NewImage       json.RawMessage
			}
		}
	}
	_ = json.Unmarshal(text, &event)
	if event.Records == nil {
		if bytes.Contains(text, []byte("bad")) {
			return nil
		}
		return []byte(`{"ok":true}`)
	}
	failures := []map[string]string{}
	for _, r := range event.Records {
		if strings.Contains(r.Body+string(r.Kinesis.Data)+string(r.Dynamodb.NewImage), "bad") {
			failures = append(failures, map[string]string{"itemIdentifier": r.MessageID + r.Kinesis.SequenceNumber + r.Dynamodb.SequenceNumber})
		}
	}
	if len(failures) > 0 && os.Getenv("THROW") != "" {
		return nil
	}
	answer, _ := json.Marshal(map[string]any{"batchItemFailures": failures})
	return answer
}
