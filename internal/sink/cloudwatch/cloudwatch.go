// Package cloudwatch sends lines to a log group of Amazon CloudWatch Logs and
// creates the group and the stream when they are missing.
//
// The rule a reader could break: a call must be in order of time and within
// the limits of PutLogEvents, or all of it is refused. Lines come in the order
// they were put, which is not that of their own times: a flight recorder
// releases old ones.
package cloudwatch

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/awsout"
	"powertools-extension/internal/sink/jsonline"
)

// The limits of PutLogEvents (CloudWatch Logs API, "PutLogEvents").
const (
	maxCallBytes  = 1 << 20 // of the messages as UTF-8, with 26 bytes for each
	eventOverhead = 26
	maxCallEvents = 10_000
	maxCallSpan   = 24 * time.Hour
	maxEventBytes = maxCallBytes - eventOverhead
)

// batchBytes lets a batch of 10,000 lines be one call.
const batchBytes = 768 << 10

// Bounds returns the buffer options of this receiver. maxBytes bounds what is
// pending; 0 means sink.DefaultMaxBytes.
func Bounds(maxBytes int) sink.Options {
	return sink.Options{MaxBytes: maxBytes, BatchBytes: batchBytes, BatchLines: maxCallEvents}
}

// Options name the default stream.
type Options struct {
	FunctionName    string
	FunctionVersion string
	SandboxID       string // unique to this sandbox; empty: random, drawn when the stream is first needed
	Region          string // empty: the client's
}

// Sender puts log events. Build it with New.
type Sender struct {
	api    awsout.Caller
	group  string
	stream string // empty until first needed
	opt    Options
	reader jsonline.Reader
}

// New returns a sender to the group. An empty stream means one for this
// sandbox alone: FUNCTION/[VERSION]ID.
func New(api awsout.Caller, group, stream string, opt Options) *Sender {
	return &Sender{api: api, group: group, stream: stream, opt: opt}
}

// Name is the receiver for logs.
func (s *Sender) Name() string { return "cloudwatch:" + s.group }

// Send implements sink.Sender.
func (s *Sender) Send(ctx context.Context, b sink.Batch) (int, error) {
	events, lost := s.events(b)
	tally := sink.PartialError{Lost: lost}
	for len(events) > 0 {
		call := firstCall(events)
		rejected, err := s.put(ctx, call)
		if err != nil {
			return giveUp(b, &tally, events, err)
		}
		tally.Lost = append(tally.Lost, rejected.losses(call)...)
		events = events[len(call):]
	}
	return finish(b, &tally)
}

// finish reports what the service did not want although it took the call.
func finish(b sink.Batch, tally *sink.PartialError) (int, error) {
	if len(tally.Lost) == 0 {
		return b.Len(), nil
	}
	tally.Err = fmt.Errorf("cloudwatch logs took a batch without %d of its %d lines", len(tally.Lost), b.Len())
	return 0, ordered(tally)
}

// giveUp says what became of the lines when a call failed: those of the calls
// before it have left.
func giveUp(b sink.Batch, tally *sink.PartialError, rest []event, err error) (int, error) {
	err = awsout.Judge(err)
	if len(rest) == b.Len() {
		return 0, err
	}
	tally.Err = err
	retryable := isRetryable(err)
	for _, e := range rest {
		if retryable {
			tally.Keep = append(tally.Keep, e.line)
		} else {
			tally.Lost = append(tally.Lost, sink.Loss{Line: e.line, Reason: sink.Refused})
		}
	}
	return 0, ordered(tally)
}

// streamName is the stream's name, made when it is first needed: sandboxes
// restored from one snapshot must not share what was drawn before.
func (s *Sender) streamName() string {
	if s.stream == "" {
		s.stream = defaultStream(s.opt)
	}
	return s.stream
}

// defaultStream follows the names of Lambda's own streams. A colon and an
// asterisk may not be in one, nor more than 512 characters (CreateLogStream).
func defaultStream(opt Options) string {
	id := opt.SandboxID
	if id == "" {
		var random [16]byte
		_, _ = rand.Read(random[:]) // never fails (package crypto/rand)
		id = hex.EncodeToString(random[:])
	}
	version := opt.FunctionVersion
	if version == "" {
		version = "$LATEST"
	}
	name := "[" + version + "]" + id
	if opt.FunctionName != "" {
		name = opt.FunctionName + "/" + name
	}
	return safeStream(name[max(len(name)-512, 0):])
}

func safeStream(name string) string {
	return strings.NewReplacer(":", "_", "*", "_").Replace(name)
}

func (s *Sender) op(name string) awsapi.Operation {
	return awsapi.Operation{Service: awsapi.Logs, Name: name, Region: s.opt.Region, Once: true}
}
