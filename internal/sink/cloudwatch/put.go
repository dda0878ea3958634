package cloudwatch

import (
	"context"
	"errors"
	"slices"
	"time"

	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/awsout"
	"powertools-extension/internal/sink/jsonline"
)

// event is one line on its way.
type event struct {
	line int   // index in the batch
	at   int64 // milliseconds since 1970
	text []byte
}

// events gives the lines their times and sorts them. What no call can take is
// lost.
func (s *Sender) events(b sink.Batch) (events []event, lost []sink.Loss) {
	times := jsonline.Times{Now: time.Now().Round(0)}
	events = make([]event, 0, b.Len())
	i := 0
	for text := range b.Lines() {
		switch n := len(text); {
		case n > maxEventBytes:
			lost = append(lost, sink.Loss{Line: i, Reason: sink.TooLong})
		case n == 0: // a message has at least one character
			lost = append(lost, sink.Loss{Line: i, Reason: sink.Rejected})
		default:
			events = append(events, event{line: i, at: times.Of(&s.reader, text).UnixMilli(), text: text})
		}
		i++
	}
	slices.SortStableFunc(events, func(a, b event) int { return int(min(max(a.at-b.at, -1), 1)) })
	return events, lost
}

// firstCall returns the events from the front that fit one call.
func firstCall(events []event) []event {
	size := 0
	for i, e := range events {
		size += len(e.text) + eventOverhead
		if size > maxCallBytes || i == maxCallEvents || e.at-events[0].at > maxCallSpan.Milliseconds() {
			return events[:i]
		}
	}
	return events
}

// rejection is what a call that succeeded left out. The old ones are in front
// of an index, the new ones behind one (CloudWatch Logs API,
// "RejectedLogEventsInfo").
type rejection struct {
	TooNewStart *int `json:"tooNewLogEventStartIndex"`
	TooOldEnd   *int `json:"tooOldLogEventEndIndex"`
	ExpiredEnd  *int `json:"expiredLogEventEndIndex"`
}

func (r *rejection) losses(call []event) (lost []sink.Loss) {
	if r == nil {
		return nil
	}
	old := max(index(r.TooOldEnd, 0), index(r.ExpiredEnd, 0))
	newer := index(r.TooNewStart, len(call))
	for i, e := range call {
		switch {
		case i < old:
			lost = append(lost, sink.Loss{Line: e.line, Reason: sink.TooOld})
		case i >= newer:
			lost = append(lost, sink.Loss{Line: e.line, Reason: sink.TooNew})
		}
	}
	return lost
}

func index(i *int, none int) int {
	if i == nil {
		return none
	}
	return *i
}

type putRequest struct {
	Group  string `json:"logGroupName"`
	Stream string `json:"logStreamName"`
	Events events `json:"logEvents"`
}

type putAnswer struct {
	Rejected *rejection `json:"rejectedLogEventsInfo"`
}

// put makes one call. When the group or the stream is missing it creates them
// and tries once more.
func (s *Sender) put(ctx context.Context, call []event) (*rejection, error) {
	answer, err := s.putOnce(ctx, call)
	if awsout.HasCode(err, "ResourceNotFoundException") {
		if err := s.create(ctx); err != nil {
			return nil, err
		}
		answer, err = s.putOnce(ctx, call)
	}
	// From the days of sequence tokens: the service has this very batch.
	if awsout.HasCode(err, "DataAlreadyAcceptedException") {
		return nil, nil
	}
	return answer.Rejected, err
}

func (s *Sender) putOnce(ctx context.Context, call []event) (answer putAnswer, err error) {
	err = s.api.Call(ctx, s.op("PutLogEvents"), putRequest{s.group, s.streamName(), call}, &answer)
	return answer, err
}

// create makes the stream, and the group when that is what is missing.
// Another sandbox may do the same at this moment.
func (s *Sender) create(ctx context.Context) error {
	err := s.createStream(ctx)
	if !awsout.HasCode(err, "ResourceNotFoundException") {
		return err
	}
	err = s.api.Call(ctx, s.op("CreateLogGroup"), map[string]string{"logGroupName": s.group}, nil)
	if err != nil && !awsout.HasCode(err, "ResourceAlreadyExistsException") {
		return err
	}
	return s.createStream(ctx)
}

func (s *Sender) createStream(ctx context.Context) error {
	err := s.api.Call(ctx, s.op("CreateLogStream"), map[string]string{"logGroupName": s.group, "logStreamName": s.streamName()}, nil)
	if awsout.HasCode(err, "ResourceAlreadyExistsException") {
		return nil
	}
	return err
}

func isRetryable(err error) bool {
	return errors.As(err, new(*sink.RetryableError))
}

// ordered brings the lines of a tally into the batch's order.
func ordered(tally *sink.PartialError) *sink.PartialError {
	slices.Sort(tally.Keep)
	slices.SortFunc(tally.Lost, func(a, b sink.Loss) int { return a.Line - b.Line })
	return tally
}
