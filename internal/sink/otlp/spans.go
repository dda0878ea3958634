package otlp

import (
	"bytes"
	"context"

	"powertools-extension/internal/sink"
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
// scopeSpans.spans. Build it with NewSpans or NewSpansThrough.
type SpanSender struct {
	name     string
	client   *httppost.Client // nil: post is another's
	post     Post
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
	s := NewSpansThrough("otlp+"+client.Name()+" spans", nil, resource)
	s.client, s.post = client, func(ctx context.Context, key string, body []byte, zipped bool) ([]byte, error) {
		return client.Post(ctx, httppost.Message{ContentType: "application/json", Key: key, Body: body, Plain: !zipped})
	}
	return s, nil
}

// Post sends one request and returns the answer. key is the batch's; zipped:
// body is compressed with gzip. Its errors are those of a sink.Sender.
type Post func(ctx context.Context, key string, body []byte, zipped bool) ([]byte, error)

// NewSpansThrough returns a sender whose requests another makes, such as one
// that signs them.
func NewSpansThrough(name string, post Post, resource func() Resource) *SpanSender {
	return &SpanSender{name: name, post: post, resource: resource}
}

// Name is the receiver for logs, without what may be secret.
func (s *SpanSender) Name() string { return s.name }

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
	answer, err := s.post(ctx, b.Key, body, zipped)
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
