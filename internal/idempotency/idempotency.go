// Package idempotency decides whether a request runs, waits, is answered by
// what an equal one was answered, or is refused. Records are those of
// Powertools, so a table may be shared with functions that use the libraries.
//
// The rules a reader could break. A request has an answer only once that
// answer is stored: Complete comes before the response. A record belongs to
// the execution that began it: every write carries its owner, and whoever was
// overtaken writes nothing. What cannot be decided is refused, never run.
package idempotency

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"powertools-extension/internal/jmes"
)

// Status of a record, as the libraries write it.
type Status string

// The statuses. EXPIRED is never written: it is computed from the time.
const (
	InProgress Status = "INPROGRESS"
	Completed  Status = "COMPLETED"
)

// Record is what is stored of one request.
type Record struct {
	ID         string // prefix#digest
	Status     Status
	Expiration int64  // s since 1970; 0: none was readable
	InProgress int64  // ms since 1970 after which an unfinished record is free; 0: only at Expiration
	Data       []byte // JSON of the answer; nil: none is stored
	HasData    bool
	Validation string // digest of what a repeat must have in common; empty: none
	Owner      string // of the execution that wrote it, ours only
	NotStored  string // why a completed record has no data, ours only

	ContentType string // of an answer that is not JSON; empty: application/json
	Encoding    string // "base64": Data is a JSON string of it
}

func (r *Record) expired(now time.Time) bool { return r.Expiration < now.Unix() }

// BlockedError says that a record of the same key stands in the way.
type BlockedError struct{ Old *Record } // nil: the store did not say

func (e *BlockedError) Error() string { return "a record of this key exists" }

// ErrLost says that a record is not the execution's any more.
var ErrLost = errors.New("the record belongs to another execution now")

// ErrTooLarge says that a record is larger than the store takes.
var ErrTooLarge = errors.New("the answer is too large to be stored")

// ErrNotRepresentable says that the store has no form for an answer: a number
// beyond its range, a nesting beyond its depth.
var ErrNotRepresentable = errors.New("the answer has no form that the store takes")

// Store keeps records. Its methods are retried by their caller only where
// this package says so.
type Store interface {
	// Create writes a record in progress, unless another one is in the way: a
	// *BlockedError then.
	Create(ctx context.Context, r *Record, now time.Time) error
	// Read returns the record of a key, nil if there is none.
	Read(ctx context.Context, id string) (*Record, error)
	// Complete writes the answer, if the record is still its owner's: ErrLost else.
	Complete(ctx context.Context, r *Record) error
	// Delete frees the key, if the record is still its owner's: ErrLost else.
	Delete(ctx context.Context, r *Record) error
}

// Kind says what became of a request that neither runs nor is replayed.
type Kind string

// The kinds are the error types of the proxy's answers (docs/idempotency.md).
const (
	KeyMissing    Kind = "IdempotencyKeyError"
	Running       Kind = "IdempotencyAlreadyInProgressError"
	Different     Kind = "IdempotencyValidationError"
	NotReplayable Kind = "IdempotencyNotReplayableError"
	Persistence   Kind = "IdempotencyPersistenceLayerError"
	Inconsistent  Kind = "IdempotencyInconsistentStateError"
)

// Error is a refusal. Its text holds the key's digest at most, never a value.
type Error struct {
	Kind       Kind
	Msg        string
	RetryAfter time.Duration // with Running: when the record may be free
	Err        error         // what the store said; may be nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Kind, e.Msg, e.Err)
	}
	return string(e.Kind) + ": " + e.Msg
}

func (e *Error) Unwrap() error { return e.Err }

