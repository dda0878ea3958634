package child

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// shell runs a script and returns the process with what it printed.
func shell(t *testing.T, c Command, script string) (*Process, *messages) {
	t.Helper()
	l := NewLauncher()
	m := &messages{}
	c.Name, c.Path, c.Args, c.Dir, c.Env = "fn", "/bin/sh", []string{"-c", script}, "/", []string{"PATH=" + os.Getenv("PATH")}
	p, err := l.Spawn(c, Handlers{Print: m.add, Room: func() {}, Broken: m.damaged, Exit: func(*Process) {}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Signal(syscall.SIGKILL)
		p.Abandon()
		<-p.Exited()
		l.Close()
	})
	return p, m
}

type messages struct {
	mu     sync.Mutex
	list   []Message
	broken []error
}

func (m *messages) add(msg Message) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, msg)
}

func (m *messages) damaged(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = append(m.broken, err)
}

func (m *messages) texts() (list []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, msg := range m.list {
		list = append(list, msg.Text)
	}
	return list
}

func await(t *testing.T, p *Process) {
	t.Helper()
	if !p.AwaitExit(time.Now().Add(20 * time.Second)) {
		t.Fatal("the process does not end")
	}
}

// One pipe keeps the order of stdout and stderr; two do not share a file.
func TestOnePipeOrTwo(t *testing.T) {
	p, m := shell(t, Command{}, "echo 1; echo 2 >&2; echo 3")
	await(t, p)
	if diff := cmp.Diff([]string{"1", "2", "3"}, m.texts()); diff != "" {
		t.Error(diff)
	}
	inodes := func(split bool) []string {
		p, m := shell(t, Command{Split: split}, "readlink /proc/$$/fd/1; readlink /proc/$$/fd/2")
		await(t, p)
		return m.texts()
	}
	if list := inodes(false); list[0] != list[1] || !strings.HasPrefix(list[0], "pipe:") {
		t.Errorf("one: %v", list)
	}
	if list := inodes(true); list[0] == list[1] {
		t.Errorf("two: %v", list)
	}
}

// The framed descriptor is number 3 and of the kind that was asked for; it cannot
// be read from, and what is written there are frames.
func TestFramedDescriptor(t *testing.T) {
	const frame = `printf '\245\132\000\027\000\000\000\004\000\000\000\000\000\000\000\001a\nb\n' >&3`
	for _, kind := range []Kind{Pipe, Socket} {
		p, m := shell(t, Command{Framed: kind}, "readlink /proc/$$/fd/3 | cut -c 1-6; "+frame+"; timeout 5 cat <&3 2>&-; echo end")
		await(t, p)
		texts := m.texts()
		slices.Sort(texts) // two descriptors have no order
		want := map[Kind][]string{Pipe: {"a\nb", "end", "pipe:["}, Socket: {"a\nb", "end", "socket"}}[kind]
		if diff := cmp.Diff(want, texts); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
	}
	p, m := shell(t, Command{}, "echo x >&3 || echo closed")
	await(t, p)
	if !slices.Contains(m.texts(), "closed") {
		t.Errorf("without: %q", m.texts())
	}
	p, m = shell(t, Command{Framed: Pipe}, "echo 'this is not a frame' >&3")
	await(t, p)
	if diff := cmp.Diff([]string{"this is not a frame"}, m.texts()); diff != "" || len(m.broken) != 1 || !errors.Is(m.broken[0], errNoFrame) {
		t.Errorf("no frame: %v %s", m.broken, diff)
	}
}

// A slow reader lets the writer block: of more than a pipe holds only a part is
// out at first, and nothing is lost in the end.
func TestSlowReader(t *testing.T) {
	dir := t.TempDir()
	pace := 1 << 20
	var mu sync.Mutex
	p, m := shell(t, Command{Pace: func() int {
		mu.Lock()
		defer mu.Unlock()
		return pace
	}}, "i=0; while [ $i -lt 400 ]; do printf '%01000d\n' $i; i=$((i+1)); done; touch "+dir+"/done; sleep 100")
	p.Drain() // does not hurry it
	if _, err := os.Stat(dir + "/done"); err == nil {
		t.Error("400 kB were written at once")
	}
	mu.Lock()
	pace = 0
	mu.Unlock()
	for end := time.Now().Add(20 * time.Second); len(m.texts()) < 400; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d lines of 400", len(m.texts()))
		}
	}
}

// With AwaitEOF a process that has ended counts as dead when the last of its
// descriptors is closed, or when nobody wants to wait; without it at once.
func TestAwaitEOF(t *testing.T) {
	const leave = "(sleep 100 &) ; echo parent"
	p, _ := shell(t, Command{}, leave)
	await(t, p)
	p, m := shell(t, Command{AwaitEOF: func() bool { return true }}, "(sleep 0.3; echo child) & echo parent")
	await(t, p)
	if diff := cmp.Diff([]string{"parent", "child"}, m.texts()); diff != "" {
		t.Error(diff)
	}
	p, _ = shell(t, Command{AwaitEOF: func() bool { return true }}, leave)
	if p.AwaitExit(time.Now().Add(300 * time.Millisecond)) {
		t.Error("it is dead while its child has the descriptors")
	}
	p.Abandon()
	await(t, p)
	if p.Code() != 0 || p.Outcome() != "0" {
		t.Errorf("exit %s", p.Outcome())
	}
}

// A program that cannot be started leaves nothing behind.
func TestSpawnErrors(t *testing.T) {
	dir := t.TempDir()
	os.WriteFile(dir+"/plain", []byte("x"), 0o600)
	l := NewLauncher()
	defer l.Close()
	for path, want := range map[string]string{dir + "/none": "UnknownError", dir + "/plain": "PermissionDenied"} {
		_, err := l.Spawn(Command{Path: path, Dir: "/", Framed: Socket, Split: true}, Handlers{})
		if err == nil || LaunchErrorType(err) != want {
			t.Errorf("%s: %v is %s, want %s", path, err, LaunchErrorType(err), want)
		}
	}
}
