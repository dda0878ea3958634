package spool

import (
	"encoding/binary"
	"hash/crc32"
)

// frameHead is what stands before each record: its length and the CRC-32 of
// its bytes, both little endian.
const frameHead = 8

// appendFrame adds a record as it stands in a file.
func appendFrame(dst, record []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(record)))
	dst = binary.LittleEndian.AppendUint32(dst, crc32.ChecksumIEEE(record))
	return append(dst, record...)
}

// parse returns the records of a file, which alias data. It stops at the first
// one that is not whole: what a killed process was writing at that moment.
func parse(data []byte) (records [][]byte, whole bool) {
	for len(data) > 0 {
		if len(data) < frameHead {
			return records, false
		}
		n := binary.LittleEndian.Uint32(data)
		sum := binary.LittleEndian.Uint32(data[4:])
		data = data[frameHead:]
		if uint64(n) > uint64(len(data)) || crc32.ChecksumIEEE(data[:n]) != sum {
			return records, false
		}
		records = append(records, data[:n:n])
		data = data[n:]
	}
	return records, true
}
