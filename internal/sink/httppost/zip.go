package httppost

import (
	"bytes"
	"compress/gzip"
)

// Zipper compresses bodies and keeps its tables, about a megabyte, for the
// next one. The zero value is ready; it takes no memory before its first use.
type Zipper struct {
	w    *gzip.Writer
	buf  *bytes.Buffer
	size int // of the last body
}

// Start begins a body.
func (z *Zipper) Start() {
	z.buf = new(bytes.Buffer) // fresh: see the rule of this package
	z.buf.Grow(z.size + z.size/4 + 512)
	if z.w == nil {
		// The time is taken from the function, and the lines of one batch are so
		// alike that the fastest level takes nine tenths of them away.
		z.w, _ = gzip.NewWriterLevel(z.buf, gzip.BestSpeed)
		return
	}
	z.w.Reset(z.buf)
}

// Write adds to the body. It never fails: memory takes it.
func (z *Zipper) Write(p []byte) (int, error) { return z.w.Write(p) }

// Finish ends the body and hands it over.
func (z *Zipper) Finish() []byte {
	_ = z.w.Close()
	body := z.buf.Bytes()
	z.size, z.buf = len(body), nil
	return body
}
