package invocation

// finished remembers the last request ids that had their summary, and what
// was known about them, for lines and events that come late or again.
type finished struct {
	byID map[string]*Request
	ring [maxFinished]string
	next int
}

func (f *finished) has(id string) bool { return f.byID[id] != nil }

// add remembers a request and forgets the oldest.
func (f *finished) add(id string, req *Request) {
	if f.byID == nil {
		f.byID = make(map[string]*Request)
	}
	if old := f.ring[f.next]; old != "" {
		delete(f.byID, old)
	}
	f.ring[f.next] = id
	f.next = (f.next + 1) % maxFinished
	f.byID[id] = req
}
