package sink

// Reason says why lines were given up.
type Reason uint8

// The reasons, in the order of Losses.
const (
	Overflow  Reason = iota // no room: the oldest lines made way, or the line is larger than the buffer
	Refused                 // the receiver refused the batch for good (HTTP 4xx, closed stream)
	Exhausted               // the last permitted try failed
	Rejected                // the receiver took the batch and rejected this line
	TooOld                  // the receiver takes no line of that age
	TooNew                  // the receiver takes no line from that far ahead
	TooLong                 // longer than the receiver takes
	Disabled                // the sink cannot work in this process; its log line says why
	Defect                  // a panic of ours
	numReasons
)

// String returns the reason as it is written in the loss ledger.
func (r Reason) String() string {
	switch r {
	case Overflow:
		return "overflow"
	case Refused:
		return "refused"
	case Exhausted:
		return "retries_exhausted"
	case Rejected:
		return "rejected"
	case TooOld:
		return "too_old"
	case TooNew:
		return "too_new"
	case TooLong:
		return "too_long"
	case Disabled:
		return "disabled"
	}
	return "defect"
}

// Losses counts the dropped lines by Reason.
type Losses [numReasons]Count

// Lines returns the reasons that cost lines, by name; nil if there are none.
func (l *Losses) Lines() map[string]uint64 {
	var by map[string]uint64
	for r, c := range l {
		if c.Lines == 0 {
			continue
		}
		if by == nil {
			by = make(map[string]uint64)
		}
		by[Reason(r).String()] = c.Lines
	}
	return by
}

// Loss is one line of a batch that is lost, and why.
type Loss struct {
	Line   int // index in the batch
	Reason Reason
}

// PartialError means that the lines of a batch fared differently. The count
// that a Sender returns beside it is not looked at.
type PartialError struct {
	Keep []int  // lines that have not left and may be tried again, in order
	Lost []Loss // lines that are given up, in order of Line; disjoint from Keep
	Err  error  // the cause, without the text of any line
}

// Error returns the cause's text.
func (e *PartialError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *PartialError) Unwrap() error { return e.Err }

// DisabledError means that a sender can never work in this process, for
// example because its secret does not exist. What is pending is given up, and
// so is every later line.
type DisabledError struct{ Err error }

// Error returns the cause's text.
func (e *DisabledError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *DisabledError) Unwrap() error { return e.Err }
