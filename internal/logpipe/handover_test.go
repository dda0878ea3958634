package logpipe

import (
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// handing is a wrapper's side of the hand-over.
type handing struct {
	conn           *net.UnixConn
	function, logs *os.File // what the function writes to, what the platform reads
}

func pipe(t *testing.T) (r, w int) {
	t.Helper()
	var p [2]int
	if err := syscall.Pipe2(p[:], syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	return p[0], p[1]
}

// hand sends the nonce, the letters and two descriptors for each of count.
func hand(t *testing.T, socket, text string, count int) *handing {
	t.Helper()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	h := &handing{conn: conn}
	var fds []int
	for range count {
		in, function := pipe(t)
		logs, out := pipe(t)
		fds = append(fds, in, out)
		// Closed as files only: a number that is closed beside them is closed a
		// second time by the collector, when it is another test's.
		ours := [2]*os.File{os.NewFile(uintptr(function), "function"), os.NewFile(uintptr(logs), "logs")}
		t.Cleanup(func() { _ = ours[0].Close(); _ = ours[1].Close() })
		h.function, h.logs = ours[0], ours[1]
	}
	if _, _, err := conn.WriteMsgUnix([]byte(text), syscall.UnixRights(fds...), nil); err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		_ = syscall.Close(fd)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return h
}

// answer is what the extension says; empty: it has closed.
func (h *handing) answer() string {
	b := make([]byte, 8)
	_ = h.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	n, _ := h.conn.Read(b)
	return string(b[:n])
}

// isClosed reports whether nobody reads what the function writes.
func (h *handing) isClosed() bool {
	_, err := h.function.WriteString("x\n")
	return err != nil
}

func listening(t *testing.T) *Pipes {
	t.Helper()
	p := New(Options{Rules: func(Place) Rules { return &rules{line: enrich} }})
	if err := p.Listen(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Shutdown(time.Second) })
	return p
}

func TestHandOver(t *testing.T) {
	before := openDescriptors(t)
	p := listening(t)
	socket, nonce := p.Invite()
	if !strings.HasPrefix(socket, "@") || len(nonce) != nonceSize {
		t.Fatalf("%q %q", socket, nonce)
	}
	h := hand(t, socket, nonce+"l", 1)
	if got := h.answer(); got != okay {
		t.Fatalf("answer %q", got)
	}
	if p.On() {
		t.Error("on before go")
	}
	for _, c := range openDescriptors(t) {
		flags, err := fcntl(c)
		if err == nil && flags&syscall.FD_CLOEXEC == 0 && !slices.Contains(before, c) {
			t.Errorf("descriptor %d outlives an exec", c)
		}
	}
	if _, err := h.conn.Write([]byte(start)); err != nil {
		t.Fatal(err)
	}
	await(t, "in place is on", p.On)
	if _, err := h.function.WriteString("a\n"); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 64)
	n, err := h.logs.Read(b)
	if got := string(b[:n]); err != nil || got != "{\"m\":\"a\"}\n" {
		t.Errorf("%q, %v", got, err)
	}
	p.Polled()
	if !p.On() {
		t.Error("off at the first poll")
	}
	_ = h.function.Close()
	await(t, "the channel is forgotten", func() bool { return len(p.channels()) == 0 })
	if !p.On() {
		t.Error("off at the end of the runtime: its lines would come a second time")
	}
}

func openDescriptors(t *testing.T) (fds []int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		n := 0
		for _, c := range e.Name() {
			n = n*10 + int(c-'0')
		}
		fds = append(fds, n)
	}
	return fds
}

func fcntl(fd int) (int, error) {
	flags, _, err := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
	if err != 0 {
		return 0, err
	}
	return int(flags), nil
}

func TestHandOverRefused(t *testing.T) {
	for name, c := range map[string]struct {
		text  func(nonce string) string
		count int
		says  string // the extension, and then the wrapper
	}{
		"wrong nonce":            {func(n string) string { return strings.Repeat("0", nonceSize) + "l" }, 1, ""},
		"no nonce":               {func(string) string { return "l" }, 1, ""},
		"no letter":              {func(n string) string { return n }, 1, ""},
		"a letter too few":       {func(n string) string { return n + "l" }, 2, ""},
		"a letter too many":      {func(n string) string { return n + "ll" }, 1, ""},
		"an unknown letter":      {func(n string) string { return n + "x" }, 1, ""},
		"too many":               {func(n string) string { return n + "llll" }, 4, ""},
		"too many by far":        {func(n string) string { return n + "llllll" }, 6, ""},
		"nothing instead of go":  {func(n string) string { return n + "l" }, 1, okay},
		"something else than go": {func(n string) string { return n + "l" }, 1, okay + "no"},
		"no descriptors":         {func(n string) string { return n + "l" }, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := listening(t)
			socket, nonce := p.Invite()
			h := hand(t, socket, c.text(nonce), c.count)
			if got, want := h.answer(), strings.TrimSuffix(c.says, "no"); got != want {
				t.Fatalf("answer %q, want %q", got, want)
			}
			if strings.HasSuffix(c.says, "no") {
				_, _ = h.conn.Write([]byte("no"))
			}
			_ = h.conn.Close()
			if c.count > 0 {
				await(t, "all is closed", h.isClosed)
			}
			p.Polled()
			if p.On() || len(p.channels()) > 0 {
				t.Error("in place is on")
			}
		})
	}
}

// A nonce is good for one hand-over, and one that another process took is gone.
func TestNonceIsGoodOnce(t *testing.T) {
	p := listening(t)
	socket, nonce := p.Invite()
	_, other := p.Invite()
	if h := hand(t, socket, nonce+"l", 1); h.answer() != okay {
		t.Fatal("refused")
	}
	if h := hand(t, socket, nonce+"l", 1); h.answer() != "" {
		t.Error("a nonce was taken twice")
	}
	if h := hand(t, socket, other+"l", 1); h.answer() != okay {
		t.Error("another nonce was refused")
	}
}

// A reset hands over anew; nobody's hand-over ends another's channels, and
// there is a most.
func TestSeveralHandOvers(t *testing.T) {
	p := listening(t)
	var all []*handing
	for range mostSets {
		socket, nonce := p.Invite()
		h := hand(t, socket, nonce+"l", 1)
		if h.answer() != okay {
			t.Fatal("refused")
		}
		_, _ = h.conn.Write([]byte(start))
		all = append(all, h)
	}
	await(t, "all are taken", func() bool { return p.Stats().HandOvers == mostSets })
	socket, nonce := p.Invite()
	if h := hand(t, socket, nonce+"l", 1); h.answer() != "" {
		t.Error("one too many was taken")
	}
	for _, h := range all {
		if _, err := h.function.WriteString("b\n"); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 64)
		if n, err := h.logs.Read(b); err != nil || string(b[:n]) != "{\"m\":\"b\"}\n" {
			t.Errorf("%q, %v", b[:n], err)
		}
	}
	p.Polled()
	if p.On() {
		t.Error("the last runtime did not hand over, and its lines would not be copied")
	}
}

// What is received is what it must be: a file is no log.
func TestHandOverOfAFile(t *testing.T) {
	p := listening(t)
	socket, nonce := p.Invite()
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	null, err := os.Open("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if _, _, err := conn.WriteMsgUnix([]byte(nonce+"l"), syscall.UnixRights(int(null.Fd()), int(null.Fd())), nil); err != nil {
		t.Fatal(err)
	}
	if h := (&handing{conn: conn}); h.answer() != "" {
		t.Error("a device was taken")
	}
}
