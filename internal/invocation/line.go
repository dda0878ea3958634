package invocation

// Line is what a line of the function says about itself.
type Line struct {
	RequestID []byte // the id it names; empty if none
	Level     Level
	Message   []byte // what the fingerprint of an error is taken from
	Text      []byte // the whole line, where phrases are looked for

	// Failure marks an ERROR line with a stack or an error type: a handler
	// that threw leaves nothing else, as platform.runtimeDone says success
	// (Lambda Telemetry API schema reference).
	Failure   bool
	ErrorType []byte // e.g. KeyError; empty if the line does not name it
}

// Line counts the line and returns the request it belongs to: the one it
// names, if that is known here, else the one whose turn it is in the stream.
// An unknown id is no id of ours: functions log those of their callers too.
func (t *Tracker) Line(l *Line) *Request {
	oom := (l.Level == LevelUnknown || l.Level >= LevelError) && tellsOutOfMemory(l.Text)
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.ownerLocked(l.RequestID)
	if r == nil {
		if req := t.finished.byID[string(l.RequestID)]; req != nil {
			return req
		}
		return t.turnLocked()
	}
	r.sum.Logs[min(l.Level, LevelCritical)]++
	if l.Level >= LevelError || l.Failure || oom {
		r.clues.line(l, oom)
		if r.sum.FirstErrorFingerprint == "" {
			r.sum.FirstErrorFingerprint = fingerprint(l)
		}
	}
	return r.req
}

// ownerLocked returns the open record a line belongs to, nil if there is none
// or it has its summary already.
func (t *Tracker) ownerLocked(id []byte) *record {
	if len(id) > 0 {
		if r := t.open[string(id)]; r != nil {
			return r
		}
		if t.finished.byID[string(id)] != nil {
			return nil
		}
	}
	if t.managedLocked() {
		return t.soleLocked()
	}
	if r := t.stream; r != nil && t.open[r.id] == r {
		return r
	}
	return nil
}

// turnLocked returns the request whose lines are in the stream: the last one
// that started, also after its end. On managed instances requests interleave
// and a line without an id belongs to one only if that one is alone.
func (t *Tracker) turnLocked() *Request {
	r := t.stream
	if t.managedLocked() {
		r = t.soleLocked()
	}
	if r == nil {
		return nil
	}
	return r.req
}
