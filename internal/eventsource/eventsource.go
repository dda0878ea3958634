// Package eventsource is what stands between a queue, a stream or an
// asynchronous caller and a function: it makes batches, judges the function's
// answers as Lambda does, and knows at any time what became of each message.
//
// The rule a reader could break: it is a state machine without time and without
// I/O. Who runs the function asks Next, invokes, and tells Done; a message that
// failed comes again when the others have had their turn, as after a
// visibility timeout.
package eventsource

import (
	"cmp"
	"fmt"
	"slices"
)

// Kind is a kind of event source.
type Kind string

// The kinds.
const (
	SQS      Kind = "sqs"      // standard queue
	FIFO     Kind = "sqs-fifo" // order within a message group
	Kinesis  Kind = "kinesis"  // one shard
	DynamoDB Kind = "dynamodb" // one shard of a table's stream
	Async    Kind = "async"    // asynchronous invocations, one event each
)

// Kinds lists the kinds, as a flag names them.
func Kinds() []string {
	return []string{string(SQS), string(FIFO), string(Kinesis), string(DynamoDB), string(Async)}
}

// Stream reports whether records are read in order and from a checkpoint.
func (k Kind) Stream() bool { return k == Kinesis || k == DynamoDB }

func (k Kind) queue() bool { return k == SQS || k == FIFO }

// Config is how a mapping is set up.
type Config struct {
	Kind Kind
	ARN  string // of the queue or stream; empty for Async

	BatchSize               int  // zero: 10 for queues, 100 for streams
	ReportBatchItemFailures bool // in the mapping's FunctionResponseTypes

	// Tries is how often a message is delivered before it is given up: a
	// queue's maxReceiveCount, or one more than the retries of a stream or an
	// asynchronous call. Zero: 3.
	Tries int

	// DeadLetter says that what is given up goes to a dead-letter queue or an
	// on-failure destination. Without one it is gone.
	DeadLetter bool
}

// Message is one message, record or event.
type Message struct {
	ID    string // messageId or sequence number; what batchItemFailures names
	Group string // MessageGroupId of a FIFO queue
	Text  string // body or data as a person reads it

	record map[string]any // as the function gets it, less what changes with each try
}

// End is what became of a message.
type End string

// The ends. Only Done is what was wanted; Lost and Discarded are gone for good.
const (
	Waiting    End = "waiting"     // not done, not given up: the run ended before
	Done       End = "done"        // deleted from the queue, passed by the checkpoint, or succeeded
	DeadLetter End = "dead-letter" // in the dead-letter queue or at the on-failure destination
	Discarded  End = "discarded"   // all tries used up, and no dead-letter queue
	Lost       End = "lost"        // reported as failed by the function, and deleted all the same
)

// Record is a message with what became of it.
type Record struct {
	Message
	Tries int // deliveries
	End   End

	// Overtaken says that a later message of the same group was done before
	// this one: the order of a FIFO queue is broken.
	Overtaken bool
}

// Batch is one event to invoke the function with.
type Batch struct {
	Event []byte
	Size  int
	Again bool // of an asynchronous event: a retry, under the request id it had
	First int  // index of its first message, from 0

	indices []int
}

// Source is the ARN of the queue or stream that the message comes from.
func (m Message) Source() string {
	arn, _ := m.record["eventSourceARN"].(string)
	return arn
}

// Mapping is the state of all messages. It is not safe for concurrent use.
type Mapping struct {
	cfg     Config
	records []Record
	queue   []int // indices that may be delivered, in order
	failed  []int // indices that come again once queue is empty
	shard   []int // of a stream: the batch that is being retried
	tries   int   // of shard
	out     *Batch
}

// New makes a mapping in front of messages, which Parse has read.
func New(cfg Config, messages []Message) *Mapping {
	if cfg.BatchSize == 0 {
		cfg.BatchSize = 10
		if cfg.Kind.Stream() {
			cfg.BatchSize = 100
		}
	}
	if cfg.Kind == Async {
		cfg.BatchSize = 1
	}
	cfg.Tries = cmp.Or(cfg.Tries, 3)
	m := &Mapping{cfg: cfg}
	for i, message := range messages {
		m.records = append(m.records, Record{Message: message, End: Waiting})
		m.queue = append(m.queue, i)
	}
	return m
}

// Next returns the batch that is delivered now; false when nothing is left to
// deliver. A batch must be answered by Done before the next one is asked for.
func (m *Mapping) Next() (Batch, bool) {
	if m.out != nil {
		panic("eventsource: Next before Done")
	}
	var indices []int
	switch {
	case len(m.shard) > 0:
		indices = m.shard
	default:
		if len(m.queue) == 0 { // the visibility timeout of what failed is over
			m.queue, m.failed = m.failed, nil
		}
		indices = m.take()
	}
	if len(indices) == 0 {
		return Batch{}, false
	}
	b := Batch{Size: len(indices), First: indices[0], indices: indices, Again: m.cfg.Kind == Async && m.records[indices[0]].Tries > 0}
	for _, i := range indices {
		m.records[i].Tries++
	}
	b.Event = m.event(indices)
	m.out = &b
	return b, true
}

