// Package paramcache caches parameters and secrets in front of a Provider:
// single flight per ref, wall-clock freshness, bounded staleness when the
// upstream fails, and transforms derived from the one raw value.
//
// The rule a reader could break: expiry is decided by the wall clock, because
// the monotonic clock may stand still while the sandbox is frozen. And no
// value may leave this package through a formatter: Secret, Value and
// Transformed print as [redacted].
package paramcache

import (
	"context"
	"time"
)

// Provider fetches one value from its service. Errors are *Error. Fetch
// returns soon after ctx is done; the cache waits for it.
type Provider interface {
	Fetch(ctx context.Context, ref Ref) (Value, error)
}

// State says how a read was answered: the X-Powertools-Cache header.
type State string

// The states of an answer.
const (
	Hit       State = "hit"       // from the cache, fresh
	Miss      State = "miss"      // fetched now
	Stale     State = "stale"     // from the cache, older than asked, because the upstream failed
	Refreshed State = "refreshed" // fetched now although cached: forced, expired, or compare-and-refresh
	Coalesced State = "coalesced" // another caller's fetch, shared
)

// Options shape one read. The zero value means: default age, no force.
type Options struct {
	MaxAge    *time.Duration // nil: the cache's default; 0: do not store
	Force     bool           // fetch even when fresh (coalesced: one forced fetch per ref and second)
	IfVersion string         // fetch only if the cached version still is this one
}

// Result is an answered read. The slices inside Value are shared with the
// cache and with other readers: read them, do not write.
type Result struct {
	Value Value
	State State

	// Age is the time since the value was fetched; 0 for a fetch.
	Age time.Duration

	// Fetched is when the fetch began, by the wall clock: a value that was on
	// its way while the sandbox was frozen is as old as the question.
	Fetched time.Time

	// FreshUntil is when the same read stops being a Hit; zero if the value
	// was not stored.
	FreshUntil time.Time

	Err error // the upstream's failure behind a Stale answer; nil otherwise
}
