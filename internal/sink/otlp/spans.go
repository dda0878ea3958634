package otlp

import (
	"bytes"
	"context"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/awsout"
	"powertools-extension/internal/sink/httppost"
)

// Bounds of one request: CloudWatch takes 5 MB and 10,000 spans, of which each
// has 200 kB at most. (CloudWatch OTLP endpoints)
const (
	batchSpans = 1000
	plainBytes = 1 << 10 // a request up to here is not compressed
)

// SpanBounds returns the buffer options of a receiver of spans; maxBytes as
// for Bounds.
func SpanBounds(maxBytes int) sink.Options {
	return sink.Options{MaxBytes: maxBytes, BatchBytes: batchBytes, BatchLines: batchSpans}
}

// SpanSender posts batches of spans: each line is one element of
// scopeSpans.spans. Build it with NewSpans or NewCloudWatchSpans.
type SpanSender struct {
	client   *httppost.Client // nil: CloudWatch's endpoint
	aws      awsout.Caller
	zip      httppost.Zipper
	resource func() Resource
	head     []byte
}

// NewSpans returns a sender to {url}/v1/traces, or to url itself where its path
// ends so. The arguments are those of New.
func NewSpans(rawURL string, headers httppost.Headers, resource func() Resource, opt httppost.Options) (*SpanSender, error) {
	client, err := httppost.New(signalURL(rawURL, "traces"), headers, opt)
	if err != nil {
		return nil, err
	}
	return &SpanSender{client: client, resource: resource}, nil
}

// NewCloudWatchSpans returns a sender to CloudWatch's OTLP endpoint of the
// region, signed for X-Ray.
func NewCloudWatchSpans(aws awsout.Caller, resource func() Resource) *SpanSender {
	return &SpanSender{aws: aws, resource: resource}
}

// Name is the receiver for logs: scheme and host.
func (s *SpanSender) Name() string {
	if s.client == nil {
		return "cloudwatch spans"
	}
	return "otlp+" + s.client.Name() + " spans"
}

// CloseIdle closes the pooled connection.
func (s *SpanSender) CloseIdle() {
	if s.client != nil {
		s.client.CloseIdle()
	}
}

// Send implements sink.Sender.
func (s *SpanSender) Send(ctx context.Context, b sink.Batch) (int, error) {
	if s.head == nil {
		s.head = appendHead(nil, s.resource(), "resourceSpans", "scopeSpans", "spans")
	}
	body, zipped := s.body(b)
	var answer []byte
	var err error
	if s.client != nil {
		answer, err = s.client.Post(ctx, httppost.Message{ContentType: "application/json", Key: b.Key, Body: body, Plain: !zipped})
	} else {
		answer, err = s.call(ctx, body, zipped)
	}
	if err != nil {
		return 0, err
	}
	return settle(b, rejected(answer), "spans")
}

// body is the request, compressed where that is worth it.
func (s *SpanSender) body(b sink.Batch) (body []byte, zipped bool) {
	const end = `]}]}]}`
	lines := bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
	if size := len(s.head) + len(lines) + len(end); size <= plainBytes {
		body = append(make([]byte, 0, size), s.head...)
		body = append(body, bytes.ReplaceAll(lines, []byte{'\n'}, []byte{','})...)
		return append(body, end...), false
	}
	s.zip.Start()
	_, _ = s.zip.Write(s.head)
	for i := range b.Len() {
		if i > 0 {
			_, _ = s.zip.Write([]byte{','})
		}
		_, _ = s.zip.Write(b.Line(i))
	}
	_, _ = s.zip.Write([]byte(end))
	return s.zip.Finish(), true
}

func (s *SpanSender) call(ctx context.Context, body []byte, zipped bool) ([]byte, error) {
	var raw awsapi.Raw
	in := awsapi.REST{Method: "POST", Path: "/v1/traces", JSON: body, Gzip: zipped}
	if err := s.aws.Call(ctx, awsapi.Operation{Service: awsapi.XRay, Name: "PutTraceSegments", Once: true}, in, &raw); err != nil {
		return nil, awsout.Judge(err)
	}
	return raw.Body, nil
}
