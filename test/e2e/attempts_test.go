package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// contextFunction is the argument that makes the test binary a function whose
// first act is to ask the extension which invocation runs.
const contextFunction = "-context-function"

func askContext() {
	url := "http://127.0.0.1:" + os.Getenv("POWERTOOLS_EXTENSION_HTTP_PORT") + "/context"
	lambda.Start(func(ctx context.Context, event map[string]bool) (map[string]any, error) {
		lc, _ := lambdacontext.FromContext(ctx)
		if event["by_id"] {
			url += "?request_id=" + lc.AwsRequestID
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("X-Aws-Parameters-Secrets-Token", os.Getenv("AWS_SESSION_TOKEN"))
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return nil, err
		}
		var told map[string]any
		if err := json.Unmarshal(body, &told); err != nil {
			return nil, err
		}
		return map[string]any{"told": told["request_id"], "own": lc.AwsRequestID}, nil
	})
}

// GET /context as the first call of a handler names the invocation that makes
// it, 300 times of 300, at three rates.
func TestContextIsNeverThatOfTheInvocationBefore(t *testing.T) {
	s := start(t, lambdaemu.Options{Command: harness.Self(t, contextFunction)})
	for _, gap := range []time.Duration{0, 20 * time.Millisecond, 200 * time.Millisecond} {
		right := 0
		for range 100 {
			answer := s.Must(`{}`)
			if answer["told"] == answer["own"] {
				right++
			} else {
				t.Logf("gap %s: told %v, is %v", gap, answer["told"], answer["own"])
			}
			time.Sleep(gap)
		}
		if t.Logf("gap %s: %d of 100 right", gap, right); right != 100 {
			t.Errorf("gap %s: %d of 100 right", gap, right)
		}
	}
	s.Shutdown()
}

// On managed instances only who names the request is told of it.
func TestContextOnManagedInstances(t *testing.T) {
	s := start(t, lambdaemu.Options{Command: harness.Self(t, contextFunction), InitType: "lambda-managed-instances"})
	if answer := s.Must(`{}`); answer["told"] != nil {
		t.Errorf("told %v", answer["told"])
	}
	if answer := s.Must(`{"by_id":true}`); answer["told"] != answer["own"] {
		t.Errorf("told %v, is %v", answer["told"], answer["own"])
	}
	s.Shutdown()
}

// An asynchronous event whose function fails is tried again under its request
// id: each attempt has its event, and its lines are its own.
func TestRetryOfAnAsynchronousEvent(t *testing.T) {
	s := start(t, lambdaemu.Options{Command: harness.Self(t, plain), Env: map[string]string{"POWERTOOLS_LOGS_COPY": "all"}})
	s.Must(quick)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	outcomes, err := s.Emu.InvokeAsync(ctx, lambdaemu.Request{Payload: []byte(`{"fail":true,"print":["of the event"]}`)}, 2)
	if err != nil || len(outcomes) != 3 {
		t.Fatalf("%d outcomes, %v", len(outcomes), err)
	}
	id := outcomes[0].RequestID
	s.Must(quick)
	s.Shutdown()
	var attempts []string
	for _, e := range s.Canonical() {
		if e["function_request_id"] == id {
			attempts = append(attempts, fmt.Sprint(e["attempt"], " ", e["outcome"], " ", e["error_type"], " ", e["complete"], " ", e["log_info"]))
		}
	}
	if got, want := strings.Join(attempts, "; "), "<nil> error errorString true 1; 2 error errorString true 1; 3 error errorString true 1"; got != want {
		t.Errorf("attempts %s\nwant     %s", got, want)
	}
	if n := len(s.Canonical()); n != 5 {
		t.Errorf("%d canonical events, want 5", n)
	}
	if lines := s.Only(func(l line) bool { return l["message"] == "of the event" && l["function_request_id"] == id }); len(lines) != 3 {
		t.Errorf("%d lines of the event have its id, want 3", len(lines))
	}
}

// talkFunction is the argument that makes the test binary a function for
// managed instances that prints a line with its request id and one without.
const talkFunction = "-talk-function"

func talk() {
	lambda.Start(func(ctx context.Context, event struct{ Ms int }) (string, error) {
		lc, _ := lambdacontext.FromContext(ctx)
		id := lc.AwsRequestID
		short := strings.ReplaceAll(id, "-", "") // names it to the test and to nobody else
		fmt.Printf("{\"level\":\"INFO\",\"message\":\"named\",\"marker\":%q,\"requestId\":%q}\n", short, id)
		fmt.Printf("{\"level\":\"INFO\",\"message\":\"in text %s\",\"marker\":%q}\n", id, short)
		time.Sleep(time.Duration(event.Ms) * time.Millisecond)
		fmt.Printf("{\"level\":\"INFO\",\"message\":\"unnamed\",\"marker\":%q}\n", short)
		return "ok", nil
	})
}

// Managed instances, reports before the lines of their request: no line ever
// gets a wrong id, all that name theirs get it, and so do those whose request
// ran alone.
func TestLinesOnManagedInstances(t *testing.T) {
	for _, concurrency := range []int{1, 4, 16} {
		t.Run(fmt.Sprint("concurrency ", concurrency), func(t *testing.T) {
			s := start(t, lambdaemu.Options{Command: harness.Self(t, talkFunction), InitType: "lambda-managed-instances", Concurrency: concurrency,
				Env: map[string]string{"POWERTOOLS_LOGS_COPY": "all"}, Faults: []lambdaemu.Fault{{Name: "report-first"}}})
			const requests = 200
			var wg sync.WaitGroup
			work := make(chan int)
			for range concurrency {
				wg.Go(func() {
					for i := range work {
						if res := s.Invoke(fmt.Sprintf(`{"ms":%d}`, i%4)); res.FunctionError != "" {
							t.Errorf("invocation failed: %s", res.Payload)
						}
					}
				})
			}
			for i := range requests {
				work <- i
			}
			close(work)
			wg.Wait()
			time.Sleep(300 * time.Millisecond) // late lines
			s.Shutdown()

			type count struct{ right, none, wrong int }
			counts := map[string]*count{"named": {}, "in text": {}, "unnamed": {}}
			for _, l := range s.Only(func(l line) bool { return l["marker"] != nil && l["service"] != nil }) {
				message, _ := l["message"].(string)
				kind := message
				if strings.HasPrefix(message, "in text ") {
					kind = "in text"
				}
				id, _ := l["function_request_id"].(string)
				if kind == "named" && id == "" {
					id, _ = l["requestId"].(string) // a line that names its request under another name keeps that
				}
				switch c := counts[kind]; {
				case id == "":
					c.none++
				case strings.ReplaceAll(id, "-", "") == l["marker"]:
					c.right++
				default:
					c.wrong++
				}
			}
			t.Logf("lines that name their id: %+v; in their text: %+v; that name none: %+v", *counts["named"], *counts["in text"], *counts["unnamed"])
			for kind, c := range counts {
				if c.wrong > 0 || c.right+c.none != requests || kind != "unnamed" && c.none > 0 || concurrency == 1 && c.none > 0 {
					t.Errorf("%s: %+v of %d", kind, *c, requests)
				}
			}
			infos := 0
			for _, e := range s.Canonical() {
				n, _ := e["log_info"].(float64)
				infos += int(n)
			}
			if want := 3*requests - counts["unnamed"].none; infos != want || len(s.Canonical()) != requests {
				t.Errorf("%d events count %d lines, want %d and %d", len(s.Canonical()), infos, requests, want)
			}
		})
	}
}
