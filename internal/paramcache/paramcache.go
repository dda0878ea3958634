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
	"fmt"
	"io"
	"time"
)

// Provider fetches one value from its service. Errors are *Error. Fetch
// returns soon after ctx is done; the cache waits for it.
type Provider interface {
	Fetch(ctx context.Context, ref Ref) (Value, error)
}

// Batcher is a Provider that fetches several refs with fewer calls than refs.
// The refs of one call have one source, region, role and Decrypt, and are no
// groups. Both answers have the length and the order of refs; for each ref
// there is a value or an error, which is an *Error.
type Batcher interface {
	FetchMany(ctx context.Context, refs []Ref) ([]Value, []error)
}

// Setter is a Provider that can write. version is the new version as Value's
// field has it; an error is an *Error.
type Setter interface {
	Store(ctx context.Context, ref Ref, s Setting) (version string, err error)
}

// Setting is a value to be written. It prints as [redacted].
type Setting struct {
	Value  Secret
	Binary []byte // in place of Value where not nil; secrets only

	Overwrite bool   // SSM: replace what is there; secrets are always replaced
	Type      string // SSM: String, StringList, SecureString; empty: what is there, else String
	Tier      string // SSM: Standard, Advanced, Intelligent-Tiering; empty: the account's default
	KMSKey    string // id, ARN or alias of the key that encrypts; empty: the account's default
}

// String returns [redacted].
func (Setting) String() string { return redacted }

// Format prints [redacted] for every verb.
func (Setting) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns [redacted], which also covers encoding/json and zap.
func (Setting) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// State says how a read was answered: the X-Powertools-Cache header.
type State string

// The states of an answer.
const (
	Hit       State = "hit"       // from the cache, fresh
	Miss      State = "miss"      // fetched now
	Stale     State = "stale"     // from the cache, older than asked: the upstream failed, or a refresh runs behind the answer
	Refreshed State = "refreshed" // fetched now although cached: forced, expired, or compare-and-refresh
	Coalesced State = "coalesced" // another caller's fetch, shared

	// Negative is the state of an Error that is Remembered; no Result has it.
	Negative State = "negative"
)

// Options shape one read. The zero value means: default age, no force.
type Options struct {
	MaxAge    *time.Duration // nil: the cache's default; 0: do not store
	Force     bool           // fetch even when fresh (coalesced: one forced fetch per ref and second)
	IfVersion string         // fetch only if the cached version still is this one

	// StaleOK welcomes an answer that is older than MaxAge by up to the
	// configured StaleWhileRevalidate. Without a MaxAge it is implied: a
	// caller's own limit is exact, a setting's is not.
	StaleOK bool

	// RememberDenial is how long a denial or a missing value answers again,
	// within MaxAge; 0: 5 s.
	RememberDenial time.Duration
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

	Err error // the upstream's failure behind a Stale answer; nil otherwise, also while a refresh runs behind it
}
