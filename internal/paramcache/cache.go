package paramcache

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/ref"
)

// forceWindow is how long one forced fetch serves other forced reads of the
// same ref, so that a storm of them costs one call a second.
const forceWindow = time.Second

// Cache answers reads from memory or from its Provider. It is safe for
// concurrent use and has no goroutine of its own: only a fetch runs beside its
// callers, and no longer than the configured timeout.
type Cache struct {
	provider Provider
	log      *zap.Logger
	config   Config
	home     ref.Home
	allowed  *ref.Allow
	now      func() time.Time
	lanes    *lanes
	size     size

	mu         sync.Mutex // guards what follows; never held during a fetch
	entries    *entries
	failures   failures
	counters   Counters
	generation uint64
	filed      uint64             // counts stored fetches
	epoch      uint64             // counts purges: a fetch from before one is not stored
	flights    map[string]*flight // replaced by a purge: nobody joins a fetch from before it
	awake      bool
	woken      chan struct{} // closed when awake; made anew when not any more
}

// New returns an empty cache in front of p.
func New(p Provider, log *zap.Logger, config Config) *Cache {
	now := wallClock
	if config.Now != nil {
		now = func() time.Time { return config.Now().Round(0) }
	}
	home := ref.Home{
		Region: config.Region, Account: config.Account,
		KeyAttr: config.KeyAttr, SortAttr: config.SortAttr, ValueAttr: config.ValueAttr,
	}
	c := &Cache{
		provider: p,
		log:      log.Named("paramcache"),
		config:   config,
		home:     home,
		allowed:  ref.NewAllow(config.Allow, home),
		now:      now,
		lanes:    newLanes(),
		entries:  newEntries(config.MaxItems, config.MaxBytes),
		failures: failures{},
		flights:  map[string]*flight{},
		woken:    make(chan struct{}),
	}
	if keeps, ok := p.(Forgetter); ok {
		c.entries.elsewhere = keeps.Held
	}
	return c
}

// read is one Get on its way.
type read struct {
	ref Ref
	opt Options
	key string
	now time.Time

	time time.Duration // the limit of a fetch

	// Filled by recall.
	force  bool    // by option, or because the version still is the one refused
	known  bool    // an entry exists
	flight *flight // to wait for, or to run behind the answer; may be nil
	leads  bool    // the read has made the flight and must launch it
	epoch  uint64
	woken  <-chan struct{} // closed when an invocation begins; nil if one runs

	hopes bool // the flight decrypts, and the parameter may not need it
	alone bool // it did

	standsIn bool // a stale answer that is worth a line in the log
}

// newRead is one read that is permitted.
func (c *Cache) newRead(ref Ref, opt Options) read {
	r := read{ref: ref, opt: opt, key: c.home.Key(ref), now: c.now(), time: c.config.TimeoutOf(ref.Source)}
	if ref.Group() {
		r.time = c.groupTime(r.time)
	}
	return r
}

// Get answers one read: from memory if that is fresh enough, else by a fetch
// that all who ask for the same ref share. ctx and the running invocation's
// deadline bound this caller's waiting only; the fetch goes on for the others
// and for the cache. An error is an *Error.
func (c *Cache) Get(ctx context.Context, ref Ref, opt Options) (Result, error) {
	if err := c.permit(ref); err != nil {
		c.countError()
		return Result{}, err
	}
	r := c.newRead(ref, opt)
	res, done, err := c.recall(&r)
	if r.leads {
		c.launch(r.flight)
	}
	if !done {
		res, err = c.await(ctx, &r)
	}
	c.tell(&r, &res)
	return res, err
}

// tell says once that an old value stands in.
func (c *Cache) tell(r *read, res *Result) {
	if r.standsIn {
		c.log.Warn("upstream fails, the last good value stands in until it recovers",
			zap.Stringer("ref", r.ref), zap.Duration("age", res.Age), zap.NamedError("cause", res.Err))
	}
}

// recall answers from memory if it may. Otherwise it finds the flight to wait
// for, or makes one.
func (c *Cache) recall(r *read) (res Result, done bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, flight := c.entries.find(r.key), r.key
	r.force, r.epoch = r.opt.Force, c.epoch
	if e != nil {
		r.known, flight = true, e.keys[0]
		r.force = r.force || r.opt.IfVersion != "" && r.opt.IfVersion == e.Value.Version
		if state, ok := c.memoryLocked(e, r); ok {
			res = c.answerLocked(e, r, state)
			c.refreshBehindLocked(e, r, &res)
			return res, true, nil
		}
	}
	if failed := c.recallLocked(flight, r); failed != nil {
		res, err = c.failLocked(e, r, failed)
		return res, true, err
	}
	c.joinLocked(r, flight)
	if !c.awake {
		r.woken = c.woken
	}
	return Result{}, false, nil
}

// memoryLocked tells whether the entry answers the read, and as what.
func (c *Cache) memoryLocked(e *entry, r *read) (State, bool) {
	if e.disowned {
		return "", false
	}
	if r.force {
		since := r.now.Sub(e.forced)
		return Coalesced, since >= 0 && since < forceWindow
	}
	if e.age(r.now) < c.maxAge(e, r) {
		return Hit, true
	}
	return Stale, c.revalidatesLocked(e, r)
}

// answerLocked is the result of serving the entry.
func (c *Cache) answerLocked(e *entry, r *read, state State) Result {
	c.entries.touch(e)
	e.hits++
	c.counters.count(state)
	return Result{
		Value:      e.Value,
		State:      state,
		Age:        e.age(r.now),
		Fetched:    e.fetched,
		FreshUntil: e.fetched.Add(c.maxAge(e, r)),
	}
}

// failLocked answers a read whose fetch failed now or lately: with the entry if
// there is one that may stand in, else with the failure.
func (c *Cache) failLocked(e *entry, r *read, failed *Error) (Result, error) {
	if e == nil || e.disowned || failed.definitive() || e.age(r.now)-c.maxAge(e, r) > c.config.StaleIfError {
		c.counters.Errors++
		return Result{}, failed
	}
	r.standsIn, e.warned = !e.warned, true
	res := c.answerLocked(e, r, Stale)
	res.Err = failed
	return res, nil
}

// maxAge is how old the entry may be for this read. A caller's own limit is
// exact; the default is shortened by the entry's jitter. That a group is empty
// is believed no longer than that a value is missing.
func (c *Cache) maxAge(e *entry, r *read) time.Duration {
	age := c.limit(r)
	if r.opt.MaxAge == nil {
		age -= age / 1000 * time.Duration(e.jitter)
	}
	if e.Value.emptyGroup() {
		age = min(age, rememberDefinitive)
	}
	return age
}

// limit is the read's max age: the caller's, else the default.
func (c *Cache) limit(r *read) time.Duration {
	if r.opt.MaxAge != nil {
		return min(max(*r.opt.MaxAge, 0), maxMaxAge)
	}
	return c.config.maxAge(r.ref.Source)
}

// stores tells whether the read wants its value kept.
func (c *Cache) stores(r *read) bool { return c.limit(r) > 0 }

func (c *Cache) countError() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counters.Errors++
}
