// Package spool keeps records in files of the sandbox's own, so that the next
// process there can finish what a killed one could not.
//
// The rule a reader could break: nothing is ever synchronised to the disk. A
// record has to survive the process, not the machine: it is safe as soon as
// the kernel has it, and costs a system call and no waiting.
package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
)

// ErrFull is what a write returns that would exceed Options.MaxBytes.
var ErrFull = errors.New("the spool is full")

// errNotOurs is the reason to stay away from a directory that another user, or
// another living process, has.
var errNotOurs = errors.New("somebody else has it")

// Options shape a Spool.
type Options struct {
	// Dir is made when it is first needed, for this user alone, and removed
	// when nothing is left in it. Its parent must exist.
	Dir string

	// MaxBytes bounds all files together. 0: nothing is ever kept.
	MaxBytes int
}

// Spool is a directory of small files, each a run of records under a name.
// One process has it at a time: the kernel's lock ends with the process, so
// that a dead one leaves none behind. Safe for concurrent use.
type Spool struct {
	opt Options

	mu    sync.Mutex
	lock  *os.File // the directory, locked; nil until it is needed
	sizes map[string]int
	used  int
	buf   []byte // for its memory
	stats Stats
}

// usual is the largest buffer that is kept for the next write.
const usual = 128 << 10

// Stats counts what happened since the process began.
type Stats struct {
	Files     int // there now
	Bytes     int // of them
	Found     int // files that an earlier process left
	Torn      int // of those, files that end inside a record, which is lost
	Refused   int // writes, and files that were found, for which there was no room
	Failed    int // writes that the file system refused
	LastError error
}

// New returns a spool that has not touched the disk.
func New(opt Options) *Spool { return &Spool{opt: opt, sizes: map[string]int{}} }

// Recover hands out what an earlier process left, in the order of the names.
// The records are valid during the call only. A file stays until it is
// removed, so that nothing is lost if this process is killed, too. It is
// called before anything is written.
func (s *Spool) Recover(use func(name string, records [][]byte)) error {
	names, err := s.left()
	if err != nil || len(names) == 0 {
		return err
	}
	for _, name := range names {
		data, unread := s.read(name)
		if unread != nil {
			err = errors.Join(err, unread)
			continue
		}
		records, whole := parse(data)
		s.found(whole)
		if len(records) == 0 {
			s.Remove(name)
			continue
		}
		use(name, records)
	}
	return err
}

// left lists the files of an earlier process.
func (s *Spool) left() ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := os.Lstat(s.opt.Dir); errors.Is(err, fs.ErrNotExist) || s.opt.MaxBytes <= 0 {
		return nil, nil // the usual case: nothing was left, and nothing is made
	}
	if err := s.openLocked(); err != nil {
		return nil, err
	}
	entries, err := s.lock.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	slices.Sort(names)
	return slices.DeleteFunc(names, s.refuseLocked), nil
}

// refuseLocked removes what is no file of ours, or more than may be there.
func (s *Spool) refuseLocked(name string) bool {
	info, err := os.Lstat(s.path(name))
	if err == nil && info.Mode().IsRegular() && s.used+int(info.Size()) <= s.opt.MaxBytes {
		s.setLocked(name, int(info.Size()))
		return false
	}
	s.stats.Refused++
	_ = os.Remove(s.path(name))
	return true
}

func (s *Spool) read(name string) ([]byte, error) {
	f, err := os.OpenFile(s.path(name), os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(s.opt.MaxBytes)))
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return data, nil
}

func (s *Spool) found(whole bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Found++
	if !whole {
		s.stats.Torn++
	}
}

// Append adds records to a file, which is made with the first ones. All of
// them are added or none.
func (s *Spool) Append(name string, records ...[]byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.appendLocked(name, records)
}

func (s *Spool) path(name string) string { return filepath.Join(s.opt.Dir, name) }

func (s *Spool) appendLocked(name string, records [][]byte) error {
	data := s.buf[:0]
	for _, r := range records {
		data = appendFrame(data, r)
	}
	if cap(data) <= usual {
		s.buf = data
	}
	if s.used+len(data) > s.opt.MaxBytes {
		s.stats.Refused++
		return ErrFull
	}
	f, err := s.openFileLocked(name)
	if err != nil {
		return s.failedLocked(err)
	}
	defer f.Close()
	before := s.sizes[name]
	if _, err := f.Write(data); err != nil {
		if before > 0 {
			_ = f.Truncate(int64(before)) // or everything behind it could not be read
		} else {
			_ = os.Remove(s.path(name)) // or it would stay for ever: a name without a size is not removed
		}
		return s.failedLocked(err)
	}
	s.setLocked(name, before+len(data))
	return nil
}

// openFileLocked opens a file for writing. Functions clean up /tmp: if the
// directory is gone, all files are, and it is made anew.
func (s *Spool) openFileLocked(name string) (*os.File, error) {
	const how = os.O_WRONLY | os.O_CREATE | os.O_APPEND | syscall.O_NOFOLLOW
	if err := s.openLocked(); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(s.path(name), how, 0o600)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	_ = s.lock.Close()
	s.lock, s.used = nil, 0
	clear(s.sizes)
	if err := s.openLocked(); err != nil {
		return nil, err
	}
	return os.OpenFile(s.path(name), how, 0o600)
}

// Remove deletes a file; a name that is not there is no error.
func (s *Spool) Remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.sizes[name]; !ok {
		return
	}
	if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		_ = s.failedLocked(err)
		return
	}
	s.used -= s.sizes[name]
	delete(s.sizes, name)
}

// Clear removes all files.
func (s *Spool) Clear() {
	s.mu.Lock()
	names := slices.Collect(maps.Keys(s.sizes))
	s.mu.Unlock()
	for _, name := range names {
		s.Remove(name)
	}
}

// Close lets go of the directory and removes it if it is empty.
func (s *Spool) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lock == nil {
		return
	}
	if len(s.sizes) == 0 {
		_ = os.Remove(s.opt.Dir)
	}
	_ = s.lock.Close()
	s.lock = nil
}

// Stats returns the counts so far.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := s.stats
	stats.Files, stats.Bytes = len(s.sizes), s.used
	return stats
}

func (s *Spool) setLocked(name string, size int) {
	s.used += size - s.sizes[name]
	s.sizes[name] = size
}

func (s *Spool) failedLocked(err error) error {
	s.stats.Failed++
	s.stats.LastError = err
	return fmt.Errorf("spool: %w", err)
}

// openLocked takes possession of the directory. What is there already must be
// a directory of this user that nobody else can enter: whoever else writes to
// /tmp could have put a link or a trap there. Links in it are never followed.
func (s *Spool) openLocked() error {
	if s.lock != nil {
		return nil
	}
	if err := os.Mkdir(s.opt.Dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	dir, err := os.OpenFile(s.opt.Dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return err
	}
	if err := take(dir); err != nil {
		_ = dir.Close()
		return fmt.Errorf("%s: %w", s.opt.Dir, err)
	}
	s.lock = dir
	return nil
}

// take locks the directory, if it is ours alone. The lock ends with the
// process, however that ends.
func take(dir *os.File) error {
	info, err := dir.Stat()
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if info.Mode().Perm()&0o077 != 0 || !ok || int(owner.Uid) != os.Geteuid() {
		return errNotOurs
	}
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errNotOurs
	}
	return nil
}
