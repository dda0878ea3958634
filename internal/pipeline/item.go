package pipeline

import "powertools-extension/internal/invocation"

// findItem finds the record of a batch that the line names by the id of its
// invocation. The line is its batch's then: Lambda knows no other id.
func (r *rules) findItem(l *line) {
	if r.opt.Items == nil {
		return
	}
	item, ok := r.opt.Items.Of(l.facts.RequestID, l.text)
	if !ok {
		return
	}
	l.item, l.facts.RequestID = item, []byte(item.Whole)
	if l.headID != nil {
		l.headID = l.facts.RequestID
	}
}

// about is what is known of the request, with what belongs to the record that
// the line is about: the one that it names, else, where lines are read while
// the runtime has it, that one. It is the same value for lines in a row.
func (e *enricher) about(req *invocation.Request, l *line) *invocation.Request {
	if l.item.Record == "" && l.facts.Direct {
		l.item, _ = e.opt.Items.Running(req.ID)
	}
	if l.item.Record == "" || req.ID != l.item.Whole {
		return req
	}
	if e.base != req || e.item != l.item {
		n := *req
		n.BatchItem = l.item.Record
		if l.item.CorrelationID != "" {
			n.CorrelationID = l.item.CorrelationID
		}
		e.base, e.item, e.piece = req, l.item, &n
	}
	return e.piece
}