// take removes the next batch from the queue. Of a FIFO queue only messages are
// taken whose group has nothing that waits to come again.
func (m *Mapping) take() []int {
	blocked := map[string]bool{}
	if m.cfg.Kind == FIFO {
		for _, i := range m.failed {
			blocked[m.records[i].Group] = true
		}
	}
	var taken, left []int
	for _, i := range m.queue {
		if len(taken) < m.cfg.BatchSize && !(m.cfg.Kind == FIFO && blocked[m.records[i].Group]) {
			taken = append(taken, i)
		} else {
			left = append(left, i)
		}
	}
	m.queue = left
	if len(taken) == 0 && len(left) > 0 { // every group waits: what failed comes first
		m.queue, m.failed = append(left, m.failed...), nil
		slices.Sort(m.queue)
		return m.take()
	}
	if m.cfg.Kind.Stream() {
		m.shard, m.tries = taken, 0
	}
	return taken
}

// Answer is how the invocation of a batch ended.
type Answer struct {
	FunctionError bool   // the function failed, as a whole
	Payload       []byte // its answer
}

// Verdict is what the mapping made of an answer.
type Verdict struct {
	Reason string   // why the whole batch counts as failed, or what was ignored; empty: nothing to say
	Done   int      // messages
	Again  []Record // come again
	Given  []Record // given up: to the dead-letter queue, or discarded
	Lost   []Record // reported as failed and deleted
}

// Done tells how the batch of the last Next ended.
func (m *Mapping) Done(a Answer) Verdict {
	b := *m.out
	m.out = nil
	failed, reason := m.judge(b.indices, a)
	if m.cfg.Kind.Stream() {
		return m.advance(b.indices, failed, reason, a)
	}
	v := Verdict{Reason: reason}
	for _, i := range b.indices {
		r := &m.records[i]
		switch {
		case !failed[i]:
			m.settle(&v, i, m.lostOr(a, r.ID))
		case r.Tries >= m.cfg.Tries:
			m.giveUp(&v, i)
		default:
			m.failed = append(m.failed, i)
			v.Again = append(v.Again, *r)
		}
	}
	m.markOvertaken(b.indices, failed)
	return v
}

// settle ends a message.
func (m *Mapping) settle(v *Verdict, i int, end End) {
	r := &m.records[i]
	r.End = end
	switch end {
	case Lost:
		v.Lost = append(v.Lost, *r)
	default:
		v.Done++
	}
}

func (m *Mapping) giveUp(v *Verdict, i int) {
	r := &m.records[i]
	r.End = Discarded
	if m.cfg.DeadLetter {
		r.End = DeadLetter
	}
	v.Given = append(v.Given, *r)
}

// lostOr is Lost for a message that the function reported as failed although
// the mapping does not read its answer.
func (m *Mapping) lostOr(a Answer, id string) End {
	if m.cfg.Kind == Async || m.cfg.ReportBatchItemFailures {
		return Done
	}
	if ids, _, problem := readFailures(a.Payload); problem == "" && slices.Contains(ids, id) {
		return Lost
	}
	return Done
}

// advance moves a stream's checkpoint: past the whole batch, or up to the lowest
// record that failed, from which everything is delivered again.
func (m *Mapping) advance(indices []int, failed map[int]bool, reason string, a Answer) Verdict {
	v := Verdict{Reason: reason}
	lowest := slices.IndexFunc(indices, func(i int) bool { return failed[i] })
	if lowest < 0 {
		lowest = len(indices)
	}
	for _, i := range indices[:lowest] {
		m.settle(&v, i, m.lostOr(a, m.records[i].ID))
	}
	m.shard = indices[lowest:]
	if m.tries++; lowest > 0 {
		m.tries = 1 // the checkpoint moved: the rest is a batch of its own
	}
	if len(m.shard) == 0 {
		m.shard = nil
		return v
	}
	if m.tries >= m.cfg.Tries {
		for _, i := range m.shard {
			m.giveUp(&v, i)
		}
		m.shard = nil
		return v
	}
	for _, i := range m.shard {
		v.Again = append(v.Again, m.records[i])
	}
	return v
}

// markOvertaken finds messages of a FIFO queue that come again although a later
// one of their group, in the same batch, is done.
func (m *Mapping) markOvertaken(indices []int, failed map[int]bool) {
	if m.cfg.Kind != FIFO {
		return
	}
	done := map[string]bool{}
	for _, i := range slices.Backward(indices) {
		r := &m.records[i]
		if failed[i] && done[r.Group] {
			r.Overtaken = true
		}
		done[r.Group] = done[r.Group] || !failed[i]
	}
}

// Ledger is what became of every message, in order.
type Ledger struct {
	Config
	Records []Record
}

// Ledger returns what became of every message so far.
func (m *Mapping) Ledger() Ledger {
	return Ledger{Config: m.cfg, Records: slices.Clone(m.records)}
}

// Count is how many messages ended so.
func (l Ledger) Count(end End) int {
	n := 0
	for _, r := range l.Records {
		if r.End == end {
			n++
		}
	}
	return n
}

// OK reports whether every message is done.
func (l Ledger) OK() bool { return l.Count(Done) == len(l.Records) }

// Label tells a message from others in one line.
func (r Record) Label() string {
	if r.Group != "" {
		return fmt.Sprintf("%s (group %s)", r.ID, r.Group)
	}
	return r.ID
}
