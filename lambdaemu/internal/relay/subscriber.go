package relay

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"powertools-extension/lambdaemu/fault"
	"powertools-extension/lambdaemu/transcript"
)

const (
	// queueBytes bounds what waits for one subscriber. Lambda's number is not
	// published; the fault logs-dropped makes it small.
	queueBytes = 16 << 20
	// attempts and firstPause are the retries of one body: 5 times, after 0.1,
	// 0.2, 0.4 and 0.8 s. Lambda retries with back-off, too; its numbers are
	// not published (AWS page: telemetry-api).
	attempts   = 5
	firstPause = 100 * time.Millisecond
)

const droppedReason = "Some logs were dropped because the downstream consumer is slower than the logs production rate"

// subscriber is one subscription: a bounded queue and a worker that cuts it into
// batches and delivers them in order, one at a time, only while the sandbox runs.
type subscriber struct {
	agent     string
	types     []string
	schema    string
	logs      bool // of the Logs API
	logFormat string
	buffering buffering
	tcp       bool
	sender    sender
	gate      *Gate
	faults    *fault.Set
	script    *transcript.Log
	posted    Posted
	counts    *Counts // nil: not counted

	mu       sync.Mutex
	queue    []queued
	bytes    int
	inFlight int
	dropped  DroppedRecord
	flush    bool
	seen     int           // for the fault record-forms
	wake     chan struct{} // capacity 1
}

func (s *subscriber) put(e Event) {
	switch {
	case !slices.Contains(s.types, e.Category):
	case s.logs:
		for _, form := range e.asLogs(s.schema) {
			s.putOne(form)
		}
	default:
		s.putOne(e)
	}
}

func (s *subscriber) putOne(e Event) {
	s.counts.offered()
	if s.faults.Hit("telemetry-silent") {
		s.counts.lost(1)
		return
	}
	q := queued{encoded: e.encode(s.schema, s.logFormat), at: time.Now()}
	if s.faults.Hit("record-forms") {
		q.record = oddForm(s.nextForm(), e, q.record)
	}
	limit := queueBytes
	if n, ok := s.faults.Value("logs-dropped"); ok {
		limit = n
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes+q.size() > limit && e.Category != Platform {
		s.dropped.DroppedRecords++
		s.dropped.DroppedBytes += q.size()
		s.counts.lost(1)
		return
	}
	s.queue = append(s.queue, q)
	s.bytes += q.size()
	s.wakeLocked()
}

func (s *subscriber) nextForm() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	return s.seen - 1
}

func (s *subscriber) wakeLocked() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// endOfStream closes the current batch, as the exit of the runtime does.
func (s *subscriber) endOfStream() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flush = true
	s.wakeLocked()
}

// pending counts the events that have not been delivered.
func (s *subscriber) pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue) + s.inFlight
}

// run delivers until ctx is done.
func (s *subscriber) run(ctx context.Context) {
	defer s.sender.close()
	for {
		batch := s.next(ctx)
		if batch == nil {
			return
		}
		s.deliver(ctx, batch)
	}
}

// next waits for a complete batch: by items, bytes, time since its first event,
// or end of stream. A batch that becomes due during a freeze leaves at the thaw.
func (s *subscriber) next(ctx context.Context) []queued {
	for ctx.Err() == nil {
		wait, due := s.due()
		if due {
			if s.gate.wait(ctx) != nil {
				return nil
			}
			return s.take()
		}
		s.sleep(ctx, wait)
	}
	return nil
}

func (s *subscriber) sleep(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-s.wake:
	case <-timer.C:
	}
}

func (s *subscriber) due() (wait time.Duration, due bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		s.flush = false
		return time.Hour, false
	}
	if _, full := s.buffering.batchSize(s.queue); full || s.flush {
		return 0, true
	}
	wait = time.Until(s.queue[0].at.Add(s.buffering.timeout))
	return wait, wait <= 0
}

