package spool

import (
	"bytes"
	"testing"
)

// FuzzParse: whatever is in a file, what is taken for records is a prefix of
// it, and the whole of it exactly if parse says so. And any bytes survive as a
// record, whatever stands behind them.
func FuzzParse(f *testing.F) {
	f.Add([]byte(nil))
	f.Add(framed("first", "", "third"))
	f.Add(framed("first", "torn")[:20])
	f.Add(framed("first")[:5])
	f.Add([]byte("\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Add(make([]byte, 3*frameHead+1))
	f.Fuzz(func(t *testing.T, data []byte) {
		in := bytes.Clone(data)
		records, whole := parse(data)
		var again []byte
		for _, r := range records {
			again = appendFrame(again, r)
		}
		if !bytes.HasPrefix(data, again) || whole != (len(again) == len(data)) {
			t.Errorf("%d records of %d bytes, whole %v, from %x", len(records), len(again), whole, data)
		}
		if !bytes.Equal(in, data) {
			t.Error("the input was changed")
		}
		records, _ = parse(append(appendFrame(nil, in), in...))
		if len(records) == 0 || !bytes.Equal(records[0], in) {
			t.Errorf("%x did not survive", in)
		}
	})
}
