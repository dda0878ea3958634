package spool

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A child process is this test binary with a job and a directory.
const (
	jobVar = "SPOOL_TEST_JOB"
	dirVar = "SPOOL_TEST_DIR"

	nobody = 65534 // a user that is not root
)

// child does the job. What it prints the parent reads.
func child(job, dir string) int {
	s := New(Options{Dir: dir, MaxBytes: 256 << 20})
	var err error
	switch job {
	case "append":
		err = appendForever(s)
	case "small disk":
		err = fillSmallDisk(s)
	case "read only":
		err = writeWhereNobodyMay(s, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 3
	}
	return 0
}

// appendForever goes on where the process before was killed, in a file of its
// own, and prints each number once it is safe.
func appendForever(s *Spool) error {
	next := 0
	err := s.Recover(func(_ string, records [][]byte) { next += len(records) })
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%08d", next)
	for range enough {
		var records [][]byte
		for range 1 + next%3 {
			records = append(records, numbered(next))
			next++
		}
		if err := s.Append(name, records...); err != nil {
			return err
		}
		fmt.Println(next - 1)
	}
	return untilKilled()
}

// untilKilled: the parent is slow, and the disk is not ours to fill.
func untilKilled() error {
	for {
		time.Sleep(time.Hour)
	}
}

// enough is more than any parent waits for.
const enough = 200

// numbered is the record of a number. Its length is anything up to some pages.
func numbered(n int) []byte {
	return []byte(strconv.Itoa(n) + strings.Repeat(" "+strconv.Itoa(n*7919), n*7919%1000))
}

// process is a child at work.
type process struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	err   strings.Builder
}

func start(t *testing.T, job, dir string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), jobVar+"="+job, dirVar+"="+dir)
	p.cmd.Stderr = &p.err
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.lines = bufio.NewScanner(out)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	return p
}

// number reads the next one that the child prints; false: it has ended.
func (p *process) number(t *testing.T) (int, bool) {
	t.Helper()
	if !p.lines.Scan() {
		return 0, false
	}
	n, err := strconv.Atoi(p.lines.Text())
	if err != nil {
		t.Fatal(err)
	}
	return n, true
}

// killAfter kills the child when it has printed so many numbers, at whatever
// it is doing then, and returns the last number it printed.
func (p *process) killAfter(t *testing.T, numbers int) (last int) {
	t.Helper()
	for range numbers {
		last, _ = p.number(t)
	}
	_ = p.cmd.Process.Kill()
	for n, ok := p.number(t); ok; n, ok = p.number(t) {
		last = n
	}
	_ = p.cmd.Wait()
	if s, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended by itself: %v: %s", p.cmd.ProcessState, &p.err)
	}
	return last
}

// runs waits for a child that ends by itself.
func runs(t *testing.T, job, dir string) {
	t.Helper()
	p := start(t, job, dir)
	for p.lines.Scan() {
	}
	if err := p.cmd.Wait(); err != nil {
		t.Fatalf("the child: %v: %s", err, &p.err)
	}
}

const lives = 15

// TestKilledWriter: what Append said is safe is there, whole and in order,
// after any number of kills, and the next process is not locked out.
func TestKilledWriter(t *testing.T) {
	dir, torn := place(t), 0
	for life := range lives {
		last := start(t, "append", dir).killAfter(t, 1+rand.IntN(60))
		s, found := New(Options{Dir: dir, MaxBytes: 256 << 20}), 0
		err := s.Recover(func(name string, records [][]byte) {
			if want := fmt.Sprintf("%08d", found); name != want {
				t.Errorf("life %d: a file begins at %s, want %s", life, name, want)
			}
			for _, r := range records {
				if string(r) != string(numbered(found)) {
					t.Errorf("life %d: %.20q stands for number %d", life, r, found)
				}
				found++
			}
		})
		if err != nil || found <= last {
			t.Errorf("life %d: %d records found, %d were safe (%v)", life, found, last+1, err)
		}
		if torn = s.Stats().Torn; torn > life+1 {
			t.Errorf("life %d: %d files are torn", life, torn)
		}
		s.Close()
	}
	t.Logf("%d files of %d were torn", torn, lives)
}

