package batch

import (
	"bytes"
	"errors"
	"hash/maphash"
	"math/bits"

	"powertools-extension/internal/jsonbytes"
)

// Kind is a source whose events are split, as package awsevent names it.
type Kind string

// The kinds.
const (
	SQS      Kind = "sqs"
	Kinesis  Kind = "kinesis"
	DynamoDB Kind = "dynamodb"
)

// stream reports whether records are read in order and from a checkpoint.
func (k Kind) stream() bool { return k == Kinesis || k == DynamoDB }

// origin is a record's eventSource.
func (k Kind) origin() string { return "aws:" + string(k) }

// Why an event is not split. All but ErrMalformed let it pass whole.
var (
	ErrMalformed  = errors.New("the event is no JSON object")
	ErrRecords    = errors.New("its Records is no list of objects")
	ErrWindow     = errors.New("it belongs to a tumbling window, whose state is that of the whole batch")
	ErrMixed      = errors.New("its records do not come from one queue or stream")
	ErrNoID       = errors.New("a record has no id")
	ErrTwice      = errors.New("two records have the same id")
	errUnreadable = errors.New("a name in it is written with escapes")
)

// Event is an event taken apart. Its bytes are those that were given to Split.
type Event struct {
	kind     Kind
	bytes    []byte
	from, to int32 // what stands between the brackets of Records
	arn      span  // of the first record
	records  []record
}

// record is where one record, its id and its message group are.
type record struct {
	all, id, group span
	state          state
}

// span is a piece of the event. Of texts it is what stands between the quotes.
type span struct{ from, to int32 }

func (e *Event) text(s span) []byte { return e.bytes[s.from:s.to] }

// Len is how many records there are.
func (e *Event) Len() int { return len(e.records) }

// ARN is the queue or stream that the records come from; empty if they do not
// say.
func (e *Event) ARN() string { return string(e.text(e.arn)) }

// ID is a record's id as it is written in JSON, without its quotes.
func (e *Event) ID(i int) []byte { return e.text(e.records[i].id) }

// RecordID is a record's id as the source knows it.
func (e *Event) RecordID(i int) string { return string(e.plainID(i)) }

// fifo reports whether the records come from a FIFO queue.
func (e *Event) fifo() bool {
	return e.kind == SQS && bytes.HasSuffix(e.text(e.arn), []byte(".fifo"))
}

// appendOne appends the event around one record: all other bytes stay.
func (e *Event) appendOne(dst []byte, i int) []byte {
	dst = append(dst, e.bytes[:e.from]...)
	dst = append(dst, e.text(e.records[i].all)...)
	return append(dst, e.bytes[e.to:]...)
}

// Split takes an event apart, whose first record is of the kind or which has
// none. The bytes are kept and not changed.
func Split(event []byte, kind Kind) (*Event, error) {
	if !jsonbytes.Valid(event) {
		return nil, ErrMalformed
	}
	start := jsonbytes.SkipSpace(event, 0)
	if event[start] != '{' {
		return nil, ErrMalformed
	}
	e := &Event{kind: kind, bytes: event}
	var list []byte
	for m := jsonbytes.MembersOf(event[start:]); ; {
		name, value, ok := m.Next()
		if !ok {
			break
		}
		switch {
		case bytes.IndexByte(name, '\\') >= 0:
			return nil, errUnreadable
		case string(name) == "window", string(name) == "state":
			return nil, ErrWindow
		case string(name) == "Records":
			if list != nil || value[0] != '[' {
				return nil, ErrRecords
			}
			list = value
		}
	}
	if list == nil {
		return nil, ErrRecords
	}
	if err := e.cut(list); err != nil {
		return nil, err
	}
	return e, e.check()
}

// within is where a part of the event stands in it.
func (e *Event) within(part []byte) span {
	if len(part) == 0 {
		return span{}
	}
	from := int32(cap(e.bytes) - cap(part)) // both are slices of one array
	return span{from, from + int32(len(part))}
}

// cut finds the records of the list.
func (e *Event) cut(list []byte) error {
	whole := e.within(list)
	e.from, e.to = whole.from+1, whole.to-1
	i := jsonbytes.SkipSpace(list, 1)
	for list[i] != ']' {
		if list[i] != '{' {
			return ErrRecords
		}
		end := jsonbytes.SkipValue(list, i)
		if err := e.add(list[i:end]); err != nil {
			return err
		}
		if i = jsonbytes.SkipSpace(list, end); list[i] == ',' {
			i = jsonbytes.SkipSpace(list, i+1)
		}
	}
	return nil
}

// add takes one record. Of a member that is there twice the last one counts,
// as for the function's parser.
func (e *Event) add(object []byte) error {
	r := record{all: e.within(object)}
	var source, arn []byte
	for m := jsonbytes.MembersOf(object); ; {
		name, value, ok := m.Next()
		if !ok {
			break
		}
		switch string(name) {
		case "eventSource":
			source = jsonbytes.Inside(value)
		case "eventSourceARN":
			arn = jsonbytes.Inside(value)
		case "messageId":
			if e.kind == SQS {
				r.id = e.within(jsonbytes.Inside(value))
			}
		case "attributes":
			if e.kind == SQS {
				r.group = e.within(inner(value, "MessageGroupId"))
			}
		case "kinesis":
			if e.kind == Kinesis {
				r.id = e.within(inner(value, "sequenceNumber"))
			}
		case "dynamodb":
			if e.kind == DynamoDB {
				r.id = e.within(inner(value, "SequenceNumber"))
			}
		}
	}
	if len(e.records) == 0 {
		e.arn = e.within(arn)
	}
	if string(source) != e.kind.origin() || !bytes.Equal(arn, e.text(e.arn)) {
		return ErrMixed
	}
	e.records = append(e.records, r)
	return nil
}

// inner is a text in an object, as it is written; nil: there is none.
func inner(object []byte, member string) (text []byte) {
	if object[0] != '{' {
		return nil
	}
	for m := jsonbytes.MembersOf(object); ; {
		name, value, ok := m.Next()
		if !ok {
			return text
		}
		if string(name) == member {
			text = jsonbytes.Inside(value)
		}
	}
}

// check refuses what could not be told apart in an answer.
func (e *Event) check() error {
	seed := maphash.MakeSeed()
	seen := make([]int32, 2<<bits.Len(uint(len(e.records)))) // by hash: a record's place, from 1
	for i := range e.records {
		id := e.plainID(i)
		if len(id) == 0 {
			return ErrNoID
		}
		at := maphash.Bytes(seed, id) & uint64(len(seen)-1)
		for seen[at] != 0 {
			if bytes.Equal(id, e.plainID(int(seen[at]-1))) {
				return ErrTwice
			}
			at = (at + 1) & uint64(len(seen)-1)
		}
		seen[at] = int32(i + 1)
	}
	return nil
}

// plainID is a record's id with its escapes undone.
func (e *Event) plainID(i int) []byte {
	id := e.ID(i)
	if bytes.IndexByte(id, '\\') < 0 {
		return id
	}
	return jsonbytes.Unescape(bytes.Clone(id))
}
