package lambdaemu

import (
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"powertools-extension/lambdaemu/internal/child"
)

// On managed instances what the platform says about a request and what the
// request printed take two ways: the report often comes before lines that were
// printed earlier (AWS source: aws-lambda-rie, where lines go through a scanner
// of their own and are dated when they come out of it; seen there at every
// concurrency from 1 to 16). Which of the two comes first is chosen here per
// request, from a seed, so that a run can be repeated.

// lateLimit is how long a line may wait for the report of its request. A line is
// late by milliseconds on Lambda; a request that prints and then works on for
// seconds is read while it works.
const lateLimit = time.Second

// lateBytes bounds what waits of one request.
const lateBytes = 4 << 20

// ReportStats count the reports of managed instances.
type ReportStats struct {
	Reports int // all
	First   int // that came before a line of their own request
}

// order sends a request's lines and its report out in the order chosen for it.
type order struct {
	print func(child.Message) // what the function printed; called under the lock

	mu   sync.Mutex
	open map[string]*ordered
}

// ordered is one request under way.
type ordered struct {
	reportFirst bool
	held        []child.Message
	bytes       int
	timer       *time.Timer // of the oldest line held
}

func newOrder(print func(child.Message)) *order {
	return &order{print: print, open: make(map[string]*ordered)}
}

// reportComesFirst is the choice for the n-th invocation: half of all.
func reportComesFirst(seed uint64, n int) bool {
	return rand.New(rand.NewPCG(seed, uint64(n))).Uint64()&1 == 1
}

func (o *order) begin(id string, reportFirst bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.open[id] = &ordered{reportFirst: reportFirst}
}

// line prints, or holds a line that shall come after its report. A line belongs
// to the open request whose id it names, or to the only one that is open; of
// others nobody can say whose they are.
func (o *order) line(msg child.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r := o.ownerLocked(msg.Text)
	if r == nil || !r.reportFirst {
		o.print(msg)
		return
	}
	r.held = append(r.held, msg)
	r.bytes += len(msg.Text)
	switch {
	case r.bytes > lateBytes:
		o.releaseLocked(r)
	case len(r.held) == 1:
		r.timer = time.AfterFunc(lateLimit, func() { o.release(r) })
	}
}

func (o *order) ownerLocked(text string) *ordered {
	var last *ordered
	for id, r := range o.open {
		if strings.Contains(text, id) {
			return r
		}
		last = r
	}
	if len(o.open) == 1 {
		return last
	}
	return nil
}

// report calls emit, then prints what was held. It returns how many lines came
// after the report.
func (o *order) report(id string, emit func()) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	emit()
	r := o.open[id]
	if r == nil {
		return 0
	}
	delete(o.open, id)
	after := len(r.held)
	o.releaseLocked(r)
	return after
}

func (o *order) release(r *ordered) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.releaseLocked(r)
}

func (o *order) releaseLocked(r *ordered) {
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	held := r.held
	r.held, r.bytes = nil, 0
	for _, msg := range held {
		if !msg.Framed {
			msg.Time = time.Now() // dated when the platform takes it
		}
		o.print(msg)
	}
}

// close prints what is still held, in the order of the ids.
func (o *order) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	ids := make([]string, 0, len(o.open))
	for id := range o.open {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		o.releaseLocked(o.open[id])
		delete(o.open, id)
	}
}
