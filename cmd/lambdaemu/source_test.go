package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/lambdaemu"
)

func TestEventSourceFlags(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"--batch x --", "need --event-source KIND"},
		{"--report-batch-item-failures --", "need --event-source KIND"},
		{"--dead-letter=false --", "need --event-source KIND"},
		{"--event-source sns --batch x --", "want one of sqs, sqs-fifo, kinesis, dynamodb, async"},
		{"--event-source sqs --", "add --batch FILE"},
		{"--event-source sqs --batch none.json --", "--batch: open none.json"},
		{"--event-source sqs --batch x --count 2 --", "leave out --invoke, --count and --retry"},
		{"--event-source sqs --batch x --retry 2 --", "leave out --invoke, --count and --retry"},
		{"--event-source sqs-fifo --batch x --batch-size 11 --", "up to 10 messages"},
		{"--event-source async --batch x --report-batch-item-failures --", "one event at a time"},
		{"--event-source async --batch x --dead-letter-after 4 --", "up to 3 times"},
		{"--event-source sqs --batch x --dead-letter-after 0 --", "want a number from 1"},
		{"--event-source sqs --batch - --", "--batch -: is neither a JSON array nor an event with Records"},
	} {
		got := command(t, t.Context(), &fakeBox{}, append(strings.Fields(tt.args), "true")...)
		if got.code != 2 || !strings.Contains(got.stderr, tt.want) {
			t.Errorf("%s: exit code %d, %s", tt.args, got.code, got.stderr)
		}
	}
}

// batchFile writes messages for --batch.
func batchFile(t *testing.T, text string) string {
	t.Helper()
	file := t.TempDir() + "/batch.json"
	write(t, file, text, 0o600)
	return file
}

// partly is a function that reports records whose body is bad.
func partly(_ int, req lambdaemu.Request) (lambdaemu.Response, error) {
	var event struct {
		Records []struct{ MessageID, Body string }
	}
	_ = json.Unmarshal(req.Payload, &event)
	items := []map[string]string{}
	for _, r := range event.Records {
		if r.Body == "bad" {
			items = append(items, map[string]string{"itemIdentifier": r.MessageID})
		}
	}
	payload, _ := json.Marshal(map[string]any{"batchItemFailures": items})
	return lambdaemu.Response{RequestID: "r", Payload: payload}, nil
}

func TestEventSource(t *testing.T) {
	file := batchFile(t, `["good", "bad", "good too"]`)
	for _, tt := range []struct {
		outcome  string
		args     string
		box      *fakeBox
		code, n  int
		contains []string
	}{
		{"lost", "", &fakeBox{invoke: partly}, 1, 1, []string{"1 LOST", "--report-batch-item-failures", "batchItemFailures is ignored"}},
		{"dead-lettered", "--report-batch-item-failures", &fakeBox{invoke: partly}, 1, 3, []string{"1 comes again, tried 1 time so far", "1 given up: dead-letter queue", "ledger · sqs · 3 messages · 1 dead-letter queue"}},
		{"discarded", "--report-batch-item-failures --dead-letter=false --dead-letter-after 2", &fakeBox{invoke: partly}, 1, 2, []string{"1 message is DISCARDED after 2 tries", "RedrivePolicy"}},
		{"all done", "--batch-size 2", &fakeBox{}, 0, 2, []string{"ledger · sqs · 3 messages · all done"}},
		{"all done at the second try", "", &fakeBox{invoke: failsOnce}, 0, 2, []string{"3 come again", "all done"}},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			args := append([]string{"--event-source", "sqs", "--batch", file}, strings.Fields(tt.args)...)
			got := command(t, t.Context(), tt.box, append(args, "--", "true")...)
			if got.code != tt.code || tt.box.n != tt.n {
				t.Errorf("exit code %d after %d invocations, want %d after %d", got.code, tt.box.n, tt.code, tt.n)
			}
			for _, want := range tt.contains {
				if !strings.Contains(strings.Join(strings.Fields(got.stdout), " "), want) {
					t.Errorf("misses %q:\n%s", want, got.stdout)
				}
			}
		})
	}
}

func failsOnce(n int, req lambdaemu.Request) (lambdaemu.Response, error) {
	if n == 1 {
		return lambdaemu.Response{RequestID: "r", FunctionError: "Unhandled", Payload: []byte(`{}`)}, nil
	}
	return ok(n, req)
}

// The retries of an asynchronous event have its request id.
func TestAsyncKeepsTheRequestID(t *testing.T) {
	var ids []string
	box := &fakeBox{invoke: func(_ int, req lambdaemu.Request) (lambdaemu.Response, error) {
		ids = append(ids, req.RequestID)
		return lambdaemu.Response{RequestID: req.RequestID, FunctionError: "Unhandled", Payload: []byte(`{}`)}, nil
	}}
	got := command(t, t.Context(), box, "--event-source", "async", "--batch", batchFile(t, `[{"a":1},{"b":2}]`), "--json", "--", "true")
	if len(ids) != 6 || ids[0] == ids[1] || ids[0] != ids[2] || ids[1] != ids[3] || ids[2] != ids[4] || got.code != 1 {
		t.Errorf("%q, exit code %d", ids, got.code)
	}
	if !strings.Contains(got.stdout, `"ledger":[{"id":"1","tries":3,"end":"dead-letter"},{"id":"2","tries":3,"end":"dead-letter"}]`) {
		t.Error(got.stdout)
	}
}

// The embedded AWS tells of the mapping what the flags say, and is there
// without --params.
func TestEmbeddedAWSKnowsTheMapping(t *testing.T) {
	for _, report := range []bool{true, false} {
		box := &fakeBox{}
		var told string
		box.invoke = func(n int, req lambdaemu.Request) (lambdaemu.Response, error) {
			told = listMappings(t, box.opt.Env["AWS_ENDPOINT_URL"])
			return ok(n, req)
		}
		args := []string{"--event-source", "sqs", "--batch", batchFile(t, `{"Records":[{"messageId":"m","body":"b","eventSourceARN":"arn:aws:sqs:us-east-1:123456789012:own"}]}`), "--function-name", "shop"}
		want := "[]"
		if report {
			args, want = append(args, "--report-batch-item-failures"), `["ReportBatchItemFailures"]`
		}
		command(t, t.Context(), box, append(args, "--", "true")...)
		var answer struct {
			EventSourceMappings []struct {
				EventSourceArn, FunctionArn string
				FunctionResponseTypes       json.RawMessage
			}
		}
		if err := json.Unmarshal([]byte(told), &answer); err != nil || len(answer.EventSourceMappings) != 1 {
			t.Fatalf("%s: %v", told, err)
		}
		m := answer.EventSourceMappings[0]
		got := []string{m.EventSourceArn, m.FunctionArn, string(m.FunctionResponseTypes)}
		if diff := cmp.Diff([]string{"arn:aws:sqs:us-east-1:123456789012:own", "arn:aws:lambda:us-east-1:123456789012:function:shop", want}, got); diff != "" {
			t.Error(diff)
		}
	}
}

func listMappings(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/2015-03-31/event-source-mappings?FunctionName=shop", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature="+strings.Repeat("0", 64))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
