package otlp

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/httppost"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func guarded(t *testing.T, url string) *sink.Guarded {
	t.Helper()
	asked := 0
	s, err := New(url, nil, func() Resource {
		if asked++; asked > 1 {
			t.Error("the resource was asked again")
		}
		return Resource{ServiceName: "orders", Region: "eu-central-1"}
	}, httppost.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if asked != 0 {
		t.Error("the resource was asked before the first batch")
	}
	t.Cleanup(s.CloseIdle)
	return sink.NewGuarded(s, sink.GuardOptions{Name: s.Name(), Buffer: Bounds(0)})
}

// TestRequest is the whole request as it travels.
func TestRequest(t *testing.T) {
	var body, path string
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		header, path = r.Header, r.URL.RequestURI()
		if z, err := gzip.NewReader(r.Body); err == nil {
			text, _ := io.ReadAll(z)
			body = string(text)
		}
	}))
	defer server.Close()
	g := guarded(t, server.URL+"/otlp?tenant=a")
	at := time.Now().UTC().Truncate(time.Second)
	g.Put([]byte(`{"level":"INFO","message":"one","timestamp":"` + at.Format(time.RFC3339) + `","function_request_id":"id","n":1}`))
	g.Put([]byte(`two`))
	if err := g.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	body = regexp.MustCompile(`"observedTimeUnixNano":"\d{19}"`).ReplaceAllString(body, `"observedTimeUnixNano":"NOW"`)
	body = strings.ReplaceAll(body, fmt.Sprint(at.UnixNano()), "THEN")
	body = regexp.MustCompile(`"timeUnixNano":"\d{19}"`).ReplaceAllString(body, `"timeUnixNano":"NOW"`)
	want := `{"resourceLogs":[{"resource":{"attributes":[` +
		`{"key":"service.name","value":{"stringValue":"orders"}},{"key":"cloud.provider","value":{"stringValue":"aws"}},` +
		`{"key":"cloud.platform","value":{"stringValue":"aws_lambda"}},{"key":"cloud.region","value":{"stringValue":"eu-central-1"}}]},` +
		`"scopeLogs":[{"scope":{"name":"powertools-extension"},"logRecords":[` +
		`{"timeUnixNano":"THEN","observedTimeUnixNano":"NOW","severityNumber":9,"severityText":"INFO","body":{"stringValue":"one"},` +
		`"attributes":[{"key":"faas.invocation_id","value":{"stringValue":"id"}},{"key":"n","value":{"intValue":"1"}}]},` +
		`{"timeUnixNano":"NOW","observedTimeUnixNano":"NOW","body":{"stringValue":"two"}}]}]}]}`
	if body != want {
		t.Errorf("body\n%s\nwant\n%s", body, want)
	}
	if path != "/otlp/v1/logs?tenant=a" || header.Get("Content-Type") != "application/json" || len(header.Get("Idempotency-Key")) != 32 {
		t.Errorf("%s, %v", path, header)
	}
}

func TestPartialSuccess(t *testing.T) {
	for answer, lost := range map[string]uint64{
		``: 0, `{}`: 0, `not json`: 0, `{"partialSuccess":{}}`: 0,
		`{"partialSuccess":{"errorMessage":"a warning"}}`:                       0,
		`{"partialSuccess":{"rejectedLogRecords":"2","errorMessage":"c4n4ry"}}`: 2,
		`{"partialSuccess":{"rejectedLogRecords":3}}`:                           3,
		`{"partialSuccess":{"rejectedLogRecords":"99"}}`:                        5,
		`{"partialSuccess":{"rejectedLogRecords":"-1"}}`:                        0,
		`{"partialSuccess":{"rejectedLogRecords":"two"}}`:                       0,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
		g := guarded(t, server.URL)
		for range 5 {
			g.Put([]byte(`{"message":"m"}`))
		}
		err := g.Flush(t.Context())
		server.Close()
		s := g.Stats()
		if s.Losses[sink.Rejected].Lines != lost || s.Delivered.Lines != 5-lost || s.Pending.Lines != 0 || g.Counters().Tries != 1 {
			t.Errorf("%s: %+v", answer, s)
		}
		if (err != nil) != (lost > 0) || err != nil && strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

func TestLogsURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://host":                  "https://host/v1/logs",
		"https://host/":                 "https://host/v1/logs",
		"https://host/otlp":             "https://host/otlp/v1/logs",
		"https://host/otlp/":            "https://host/otlp/v1/logs",
		"https://host/v1/logs":          "https://host/v1/logs",
		"https://host/a%2Fb?x=1":        "https://host/a%2Fb/v1/logs?x=1",
		"https://user:pass@host:4318/x": "https://user:pass@host:4318/x/v1/logs",
	} {
		if got := signalURL(in, "logs"); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

// FuzzRecord: whatever the line, the request is JSON and has one record for
// it.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"level":"INFO","message":"one","timestamp":"2024-01-15T11:30:45Z","a":{"b":[1,null,"\ud83d"]},"xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793"}`))
	f.Add([]byte("text \xff"))
	f.Add([]byte(`{"_aws":{"Timestamp":1705318245123},"n":1e999,"m":-0}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var e encoder
		e.begin(time.Now())
		out := appendHead(nil, Resource{}, "resourceLogs", "scopeLogs", "logRecords")
		for range 2 {
			out = append(out, bytes.Clone(e.record(line))...)
		}
		out = append(out, `]}]}]}`...)
		var request struct {
			ResourceLogs []struct {
				ScopeLogs []struct {
					LogRecords []struct {
						TimeUnixNano string
						Body         json.RawMessage
					}
				}
			}
		}
		if err := json.Unmarshal(out, &request); err != nil {
			t.Fatalf("%q: %v: %s", line, err, out)
		}
		if n := len(request.ResourceLogs[0].ScopeLogs[0].LogRecords); n != 2 {
			t.Errorf("%q: %d records", line, n)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	line := []byte(`{"level":"INFO","message":"order accepted","order_id":"1234567890","items":[1,2,3],"timestamp":"2024-01-15T11:30:45.123Z","service":"orders","cold_start":true,"function_name":"orders","function_request_id":"c6af9ac6-7b61-11e6-9a41-93e8deadbeef","xray_trace_id":"1-5759e988-bd862e3fe1be46a994272793"}`)
	var e encoder
	var zip httppost.Zipper
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%1000 == 0 {
			e.begin(time.Now())
			zip.Start()
		}
		_, _ = zip.Write(e.record(line))
		if i%1000 == 999 {
			zip.Finish()
		}
	}
}
