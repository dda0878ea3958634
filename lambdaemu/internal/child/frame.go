package child

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The framed descriptor is a stream of frames, big-endian: type u32, length u32,
// with the timestamp bit a time i64 in microseconds, then length bytes. The type's
// last byte is level<<2 | timestamp<<1 | text (awslambdaric, aws-lambda-ric and the
// Java client, which write header and body in one write or in two).
const (
	frameMagic    = 0xa55a00
	frameTime     = 1 << 1
	maxFrame      = 64 << 20
	clockSkew     = 24 * time.Hour // a frame dated further away is dated anew
	frameShort    = 8              // header without a timestamp
	frameComplete = 16
)

var errNoFrame = errors.New("not a frame")

// levelName is the word of a frame's level; 0 is unset.
func levelName(level byte) (string, bool) {
	names := [...]string{"", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}
	if int(level) >= len(names) {
		return "", false
	}
	return names[level], true
}

// frames are the messages of the framed descriptor. What is no frame makes the
// rest of the stream lines, told once through broken.
type frames struct {
	emit   func(Message)
	broken func(error)

	buf []byte // begins with a header
	raw *lines // after something that is no frame
}

func (f *frames) feed(data []byte) {
	if f.raw != nil {
		f.raw.feed(data)
		return
	}
	f.buf = append(f.buf, data...)
	rest := f.buf
	for {
		header, length, msg, err := parseHeader(rest)
		if err != nil {
			f.giveUp(err, rest)
			return
		}
		if header == 0 || len(rest) < header+length {
			break
		}
		f.tell(msg, rest[header:header+length])
		rest = rest[header+length:]
	}
	if len(rest) < len(f.buf) { // a large frame that comes in pieces is not copied for each
		f.buf = append(f.buf[:0:0], rest...)
	}
}

func (f *frames) giveUp(err error, rest []byte) {
	f.buf, f.raw = nil, &lines{emit: f.emit}
	f.broken(err)
	f.raw.feed(rest)
}

// tell hands a body on, in parts when it is too large for one log event.
func (f *frames) tell(msg Message, body []byte) {
	for len(body) > maxText {
		part := msg
		part.Text, part.Bare = string(body[:maxText]), true
		f.emit(part)
		body = body[maxText:]
	}
	text, newline := strings.CutSuffix(string(body), "\n")
	msg.Text, msg.Bare = text, !newline
	f.emit(msg)
}

// flush hands on what came of a frame that was cut, as by a crash.
func (f *frames) flush() {
	if f.raw != nil {
		f.raw.flush()
		return
	}
	if header, _, msg, err := parseHeader(f.buf); err == nil && header > 0 && len(f.buf) > header {
		f.tell(msg, f.buf[header:])
	}
	if len(f.buf) > 0 {
		f.broken(fmt.Errorf("a frame was cut after %d bytes", len(f.buf)))
	}
	f.buf = nil
}

// parseHeader returns the length of header and body; a header of 0 means that
// more is needed.
func parseHeader(b []byte) (header, length int, msg Message, err error) {
	if len(b) < frameShort {
		return 0, 0, msg, nil
	}
	typ, size := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	level, known := levelName(byte(typ) >> 2)
	if typ>>8 != frameMagic || !known || size > maxFrame {
		return 0, 0, msg, fmt.Errorf("%w: type %#08x, length %d", errNoFrame, typ, size)
	}
	msg = Message{Framed: true, Level: level, Time: time.Now()}
	if typ&frameTime == 0 {
		return frameShort, int(size), msg, nil
	}
	if len(b) < frameComplete {
		return 0, 0, msg, nil
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(b[8:])))
	if off := msg.Time.Sub(at); off.Abs() < clockSkew {
		msg.Time = at
	}
	return frameComplete, int(size), msg, nil
}
