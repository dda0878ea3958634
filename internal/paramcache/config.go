package paramcache

import "time"

// Config is how a Cache behaves. The zero Config stores nothing: zero is a
// meaning here, not a missing value.
type Config struct {
	MaxAge       time.Duration            // default freshness; 0: reads store nothing unless they say otherwise
	MaxAges      map[Source]time.Duration // in place of MaxAge for a source
	StaleIfError time.Duration            // how long beyond its age a value stands in for a failing upstream; 0: never

	// Refreshes behind an answer; they start only while Awake. An age may be
	// exceeded by up to StaleWhileRevalidate; 0: never. RefreshAhead is the
	// share of the age after which a value that is still fresh is refreshed,
	// e.g. 0.8; 0: never.
	StaleWhileRevalidate time.Duration
	RefreshAhead         float64

	MaxItems int                      // 0: nothing is stored
	MaxBytes int                      // of values and keys; 0: nothing is stored
	Timeout  time.Duration            // of one upstream call, retries included; of a group, of each page; 0: 3 s
	Timeouts map[Source]time.Duration // in place of Timeout for a source

	// Allow is the allow-list, see ref.Allow; nil: every ref may be read.
	Allow []string

	// KeyAttr, SortAttr and ValueAttr are the attributes that DynamoDB refs
	// mean which name none.
	KeyAttr, SortAttr, ValueAttr string

	// Region and Account are the function's own. With them a name and the ARN
	// of the same thing are one entry from the first read on; without, from
	// the first answer on. Account is a function because the extension learns
	// it late, at registration; it may be nil, may return "", and is called by
	// several goroutines at once.
	Region  string
	Account func() string

	// Deadline is when the running invocation times out, zero if none runs. A
	// read waits for a fetch until 200 ms before it at most. nil: no bound.
	Deadline func() time.Time

	// Size is told what the cache holds, in bytes, when that has changed by a
	// mebibyte or more; it is called by several goroutines, one at a time. nil:
	// nobody is told.
	Size func(bytes int)

	// Now is the wall clock; nil: time.Now without its monotonic reading.
	Now func() time.Time
}

const (
	defaultTimeout = 3 * time.Second

	// answerMargin is what a function has left to make something of an answer
	// that says the upstream is too slow.
	answerMargin = 200 * time.Millisecond

	// groupMargin is how much sooner the fetch of a group ends than those who
	// wait for it do: it can say how far it came.
	groupMargin = 50 * time.Millisecond
	// maxGroupTime bounds the fetch of a group while no invocation runs.
	maxGroupTime = time.Minute

	maxMaxAge = 10 * 365 * 24 * time.Hour // the jitter on top must not overflow
)

func (c Config) maxAge(s Source) time.Duration {
	age, ok := c.MaxAges[s]
	if !ok {
		age = c.MaxAge
	}
	return min(age, maxMaxAge)
}

// TimeoutOf is the limit of one upstream call to the source, retries included.
// A group is read by several calls.
func (c Config) TimeoutOf(s Source) time.Duration {
	timeout, ok := c.Timeouts[s]
	if !ok {
		timeout = c.Timeout
	}
	if timeout <= 0 {
		return defaultTimeout
	}
	return timeout
}

// wallClock strips the monotonic reading, which stands still in a frozen
// sandbox: comparing two such times compares wall clocks.
func wallClock() time.Time { return time.Now().Round(0) }
