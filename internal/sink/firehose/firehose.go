// Package firehose sends lines to an Amazon Data Firehose stream, one record
// for each line.
//
// The rule a reader could break: a call that succeeds may have failed for some
// of its records, and only those are sent again.
package firehose

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/awsout"
)

// The limits of PutRecordBatch (Data Firehose API, "PutRecordBatch").
const (
	maxCallRecords = 500
	maxCallBytes   = 4 << 20
	maxRecordBytes = 1000 << 10 // before base64
)

// Bounds returns the buffer options of this receiver: a batch is a call.
// maxBytes bounds what is pending; 0 means sink.DefaultMaxBytes.
func Bounds(maxBytes int) sink.Options {
	// A line longer than a batch travels alone, so there is room for the largest
	// record on either side of the limit.
	return sink.Options{MaxBytes: maxBytes, BatchBytes: 1 << 20, BatchLines: maxCallRecords}
}

// Options shape a Sender.
type Options struct {
	Region string // empty: the client's
}

// Sender puts records. Build it with New.
type Sender struct {
	api    awsout.Caller
	stream string
	opt    Options
}

// New returns a sender to the delivery stream.
func New(api awsout.Caller, stream string, opt Options) *Sender {
	return &Sender{api: api, stream: stream, opt: opt}
}

// Name is the receiver for logs.
func (s *Sender) Name() string { return "firehose:" + s.stream }

type putRequest struct {
	Stream  string  `json:"DeliveryStreamName"`
	Records records `json:"Records"`
}

type putAnswer struct {
	Failed  int `json:"FailedPutCount"`
	Records []struct {
		ErrorCode string `json:"ErrorCode"`
	} `json:"RequestResponses"`
}

// Send implements sink.Sender.
func (s *Sender) Send(ctx context.Context, b sink.Batch) (int, error) {
	tally := sink.PartialError{}
	for from := 0; from < b.Len(); {
		call := s.nextCall(b, from, &tally)
		from = call.next
		if len(call.lines) == 0 {
			continue
		}
		if err := s.put(ctx, b, call.lines, &tally); err != nil {
			if call.first {
				return 0, err
			}
			return 0, remains(b, call.lines, &tally, err)
		}
	}
	if tally.Err == nil && len(tally.Lost) > 0 {
		tally.Err = fmt.Errorf("%d lines are longer than a record of firehose", len(tally.Lost))
	}
	if tally.Err != nil {
		return 0, &tally
	}
	return b.Len(), nil
}

// call is the part of a batch that goes in one call.
type call struct {
	lines []int // indexes in the batch
	next  int   // where the next call begins
	first bool  // nothing went before it
}

// nextCall takes lines from the batch until a limit is met. A batch within
// Bounds is one call.
func (s *Sender) nextCall(b sink.Batch, from int, tally *sink.PartialError) call {
	c := call{next: from, first: from == 0}
	size := 0
	for ; c.next < b.Len() && len(c.lines) < maxCallRecords; c.next++ {
		n := len(b.Line(c.next)) + 1
		if n > maxRecordBytes {
			tally.Lost = append(tally.Lost, sink.Loss{Line: c.next, Reason: sink.TooLong})
			continue
		}
		if size += n; size > maxCallBytes {
			break
		}
		c.lines = append(c.lines, c.next)
	}
	return c
}

// put makes one call and notes the records that failed.
func (s *Sender) put(ctx context.Context, b sink.Batch, lines []int, tally *sink.PartialError) error {
	var answer putAnswer
	op := awsapi.Operation{Service: awsapi.Firehose, Name: "PutRecordBatch", Region: s.opt.Region, Once: true}
	if err := s.api.Call(ctx, op, putRequest{s.stream, records{b, lines}}, &answer); err != nil {
		return awsout.Judge(err)
	}
	if answer.Failed == 0 {
		return nil
	}
	failed, code := 0, ""
	for i, r := range answer.Records {
		if r.ErrorCode != "" && i < len(lines) {
			tally.Keep = append(tally.Keep, lines[i])
			failed, code = failed+1, r.ErrorCode
		}
	}
	// Throttling and internal failures, which pass (PutRecordBatch).
	tally.Err = &sink.RetryableError{Err: fmt.Errorf("firehose: %d of %d records failed: %.64q", failed, len(lines), code)}
	return nil
}

// remains keeps or gives up the lines of a call that failed after others had
// succeeded, and keeps what was not sent.
func remains(b sink.Batch, lines []int, tally *sink.PartialError, err error) error {
	tally.Err = err
	for line := lines[0]; line < b.Len(); line++ {
		tally.Keep = append(tally.Keep, line)
	}
	return tally
}

// records writes itself: the data would otherwise be copied twice more.
type records struct {
	batch sink.Batch
	lines []int
}

// MarshalJSON implements json.Marshaler. Each record ends with a newline:
// what Firehose writes to its destination is the records one after another.
func (rs records) MarshalJSON() ([]byte, error) {
	out := []byte{'['}
	var record []byte
	for i, line := range rs.lines {
		if i > 0 {
			out = append(out, ',')
		}
		// A line break inside would make two events of one; there is one only
		// where an object was laid out for people, between its tokens.
		record = append(bytes.ReplaceAll(rs.batch.Line(line), []byte{'\n'}, []byte{' '}), '\n')
		out = append(out, `{"Data":"`...)
		out = base64.StdEncoding.AppendEncode(out, record)
		out = append(out, `"}`...)
	}
	return append(out, ']'), nil
}