// Options shape an Engine.
type Options struct {
	Prefix       string           // what stands before # in the key
	Format       Format           // how keys and payloads are written
	Hash         string           // md5, sha1, sha256, sha512
	Key          *jmes.Expression // over the event; nil: the whole event
	KeyRequired  bool             // no key: refuse instead of running without
	Validation   *jmes.Expression // of what a repeat must have in common; nil: nothing
	ExpiresAfter time.Duration    // life of a completed record
	InProgress   time.Duration    // how long an unfinished one blocks; 0: until the deadline
	Block        bool             // an unfinished one blocks until it expires
	Wait         time.Duration    // for the answer of one that runs
	Free         bool             // an answer that cannot be stored frees its key
	Timeout      time.Duration    // of one store call
	Open         bool             // a store that fails does not keep requests from running
	Disabled     bool             // every request runs without a record
	LocalCache   int              // completed records kept in memory; 0: none
	Now          func() time.Time // wall clock; nil: time.Now
	Observe      func(Fact)       // is told of what happens, must not wait; nil: nobody
}

// Engine runs the life of records. Safe for concurrent use.
type Engine struct {
	store Store
	opt   Options
	cache cache
}

// New returns an engine over the store.
func New(store Store, opt Options) *Engine {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Engine{store: store, opt: opt, cache: cache{most: opt.LocalCache}}
}

// Forget empties the local cache: nothing of it survives a snapshot.
func (e *Engine) Forget() { e.cache.clear() }

// Request is one request.
type Request struct {
	Invocation string // its id, for Observe

	Event    jmes.Value
	Scope    string    // joined to the prefix: a part of a handler; may be empty
	Tenant   string    // another tenant's answer must never be this one's
	Deadline time.Time // of the invocation; zero: unknown

	// Selected, Validate and the durations take the place of the options where
	// they are set: the HTTP form has its own.
	Selected     *jmes.Value
	Validate     *jmes.Value
	ExpiresAfter time.Duration
	InProgress   time.Duration
	Wait         time.Duration
}

// Execution is the right to run, and to write the record of it.
type Execution struct {
	invocation string
	record     Record
	expires    time.Duration
	store      time.Duration // that calls of the store took since the last fact
}

// Key returns the record's key: a digest behind the prefix. Empty where there
// is none.
func (x *Execution) Key() string { return x.record.ID }

// Recorded reports whether there is a record. Without one Complete and Fail
// do nothing: idempotency is switched off, or the store failed under Open.
func (x *Execution) Recorded() bool { return x.record.Owner != "" }

// Begin decides. Exactly one of the results is set: an execution that runs, a
// record to answer with, or an error; all three nil: the request has no key
// and runs without a record.
func (e *Engine) Begin(ctx context.Context, req Request) (*Execution, *Record, error) {
	if e.opt.Disabled {
		return &Execution{}, nil, nil
	}
	began := &Execution{invocation: req.Invocation, expires: pick(req.ExpiresAfter, e.opt.ExpiresAfter)}
	x, r, err := e.begin(ctx, req, began)
	f := Fact{Invocation: req.Invocation, Key: began.Key(), Err: err, Store: began.spent()}
	if refused, ok := errors.AsType[*Error](err); ok && refused.Kind == Persistence && e.opt.Open {
		x, r, err = &Execution{}, nil, nil
	}
	f.What = outcome(x, r, err)
	e.tell(f)
	return x, r, err
}

func (e *Engine) begin(ctx context.Context, req Request, x *Execution) (*Execution, *Record, error) {
	selected, ok := e.selected(req)
	if !ok {
		if e.opt.KeyRequired {
			return nil, nil, &Error{Kind: KeyMissing, Msg: "the event has no idempotency key"}
		}
		return nil, nil, nil
	}
	if e.opt.Format == TypeScript && Python.missing(selected) {
		e.tell(Fact{What: OddKey, Invocation: req.Invocation})
	}
	x.record = Record{ID: e.key(req, selected), Status: InProgress, Validation: e.validation(req)}
	if cached := e.cache.get(x.record.ID, e.opt.Now()); cached != nil {
		record, err := x.replay(cached)
		return nil, record, err
	}
	x.record.Owner = newID()
	waitUntil := e.waitUntil(req)
	pause := 100 * time.Millisecond
	for tries := 0; tries < 3; tries++ {
		old, err := e.create(ctx, x, req)
		if err != nil {
			return nil, nil, err
		}
		if old == nil {
			return x, nil, nil
		}
		for {
			record, running, err := e.judge(x, old)
			if err != nil || record != nil {
				return nil, record, err
			}
			if running == nil {
				break // free by now: once more
			}
			left := waitUntil.Sub(e.opt.Now())
			if left <= 0 || sleep(ctx, min(pause, left)) != nil {
				return nil, nil, running
			}
			pause = min(2*pause, time.Second)
			if old, err = e.read(ctx, x); err != nil {
				return nil, nil, err
			}
			if old == nil {
				break
			}
		}
	}
	return nil, nil, &Error{Kind: Inconsistent, Msg: "the record of this key changed three times while it was looked at"}
}

