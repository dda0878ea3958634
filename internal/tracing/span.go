package tracing

import "time"

// Kind is a span's place in its trace, as OpenTelemetry numbers it.
type Kind uint8

// The kinds that invocations have.
const (
	Internal Kind = 1
	Server   Kind = 2 // answers an HTTP request
	Consumer Kind = 5 // takes messages off a queue or a stream
)

// Span is a piece of work with a beginning and an end.
type Span struct {
	Root   string // id of the trace, as X-Ray writes it
	ID     string // 16 hexadecimal digits
	Parent string // of the span above; empty: there is none
	Own    bool   // the trace begins here: no header named one
	Name   string
	Kind   Kind
	Start  time.Time
	End    time.Time

	// Invocation is what is known of the invocation that the span stands for;
	// nil for a part of one.
	Invocation *Invocation

	Fault      bool        // it failed; without more, an Exception may say how
	Exception  *Exception  // nil: nothing is known, or it must not be told
	HTTPStatus int         // of the answer to an HTTP event; 0: none
	Response   []byte      // valid JSON; nil: not captured
	Attributes []Attribute // in their order
}

// Invocation is what a span says of the whole invocation.
type Invocation struct {
	Handler   string // empty: nobody said
	Service   string
	RequestID string
	ARN       string
	Trigger   string // of FaaS: http, pubsub, datasource, timer, other; empty: not known
	ColdStart bool
}

// Attribute is one more thing that a span says: an annotation of X-Ray's.
type Attribute struct {
	Key   string // letters, digits and _
	Value string
}

// Bounds of what a span tells of an error, in bytes and in number.
const (
	maxMessage = 4 << 10
	maxType    = 256
	MaxStack   = 16 << 10 // of all frames together
	maxFrames  = 100
	maxName    = 200 // characters (AWS X-Ray, "Segment fields")
)

// Exception is how something failed.
type Exception struct {
	Type    string
	Message string
	Frames  []Frame
}

// Frame is one line of a stack. Where only a text is known it is the label.
type Frame struct {
	Path  string
	Line  int // 0: not known
	Label string
}
