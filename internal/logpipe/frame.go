package logpipe

import (
	"encoding/binary"
	"time"
)

// The framed descriptor is a stream of frames, big-endian: type u32, length
// u32, with the timestamp bit a time i64 in microseconds, then length bytes. The
// type's last byte is level<<2 | timestamp<<1 | text (awslambdaric,
// aws-lambda-ric and the Java client).
const (
	frameMagic    = 0xa55a00
	frameText     = 1 << 0
	frameTime     = 1 << 1
	mostLevel     = 6
	maxFrame      = 64 << 20
	shortHeader   = 8
	longestHeader = 16
)

// frameHeader reads the header that b begins with. size 0 and ok: there is
// more to come. Not ok: this is no frame.
func frameHeader(b []byte) (size, length int, ok bool) {
	if len(b) < 4 {
		return 0, 0, isFrameStart(b)
	}
	typ := binary.BigEndian.Uint32(b)
	if typ>>8 != frameMagic || byte(typ)>>2 > mostLevel {
		return 0, 0, false
	}
	if len(b) < shortHeader {
		return 0, 0, true
	}
	n := binary.BigEndian.Uint32(b[4:])
	if n > maxFrame {
		return 0, 0, false
	}
	size = shortHeader
	if typ&frameTime != 0 {
		size = longestHeader
	}
	if len(b) < size {
		return 0, 0, true
	}
	return size, int(n), true
}

// isFrameStart reports whether fewer bytes than a type may become one.
func isFrameStart(b []byte) bool {
	magic := [...]byte{frameMagic >> 16, frameMagic >> 8 & 0xff, frameMagic & 0xff}
	for i, c := range b {
		if c != magic[i] {
			return false
		}
	}
	return true
}

// frameSays is the level and the time of a header; zero: it tells none.
func frameSays(header []byte) (level byte, at time.Time) {
	if len(header) == 0 {
		return 0, time.Time{}
	}
	if len(header) >= longestHeader {
		if us := int64(binary.BigEndian.Uint64(header[shortHeader:])); us > 0 {
			at = time.UnixMicro(us)
		}
	}
	return header[3] >> 2, at
}

// reframe makes the header at b[at:] that of the body behind it. An object is
// no text.
func reframe(b []byte, at, header int, object bool) {
	if object {
		b[at+3] &^= frameText
	}
	binary.BigEndian.PutUint32(b[at+4:], uint32(len(b)-at-header))
}
