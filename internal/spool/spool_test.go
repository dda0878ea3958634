package spool

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

// TestMain is also the start of the processes that tests limit or kill.
func TestMain(m *testing.M) {
	if job := os.Getenv(jobVar); job != "" {
		os.Exit(child(job, os.Getenv(dirVar)))
	}
	goleak.VerifyTestMain(m)
}

const plenty = 1 << 20

// file is what Recover hands out of one.
type file struct {
	Name    string
	Records []string
}

// place is a directory that a spool may make.
func place(t *testing.T) string { return filepath.Join(t.TempDir(), "spool") }

// open returns a spool that is closed with the test.
func open(t *testing.T, dir string, maxBytes int) *Spool {
	t.Helper()
	s := New(Options{Dir: dir, MaxBytes: maxBytes})
	t.Cleanup(s.Close)
	return s
}

func add(t *testing.T, s *Spool, name string, records ...string) {
	t.Helper()
	if err := s.Append(name, raw(records)...); err != nil {
		t.Fatal(err)
	}
}

func raw(records []string) (out [][]byte) {
	for _, r := range records {
		out = append(out, []byte(r))
	}
	return out
}

func framed(records ...string) (data []byte) {
	for _, r := range records {
		data = appendFrame(data, []byte(r))
	}
	return data
}

