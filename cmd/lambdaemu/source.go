package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"powertools-extension/cmd/lambdaemu/show"
	"powertools-extension/internal/awsemu"
	"powertools-extension/internal/eventsource"
	"powertools-extension/lambdaemu"
)

// source is what the command line says about the event source.
type source struct {
	kind       string
	file       string
	size       int
	report     bool
	tries      int
	deadLetter bool
}

func (o source) given() bool { return o.kind != "" }

// check refuses what no mapping can be.
func (o source) check(s *settings) error {
	kind := eventsource.Kind(o.kind)
	limit := map[eventsource.Kind]int{eventsource.FIFO: 10, eventsource.SQS: 10_000, eventsource.Kinesis: 10_000, eventsource.DynamoDB: 10_000}[kind]
	switch {
	case !o.given() && (o.file != "" || o.size > 0 || o.report || o.tries > 0 || !o.deadLetter):
		return errors.New("--batch, --batch-size, --report-batch-item-failures and --dead-letter* need --event-source KIND")
	case !o.given():
		return nil
	case o.file == "":
		return fmt.Errorf("--event-source %s needs messages: add --batch FILE", o.kind)
	case len(s.invokes) > 0 || s.count > 0 || s.retry > 0:
		return errors.New("--event-source makes the invocations itself: leave out --invoke, --count and --retry")
	case s.concurrency > 1:
		return errors.New("--event-source makes one invocation at a time: leave out --concurrency")
	case kind == eventsource.Async && (o.report || o.size > 0):
		return errors.New("--event-source async invokes with one event at a time: leave out --batch-size and --report-batch-item-failures")
	case kind == eventsource.Async && o.tries > 3:
		return fmt.Errorf("--dead-letter-after %d: Lambda tries an asynchronous event up to 3 times", o.tries)
	case limit > 0 && o.size > limit:
		return fmt.Errorf("--batch-size %d: a batch of %s has up to %d messages", o.size, o.kind, limit)
	}
	return nil
}

// arn is where messages come from that do not say so themselves.
func (o source) arn(opt lambdaemu.Options) string {
	at := cmp.Or(opt.Region, "us-east-1") + ":" + cmp.Or(opt.AccountID, "123456789012") + ":"
	switch eventsource.Kind(o.kind) {
	case eventsource.SQS:
		return "arn:aws:sqs:" + at + "batch"
	case eventsource.FIFO:
		return "arn:aws:sqs:" + at + "batch.fifo"
	case eventsource.Kinesis:
		return "arn:aws:kinesis:" + at + "stream/batch"
	case eventsource.DynamoDB:
		return "arn:aws:dynamodb:" + at + "table/batch/stream/2026-01-01T00:00:00.000"
	}
	return ""
}

// load reads the batch file and makes the mapping.
func (o source) load(opt lambdaemu.Options, stdin io.Reader) (*eventsource.Mapping, error) {
	if !o.given() {
		return nil, nil
	}
	cfg := eventsource.Config{
		Kind: eventsource.Kind(o.kind), ARN: o.arn(opt), BatchSize: o.size,
		ReportBatchItemFailures: o.report, Tries: o.tries, DeadLetter: o.deadLetter,
	}
	content, err := readFileOr(o.file, stdin)
	if err != nil {
		return nil, usageError{fmt.Errorf("--batch: %w", err)}
	}
	messages, err := eventsource.Parse(cfg, content)
	if err != nil {
		return nil, usageError{fmt.Errorf("--batch %s: %w", o.file, err)}
	}
	cfg.ARN = cmp.Or(messages[0].Source(), cfg.ARN)
	return eventsource.New(cfg, messages), nil
}

func readFileOr(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(name)
}

// tellMapping has the embedded AWS know the mapping, as the flags describe it.
func (s *session) tellMapping() {
	if s.source == nil || s.aws == nil {
		return
	}
	cfg := s.source.Ledger().Config
	if cfg.Kind == eventsource.Async {
		return
	}
	function := fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", cmp.Or(s.opt.Region, "us-east-1"), cmp.Or(s.opt.AccountID, "123456789012"), s.functionName())
	s.aws.server.AddMapping(awsemu.Mapping{EventSource: cfg.ARN, Function: function, ReportBatchItemFailures: cfg.ReportBatchItemFailures, BatchSize: cfg.BatchSize})
}

// runSource delivers batches until the mapping has nothing left.
func (s *session) runSource(ctx context.Context) {
	defer s.announceInterrupt(ctx)()
	requests := map[int]lambdaemu.Request{} // of asynchronous events, which are retried under their request id
	for n := 1; ; n++ {
		if n > 1 && !s.pause(ctx, n-1, n) || ctx.Err() != nil {
			break
		}
		batch, more := s.source.Next()
		if !more {
			break
		}
		s.progress.Set(fmt.Sprintf("invocation %d, %d of %d messages done", n, s.source.Ledger().Count(eventsource.Done), len(s.source.Ledger().Records)))
		req := lambdaemu.Request{Payload: batch.Event}
		if s.set.source.kind == string(eventsource.Async) {
			if batch.Again {
				req = requests[batch.First]
			} else {
				req = req.Repeatable()
				requests[batch.First] = req
			}
		}
		s.turn.Lock()
		o := s.attempt(ctx, req)
		s.turn.Unlock()
		if o.Err != nil { // not delivered: the sandbox is gone
			break
		}
	}
	s.interrupted = ctx.Err() != nil
}

// judge has the mapping decide about the messages of an invocation.
func (s *session) judge(o *show.Outcome) {
	if s.source == nil || o.Err != nil {
		return
	}
	verdict := s.source.Done(eventsource.Answer{FunctionError: o.Response.FunctionError != "", Payload: o.Response.Payload})
	o.Verdict = &verdict
}
