package paramcache

import (
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	// batchWait is the longest that a fetch waits for others while a call of
	// its lane is on its way: about what a call takes, and the bound where the
	// call hangs.
	batchWait = 20 * time.Millisecond
	// batchSize is how many refs make one call of a Batcher that does not say.
	batchSize = 10
)

// Sizer is a Batcher that knows how many refs like this one fit into one call
// of the upstream; below 2 it is fetched alone.
type Sizer interface {
	BatchSize(ref Ref) int
}

// lane is what the refs of one batch have in common.
type lane struct {
	source       Source
	region, role string
	decrypt      bool
}

// queue is one lane's calls on their way and the fetches that wait meanwhile.
type queue struct {
	size    int // of a batch
	flying  int
	waiting []*flight
	late    *time.Timer // sends what waits; nil while nothing does
}

// lanes batches by nature: a fetch on an idle lane goes at once and alone, and
// those that arrive while it is on its way leave together when it lands. So a
// lone read never waits, and a storm makes its own batches. A lane exists only
// while something flies on it.
type lanes struct {
	mu     sync.Mutex
	queues map[lane]*queue
}

func newLanes() *lanes { return &lanes{queues: map[lane]*queue{}} }

// add takes flights onto the lane and returns the batches that leave now:
// everything if nothing is on its way or several came together, else full
// batches only. late is called when the rest has waited long enough.
func (ls *lanes) add(l lane, size int, fs []*flight, late func()) (leaving [][]*flight) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	q := ls.queues[l]
	if q == nil {
		q = &queue{}
		ls.queues[l] = q
	}
	q.size = size
	q.waiting = append(q.waiting, fs...)
	leaving = q.leave(q.flying == 0 || len(fs) > 1)
	if len(q.waiting) > 0 && q.late == nil {
		q.late = time.AfterFunc(batchWait, late)
	}
	return leaving
}

// landed ends one call of the lane; what has come meanwhile leaves.
func (ls *lanes) landed(l lane) (leaving [][]*flight) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	q := ls.queues[l]
	q.flying--
	leaving = q.leave(true)
	if q.flying == 0 {
		delete(ls.queues, l)
	}
	return leaving
}

// late returns what has waited long enough.
func (ls *lanes) late(l lane) (leaving [][]*flight) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if q := ls.queues[l]; q != nil {
		leaving = q.leave(true)
	}
	return leaving
}

// leave takes full batches from the queue, and the rest if all shall go.
func (q *queue) leave(all bool) (leaving [][]*flight) {
	for len(q.waiting) >= q.size || all && len(q.waiting) > 0 {
		n := min(q.size, len(q.waiting))
		leaving = append(leaving, q.waiting[:n:n])
		q.waiting = q.waiting[n:]
		q.flying++
	}
	if len(q.waiting) == 0 && q.late != nil {
		q.late.Stop()
		q.late = nil
	}
	return leaving
}

// launch sends new flights on their way: batched by lane, or each alone.
func (c *Cache) launch(fs ...*flight) {
	together := map[lane][]*flight{}
	for _, f := range fs {
		if c.batchSize(f.lead.ref) < 2 {
			go c.fly([]*flight{f})
			continue
		}
		l := c.lane(f.lead.ref)
		together[l] = append(together[l], f)
	}
	for l, fs := range together {
		c.send(l, c.lanes.add(l, c.batchSize(fs[0].lead.ref), fs, func() { c.sendLate(l) }))
	}
}

// send starts batches; each one that lands sends what came meanwhile.
func (c *Cache) send(l lane, batches [][]*flight) {
	for _, batch := range batches {
		go func() {
			defer c.survive()
			defer func() { c.send(l, c.lanes.landed(l)) }()
			c.fly(batch)
		}()
	}
}

// sendLate is the root of a timer's goroutine.
func (c *Cache) sendLate(l lane) {
	defer c.survive()
	c.send(l, c.lanes.late(l))
}

// survive is deferred at the root of a goroutine: a panic must not end the
// process.
func (c *Cache) survive() {
	if p := recover(); p != nil {
		c.log.Error("panic while batching, please report it", zap.String("type", fmt.Sprintf("%T", p)), zap.Stack("stack"))
	}
}

// batchSize is how many refs like this one make one call. A panic must not leave
// a flight behind that never starts.
func (c *Cache) batchSize(ref Ref) (size int) {
	defer func() {
		if p := recover(); p != nil {
			size = 1
		}
	}()
	if _, ok := c.provider.(Batcher); !ok || ref.Group() {
		return 1
	}
	if sizer, ok := c.provider.(Sizer); ok {
		return sizer.BatchSize(ref)
	}
	return batchSize
}

// lane is where the ref is fetched: an ARN counts for its region, also one that
// is not understood, for the provider sends it there.
func (c *Cache) lane(ref Ref) lane {
	region := ref.ReadIn()
	if region == c.home.Region {
		region = ""
	}
	return lane{source: ref.Source, region: region, role: ref.RoleARN, decrypt: ref.Decrypt}
}