// recovered collects what there is, and copies it: records end with the call.
func recovered(t *testing.T, s *Spool) (files []file) {
	t.Helper()
	err := s.Recover(func(name string, records [][]byte) {
		f := file{Name: name}
		for _, r := range records {
			f.Records = append(f.Records, string(r))
		}
		files = append(files, f)
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// names are those in the directory, nil if there is none.
func names(t *testing.T, dir string) (out []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// plant makes the directory of an earlier process, with this file in it.
func plant(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheNextProcessFindsWhatWasWritten(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(s *Spool)
		want []file
	}{
		{"one call", func(s *Spool) { add(t, s, "a", "1", "2") }, []file{{"a", []string{"1", "2"}}}},
		{"several calls", func(s *Spool) {
			add(t, s, "a", "1")
			add(t, s, "b", "x")
			add(t, s, "a", "2", "3")
		}, []file{{"a", []string{"1", "2", "3"}}, {"b", []string{"x"}}}},
		{"in the order of names, not of writing", func(s *Spool) {
			for _, name := range []string{"b", "10", "a", "9"} {
				add(t, s, name, name)
			}
		}, []file{{"10", []string{"10"}}, {"9", []string{"9"}}, {"a", []string{"a"}}, {"b", []string{"b"}}}},
		{"removed", func(s *Spool) {
			add(t, s, "a", "1")
			add(t, s, "b", "2")
			s.Remove("a")
		}, []file{{"b", []string{"2"}}}},
		{"removed and begun again", func(s *Spool) {
			add(t, s, "a", "1")
			s.Remove("a")
			add(t, s, "a", "2")
		}, []file{{"a", []string{"2"}}}},
		{"cleared", func(s *Spool) {
			add(t, s, "a", "1")
			add(t, s, "b", "1")
			s.Clear()
		}, nil},
		{"no bytes, all bytes, and a frame in a record", func(s *Spool) {
			add(t, s, "a", "", "\x00\n\xff", string(framed("inner")), "")
		}, []file{{"a", []string{"", "\x00\n\xff", string(framed("inner")), ""}}}},
		{"larger than the memory that is kept", func(s *Spool) {
			add(t, s, "a", strings.Repeat("x", 2*usual))
			add(t, s, "a", "small")
		}, []file{{"a", []string{strings.Repeat("x", 2*usual), "small"}}}},
		{"closed and opened again meanwhile", func(s *Spool) {
			add(t, s, "a", "1")
			s.Close()
			add(t, s, "a", "2")
		}, []file{{"a", []string{"1", "2"}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := place(t)
			s := open(t, dir, plenty)
			tc.do(s)
			s.Close()
			next := open(t, dir, plenty)
			if diff := cmp.Diff(tc.want, recovered(t, next)); diff != "" {
				t.Errorf("recovered (-want +got):\n%s", diff)
			}
			if got := next.Stats(); got.Found != len(tc.want) || got.Files != len(tc.want) || got.Torn != 0 || got.Failed != 0 {
				t.Errorf("stats %+v", got)
			}
		})
	}
}

// A file is there until it is removed: the process that found it may be
// killed, too.
func TestRecoverTakesNothingAway(t *testing.T) {
	dir := place(t)
	s := open(t, dir, plenty)
	add(t, s, "a", "1")
	add(t, s, "b", "2")
	s.Close()
	for range 3 {
		s = open(t, dir, plenty)
		if got := recovered(t, s); len(got) != 2 {
			t.Fatalf("recovered %v", got)
		}
		s.Close()
	}
	s = open(t, dir, plenty)
	if err := s.Recover(func(name string, _ [][]byte) { s.Remove(name) }); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("all was removed, and there is %v (%v)", names(t, dir), err)
	}
}

func TestNothingOnDiskBeforeTheFirstWrite(t *testing.T) {
	dir := place(t)
	s := open(t, dir, plenty)
	if got := recovered(t, s); got != nil {
		t.Errorf("recovered %v of nothing", got)
	}
	s.Remove("a")
	s.Clear()
	if got := s.Stats(); got != (Stats{}) {
		t.Errorf("stats %+v", got)
	}
	for range 2 {
		if got := names(t, filepath.Dir(dir)); got != nil {
			t.Errorf("on disk: %v", got)
		}
		s.Close()
	}
}

// TestRecoverOfNothingIsFree: it is on the way of every cold start.
func TestRecoverOfNothingIsFree(t *testing.T) {
	s := open(t, place(t), plenty)
	n := testing.AllocsPerRun(100, func() {
		if err := s.Recover(func(string, [][]byte) { t.Error("called") }); err != nil {
			t.Error(err)
		}
	})
	if n > 8 { // one Lstat that fails
		t.Errorf("%v allocations", n)
	}
}

func TestCloseLeavesFilesAndNoEmptyDirectory(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(s *Spool)
		want []string
	}{
		{"files", func(*Spool) {}, []string{"a", "b"}},
		{"some removed", func(s *Spool) { s.Remove("b") }, []string{"a"}},
		{"all removed", func(s *Spool) { s.Remove("b"); s.Remove("a") }, nil},
		{"cleared", func(s *Spool) { s.Clear() }, nil},
		{"a name that is not there", func(s *Spool) { s.Remove("c") }, []string{"a", "b"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := place(t)
			s := open(t, dir, plenty)
			add(t, s, "a", "1")
			add(t, s, "b", "1")
			tc.do(s)
			if got := s.Stats(); got.Files != len(tc.want) || got.Bytes != len(tc.want)*(frameHead+1) {
				t.Errorf("stats %+v", got)
			}
			s.Close()
			s.Close() // once more costs nothing
			_, err := os.Lstat(dir)
			if diff := cmp.Diff(tc.want, names(t, dir)); diff != "" || (err != nil) != (tc.want == nil) {
				t.Errorf("left (-want +got), %v:\n%s", err, diff)
			}
		})
	}
}

func TestFilesAreForThisUserAlone(t *testing.T) {
	dir := place(t)
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	add(t, open(t, dir, plenty), "a", "1")
	for path, want := range map[string]fs.FileMode{dir: 0o700 | fs.ModeDir, filepath.Join(dir, "a"): 0o600} {
		if info, err := os.Lstat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", filepath.Base(path), info.Mode(), err)
		}
	}
}

// A process that is killed in a write leaves any prefix of it.
func TestTornTailCostsTheLastRecordAlone(t *testing.T) {
	whole := framed("first", "", "third record")
	last := len(whole) - len(framed("third record"))
	for cut := last; cut <= len(whole); cut++ {
		dir := place(t)
		plant(t, dir, "a", whole[:cut])
		plant(t, dir, "b", framed("another file"))
		s := open(t, dir, plenty)
		want, torn := []file{{"a", []string{"first", ""}}, {"b", []string{"another file"}}}, 1
		switch cut {
		case last:
			torn = 0
		case len(whole):
			want[0].Records, torn = append(want[0].Records, "third record"), 0
		}
		if diff := cmp.Diff(want, recovered(t, s)); diff != "" {
			t.Errorf("%d bytes of %d (-want +got):\n%s", cut, len(whole), diff)
		}
		if got := s.Stats(); got.Torn != torn || got.Found != 2 || got.Bytes != cut+len(framed("another file")) {
			t.Errorf("%d bytes of %d: %+v", cut, len(whole), got)
		}
	}
}

func TestFlippedBitEndsTheFileThere(t *testing.T) {
	records := []string{"first", "", "third"}
	whole := framed(records...)
	for bit := range len(whole) * 8 {
		data := bytes.Clone(whole)
		data[bit/8] ^= 1 << (bit % 8)
		before := 0 // records in front of the bit
		for len(framed(records[:before+1]...)) <= bit/8 {
			before++
		}
		got, ok := parse(data)
		if diff := cmp.Diff(raw(records[:before]), got); diff != "" || ok {
			t.Errorf("bit %d, whole %v (-want +got):\n%s", bit, ok, diff)
		}
	}
}

// What a file holds that is no record at all is removed and hurts nobody.
func TestRubbishIsRemoved(t *testing.T) {
	for name, data := range map[string]string{
		"empty":                 "",
		"half a head":           "\x01\x00",
		"a head alone":          "\x01\x00\x00\x00\x00\x00\x00\x00",
		"a length beyond all":   "\xff\xff\xff\xff\x00\x00\x00\x00rest",
		"text":                  "some text that is no frame",
		"a record with no sum":  "\x01\x00\x00\x00\x00\x00\x00\x00x",
		"a sum of nothing else": "\x00\x00\x00\x00\x01\x00\x00\x00",
	} {
		t.Run(name, func(t *testing.T) {
			dir := place(t)
			plant(t, dir, "0", []byte(data))
			plant(t, dir, "1", framed("good"))
			s := open(t, dir, plenty)
			if diff := cmp.Diff([]file{{"1", []string{"good"}}}, recovered(t, s)); diff != "" {
				t.Errorf("recovered (-want +got):\n%s", diff)
			}
			if got := names(t, dir); len(got) != 1 {
				t.Errorf("left: %v", got)
			}
			torn := 1
			if data == "" {
				torn = 0
			}
			if got := s.Stats(); got.Found != 2 || got.Torn != torn || got.Files != 1 {
				t.Errorf("stats %+v", got)
			}
		})
	}
}

// Whoever can write there can plant something that is no file: it must not
// lead out of the directory, nor make the start hang.
func TestTrapsAreNotEntered(t *testing.T) {
	outside := framed("a secret")
	for _, tc := range []struct {
		name  string
		trap  func(path, target string) error
		stays bool // what cannot be removed at once
	}{
		{"a link to a file outside", func(path, target string) error { return os.Symlink(target, path) }, false},
		{"a link to a file beside it", func(path, _ string) error { return os.Symlink("good", path) }, false},
		{"a link to nothing", func(path, target string) error { return os.Symlink(target+"-not", path) }, false},
		{"a link to a directory outside", func(path, target string) error { return os.Symlink(filepath.Dir(target), path) }, false},
		{"a pipe that nobody writes", func(path, _ string) error { return syscall.Mkfifo(path, 0o600) }, false},
		{"an empty directory", func(path, _ string) error { return os.Mkdir(path, 0o700) }, false},
		{"a full directory", func(path, _ string) error { return os.MkdirAll(filepath.Join(path, "deep"), 0o700) }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir, target := place(t), filepath.Join(t.TempDir(), "target")
			if err := os.WriteFile(target, outside, 0o600); err != nil {
				t.Fatal(err)
			}
			plant(t, dir, "good", framed("good"))
			if err := tc.trap(filepath.Join(dir, "a trap"), target); err != nil {
				t.Fatal(err)
			}
			s := open(t, dir, plenty)
			if diff := cmp.Diff([]file{{"good", []string{"good"}}}, recovered(t, s)); diff != "" {
				t.Errorf("recovered (-want +got):\n%s", diff)
			}
			s.Remove("a trap")
			if got := names(t, dir); (len(got) > 1) != tc.stays {
				t.Errorf("left: %v", got)
			}
			if got, err := os.ReadFile(target); err != nil || !bytes.Equal(got, outside) {
				t.Errorf("the target: %q, %v", got, err)
			}
		})
	}
}

func TestWritesDoNotFollowLinks(t *testing.T) {
	dir, target := place(t), filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, []byte("as it was"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, plenty)
	add(t, s, "a", "1")
	for name, to := range map[string]string{"out": target, "new": target + "-new", "inside": "a"} {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		if err := s.Append(name, []byte("leaked")); err == nil {
			t.Errorf("%s: written through the link", name)
		}
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != "as it was" {
		t.Errorf("the target: %q, %v", got, err)
	}
	if _, err := os.Lstat(target + "-new"); err == nil {
		t.Error("a file was made outside")
	}
	if got, want := s.Stats(), len(framed("1")); got.Bytes != want || got.Failed != 3 {
		t.Errorf("stats %+v", got)
	}
}

func TestBound(t *testing.T) {
	const size = frameHead + 2 // of each record below
	dir := place(t)
	s := open(t, dir, 3*size)
	add(t, s, "a", "11", "22")
	if err := s.Append("a", []byte("33"), []byte("44")); !errors.Is(err, ErrFull) {
		t.Errorf("beyond the bound: %v", err)
	}
	add(t, s, "b", "33") // up to the bound
	if err := s.Append("c", nil); !errors.Is(err, ErrFull) {
		t.Errorf("an empty record has a head, too: %v", err)
	}
	if got := s.Stats(); got.Refused != 2 || got.Failed != 0 || got.Bytes != 3*size || got.Files != 2 {
		t.Errorf("stats %+v", got)
	}
	s.Remove("a")
	add(t, s, "c", "44", "55")
	s.Close()
	s = open(t, dir, 3*size)
	if diff := cmp.Diff([]file{{"b", []string{"33"}}, {"c", []string{"44", "55"}}}, recovered(t, s)); diff != "" {
		t.Errorf("recovered (-want +got):\n%s", diff)
	}
	if err := s.Append("d", nil); !errors.Is(err, ErrFull) {
		t.Errorf("what was found does not count: %v", err)
	}
}

// Files that an earlier process could not have written: the bound holds, and
// what is over it goes for good.
func TestLeftoversBeyondTheBoundAreRemoved(t *testing.T) {
	small, large := framed("small"), framed(strings.Repeat("x", 100))
	for _, tc := range []struct {
		name  string
		files map[string][]byte
		want  int
	}{
		{"one alone", map[string][]byte{"a": large}, 0},
		{"one among others", map[string][]byte{"a": small, "b": large, "c": small}, 2},
		{"all together", map[string][]byte{"a": small, "b": small, "c": small, "d": small}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := place(t)
			for name, data := range tc.files {
				plant(t, dir, name, data)
			}
			s := open(t, dir, 2*len(small)+1)
			files := recovered(t, s)
			if got := s.Stats(); len(files) != tc.want || got.Files != tc.want || got.Bytes != tc.want*len(small) {
				t.Errorf("recovered %v, stats %+v", files, got)
			}
			if got := names(t, dir); len(got) != tc.want {
				t.Errorf("on disk: %v", got)
			}
		})
	}
}

func TestBoundOfNothingKeepsNothing(t *testing.T) {
	dir := place(t)
	s := open(t, dir, 0)
	if err := s.Append("a", []byte("1")); !errors.Is(err, ErrFull) {
		t.Error(err)
	}
	if got := names(t, filepath.Dir(dir)); got != nil {
		t.Errorf("made: %v", got)
	}
	plant(t, dir, "a", framed("of an earlier process"))
	if got := recovered(t, s); got != nil {
		t.Errorf("recovered %v", got)
	}
	s.Close()
	if got := names(t, dir); len(got) != 1 { // and it is left alone
		t.Errorf("on disk: %v", got)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := place(t)
	first, second := open(t, dir, plenty), open(t, dir, plenty)
	add(t, first, "a", "1")
	for range 2 {
		if err := second.Append("a", []byte("2")); !errors.Is(err, errNotOurs) || !strings.Contains(err.Error(), dir) {
			t.Errorf("append: %v", err)
		}
		if err := second.Recover(func(string, [][]byte) { t.Error("handed out") }); !errors.Is(err, errNotOurs) {
			t.Errorf("recover: %v", err)
		}
	}
	if got := second.Stats(); got.Failed != 2 || !errors.Is(got.LastError, errNotOurs) || got.Files != 0 {
		t.Errorf("stats %+v", got)
	}
	second.Close() // and takes nothing from the first
	add(t, first, "a", "2")
	first.Close()
	if diff := cmp.Diff([]file{{"a", []string{"1", "2"}}}, recovered(t, second)); diff != "" {
		t.Errorf("recovered (-want +got):\n%s", diff)
	}
	add(t, second, "a", "3")
}

// TestSomebodyElsesDirectory: the error says what is wrong with it, and
// nothing is written, read or removed there.
func TestSomebodyElsesDirectory(t *testing.T) {
	for _, tc := range []struct {
		name string
		make func(dir, target string) error
		says string
	}{
		{"a link to a directory", func(dir, target string) error { return os.Symlink(target, dir) }, "not a directory"},
		{"a link to nothing", func(dir, target string) error { return os.Symlink(target+"-not", dir) }, "not a directory"},
		{"a file", func(dir, _ string) error { return os.WriteFile(dir, framed("x"), 0o600) }, "not a directory"},
		{"a pipe that nobody writes", func(dir, _ string) error { return syscall.Mkfifo(dir, 0o600) }, "not a directory"},
		{"open to all readers", func(dir, _ string) error { return os.Mkdir(dir, 0o755) }, "somebody else"},
		{"open to the group's writers", func(dir, _ string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o720)) }, "somebody else"},
		{"another user's", func(dir, _ string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, os.Geteuid()+1, -1)) }, "somebody else"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir, target := place(t), t.TempDir()
			if err := os.Chmod(target, 0o700); err != nil {
				t.Fatal(err)
			}
			plant(t, target, "old", framed("of somebody"))
			if err := tc.make(dir, target); errors.Is(err, fs.ErrPermission) {
				t.Skip("SKIPPED: only root can give a directory away")
			} else if err != nil {
				t.Fatal(err)
			}
			if info, err := os.Stat(dir); err == nil && info.IsDir() && names(t, dir) == nil {
				plant(t, dir, "old", framed("of somebody"))
			}
			before := names(t, filepath.Dir(dir))
			s := open(t, dir, plenty)
			if err := s.Append("a", []byte("1")); err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), dir) {
				t.Errorf("append: %v", err)
			}
			err := s.Recover(func(name string, _ [][]byte) { t.Errorf("handed out %q", name) })
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("recover: %v", err)
			}
			s.Remove("old")
			s.Clear()
			s.Close()
			if got := s.Stats(); got.Failed != 1 || got.LastError == nil || got.Bytes != 0 {
				t.Errorf("stats %+v", got)
			}
			if diff := cmp.Diff(before, names(t, filepath.Dir(dir))); diff != "" {
				t.Errorf("around it (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"old"}, names(t, target)); diff != "" {
				t.Errorf("at the link's target (-before +after):\n%s", diff)
			}
			if info, err := os.Stat(dir); err == nil && info.IsDir() && len(names(t, dir)) != 1 {
				t.Errorf("in it: %v", names(t, dir))
			}
		})
	}
}