func (s *subscriber) take() []queued {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, _ := s.buffering.batchSize(s.queue)
	batch := slices.Clone(s.queue[:n])
	s.queue = slices.Delete(s.queue, 0, n)
	s.inFlight = n
	return batch
}

func (s *subscriber) deliver(ctx context.Context, batch []queued) {
	if s.faults.Hit("batch-reordered") {
		slices.Reverse(batch)
	}
	delivered := s.deliverAll(ctx, s.bodies(batch))
	s.settle(batch, delivered)
}

// bodies applies the faults that change what is posted.
func (s *subscriber) bodies(batch []queued) []post {
	if s.tcp {
		return []post{lines(batch)}
	}
	cut := s.buffering.maxBytes
	if n, ok := s.faults.Value("batch-split"); ok {
		cut = n
	}
	lost, lose := s.faults.Value("batch-split-lost")
	if lose {
		cut = lost
	}
	list := posts(batch, cut)
	if lose && len(list) > 1 {
		whole := len(list[0].labels) - 1 // the last one is torn
		s.counts.lost(len(batch) - whole)
		list = list[:1]
	}
	if s.faults.Hit("batch-truncated") {
		last := &list[len(list)-1]
		last.body = last.body[:max(0, len(last.body)-10)]
		s.counts.lost(1)
	}
	if s.faults.Hit("batch-duplicated") {
		list = append(list, list...)
	}
	return list
}

func (s *subscriber) deliverAll(ctx context.Context, list []post) bool {
	all := true
	for _, p := range list {
		all = s.deliverOne(ctx, p) && all
	}
	return all
}

// deliverOne repeats a body until the subscriber takes it with a 2xx or the
// attempts are used up.
func (s *subscriber) deliverOne(ctx context.Context, p post) bool {
	pause := firstPause
	for i := range attempts {
		if i > 0 {
			s.pause(ctx, pause)
			pause *= 2
		}
		if s.gate.wait(ctx) != nil {
			return false
		}
		if s.attempt(ctx, p) {
			return true
		}
	}
	return false
}

func (s *subscriber) attempt(ctx context.Context, p post) bool {
	limited, cancel := withAttemptLimit(ctx, s.gate)
	defer cancel()
	begin := time.Now()
	status, err := s.sender.send(limited, p.body)
	if s.posted != nil {
		s.posted(s.agent, s.sender.address(), p.body, begin, status)
	}
	if ctx.Err() != nil {
		return false
	}
	result := fmt.Sprint(status)
	if err != nil {
		result = "unanswered"
	}
	s.script.AddData(s.agent, transcript.Telemetry, result+" "+strings.Join(p.labels, ", "), transcript.Delivery{Events: len(p.labels), Bytes: len(p.body), Status: status})
	taken := err == nil && status >= http.StatusOK && status < http.StatusMultipleChoices
	if !taken {
		s.counts.refused()
	}
	return taken
}

func (s *subscriber) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// settle books the batch as delivered or dropped. Once delivery works again the
// subscriber is told what it missed.
func (s *subscriber) settle(batch []queued, delivered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := 0
	for _, q := range batch {
		size += q.size()
	}
	s.inFlight = 0
	s.bytes -= size
	if !delivered {
		s.dropped.DroppedRecords += len(batch)
		s.dropped.DroppedBytes += size
		s.counts.lost(len(batch))
		return
	}
	s.counts.delivered(len(batch))
	if s.dropped.DroppedRecords > 0 && slices.Contains(s.types, Platform) {
		s.tellDroppedLocked()
	}
}

func (s *subscriber) tellDroppedLocked() {
	s.dropped.Reason = droppedReason
	e := Event{At: time.Now(), Type: "platform.logsDropped", Category: Platform, Record: s.dropped}
	q := queued{encoded: e.encode(s.schema, s.logFormat), at: e.At}
	s.dropped = DroppedRecord{}
	s.queue = append(s.queue, q)
	s.bytes += q.size()
	s.wakeLocked()
}