func (e *Engine) waitUntil(req Request) time.Time {
	wait := pick(req.Wait, e.opt.Wait)
	if wait <= 0 {
		return time.Time{}
	}
	until := e.opt.Now().Add(wait)
	if last := req.Deadline.Add(-time.Second); !req.Deadline.IsZero() && last.Before(until) {
		return last
	}
	return until
}

// create writes the record, and returns the one in its way.
func (e *Engine) create(ctx context.Context, x *Execution, req Request) (old *Record, err error) {
	now := e.opt.Now()
	x.record.Expiration = now.Add(x.expires).Unix()
	x.record.InProgress = e.blockedUntil(now, req)
	err = e.call(ctx, x, func(ctx context.Context) error { return e.store.Create(ctx, &x.record, now) })
	blocked, isBlocked := errors.AsType[*BlockedError](err)
	switch {
	case err == nil:
		return nil, nil
	case !isBlocked:
		return nil, &Error{Kind: Persistence, Msg: "the record could not be written", Err: err}
	}
	if old = blocked.Old; old == nil {
		if old, err = e.read(ctx, x); err != nil {
			return nil, err
		}
		if old == nil {
			old = &Record{} // gone meanwhile: nothing that could be judged
		}
	}
	if old.Owner == x.record.Owner {
		return nil, nil // an earlier try of this write, whose answer was lost
	}
	return old, nil
}

// blockedUntil is when a record frees itself if nobody finishes it.
func (e *Engine) blockedUntil(now time.Time, req Request) int64 {
	switch d := pick(req.InProgress, e.opt.InProgress); {
	case d > 0:
		return now.Add(d).UnixMilli()
	case e.opt.Block || req.Deadline.IsZero():
		return 0
	}
	return max(req.Deadline.UnixMilli(), now.UnixMilli()+1)
}

func (e *Engine) read(ctx context.Context, x *Execution) (r *Record, err error) {
	err = e.call(ctx, x, func(ctx context.Context) (err error) {
		r, err = e.store.Read(ctx, x.record.ID)
		return err
	})
	if err != nil {
		return nil, &Error{Kind: Persistence, Msg: "the record could not be read", Err: err}
	}
	return r, nil
}

// judge says what an old record means for a new request: an answer, a
// request that still runs, or neither: it is free.
func (e *Engine) judge(x *Execution, old *Record) (*Record, *Error, error) {
	now := e.opt.Now()
	switch {
	case old.Status != Completed && old.Status != InProgress, old.Expiration == 0, old.expired(now):
		return nil, nil, nil
	case old.Status == Completed:
		record, err := x.replay(old)
		if err == nil {
			e.cache.put(record)
		}
		return record, nil, err
	case old.Validation != x.record.Validation:
		return nil, nil, different()
	case old.InProgress != 0 && old.InProgress < now.UnixMilli():
		return nil, nil, nil
	}
	free := time.Unix(old.Expiration+1, 0)
	if old.InProgress != 0 {
		free = time.UnixMilli(old.InProgress)
	}
	return nil, &Error{Kind: Running, Msg: "a request with this key is running", RetryAfter: max(free.Sub(now), time.Second)}, nil
}

func different() *Error {
	return &Error{Kind: Different, Msg: "a request with this key had another payload"}
}

// replay answers with a completed record.
func (x *Execution) replay(old *Record) (*Record, error) {
	switch {
	case old.Validation != x.record.Validation:
		return nil, different()
	case old.NotStored != "":
		return nil, &Error{Kind: NotReplayable, Msg: "a request with this key ran, but its answer is not stored: " + old.NotStored}
	}
	return old, nil
}

