// Package memstore is a store of records in memory, for tests: DynamoDB's
// conditions, nothing else.
package memstore

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"powertools-extension/internal/idempotency"
)

// Store is a table. Its fields may be set while nothing uses it; Set changes
// them at any time. Safe for concurrent use.
type Store struct {
	MaxData int   // longer answers are too large; 0: there is no limit
	Silent  bool  // answers a failed condition without the old record
	Lose    int   // this many creates are written and refused by their own record
	Fail    error // of every call

	mu      sync.Mutex
	records map[string]idempotency.Record
	calls   int
}

// Set changes fields.
func (s *Store) Set(change func(*Store)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

// Calls counts the calls so far.
func (s *Store) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Len counts the records.
func (s *Store) Len() int { return len(s.Keys()) }

// Keys are those of all records, in order.
func (s *Store) Keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.records))
}

// Record returns the record of a key as it stands.
func (s *Store) Record(id string) (r idempotency.Record, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok = s.records[id]
	return r, ok
}

// Put writes a record without conditions.
func (s *Store) Put(r idempotency.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putLocked(r)
}

func (s *Store) putLocked(r idempotency.Record) {
	if s.records == nil {
		s.records = make(map[string]idempotency.Record)
	}
	s.records[r.ID] = r
}

// Create implements idempotency.Store.
func (s *Store) Create(_ context.Context, r *idempotency.Record, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls++; s.Fail != nil {
		return s.Fail
	}
	if old, ok := s.records[r.ID]; ok {
		free := old.Expiration < now.Unix() || old.Status == idempotency.InProgress && old.InProgress != 0 && old.InProgress < now.UnixMilli()
		switch {
		case !free && s.Silent:
			return &idempotency.BlockedError{}
		case !free:
			return &idempotency.BlockedError{Old: &old}
		}
	}
	s.putLocked(*r)
	if s.Lose > 0 { // the client tries again, and its own record refuses it
		s.Lose--
		old := *r
		return &idempotency.BlockedError{Old: &old}
	}
	return nil
}

// Read implements idempotency.Store.
func (s *Store) Read(_ context.Context, id string) (*idempotency.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls++; s.Fail != nil {
		return nil, s.Fail
	}
	r, ok := s.records[id]
	if !ok {
		return nil, nil
	}
	return &r, nil
}

// refusedLocked is what a write of its owner's meets.
func (s *Store) refusedLocked(r *idempotency.Record) error {
	if s.calls++; s.Fail != nil {
		return s.Fail
	}
	old, ok := s.records[r.ID]
	if !ok || old.Status != idempotency.InProgress || old.Owner != r.Owner {
		return idempotency.ErrLost
	}
	return nil
}

// Complete implements idempotency.Store.
func (s *Store) Complete(_ context.Context, r *idempotency.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refusedLocked(r); err != nil {
		return err
	}
	if s.MaxData > 0 && len(r.Data) > s.MaxData {
		return idempotency.ErrTooLarge
	}
	s.putLocked(*r)
	return nil
}

// Delete implements idempotency.Store.
func (s *Store) Delete(_ context.Context, r *idempotency.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.refusedLocked(r); err != nil {
		return err
	}
	delete(s.records, r.ID)
	return nil
}
