package paramcache

import (
	"container/list"
	"hash/fnv"
	"time"

	gocache "github.com/patrickmn/go-cache"
)

// entry is one stored value and what is remembered about it.
type entry struct {
	ref    Ref      // as it was first asked for
	keys   []string // under which it is filed; at least one
	Value  Value    // exported, so that even %v of an entry finds Value's Format
	size   int      // bytes, keys included
	place  *list.Element
	hits   uint64
	jitter int64 // per mille by which the default age is shortened, 0 to 100

	fetched  time.Time // wall clock, when the fetch began
	forced   time.Time // wall clock of the last forced fetch; zero if none
	disowned bool      // the service has since said: gone, or not for you; the value is no more
	warned   bool      // that it was served stale has been said
	filed    uint64    // the fetch that the value is of, by Cache.filed
}

// age is how old the value is. A wall clock that has gone back before the fetch
// would make the entry immortal; it counts as fetched now instead, so it lives
// one age longer at most.
func (e *entry) age(now time.Time) time.Duration {
	if now.Before(e.fetched) {
		e.fetched = now
	}
	return now.Sub(e.fetched)
}

// spread draws the jitter of an entry: from the key, so that values fetched
// together do not expire together, and from the time, so that sandboxes started
// by one deployment do not ask together. The same entry always gets the same.
func spread(key string, fetched time.Time) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(key))
	sum := h.Sum64() ^ uint64(fetched.UnixNano())*0x9e3779b97f4a7c15
	return int64((sum >> 32) % 101)
}

// entries is what is stored. go-cache is the map; what it lacks is beside it: the
// order of use and the bounds by count and bytes. go-cache's own expiry is not
// used, it would be decided without the caller's age. Not safe for concurrent
// use: the Cache's mutex guards it.
type entries struct {
	items     *gocache.Cache // key → *entry; an entry is there once per key
	order     *list.List     // of *entry, the most recently used first
	maxItems  int
	maxBytes  int
	bytes     int
	elsewhere func() int // bytes that are held beside it and count as well; nil: none
	evicted   uint64     // entries that had to leave for the bounds
}

func newEntries(maxItems, maxBytes int) *entries {
	return &entries{
		items:    gocache.New(gocache.NoExpiration, 0), // 0: no janitor goroutine
		order:    list.New(),
		maxItems: maxItems,
		maxBytes: maxBytes,
	}
}

func (s *entries) find(key string) *entry {
	item, ok := s.items.Get(key)
	if !ok {
		return nil
	}
	e, _ := item.(*entry)
	return e
}

func (s *entries) touch(e *entry) { s.order.MoveToFront(e.place) }

// fits tells whether a value of that size can be held at all.
func (s *entries) fits(size int) bool { return s.maxItems > 0 && size+s.beside() <= s.maxBytes }

// beside is how many bytes are held elsewhere.
func (s *entries) beside() int {
	if s.elsewhere == nil {
		return 0
	}
	return s.elsewhere()
}

// put files v under the keys and returns its entry, which is the old one of
// keys[0] where there is one. It returns nil, and forgets what was there, if v
// alone is over the bounds. Other entries lose the keys, and leave with their
// last one; so does v's own lose the keys in not. changed tells that a value
// known before is known no more.
func (s *entries) put(ref Ref, keys, not []string, v Value) (e *entry, changed bool) {
	e = s.find(keys[0])
	changed = e != nil
	if e == nil {
		e = &entry{ref: ref}
		e.place = s.order.PushFront(e)
	}
	for _, key := range keys {
		if other := s.find(key); other != e {
			changed = s.detach(other, key) || changed
			e.keys = append(e.keys, key)
			s.items.Set(key, e, gocache.NoExpiration)
		}
	}
	for _, key := range not {
		if s.find(key) == e {
			s.detach(e, key)
			e.ref = ref
		}
	}
	e.Value = v
	s.resize(e)
	s.touch(e)
	if !s.fits(e.size) {
		s.remove(e)
		return nil, s.shrink() || changed
	}
	return e, s.shrink() || changed
}

// detach takes one key from an entry, and the entry away with its last key.
func (s *entries) detach(e *entry, key string) bool {
	if e == nil {
		return false
	}
	for i, k := range e.keys {
		if k == key {
			e.keys = append(e.keys[:i:i], e.keys[i+1:]...)
			break
		}
	}
	s.items.Delete(key)
	if len(e.keys) == 0 {
		s.remove(e)
	} else {
		s.resize(e)
	}
	return true
}

// disown takes the value from an entry, whose place stays.
func (s *entries) disown(e *entry) {
	e.disowned, e.Value = true, Value{}
	s.resize(e)
}

// resize counts the entry anew after a change.
func (s *entries) resize(e *entry) {
	size := e.Value.Size()
	for _, key := range e.keys {
		size += len(key) + 64 // with the map's own cost
	}
	s.bytes += size - e.size
	e.size = size
}

// shrink drops the least recently used until both bounds hold.
func (s *entries) shrink() (dropped bool) {
	beside := s.beside()
	for s.order.Len() > 0 && (s.order.Len() > s.maxItems || s.bytes+beside > s.maxBytes) {
		last, ok := s.order.Back().Value.(*entry)
		if !ok {
			return dropped
		}
		s.remove(last)
		s.evicted++
		dropped = true
	}
	return dropped
}

func (s *entries) remove(e *entry) {
	for _, key := range e.keys {
		s.items.Delete(key)
	}
	s.order.Remove(e.place)
	s.bytes -= e.size
	e.keys, e.size = nil, 0
}

func (s *entries) clear() int {
	n := s.order.Len()
	s.items.Flush()
	s.order.Init()
	s.bytes = 0
	return n
}