// Result is the answer of an execution.
type Result struct {
	Body        []byte // as the handler wrote it
	ContentType string // empty: application/json
	NotStorable string // "streamed" or another reason why there is no body to store; empty: there is
}

// Complete stores the answer. It must return before the answer leaves. With
// an answer that cannot be stored the record says so and why is not empty;
// with Options.Free the key is free again instead. The error is ErrLost when
// another execution has taken over, else an *Error; under Options.Open a store
// that fails is no error.
func (e *Engine) Complete(ctx context.Context, x *Execution, res Result) (why string, err error) {
	if !x.Recorded() {
		return "", nil
	}
	f := Fact{What: Stored, Invocation: x.invocation, Key: x.Key()}
	if why, err = e.complete(ctx, x, res); why != "" {
		f.What, f.Why = NotStored, why
	}
	switch {
	case errors.Is(err, ErrLost):
		f.What, f.Err = Lost, err
	case err != nil:
		f.What, f.Err = Failed, err
		if e.opt.Open {
			why, err = "store_failed", nil
		}
	}
	f.Store = x.spent()
	e.tell(f)
	return why, err
}

func (e *Engine) complete(ctx context.Context, x *Execution, res Result) (why string, err error) {
	r := x.record
	r.Status, r.Expiration = Completed, e.opt.Now().Add(x.expires).Unix()
	if why = res.NotStorable; why == "" {
		r.setData(res, e.opt.Format)
		if err = e.write(ctx, x, &r); errors.Is(err, ErrTooLarge) {
			why = "too_large"
		} else if errors.Is(err, ErrNotRepresentable) {
			why = "not_representable"
		}
	}
	if why != "" {
		if e.opt.Free {
			return why, e.free(ctx, x)
		}
		r.Data, r.HasData, r.ContentType, r.Encoding, r.NotStored = nil, false, "", "", why
		err = e.write(ctx, x, &r)
	}
	if err == nil {
		e.cache.put(&r)
	}
	return why, err
}

func (e *Engine) write(ctx context.Context, x *Execution, r *Record) error {
	err := e.call(ctx, x, func(ctx context.Context) error { return e.store.Complete(ctx, r) })
	if err == nil || errors.Is(err, ErrLost) || r.HasData && (errors.Is(err, ErrTooLarge) || errors.Is(err, ErrNotRepresentable)) {
		return err
	}
	return &Error{Kind: Persistence, Msg: "the answer could not be stored", Err: err}
}

// Fail frees the key: the request may run again. The error is ErrLost when
// another execution has taken over, else an *Error.
func (e *Engine) Fail(ctx context.Context, x *Execution) error {
	if !x.Recorded() {
		return nil
	}
	f := Fact{What: Freed, Invocation: x.invocation, Key: x.Key()}
	switch f.Err = e.free(ctx, x); {
	case errors.Is(f.Err, ErrLost):
		f.What = Lost
	case f.Err != nil:
		f.What = NotFreed
	}
	f.Store = x.spent()
	e.tell(f)
	return f.Err
}

func (e *Engine) free(ctx context.Context, x *Execution) error {
	err := e.call(ctx, x, func(ctx context.Context) error { return e.store.Delete(ctx, &x.record) })
	if err == nil || errors.Is(err, ErrLost) {
		return err
	}
	return &Error{Kind: Persistence, Msg: "the record could not be deleted", Err: err}
}

// call bounds one call of the store.
func (e *Engine) call(ctx context.Context, x *Execution, f func(context.Context) error) error {
	if e.opt.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, e.opt.Timeout)
		defer cancel()
	}
	began := time.Now()
	defer func() { x.store += time.Since(began) }()
	return f(ctx)
}

// spent is the time in the store that no fact has told yet.
func (x *Execution) spent() time.Duration {
	d := x.store
	x.store = 0
	return d
}

// newID is 128 random bits in hex.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: the runtime ends the process instead
	return hex.EncodeToString(b[:])
}

func pick(first, second time.Duration) time.Duration {
	if first > 0 {
		return first
	}
	return second
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
