// Package otlp sends lines to an OpenTelemetry receiver as log records, over
// OTLP/HTTP with the JSON encoding, compressed with gzip.
//
// The rule a reader could break: the JSON encoding of OTLP is protobuf's, with
// exceptions. 64-bit integers are strings, ids are hexadecimal, names are in
// lowerCamelCase. (OpenTelemetry protocol specification, "JSON Protobuf
// Encoding")
package otlp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/httppost"
)

// batchBytes bounds the lines of one request. As log records they are twice
// that, and a tenth of it compressed.
const batchBytes = 256 << 10

// Bounds returns the buffer options of this receiver. maxBytes bounds what is
// pending; 0 means sink.DefaultMaxBytes.
func Bounds(maxBytes int) sink.Options {
	return sink.Options{MaxBytes: maxBytes, BatchBytes: batchBytes}
}

// Resource is what all records of this sandbox share. An empty value is left
// out.
type Resource struct {
	ServiceName      string
	FunctionName     string
	FunctionVersion  string
	Instance         string // of the sandbox, such as its log stream
	MemoryMB         int    // MiB
	Region           string
	AccountID        string
	ExtensionVersion string // of the instrumentation scope
}

// Sender posts batches. Build it with New.
type Sender struct {
	client   *httppost.Client
	zip      httppost.Zipper
	resource func() Resource
	head     []byte // the request up to the first record; made at the first batch
	encoder  encoder
}

// New returns a sender to {url}/v1/logs, or to url itself where its path ends
// so. headers may be nil. resource is asked at the first batch: the account id
// is known from registration only.
func New(rawURL string, headers httppost.Headers, resource func() Resource, opt httppost.Options) (*Sender, error) {
	client, err := httppost.New(signalURL(rawURL, "logs"), headers, opt)
	if err != nil {
		return nil, err
	}
	return &Sender{client: client, resource: resource}, nil
}

// signalURL appends the path of a signal, logs or traces (OpenTelemetry
// protocol exporter, "Endpoint URLs for OTLP/HTTP").
func signalURL(raw, signal string) string {
	u, err := url.Parse(raw)
	if err != nil || strings.HasSuffix(u.Path, "/v1/"+signal) {
		return raw
	}
	return u.JoinPath("v1", signal).String()
}

// Name is the receiver for logs: scheme and host.
func (s *Sender) Name() string { return "otlp+" + s.client.Name() }

// CloseIdle closes the pooled connection.
func (s *Sender) CloseIdle() { s.client.CloseIdle() }

// Send implements sink.Sender.
func (s *Sender) Send(ctx context.Context, b sink.Batch) (int, error) {
	if s.head == nil {
		s.encoder.resource = s.resource()
		s.head = appendHead(nil, s.encoder.resource, "resourceLogs", "scopeLogs", "logRecords")
	}
	s.zip.Start()
	_, _ = s.zip.Write(s.head)
	s.encoder.begin(time.Now().Round(0))
	for line := range b.Lines() {
		_, _ = s.zip.Write(s.encoder.record(line))
	}
	_, _ = s.zip.Write([]byte(`]}]}]}`))
	answer, err := s.client.Post(ctx, httppost.Message{
		ContentType: "application/json",
		Key:         b.Key,
		Body:        s.zip.Finish(),
	})
	if err != nil {
		return 0, err
	}
	return settle(b, rejected(answer), "log records")
}

// settle counts what the receiver rejected. It says how many, and not which:
// the last lines stand for them.
func settle(b sink.Batch, n int, what string) (int, error) {
	if n == 0 {
		return b.Len(), nil
	}
	n = min(n, b.Len())
	partial := &sink.PartialError{Err: errors.New("the receiver rejected " + strconv.Itoa(n) + " of " + strconv.Itoa(b.Len()) + " " + what)}
	for i := b.Len() - n; i < b.Len(); i++ {
		partial.Lost = append(partial.Lost, sink.Loss{Line: i, Reason: sink.Rejected})
	}
	return 0, fmt.Errorf("otlp: %w", partial)
}

// rejected reads partialSuccess.rejectedLogRecords or rejectedSpans, which is a
// string or a number. An answer that is something else rejects nothing.
func rejected(answer []byte) int {
	var body struct {
		PartialSuccess struct {
			Records json.RawMessage `json:"rejectedLogRecords"`
			Spans   json.RawMessage `json:"rejectedSpans"`
		} `json:"partialSuccess"`
	}
	if json.Unmarshal(answer, &body) != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.Trim(string(body.PartialSuccess.Records)+string(body.PartialSuccess.Spans), `"`))
	if err != nil {
		return 0
	}
	return max(n, 0)
}
