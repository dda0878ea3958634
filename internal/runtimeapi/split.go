package runtimeapi

import (
	"context"
	"math"
	"net"
	"time"

	"powertools-extension/internal/runtimeapi/pieces"
)

// giveUp drops events that are split and will not be answered.
func (s *Server) giveUp(events []*pieces.Event) {
	for _, e := range events {
		s.opt.Chain.Forget(e.ID)
	}
}

// splitOf keeps of an event what its pieces have in common.
func (x *exchange) splitOf(e *Event) *pieces.Event {
	return &pieces.Event{ID: e.ID, Deadline: e.Deadline, Fields: x.res.appendFields(nil, "content-type", "lambda-runtime-aws-request-id", "date")}
}

// givePiece gives the runtime the next piece that no hook answers. Not
// answered: it is to wait for Lambda.
func (x *exchange) givePiece() (answered, keep bool) {
	x.s.giveUp(x.s.splits.Expired(time.Now().Add(-2 * warnBefore)))
	for {
		e, busy := x.s.splits.Take()
		switch {
		case e == nil && busy && !x.s.opt.Managed:
			return true, x.judge(403, "InvalidStateTransition", "State transition from Running to Ready failed for runtime. Error: State transition is not allowed")
		case e == nil:
			x.again = true
			return false, true
		}
		piece := e.Again()
		if piece.ID == "" {
			v := x.s.opt.Chain.Piece(context.Background(), e.ID)
			if v.Post != nil {
				x.s.splits.Remove(e)
				return x.postItself(e.ID, v)
			}
			piece = v.Piece
		}
		if piece.ID != "" {
			return x.give(e, piece)
		}
		x.s.splits.Remove(e) // nothing is left, and somebody has answered
	}
}

func (x *exchange) give(e *pieces.Event, piece pieces.Piece) (answered, keep bool) {
	x.in = append(append(x.in[:0], "HTTP/1.1 200 OK\r\n"...), e.Fields...)
	x.in = append(append(append(x.in, "Lambda-Runtime-Aws-Request-Id: "...), piece.ID...), "\r\nContent-Type: application/json\r\n"...)
	x.in = appendFrame(x.appendKeep(x.in), frame{sized, int64(len(piece.Body))})
	x.sent = true
	x.s.splits.Gave(e, piece.ID) // the runtime may be quick
	buffers := net.Buffers{x.in, piece.Body}
	if _, err := buffers.WriteTo(x.net); err != nil {
		x.s.splits.Free(e, piece)
		return true, false
	}
	return true, x.keep
}

// judge refuses in Lambda's words what Lambda cannot judge, because it does
// not know of pieces.
func (x *exchange) judge(status int, kind, reason string) (keep bool) {
	x.sent = true
	x.in = appendError(x.in[:0], status, kind, reason, x.keep)
	_, err := x.net.Write(x.in)
	return x.keep && err == nil
}

// refuseID answers under an id of no piece that a runtime has.
func (x *exchange) refuseID() (keep bool) {
	x.keep = x.body.drain(mostKept) && x.keep
	if x.body.done {
		x.resume <- struct{}{}
	}
	return x.judge(400, "InvalidRequestID", "Invalid request ID")
}

// hearPiece asks the chain about the answer to a piece, to the last byte of
// it. The last one's answers the whole before the runtime is told.
func (x *exchange) hearPiece(e *pieces.Event) (done, keep, broken bool) {
	data, err := x.body.keep()
	long := len(data) > mostKept
	if err != nil || !x.body.drain(math.MaxInt64) {
		x.s.splits.Gave(e, x.id) // it broke off, and may come again
		return true, false, false
	}
	x.resume <- struct{}{}
	a := x.describe()
	a.Deadline, a.Bytes = e.Deadline, x.body.received
	if a.Streamed = a.Streamed || long; !a.Streamed {
		a.Beginning, a.Whole = data, true
	}
	v := x.s.opt.Chain.Response(context.Background(), &a)
	if v.Post != nil {
		x.s.splits.Remove(e)
		x.verdict = v
		return false, false, x.instead(v)
	}
	x.s.splits.Free(e, pieces.Piece{})
	x.in = appendAnswer(x.in[:0], 202, "{\"status\":\"OK\"}\n", x.keep)
	_, err = x.net.Write(x.in)
	return true, x.keep && err == nil, false
}
