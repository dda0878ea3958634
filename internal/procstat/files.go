package procstat

import (
	"bytes"
	"io"
	"math"
	"os"
	"strconv"
)

// maxFile is larger than each file that is read whole. In a sandbox they have
// a few hundred bytes.
const maxFile = 8 << 10

// file returns the start of a file, nil if there is none.
func (r *Reader) file(name string) []byte {
	f, err := os.Open(r.opt.Root + name)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	buf := make([]byte, maxFile)
	n, err := io.ReadFull(f, buf)
	if err != nil && n == 0 {
		return nil
	}
	return buf[:n]
}

// field returns the n-th word of a line, counted from 0, as a number that is
// not negative.
func field(line []byte, n int) (float64, bool) {
	for {
		line = bytes.TrimLeft(line, " \t")
		end := bytes.IndexAny(line, " \t")
		if end < 0 {
			end = len(line)
		}
		if end == 0 {
			return 0, false
		}
		if n == 0 {
			v, err := strconv.ParseUint(string(line[:end]), 10, 64)
			return float64(v), err == nil
		}
		n--
		line = line[end:]
	}
}

// round cuts what the arithmetic of floats adds behind the third decimal.
func round(v float64) float64 { return math.Round(v*1000) / 1000 }

func itoa(n int) string { return strconv.Itoa(n) }
