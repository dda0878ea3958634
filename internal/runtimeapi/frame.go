package runtimeapi

import (
	"bufio"
	"bytes"
	"io"
	"math"
	"net/http/httputil"
	"time"
)

// Ways in which a message says where its body ends.
const (
	noBody = iota
	sized
	chunked
	untilClose // answers only
)

// frame is how long a body is.
type frame struct {
	kind   int
	length int64 // when sized
}

// requestFrame refuses what two readers could understand differently: a
// length and chunks, two lengths, codings other than chunked.
func (h *head) requestFrame(minor int) (frame, error) {
	f, both, err := h.frame()
	if err != nil || both || f.kind == chunked && minor == 0 {
		return frame{}, errHead
	}
	return f, nil
}

// responseFrame follows the order of RFC 9112 §6.3.
func (h *head) responseFrame(status int, isHead bool) (frame, error) {
	f, _, err := h.frame()
	switch {
	case err != nil:
		return frame{}, err
	case isHead || status < 200 || status == 204 || status == 304:
		return frame{kind: noBody}, nil
	case f.kind == noBody:
		return frame{kind: untilClose}, nil
	}
	return f, nil
}

// frame reads the two fields. both: the message has them both, and the coding
// counts.
func (h *head) frame() (f frame, both bool, err error) {
	length, codings := int64(-1), 0
	for i := range h.fields {
		name, value := h.fields[i].name, h.fields[i].value
		switch {
		case isName(name, "content-length"):
			n, err := parseLength(value)
			if err != nil || length >= 0 && n != length {
				return frame{}, false, errHead
			}
			length = n
		case isName(name, "transfer-encoding"):
			if codings++; codings > 1 || !isName(value, "chunked") {
				return frame{}, false, errHead
			}
		}
	}
	switch {
	case codings > 0:
		return frame{kind: chunked}, length >= 0, nil
	case length >= 0:
		return frame{sized, length}, false, nil
	}
	return frame{}, false, nil
}

func parseLength(b []byte) (int64, error) {
	if len(b) == 0 {
		return 0, errHead
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' || n > (math.MaxInt64-9)/10 {
			return 0, errHead
		}
		n = n*10 + int64(c-'0')
	}
	return n, nil
}

// body reads what a frame bounds.
type body struct {
	frame
	r        *bufio.Reader
	left     int64     // when sized
	chunks   io.Reader // when chunked
	trailer  head      // valid at the end of chunks
	done     bool
	at       time.Time // when its last byte was here
	received int64
	first    time.Time // when its first byte was here
	atEnd    func()    // when all of it is here, before its end is passed on; may be called twice
}

// size is the length of the whole body, -1 while that is not known.
func (b *body) size() int64 {
	if b.kind != sized && !b.done {
		return -1
	}
	return max(b.received, b.length)
}

func newBody(f frame, r *bufio.Reader) *body {
	b := &body{frame: f, r: r, left: f.length, atEnd: func() {}}
	switch {
	case f.kind == chunked:
		b.chunks = httputil.NewChunkedReader(r)
	case f.kind == noBody, f.kind == sized && f.length == 0:
		b.done, b.at = true, time.Now()
	}
	return b
}

// Read implements io.Reader. At io.EOF done is true and the trailers are
// there; a body that breaks off is io.ErrUnexpectedEOF.
func (b *body) Read(p []byte) (n int, err error) {
	if b.done {
		return 0, io.EOF
	}
	defer func() {
		if b.received == 0 && n > 0 {
			b.first = time.Now()
		}
		if b.received += int64(n); b.done {
			b.at = time.Now()
		}
	}()
	switch b.kind {
	case chunked:
		n, err = b.chunks.Read(p)
		if err == io.EOF {
			if err = b.readTrailer(); err == nil {
				b.done, err = true, io.EOF
			}
		}
	case sized:
		n, err = b.r.Read(p[:min(int64(len(p)), b.left)])
		if b.left -= int64(n); b.left == 0 {
			b.done, err = true, nil
		} else if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
	default:
		n, err = b.r.Read(p)
		b.done = err == io.EOF
	}
	return n, err
}

// readTrailer reads what follows the last chunk. Here net/http does not take a
// line feed alone.
func (b *body) readTrailer() error {
	if err := b.trailer.readFields(b.r); err != nil {
		return err
	}
	if bytes.Count(b.trailer.buf, []byte{'\n'}) != bytes.Count(b.trailer.buf, []byte("\r\n")) {
		return errHead
	}
	return nil
}

// drain reads the rest, up to limit, and reports whether that was all.
func (b *body) drain(limit int64) bool {
	var scratch [4 << 10]byte
	for !b.done && limit > 0 {
		n, err := b.Read(scratch[:])
		limit -= int64(n)
		if err != nil {
			break
		}
	}
	return b.done
}

// appendEnd writes the last chunk and the trailers.
func (b *body) appendEnd(dst []byte) []byte {
	dst = append(dst, '0', '\r', '\n')
	for _, f := range b.trailer.fields {
		if !hopByHop(f.name) && !isName(f.name, "content-length") {
			dst = append(append(dst, f.line...), '\r', '\n')
		}
	}
	return append(dst, '\r', '\n')
}

// request is the first line of one, taken apart.
type request struct {
	method []byte
	target []byte // as sent
	path   []byte // of the target, without the query
	minor  int    // of HTTP/1
}

func (h *head) request() (request, error) {
	method, rest, ok := bytes.Cut(h.start, []byte{' '})
	target, version, ok2 := bytes.Cut(rest, []byte{' '})
	if !ok || !ok2 || !isToken(method) || !isTarget(target) {
		return request{}, errHead
	}
	r := request{method: method, target: target}
	switch string(version) {
	case "HTTP/1.1":
		r.minor = 1
	case "HTTP/1.0":
	default:
		return request{}, errHead
	}
	r.path, _, _ = bytes.Cut(target, []byte{'?'})
	return r, nil
}

// isTarget takes a path. Whole addresses and CONNECT's hosts are for other
// kinds of proxies.
func isTarget(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return len(b) > 0 && b[0] == '/'
}

// status is the code in an answer's first line.
func (h *head) status() (code int, minor int, err error) {
	const length = len("HTTP/1.1 200")
	if len(h.start) < length || string(h.start[:7]) != "HTTP/1." || h.start[8] != ' ' || len(h.start) > length && h.start[length] != ' ' {
		return 0, 0, errHead
	}
	minor = int(h.start[7] - '0')
	for _, c := range h.start[9:12] {
		if c < '0' || c > '9' {
			return 0, 0, errHead
		}
		code = code*10 + int(c-'0')
	}
	if minor < 0 || minor > 1 || code < 100 {
		return 0, 0, errHead
	}
	return code, minor, nil
}
