package middleware

import (
	"context"
	"maps"

	"powertools-extension/internal/awsevent"
)

// Piece is a part of a split event, an invocation of its own for the runtime.
type Piece struct {
	ID   string // must differ from every other id of the sandbox
	Body []byte // valid until the next piece is asked for
}

// Pieces gives the next piece of a split event. Without one it gives the
// answer of the whole; with neither a runtime still has the piece before, or
// all is over. It is called by one goroutine at a time with the hook's
// Response, which may be called by others.
type Pieces func(ctx context.Context) (Piece, *Post)

// whole is an event that was split.
type whole struct {
	passage *passage
	request Request
	by      Hook
	next    Pieces
	from    int    // the first hook that sees pieces
	piece   string // that a runtime has; empty: none
}

// keep follows an event that was split. Its bytes belong to the hook now.
func (c *Chain) keep(r *Request, w *whole) {
	w.request.Body = nil
	c.mu.Lock()
	defer c.mu.Unlock()
	c.split[r.ID] = w
}

// Piece is asked what a runtime gets of an event that was split: the next
// piece that no hook answers, else the answer of the whole, which is in
// Answer. Without both there is nothing to give.
func (c *Chain) Piece(ctx context.Context, id string) Outcome {
	c.mu.Lock()
	w := c.split[id]
	c.mu.Unlock()
	if w == nil {
		return Outcome{}
	}
	for {
		piece, post := c.pull(ctx, w)
		switch {
		case post != nil:
			return c.answerWhole(ctx, w, post)
		case piece.ID == "":
			return Outcome{}
		}
		r := w.request
		r.ID, r.Whole, r.Body, r.Source = piece.ID, id, piece.Body, awsevent.Recognise(piece.Body)
		p := &passage{source: r.Source, began: maps.Clone(w.passage.began), whole: id, errors: w.passage.errors}
		c.mu.Lock()
		w.piece = piece.ID
		c.mu.Unlock()
		out := c.walk(ctx, &r, p, w.from)
		switch {
		case out.Hold:
			continue
		case out.Answer != nil:
			return out
		}
		if out.Piece = piece; out.Body != nil {
			out.Piece.Body, out.Body = out.Body, nil
		}
		return out
	}
}

// pull asks for a piece. A defect ends the whole with an error: what would be
// kept back by silence comes again.
func (c *Chain) pull(ctx context.Context, w *whole) (piece Piece, post *Post) {
	ctx, cancel := withReserve(ctx, w.request.Deadline)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			c.failed(w.by, w.passage, "panic: "+panicKind(v), nil)
			piece, post = Piece{}, c.defect()
		}
	}()
	return w.next(ctx)
}

func (c *Chain) defect() *Post {
	return Problem{Type: "BatchProcessingError", Detail: "internal error of the extension; the whole batch fails, so that nothing is lost"}.Post(awsevent.Event{}, false)
}

// answerWhole takes the answer of the whole through the steps of the way back
// behind the hook that split it.
func (c *Chain) answerWhole(ctx context.Context, w *whole, post *Post) Outcome {
	out := c.answer(ctx, w.by, &w.request, w.passage, post)
	out.For = w.request.ID
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.split, w.request.ID)
	return out
}

// complete turns the answer of the last piece into that of the whole, whose
// steps follow.
func (c *Chain) complete(id string, answer *Response, p *passage) *passage {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.split[id]
	delete(c.split, id)
	if w == nil {
		return p
	}
	answer.ID, answer.Whole, answer.Source = id, "", w.request.Source
	return w.passage
}

// insist: the answer of a piece is held back or becomes that of the whole. If
// the hook that split has failed to say so, the whole is an error.
func (c *Chain) insist(p *passage, out *Outcome) {
	if p.whole == "" || out.Hold || out.Answer != nil && out.For != "" {
		return
	}
	c.drop(p.whole)
	out.Answer, out.For, out.AnsweredBy = c.defect(), p.whole, "batch"
}

// Forget drops an invocation that will not be answered, with its pieces.
func (c *Chain) Forget(id string) {
	c.drop(id)
	c.take(id)
}

func (c *Chain) drop(id string) {
	c.mu.Lock()
	w := c.split[id]
	delete(c.split, id)
	if w != nil {
		delete(c.open, w.piece)
	}
	c.mu.Unlock()
	for _, h := range c.requests {
		if h.Forget != nil {
			h.Forget(id)
		}
	}
}
