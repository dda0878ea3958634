package spool

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// State is a record of which only the newest edition counts. Editions are
// added to a file, for that is what file systems are quick at; once in a while
// a new file is begun and the old one removed. Not safe for concurrent use.
type State struct {
	spool  *Spool
	prefix string
	file   string // with the newest edition; empty: there is none
	size   int    // of file
	last   []byte
}

// rollover is the size at which a new file is begun.
const rollover = 64 << 10

// NewState returns a state whose files are called after the prefix.
func NewState(s *Spool, prefix string) *State { return &State{spool: s, prefix: prefix} }

// Found is told of each file that Recover hands out, in its order, and reports
// whether it is one of this state.
func (s *State) Found(name string, records [][]byte) bool {
	if !strings.HasPrefix(name, s.prefix) {
		return false
	}
	if s.file != "" { // the process was killed before it had removed it
		s.spool.Remove(s.file)
	}
	s.file, s.size = name, rollover // of another process: it is not written to
	s.last = append([]byte(nil), records[len(records)-1]...)
	return true
}

// Last is the newest edition that was found; empty if there was none.
func (s *State) Last() []byte { return s.last }

// IsSet reports whether there is an edition that says something.
func (s *State) IsSet() bool { return len(s.last) > 0 }

// Set writes an edition. An empty one means that there is nothing to say. If it
// cannot be written the one before is removed: it is not true any more.
func (s *State) Set(edition []byte) error {
	if s.file != "" && bytes.Equal(edition, s.last) {
		return nil
	}
	file := s.file
	if file == "" || s.size >= rollover {
		file = fmt.Sprintf("%s%016x", s.prefix, time.Now().UnixNano())
	}
	if err := s.spool.Append(file, edition); err != nil {
		s.drop()
		return err
	}
	if file != s.file {
		if s.file != "" {
			s.spool.Remove(s.file)
		}
		s.file, s.size = file, 0
	}
	s.size += len(edition)
	s.last = append(s.last[:0], edition...)
	return nil
}

// Close removes the file if it says nothing.
func (s *State) Close() {
	if !s.IsSet() {
		s.drop()
	}
}

func (s *State) drop() {
	if s.file != "" {
		s.spool.Remove(s.file)
	}
	s.file, s.size, s.last = "", 0, nil
}