func TestLockEndsWithTheProcess(t *testing.T) {
	dir := place(t)
	p := start(t, "append", dir)
	if _, ok := p.number(t); !ok {
		t.Fatalf("the child ended: %s", &p.err)
	}
	s := open(t, dir, plenty)
	if err := s.Append("a", []byte("1")); !errors.Is(err, errNotOurs) {
		t.Errorf("while it lives: %v", err)
	}
	p.killAfter(t, 0)
	if err := s.Append("a", []byte("1")); err != nil {
		t.Errorf("when it is dead: %v", err)
	}
}

// smallDisk is the most bytes a file may have in the next test.
const smallDisk = 1000

// fillSmallDisk meets a limit in the middle of a write, which a full disk
// looks like.
func fillSmallDisk(s *Spool) error {
	limit := syscall.Rlimit{Cur: smallDisk, Max: smallDisk}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	size := func(n int) []byte { return make([]byte, n-frameHead) }
	for _, write := range []struct {
		name string
		size int
		want error
	}{
		{"log", 500, nil},
		{"log", 600, syscall.EFBIG},
		{"log", 300, nil}, // it was taken back
		{"new", 2000, syscall.EFBIG},
		{"log", 201, syscall.EFBIG},
		{"log", 200, nil},
		{"other", smallDisk, nil},
	} {
		if err := s.Append(write.name, size(write.size)); !errors.Is(err, write.want) {
			return fmt.Errorf("%d bytes to %s: %v, want %v", write.size, write.name, err, write.want)
		}
	}
	got := s.Stats()
	if got.Failed != 3 || got.Refused != 0 || got.Files != 2 || got.Bytes != 2*smallDisk || !errors.Is(got.LastError, syscall.EFBIG) {
		return fmt.Errorf("stats %+v", got)
	}
	return nil
}

func TestFullDiskCostsWhatHasNoRoom(t *testing.T) {
	dir := place(t)
	runs(t, "small disk", dir)
	if diff := cmp.Diff([]string{"log", "other"}, names(t, dir)); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	s, sizes := open(t, dir, plenty), map[string][]int{}
	if err := s.Recover(func(name string, records [][]byte) {
		for _, r := range records {
			sizes[name] = append(sizes[name], len(r)+frameHead)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]int{"log": {500, 300, 200}, "other": {smallDisk}}, sizes); diff != "" {
		t.Errorf("recovered (-want +got):\n%s", diff)
	}
	if got := s.Stats(); got.Torn != 0 {
		t.Errorf("stats %+v", got)
	}
}

// writeWhereNobodyMay gives up root's rights, to which no mode is in the way.
func writeWhereNobodyMay(s *Spool, dir string) error {
	if os.Geteuid() == 0 {
		if err := syscall.Setuid(nobody); err != nil {
			return err
		}
	}
	if _, err := os.ReadDir(filepath.Dir(dir)); err != nil {
		return err // or the right error would come for a wrong reason
	}
	for range 2 {
		if err := s.Append("a", []byte("1")); !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), dir) {
			return fmt.Errorf("append: %v", err)
		}
	}
	if err := s.Recover(func(string, [][]byte) {}); err != nil {
		return err
	}
	s.Close()
	if got := s.Stats(); got.Failed != 2 || !errors.Is(got.LastError, fs.ErrPermission) || got.Bytes != 0 {
		return fmt.Errorf("stats %+v", got)
	}
	return nil
}

func TestParentThatCannotBeWritten(t *testing.T) {
	parent := t.TempDir()
	if err := errors.Join(os.Chmod(filepath.Dir(parent), 0o755), os.Chmod(parent, 0o555)); err != nil {
		t.Fatal(err)
	}
	runs(t, "read only", filepath.Join(parent, "spool"))
	if got := names(t, parent); got != nil {
		t.Errorf("made: %v", got)
	}
}

func TestParentThatIsNotThere(t *testing.T) {
	dir := filepath.Join(place(t), "deeper")
	s := open(t, dir, plenty)
	if err := s.Append("a", []byte("1")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if got := s.Stats(); got.Failed != 1 || got.Bytes != 0 {
		t.Errorf("stats %+v", got)
	}
	if err := os.Mkdir(filepath.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	add(t, s, "a", "1") // later writes try anew
}
