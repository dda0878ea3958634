// Package tracing is one span of an invocation: the trace header it comes
// from, the ids, and how X-Ray and OpenTelemetry write it.
//
// The rule a reader could break: it is pure. Nothing is sent, kept or logged
// here, and no id is drawn before it is asked for: a snapshot that held one
// would give it to every sandbox restored from it.
package tracing

import "strings"

// State is what a trace header asks for.
type State uint8

// The states. Only Sampled is followed.
const (
	Missing   State = iota // there is no header
	Unsampled              // Sampled is not 1: nothing is sent anywhere
	Garbage                // it cannot be read
	Sampled
)

// Header is what is read of a trace header. Its strings alias the header.
type Header struct {
	Root   string // 1-8-24 hexadecimal digits
	Parent string // 16 hexadecimal digits; empty: it names none
}

// maxHeader bounds a header that is looked at, in bytes.
const maxHeader = 4 << 10

// ParseHeader reads a list of key=value in any order, as X-Ray writes it:
// Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1.
// Keys it does not know are left alone; one of the three that is there twice
// makes the header garbage, because two readers would understand it
// differently. It never allocates. (AWS X-Ray, "Tracing header")
func ParseHeader(header string) (h Header, state State) {
	if header == "" {
		return h, Missing
	}
	if len(header) > maxHeader {
		return h, Garbage
	}
	var sampled string
	var roots, parents, decisions int
	for part := range strings.SplitSeq(header, ";") {
		key, value, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok {
			continue
		}
		switch key {
		case "Root":
			h.Root, roots = value, roots+1
		case "Parent":
			h.Parent, parents = value, parents+1
		case "Sampled":
			sampled, decisions = value, decisions+1
		}
	}
	switch {
	case roots != 1 || parents > 1 || decisions > 1, !isRoot(h.Root), parents == 1 && !isID(h.Parent):
		return Header{}, Garbage
	case sampled != "1":
		return h, Unsampled
	}
	return h, Sampled
}

// RootOf is the Root of an X-Ray header as it stands, for logs. The header is a list of
// key=value in no fixed order; a value without "=" is the id itself.
func RootOf(header string) string {
	if !strings.Contains(header, "=") {
		return header
	}
	for part := range strings.SplitSeq(header, ";") {
		if id, ok := strings.CutPrefix(strings.TrimSpace(part), "Root="); ok {
			return id
		}
	}
	return ""
}

// Refuses reports whether a header says that the trace is not sampled, and
// does not leave it open.
func Refuses(header string) bool {
	for part := range strings.SplitSeq(header, ";") {
		if key, value, _ := strings.Cut(strings.TrimSpace(part), "="); key == "Sampled" {
			return value == "0"
		}
	}
	return false
}

// WithParent is the header with another parent, and everything else as it
// came.
func WithParent(header, id string) string {
	at := 0
	for part := range strings.SplitSeq(header, ";") {
		name := strings.TrimLeft(part, " \t")
		if strings.HasPrefix(name, "Parent=") {
			from := at + len(part) - len(name) + len("Parent=")
			return header[:from] + id + header[at+len(part):]
		}
		at += len(part) + 1
	}
	return strings.TrimRight(header, "; ") + ";Parent=" + id
}

// isRoot knows 1-, 8 digits for the second in which the trace began, and 24 at
// random.
func isRoot(s string) bool {
	return len(s) == 35 && s[:2] == "1-" && s[10] == '-' && isHex(s[2:10]) && isHex(s[11:]) && strings.Trim(s[2:], "0-") != ""
}

// isID knows 16 digits that are not all 0: that is no id for OpenTelemetry.
func isID(s string) bool { return len(s) == 16 && isHex(s) && strings.Trim(s, "0") != "" }

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

// W3C is a trace id as OpenTelemetry and W3C write it: the 32 digits of an
// X-Ray id, in lower case.
func W3C(root string) string {
	if !isRoot(root) {
		return ""
	}
	return strings.ToLower(root[2:10] + root[11:])
}
