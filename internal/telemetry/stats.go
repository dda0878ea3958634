package telemetry

import (
	"math/bits"
	"sync/atomic"
)

// Stats counts since Listen. Bodies that were dropped or skipped are counted
// in Bodies and Bytes, too.
type Stats struct {
	Bodies int64 // POSTs taken, with something in them
	Bytes  int64 // of their bodies

	Events      int64 // handed to the handler
	Unknown     int64 // of these, events of an unknown type
	Undecodable int64 // elements that could not be read
	Stitched    int64 // halves of cut records put to their first half
	Truncated   int64 // lines of which the second half never came

	Duplicates    int64 // bodies that came again and were skipped
	DroppedBodies int64 // bodies dropped because they were too many or too large
	DroppedBytes  int64 // of them
	DroppedLines  int64 // function lines in them; those of a body that is itself too large are not known

	Skipped      int64 // function lines that were counted and not decoded
	SkippedLater int64 // of these, those behind the first platform.start

	Panics int64 // of the handler
}

// counters are Stats that several goroutines write.
type counters struct {
	bodies, bytes                          atomic.Int64
	events, unknown, undecodable           atomic.Int64
	stitched, truncated                    atomic.Int64
	duplicates                             atomic.Int64
	droppedBodies, droppedBytes, dropLines atomic.Int64
	skipped, skippedLater                  atomic.Int64
	panics                                 atomic.Int64
}

// Stats returns the counters as they are now.
func (s *Server) Stats() Stats {
	c := &s.count
	return Stats{
		Bodies: c.bodies.Load(), Bytes: c.bytes.Load(),
		Events: c.events.Load(), Unknown: c.unknown.Load(), Undecodable: c.undecodable.Load(),
		Stitched: c.stitched.Load(), Truncated: c.truncated.Load(),
		Duplicates:    c.duplicates.Load(),
		DroppedBodies: c.droppedBodies.Load(), DroppedBytes: c.droppedBytes.Load(), DroppedLines: c.dropLines.Load(),
		Skipped: c.skipped.Load(), SkippedLater: c.skippedLater.Load(),
		Panics: c.panics.Load(),
	}
}

// worthSaying reports whether a count that has grown by added to n is logged:
// when it passes 1, 2, 4, 8 and so on, so that a flood cannot flood the log.
func worthSaying(n, added int64) bool {
	return bits.Len64(uint64(n)) != bits.Len64(uint64(n-added))
}