// A function may tidy up /tmp while we live.
func TestFilesThatVanish(t *testing.T) {
	dir := place(t)
	s := open(t, dir, plenty)
	add(t, s, "a", "1")
	add(t, s, "b", "1")
	if err := os.Remove(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	s.Remove("a")
	if got := s.Stats(); got.Failed != 0 || got.Files != 1 || got.Bytes != len(framed("1")) {
		t.Errorf("stats %+v", got)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := s.Append("b", []byte("2")); err == nil && len(names(t, dir)) == 0 {
		t.Error("an Append that wrote nothing says nothing")
	}
	s.Clear()
	if got := s.Stats(); got.Files != 0 || got.Bytes != 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	const workers, rounds = 6, 60
	dir := place(t)
	s := open(t, dir, plenty)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			own := "own-" + strconv.Itoa(w)
			for i := range rounds {
				record := []byte(fmt.Sprintf("%d %d", w, i))
				err := errors.Join(s.Append("shared", record), s.Append(own, record), s.Append(own+"-passing", record))
				if err != nil {
					t.Error(err)
				}
				s.Remove(own + "-passing")
				if got := s.Stats(); got.Files > 2*workers+1 || got.Bytes > plenty {
					t.Errorf("stats %+v", got)
				}
			}
		})
	}
	wg.Wait()
	s.Close()
	files := recovered(t, open(t, dir, plenty))
	if len(files) != workers+1 || len(files[workers].Records) != workers*rounds {
		t.Fatalf("recovered %v", files)
	}
	for _, f := range files { // of each worker, its records in its order
		next := map[int]int{}
		for _, r := range f.Records {
			var w, i int
			if _, err := fmt.Sscan(r, &w, &i); err != nil || i != next[w] {
				t.Fatalf("%s: %q, want number %d (%v)", f.Name, r, next[w], err)
			}
			next[w]++
		}
	}
}

