package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"powertools-extension/internal/awsevent"
	"powertools-extension/internal/batch"
)

// Mapping says of an event source mapping whether it reads which records
// failed. Where it does not, Lambda deletes them.
type Mapping interface {
	// Ask begins to find out, and returns at once.
	Ask(function, source string)

	// Reads reports whether failed records may be named in an answer, and if
	// not, why. It waits for what Ask began.
	Reads(ctx context.Context, function, source string) (ok bool, why string)
}

// BatchWatch hears how batches go. It is called before the runtime hears of
// anything, and must be quick.
type BatchWatch interface {
	// Began: a record is about to run. piece is its invocation's id, n its
	// place from 0, record its own id.
	Began(whole, piece, record string, n int)

	// Ended: a record has an answer.
	Ended(whole, piece, record string, n int, took time.Duration, ok bool)

	// Over: the batch has its answer. partial: it is a success, and records
	// are reported as failed in it.
	Over(whole string, counts batch.Counts, partial bool)
}

// Batch is the hook that gives the function one record after another and
// answers for all of them.
type Batch struct {
	Kinds   []string // of awsevent's sources: sqs, kinesis, dynamodb
	Rules   batch.Rules
	Mapping Mapping    // nil: whoever switched the hook on knows
	Watch   BatchWatch // nil: nobody
	Now     func() time.Time
}

// Hook returns the step.
func (b Batch) Hook() Hook {
	h := &batchHook{Batch: b, open: make(map[string]*openBatch)}
	if h.Now == nil {
		h.Now = time.Now
	}
	// It waits for the mapping's check, which has a time-out of its own.
	return Hook{Name: "batch", Waits: true, Each: true, Request: h.request, Response: h.response, Forget: h.forget}
}

type batchHook struct {
	Batch

	mu   sync.Mutex
	open map[string]*openBatch // by the id of the whole
}

// openBatch is a batch on its way.
type openBatch struct {
	whole, function string
	deadline        time.Time

	mu    sync.Mutex
	batch *batch.Batch
	over  bool // its answer was made
}

// unexpected is the libraries' error for an event that they cannot read.
const unexpected = "Unexpected batch type. Possible values are: SQS, KinesisDataStreams, DynamoDBStreams"

func (h *batchHook) request(_ context.Context, r *Request) (Action, error) {
	if r.Durable {
		return Action{}, nil // a replay of its steps looks like a duplicate
	}
	if !slices.Contains(h.Kinds, r.Source.Name) {
		if r.Source.Source == awsevent.Unknown() && awsevent.NoRecords(r.Body) {
			return Action{Answer: &Post{Body: batch.Empty()}}, nil
		}
		return Action{}, nil
	}
	e, err := batch.Split(r.Body, batch.Kind(r.Source.Name))
	switch {
	case errors.Is(err, batch.ErrMalformed):
		return Action{Answer: Problem{Type: "UnexpectedBatchTypeError", Detail: unexpected}.Post(r.Source, false)}, nil
	case err != nil:
		return Action{}, fmt.Errorf("the event goes to the function whole: %w", err)
	}
	o := &openBatch{whole: r.ID, function: r.FunctionARN, deadline: r.Deadline, batch: batch.New(e, h.Rules, r.Deadline)}
	if h.Mapping != nil {
		h.Mapping.Ask(o.function, e.ARN())
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.open[r.ID] = o
	return Action{Split: func(ctx context.Context) (Piece, *Post) { return h.next(ctx, o) }}, nil
}

// next is the next record to run, or the answer.
func (h *batchHook) next(ctx context.Context, o *openBatch) (Piece, *Post) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, running := o.batch.Running(); o.over || running {
		return Piece{}, nil
	}
	i, event, ok := o.batch.Next(h.Now())
	if !ok {
		return Piece{}, h.finish(ctx, o)
	}
	piece := Piece{o.whole + "-" + strconv.Itoa(i), event}
	if h.Watch != nil {
		h.Watch.Began(o.whole, piece.ID, o.batch.RecordID(i), i)
	}
	return piece, nil
}

// response takes what became of a record, and with the last one answers for
// all.
func (h *batchHook) response(ctx context.Context, r *Response) (Reaction, error) {
	if r.Whole == "" {
		return Reaction{}, nil // an event that was not split
	}
	h.mu.Lock()
	o := h.open[r.Whole]
	h.mu.Unlock()
	if o == nil {
		return Reaction{}, errors.New("the answer of a record of no batch")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	now := h.Now()
	i, running := o.batch.Running()
	if o.over || !running || !strings.HasSuffix(r.ID, "-"+strconv.Itoa(i)) {
		return Reaction{}, errors.New("the answer of a record that does not run")
	}
	ok := succeeded(r)
	if h.Watch != nil {
		h.Watch.Ended(o.whole, r.ID, o.batch.RecordID(i), i, o.batch.Took(now), ok)
	}
	switch {
	case ok && r.By == "validate": // which answers in the function's place to drop what does not fit
		o.batch.Drop(now)
	case ok:
		o.batch.Succeed(now)
	default:
		errorType, message := failure(r)
		o.batch.Fail(now, errorType, message)
	}
	if o.batch.More(now) {
		return Reaction{Hold: true}, nil
	}
	return Reaction{Post: h.finish(ctx, o), For: o.whole}, nil
}

// finish makes the answer of a batch that is over.
func (h *batchHook) finish(ctx context.Context, o *openBatch) *Post {
	o.over = true
	h.forget(o.whole)
	answer := o.batch.Answer()
	if answer.Partial && h.Mapping != nil {
		if ok, why := h.Mapping.Reads(ctx, o.function, o.batch.ARN()); !ok {
			answer = batch.Answer{Failed: true, Message: o.batch.Unread(why)}
		}
	}
	if h.Watch != nil {
		h.Watch.Over(o.whole, o.batch.Counts(), answer.Partial)
	}
	if answer.Failed {
		return Problem{Type: "BatchProcessingError", Detail: answer.Message}.Post(awsevent.Event{}, false)
	}
	return &Post{Body: answer.Body}
}

func (h *batchHook) forget(whole string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.open, whole)
}

// succeeded judges one record by its answer. One that ran and whose answer
// could not be kept has succeeded: running it again is what must not happen.
func succeeded(r *Response) bool {
	if r.Failed {
		return r.By == "idempotency" && r.ErrorType == "Function.IdempotencyNotReplayableError"
	}
	return !batch.ReportsFailures(r.Body)
}

// failure is what a record's error says of itself.
func failure(r *Response) (errorType, message string) {
	if !r.Failed {
		return "", "the function reported the record in batchItemFailures"
	}
	var posted struct{ ErrorType, ErrorMessage string }
	if len(r.Body) <= 64<<10 && json.Unmarshal(r.Body, &posted) == nil && posted.ErrorType+posted.ErrorMessage != "" {
		return posted.ErrorType, posted.ErrorMessage
	}
	return r.ErrorType, ""
}
