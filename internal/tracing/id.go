package tracing

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
)

// NewID draws the id of a span: 16 hexadecimal digits, never all 0.
//
// The bytes are the kernel's at the time of the call. A generator of the
// process would lie in a snapshot, and be restored with it many times.
func NewID() string {
	var b [8]byte
	for b == [8]byte{} {
		_, _ = rand.Read(b[:]) // never fails
	}
	return hex.EncodeToString(b[:])
}

// NewRoot draws the id of a trace that begins now.
func NewRoot(now time.Time) string {
	var b [12]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("1-%08x-%s", uint32(now.Unix()), hex.EncodeToString(b[:]))
}