// TestAgainstAModel: whatever is called in whatever order, the next process
// finds what a map would hold, and the bound is never exceeded.
func TestAgainstAModel(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		dir, bound := place(t), 100+rnd.IntN(400)
		s, model := open(t, dir, bound), map[string][]string{}
		for range 200 {
			switch name := string(rune('a' + rnd.IntN(5))); rnd.IntN(8) {
			case 0:
				s.Remove(name)
				delete(model, name)
			case 1:
				s.Close()
				s = open(t, dir, bound)
				checkModel(t, seed, model, recovered(t, s))
			case 2:
				if rnd.IntN(10) == 0 {
					s.Clear()
					clear(model)
				}
			default:
				records := []string{strings.Repeat("x", rnd.IntN(40)), strconv.Itoa(rnd.Int())}[rnd.IntN(2):]
				err := s.Append(name, raw(records)...)
				if full := modelBytes(model)+len(framed(records...)) > bound; full != errors.Is(err, ErrFull) || !full && err != nil {
					t.Fatalf("seed %d: append: %v, full %v", seed, err, full)
				} else if !full {
					model[name] = append(model[name], records...)
				}
			}
			if got := s.Stats(); got.Bytes != modelBytes(model) || got.Files != len(model) {
				t.Fatalf("seed %d: %+v, want %d bytes of %d files", seed, got, modelBytes(model), len(model))
			}
		}
		s.Clear()
		s.Close()
		if got := names(t, filepath.Dir(dir)); got != nil {
			t.Errorf("seed %d: left %v", seed, got)
		}
	}
}

func modelBytes(model map[string][]string) (n int) {
	for _, records := range model {
		n += len(framed(records...))
	}
	return n
}

func checkModel(t *testing.T, seed uint64, model map[string][]string, got []file) {
	t.Helper()
	found := map[string][]string{}
	for _, f := range got {
		found[f.Name] = f.Records
	}
	if diff := cmp.Diff(model, found); diff != "" {
		t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
	}
}
