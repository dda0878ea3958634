package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
	"powertools-extension/test/ontime"
)

// ask calls moto with the words of the service's API. It does not look at
// signatures, only at whom they are for.
func askMoto(t *testing.T, url, service, target string, in any) map[string]any {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", target)
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s", target, res.Status, text)
	}
	return out
}

// collector takes OTLP logs.
type collector struct {
	mu     sync.Mutex
	bodies []string
}

func newCollector(t *testing.T) (c *collector, url string) {
	c = &collector{}
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	return c, srv.URL
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		ResourceLogs []struct {
			ScopeLogs []struct {
				LogRecords []struct {
					Body struct{ StringValue string } `json:"body"`
				} `json:"logRecords"`
			} `json:"scopeLogs"`
		} `json:"resourceLogs"`
	}
	body, err := gzip.NewReader(r.Body)
	if err != nil || r.URL.Path != "/v1/logs" || json.NewDecoder(body).Decode(&in) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range in.ResourceLogs {
		for _, scope := range resource.ScopeLogs {
			for _, record := range scope.LogRecords {
				c.bodies = append(c.bodies, record.Body.StringValue)
			}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}")
}

func (c *collector) messages() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.bodies...)
}

// One invocation's lines go through every sink, and each has the same ones.
// The two of AWS end in an emulator that is somebody else's.
func TestEverySinkHasTheSameLines(t *testing.T) {
	moto := harness.Moto(t)
	run := 0 // names of its own in moto for each
	ontime.Run(t, func(late ontime.Late) {
		run++
		sameLines(t, moto, fmt.Sprint("-", run), late)
	})
}

func sameLines(t *testing.T, moto, suffix string, late ontime.Late) {
	t.Helper()
	r := newReceiver(t)
	otlp, otlpURL := newCollector(t)
	own, all, toS3 := "/app/orders"+suffix, "/app/all"+suffix, "to-s3"+suffix
	createDeliveryStream(t, moto, toS3)
	s := remotely(t, "", lambdaemu.Options{Timeout: 10e9, Env: map[string]string{
		"AWS_ENDPOINT_URL":            moto,
		"POWERTOOLS_LOGS_DESTINATION": "stdout,cloudwatch:" + own + ",cloudwatch:" + all + ":every sandbox,firehose:" + toS3 + "," + r.URL + ",otlp+" + otlpURL,
	}})
	s.Invoke(`{"sleep_ms":1000,"print":["first","{\"message\":\"second\",\"n\":1}"]}`)
	s.Invoke(`{"sleep_ms":1000,"print":["third"]}`)
	s.Shutdown()

	var want []string
	for _, l := range s.Enriched() {
		want = append(want, fmt.Sprint(l["message"]))
	}
	if len(want) != 7 {
		t.Fatalf("%d lines on stdout, want 7", len(want))
	}
	for _, sink := range sinksOf(ledger(t, s)) {
		t.Logf("%v: %v lines in %v batches", sink["name"], sink["delivered"], sink["batches"])
		if sink["delivered"] != 7.0 {
			late("ledger: %v", sink)
			return
		}
	}
	var ndjson []string
	for _, l := range r.lines() {
		ndjson = append(ndjson, fmt.Sprint(l["message"]))
	}
	streams := askMoto(t, moto, "logs", "Logs_20140328.DescribeLogStreams", map[string]any{"logGroupName": own})["logStreams"].([]any)
	if len(streams) != 1 {
		t.Fatalf("log streams %v, want one for this sandbox", streams)
	}
	stream := streams[0].(map[string]any)["logStreamName"].(string)
	for name, got := range map[string][]string{
		"ndjson":                 ndjson,
		"otlp":                   messagesOf(otlp.messages()),
		"cloudwatch":             logEvents(t, moto, own, stream),
		"cloudwatch with stream": logEvents(t, moto, all, "every sandbox"),
		"firehose":               delivered(t, moto, toS3),
	} {
		if d := cmp.Diff(want, got); d != "" {
			late("%s (-stdout +got):\n%s", name, d) // one that was late is sent again
		}
	}
}

// messagesOf takes the message out of lines that are JSON, and a text as it is.
func messagesOf(lines []string) (out []string) {
	for _, text := range lines {
		var l line
		if json.Unmarshal([]byte(text), &l) == nil {
			text = fmt.Sprint(l["message"])
		}
		out = append(out, text)
	}
	return out
}

func logEvents(t *testing.T, moto, group, stream string) []string {
	t.Helper()
	answer := askMoto(t, moto, "logs", "Logs_20140328.GetLogEvents", map[string]any{"logGroupName": group, "logStreamName": stream, "startFromHead": true})
	var lines []string
	for _, e := range answer["events"].([]any) {
		lines = append(lines, e.(map[string]any)["message"].(string))
	}
	return messagesOf(lines)
}

// createDeliveryStream makes one into a bucket of the same name.
func createDeliveryStream(t *testing.T, moto, name string) {
	t.Helper()
	askS3(t, moto, http.MethodPut, "/"+name)
	askMoto(t, moto, "firehose", "Firehose_20150804.CreateDeliveryStream", map[string]any{
		"DeliveryStreamName": name,
		"S3DestinationConfiguration": map[string]any{
			"RoleARN": "arn:aws:iam::123456789012:role/firehose", "BucketARN": "arn:aws:s3:::" + name,
		},
	})
}

// delivered are the messages in all objects that the delivery stream wrote.
func delivered(t *testing.T, moto, bucket string) []string {
	t.Helper()
	var lines []string
	listing := askS3(t, moto, http.MethodGet, "/"+bucket+"?list-type=2")
	for _, part := range strings.Split(listing, "<Key>")[1:] {
		key, _, _ := strings.Cut(part, "</Key>")
		for text := range strings.Lines(askS3(t, moto, http.MethodGet, "/"+bucket+"/"+key)) {
			lines = append(lines, strings.TrimSuffix(text, "\n"))
		}
	}
	return messagesOf(lines)
}

func askS3(t *testing.T, moto, method, path string) string {
	t.Helper()
	req, err := http.NewRequest(method, moto+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if res.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %s %s", method, path, res.Status, text)
	}
	return string(text)
}
