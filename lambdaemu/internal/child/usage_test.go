package child

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What a process used is that of its whole group: here of a child that works
// while its parent waits for it. Nobody is counted twice, and of a group that
// is gone there is nothing.
func TestUsageIsOfTheGroup(t *testing.T) {
	p, m := shell(t, Command{}, "sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo done; sleep 60'; true")
	for end := time.Now().Add(60 * time.Second); len(m.texts()) == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the child does not work")
		}
	}
	u := UsageOf(p.PID())
	if own := cpuTime(p.PID()); u.CPU <= own || u.CPU == 0 {
		t.Errorf("the group used %v, its leader alone %v", u.CPU, own)
	}
	if own := statusKB(p.PID(), "VmRSS:"); u.RSSKB <= own || own == 0 || u.PeakKB < u.RSSKB {
		t.Errorf("the group has %+v, its leader alone %d kB", u, own)
	}
	if mb := PeakMemoryMB(map[int]bool{p.PID(): true}); mb < u.PeakKB>>10 {
		t.Errorf("%d MB at most, of %d kB", mb, u.PeakKB)
	}
	p.Signal(syscall.SIGKILL)
	p.Abandon()
	<-p.Exited()
	for end := time.Now().Add(20 * time.Second); UsageOf(p.PID()) != (Usage{}); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("of a group that is gone: %+v", UsageOf(p.PID()))
		}
	}
	if cpuTime(1<<30) != 0 || statusKB(1<<30, "VmRSS:") != 0 || statusKB(os.Getpid(), "VmNone:") != 0 {
		t.Error("figures of processes and fields that do not exist")
	}
}

// What is said of an end: the exit code, or the signal in words.
func TestOutcomes(t *testing.T) {
	for script, want := range map[string]struct {
		code          int
		outcome, text string
	}{
		"exit 0":                 {0, "0", "exit status 0"},
		"exit 7":                 {7, "7", "exit status 7"},
		"kill -KILL $$":          {-1, "signal: killed", "signal: killed"},
		"kill -TERM $$; sleep 9": {-1, "signal: terminated", "signal: terminated"},
	} {
		p, _ := shell(t, Command{}, script)
		began := time.Now()
		await(t, p)
		if p.Code() != want.code || p.Outcome() != want.outcome || p.Text() != want.text {
			t.Errorf("%s: code %d, %q, %q", script, p.Code(), p.Outcome(), p.Text())
		}
		if p.Alive() || p.At().Before(began) || p.At().After(time.Now()) {
			t.Errorf("%s: alive %t, ended at %v", script, p.Alive(), p.At())
		}
	}
}

// A stopped process is seen as one, and so is its thaw.
func TestAwaitThaw(t *testing.T) {
	// One process: a shell that is about to start another waits for it in a state
	// in which it cannot be stopped, if the other was stopped first.
	p, m := shell(t, Command{}, "echo up; exec sleep 60")
	for end := time.Now().Add(20 * time.Second); len(m.texts()) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not start")
		}
	}
	p.Signal(syscall.SIGSTOP)
	state := func() byte {
		text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.PID()), "stat"))
		_, rest, _ := strings.Cut(string(text), ") ")
		return rest[0]
	}
	for end := time.Now().Add(20 * time.Second); state() != 'T'; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not stop")
		}
	}
	p.Signal(syscall.SIGCONT)
	p.AwaitThaw(20 * time.Second)
	if s := state(); s == 'T' {
		t.Errorf("state %c after the thaw was waited for", s)
	}
}

// A program that cannot be started says why, in Lambda's words.
func TestLaunchErrors(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plain"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := NewLauncher()
	defer l.Close()
	for name, want := range map[string]struct {
		err  error
		word string
	}{"none": {fs.ErrNotExist, "UnknownError"}, "plain": {fs.ErrPermission, "PermissionDenied"}} {
		_, err := l.Spawn(Command{Name: "x", Path: filepath.Join(dir, name), Dir: "/"}, Handlers{})
		if !errors.Is(err, want.err) || LaunchErrorType(err) != want.word {
			t.Errorf("%s: %v, %s", name, err, LaunchErrorType(err))
		}
	}
}
