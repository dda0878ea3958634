package runtimeapi

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
)

// maxHead bounds a start line with its fields, and trailers. Lambda takes a
// Lambda-Runtime-Function-XRay-Error-Cause of just under 1 MiB.
const maxHead = 2 << 20

var (
	errHead     = errors.New("malformed HTTP message")
	errHeadSize = errors.New("headers larger than 2 MiB")
)

// head is a start line and fields as they came: the bytes are moved on as
// they are, in their order and spelling. It is reused for the next message of
// a connection, so what is cut from it must not be kept.
type head struct {
	buf    []byte // all lines, each with its end
	start  []byte // the start line, without its end
	fields []field
}

// field is one header field. line aliases head.buf.
type field struct {
	name  []byte // as spelt
	value []byte // without the space around it; a folded value still has its line ends
	line  []byte // name, colon and value without the line's end
}

// read takes one head off the connection. io.EOF: there is none.
func (h *head) read(r *bufio.Reader) error {
	h.reset()
	n, err := h.line(r)
	if err != nil {
		if err == io.EOF && len(h.buf) == 0 {
			return io.EOF
		}
		return orHead(err)
	}
	start := n
	if err := h.readFields(r); err != nil {
		return err
	}
	h.start = withoutEnd(h.buf[:start])
	return nil
}

func (h *head) reset() {
	if cap(h.buf) > 64<<10 {
		h.buf = nil // one large X-Ray cause must not stay for the connection's life
	}
	h.buf, h.start, h.fields = h.buf[:0], nil, h.fields[:0]
}

// readFields reads lines up to the empty one and cuts them into fields. What
// was in buf before stays there.
func (h *head) readFields(r *bufio.Reader) error {
	from := len(h.buf)
	for {
		n, err := h.line(r)
		if err != nil {
			return orHead(err)
		}
		if len(withoutEnd(h.buf[len(h.buf)-n:])) == 0 {
			break
		}
	}
	return h.cut(from)
}

// orHead names a connection that ends inside a head.
func orHead(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// line appends one line with its end and returns its length.
func (h *head) line(r *bufio.Reader) (int, error) {
	from := len(h.buf)
	for {
		part, err := r.ReadSlice('\n')
		if len(h.buf)+len(part) > maxHead {
			return 0, errHeadSize
		}
		h.buf = append(h.buf, part...)
		if err == bufio.ErrBufferFull {
			continue
		}
		return len(h.buf) - from, err
	}
}

// cut splits the lines behind from into fields, by the rules of net/http, on
// which Lambda's own API stands: a line may end in LF alone, and a line that
// begins with a space continues the one before it.
func (h *head) cut(from int) error {
	rest := h.buf[from:]
	for len(rest) > 0 {
		end := bytes.IndexByte(rest, '\n') + 1
		line := withoutEnd(rest[:end])
		if len(line) == 0 {
			return nil
		}
		for end < len(rest) && (rest[end] == ' ' || rest[end] == '\t') {
			next := bytes.IndexByte(rest[end:], '\n') + 1
			if len(withoutEnd(rest[end:end+next])) == 0 {
				break
			}
			end += next
			line = withoutEnd(rest[:end])
		}
		rest = rest[end:]
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 || !isToken(line[:colon]) {
			return errHead
		}
		value := bytes.Trim(line[colon+1:], " \t")
		if !isValue(value) {
			return errHead
		}
		h.fields = append(h.fields, field{line[:colon], value, line})
	}
	return nil
}

func withoutEnd(line []byte) []byte {
	n := len(line)
	if n > 0 && line[n-1] == '\n' {
		n--
		if n > 0 && line[n-1] == '\r' {
			n--
		}
	}
	return line[:n]
}

func isToken(b []byte) bool {
	for _, c := range b {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' {
			continue
		}
		switch c {
		case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		default:
			return false
		}
	}
	return len(b) > 0
}

// isValue refuses control characters. A line end is one unless the value goes
// on behind it.
func isValue(b []byte) bool {
	for i, c := range b {
		if c >= ' ' && c != 0x7f || c == '\t' {
			continue
		}
		folded := c == '\n' || c == '\r' && i+1 < len(b) && b[i+1] == '\n'
		if !folded {
			return false
		}
	}
	return true
}

// get is the first value of a field; name is in lower case.
func (h *head) get(name string) ([]byte, bool) {
	for i := range h.fields {
		if isName(h.fields[i].name, name) {
			return h.fields[i].value, true
		}
	}
	return nil, false
}

func (h *head) text(name string) string { v, _ := h.get(name); return string(v) }

// set gives a field another value wherever it stands; name is in lower case.
func (h *head) set(name, value string) {
	for i := range h.fields {
		if f := &h.fields[i]; isName(f.name, name) {
			f.line = append(append(append([]byte(nil), f.name...), ": "...), value...)
			f.value = f.line[len(f.line)-len(value):]
		}
	}
}

// isName compares without regard to case; lower is in lower case.
func isName(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// hasWord reports whether a comma list has the word, given in lower case.
func hasWord(list []byte, word string) bool {
	for part := range bytes.SplitSeq(list, []byte{','}) {
		if isName(bytes.Trim(part, " \t"), word) {
			return true
		}
	}
	return false
}

// hopByHop are fields that belong to one connection (RFC 9110 §7.6.1). Trailer
// is not among them, because trailers are passed on.
func hopByHop(name []byte) bool {
	switch len(name) {
	case 2:
		return isName(name, "te")
	case 7:
		return isName(name, "upgrade")
	case 10:
		return isName(name, "connection") || isName(name, "keep-alive")
	case 16:
		return isName(name, "proxy-connection")
	case 17:
		return isName(name, "transfer-encoding")
	}
	return false
}

// connectionNames are the fields that the message itself calls hop-by-hop.
func (h *head) connectionNames() (names [][]byte) {
	for i := range h.fields {
		if !isName(h.fields[i].name, "connection") {
			continue
		}
		for part := range bytes.SplitSeq(h.fields[i].value, []byte{','}) {
			part = bytes.ToLower(bytes.Trim(part, " \t"))
			switch string(part) {
			case "", "close", "keep-alive":
			default:
				names = append(names, part)
			}
		}
	}
	return names
}

// appendFields writes what is passed on: all but the connection's own fields,
// the length of the body and what skip names, in lower case.
func (h *head) appendFields(dst []byte, skip ...string) []byte {
	own := h.connectionNames()
fields:
	for i := range h.fields {
		f := &h.fields[i]
		if hopByHop(f.name) || isName(f.name, "content-length") {
			continue
		}
		for _, name := range skip {
			if isName(f.name, name) {
				continue fields
			}
		}
		if slices.ContainsFunc(own, func(name []byte) bool { return isName(f.name, string(name)) }) {
			continue
		}
		dst = append(append(dst, f.line...), '\r', '\n')
	}
	return dst
}
