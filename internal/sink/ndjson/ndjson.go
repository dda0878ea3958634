// Package ndjson sends lines to an HTTP receiver as newline-delimited JSON,
// compressed with gzip.
//
// The rule a reader could break: a line of the body is one event, so a line
// break inside an event must not get there.
package ndjson

import (
	"bytes"
	"context"
	"io"

	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/httppost"
)

// batchBytes bounds one request before compression.
const batchBytes = 256 << 10

// Bounds returns the buffer options of this receiver. maxBytes bounds what is
// pending; 0 means sink.DefaultMaxBytes.
func Bounds(maxBytes int) sink.Options {
	return sink.Options{MaxBytes: maxBytes, BatchBytes: batchBytes}
}

// Sender posts batches. Build it with New.
type Sender struct {
	client *httppost.Client
	zip    httppost.Zipper
}

// New returns a sender to the URL. headers may be nil. The batch's key is the
// header Idempotency-Key: a repetition has the same.
func New(url string, headers httppost.Headers, opt httppost.Options) (*Sender, error) {
	client, err := httppost.New(url, headers, opt)
	if err != nil {
		return nil, err
	}
	return &Sender{client: client}, nil
}

// Name is the receiver for logs: scheme and host.
func (s *Sender) Name() string { return s.client.Name() }

// CloseIdle closes the pooled connection; call it before the process is
// snapshotted or ends.
func (s *Sender) CloseIdle() { s.client.CloseIdle() }

// Send implements sink.Sender.
func (s *Sender) Send(ctx context.Context, b sink.Batch) (int, error) {
	s.zip.Start()
	write(&s.zip, b)
	_, err := s.client.Post(ctx, httppost.Message{
		ContentType: "application/x-ndjson",
		Key:         b.Key,
		Body:        s.zip.Finish(),
	})
	if err != nil {
		return 0, err
	}
	return b.Len(), nil
}

// write writes one line for each event. Only an object that was laid out for
// people has line breaks inside, between its tokens.
func write(w io.Writer, b sink.Batch) {
	data := b.Bytes()
	if bytes.Count(data, []byte{'\n'}) == b.Len() {
		_, _ = w.Write(data)
		return
	}
	for line := range b.Lines() {
		_, _ = w.Write(bytes.ReplaceAll(line, []byte{'\n'}, []byte{' '}))
		_, _ = w.Write([]byte{'\n'})
	}
}
