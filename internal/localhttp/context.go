package localhttp

import (
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/localhttp/wire"
)

// Context is what GET /context tells: the invocation that runs, and the
// function. Outside an invocation, and where it is not known which one asks,
// the fields of the invocation are empty.
type Context struct {
	RequestID     string
	TraceID       string    // X-Ray trace header
	BatchItem     string    // the record of a batch that the runtime has; empty: none
	CorrelationID string    // what was found in the event; empty: none, or nothing looks for it
	Deadline      time.Time // wall clock
	ColdStart     bool

	TenantID        string // of a function that isolates its tenants; part of idempotency keys, not told
	FunctionARN     string
	FunctionName    string
	FunctionVersion string
	MemoryMB        int
	Service         string
	InitType        string // on-demand, provisioned-concurrency, snap-start, lambda-managed-instances
}

// member is one member of the context's JSON object.
type member struct {
	name, text string
	kind       memberKind
}

type memberKind uint8

const (
	word    memberKind = iota // a string; null when empty
	literal                   // a number or a boolean; null when empty
)

// members lists the context in the order of the answer. The names are those
// of the Powertools loggers where they have one.
func (c *Context) members(now time.Time) []member {
	var deadline, millis, remaining string
	if !c.Deadline.IsZero() {
		deadline = c.Deadline.UTC().Format("2006-01-02T15:04:05.000Z")
		millis = strconv.FormatInt(c.Deadline.UnixMilli(), 10)
		// The wall clock on both sides: the monotonic one stands still in a freeze.
		remaining = strconv.FormatInt(max(0, c.Deadline.UnixMilli()-now.UnixMilli()), 10)
	}
	return []member{
		{"request_id", c.RequestID, word},
		{"trace_id", c.TraceID, word},
		{"deadline", deadline, word},
		{"deadline_ms", millis, literal},
		{"remaining_ms", remaining, literal},
		{"cold_start", c.coldStart(), literal},
		{"function_arn", c.FunctionARN, word},
		{"function_name", c.FunctionName, word},
		{"function_version", c.FunctionVersion, word},
		{"function_memory_size", strconv.Itoa(c.MemoryMB), literal},
		{"service", c.Service, word},
		{"init_type", c.InitType, word},
		{"correlation_id", c.CorrelationID, word},
		{"batch_item", c.BatchItem, word},
	}
}

// coldStart is empty outside an invocation.
func (c *Context) coldStart() string {
	if c.RequestID == "" {
		return ""
	}
	return strconv.FormatBool(c.ColdStart)
}

func (m member) appendJSON(dst []byte) []byte {
	dst = append(append(append(dst, '"'), m.name...), `":`...)
	switch {
	case m.text == "":
		return append(dst, "null"...)
	case m.kind == literal:
		return append(dst, m.text...)
	}
	return wire.AppendString(dst, m.text)
}

// getContext answers the whole context, or with ?key= one member of it, bare,
// for shells that cannot read JSON.
func getContext(s *Server, x *exchange) error {
	whole, err := x.flag("event", false)
	if err != nil {
		return err
	}
	if s.deps.Context == nil {
		return s.fail(CodeUnavailable, "the extension does not follow invocations")
	}
	current := s.deps.Context(x.r.Context(), x.str("request_id"))
	members := current.members(time.Now())
	x.w.Header()["Cache-Control"] = s.set.noStore
	if whole {
		return answerEvent(s, x, orElse(x.str("request_id"), current.RequestID))
	}
	if key := x.str("key"); key != "" {
		return s.answerMember(x, members, key)
	}
	x.out = append(x.out, '{')
	for i, m := range members {
		if i > 0 {
			x.out = append(x.out, ',')
		}
		x.out = m.appendJSON(x.out)
	}
	x.out = append(x.out, '}')
	return x.send(200, s.set.json)
}

// answerEvent answers with the event of a request that got only a part of it.
func answerEvent(s *Server, x *exchange, id string) error {
	var event []byte
	if s.deps.Event != nil {
		event = s.deps.Event(id)
	}
	if event == nil {
		return s.fail(CodeNoEvent, "")
	}
	x.out = append(x.out, event...)
	return x.send(200, s.set.json)
}

func (s *Server) answerMember(x *exchange, members []member, key string) error {
	names := make([]string, len(members))
	for i, m := range members {
		if names[i] = m.name; m.name != key {
			continue
		}
		x.out = append(x.out, m.text...)
		return x.send(200, s.set.text)
	}
	return badArgument("key", "one of "+strings.Join(names, ", "))
}
