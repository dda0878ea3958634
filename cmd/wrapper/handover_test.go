package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pipes are a process's log descriptors.
type pipes struct {
	files []*os.File // what the process gets: stdout, stderr and perhaps a third
	log   []*os.File // what Lambda reads
}

func newPipes(t *testing.T, kinds ...string) *pipes {
	t.Helper()
	p := &pipes{}
	for i, kind := range kinds {
		var fds [2]int
		var err error
		switch kind {
		case "same":
			p.files = append(p.files, p.files[i-1])
			continue
		case "file":
			f, err := os.Create(filepath.Join(t.TempDir(), "log"))
			if err != nil {
				t.Fatal(err)
			}
			p.files = append(p.files, f)
			continue
		case "socket":
			fds, err = syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		default:
			err = syscall.Pipe2(fds[:], syscall.O_CLOEXEC)
		}
		if err != nil {
			t.Fatal(err)
		}
		r, w := os.NewFile(uintptr(fds[0]), "log"), os.NewFile(uintptr(fds[1]), "descriptor")
		t.Cleanup(func() { _ = r.Close(); _ = w.Close() })
		p.files, p.log = append(p.files, w), append(p.log, r)
	}
	return p
}

// taker is the extension's side of the hand-over.
type taker struct {
	socket string
	says   string // after the descriptors
	came   string // the letters
	kinds  []string
	ends   []int // ours and the originals, in turn
	went   bool  // go was said
	done   chan struct{}
}

const nonce = "0123456789abcdef0123456789abcdef"

func take(t *testing.T, says string) *taker {
	t.Helper()
	name := fmt.Sprintf("@wrapper-test-%d-%d", os.Getpid(), time.Now().UnixNano())
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	k := &taker{socket: name, says: says, done: make(chan struct{})}
	t.Cleanup(func() { _ = ln.Close(); <-k.done })
	go func() {
		defer close(k.done)
		c, err := ln.AcceptUnix()
		if err != nil {
			return
		}
		defer c.Close()
		text, control := make([]byte, 100), make([]byte, 1000)
		n, m, _, _, err := c.ReadMsgUnix(text, control)
		if err != nil || !strings.HasPrefix(string(text[:n]), nonce) {
			return
		}
		k.came = string(text[len(nonce):n])
		messages, _ := syscall.ParseSocketControlMessage(control[:m])
		for i := range messages {
			fds, _ := syscall.ParseUnixRights(&messages[i])
			k.ends = append(k.ends, fds...)
		}
		for _, fd := range k.ends {
			var st syscall.Stat_t
			_ = syscall.Fstat(fd, &st)
			k.kinds = append(k.kinds, map[uint32]string{syscall.S_IFIFO: "pipe", syscall.S_IFSOCK: "socket"}[st.Mode&syscall.S_IFMT])
		}
		if says == "" {
			return
		}
		_, _ = c.Write([]byte(says))
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		n, _ = c.Read(text)
		k.went = string(text[:n]) == start
	}()
	return k
}

// becomes runs the wrapper with the descriptors, before a shell command.
func becomes(t *testing.T, p *pipes, env []string, script string) {
	t.Helper()
	proc, err := os.StartProcess(binary, []string{binary, "/bin/sh", "-c", script}, &os.ProcAttr{Env: env, Files: append([]*os.File{nil}, p.files...)})
	if err != nil {
		t.Fatal(err)
	}
	if state, err := proc.Wait(); err != nil || state.ExitCode() != 0 {
		t.Fatalf("%v, %v: the wrapper left something open", state, err)
	}
	for _, f := range p.files {
		_ = f.Close()
	}
}

// read is what stands in a pipe, or comes soon; empty: nothing does.
func read(fd int) string {
	_ = syscall.SetNonblock(fd, true)
	b := make([]byte, 4096)
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		n, err := syscall.Read(fd, b)
		if err != syscall.EAGAIN || time.Now().After(end) {
			return string(b[:max(n, 0)])
		}
	}
}

// openWithout are the descriptors that a shell has without the wrapper.
func openWithout(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("/bin/sh", "-c", "for f in /proc/$$/fd/*; do echo ${f##*/}; done").Output()
	if err != nil {
		t.Fatal(err)
	}
	return "0|1|2|3|" + strings.Join(strings.Fields(string(out)), "|")
}

func TestHandOver(t *testing.T) {
	for name, c := range map[string]struct {
		kinds  []string
		framed string
		letter string
		ends   []string
		reads  []string // from each of ours
	}{
		"two pipes":                  {[]string{"pipe", "pipe"}, "", "ll", []string{"pipe", "pipe", "pipe", "pipe"}, []string{"one\n", "two\n"}},
		"one file for both":          {[]string{"pipe", "same"}, "", "l", []string{"pipe", "pipe"}, []string{"one\ntwo\n"}},
		"sockets":                    {[]string{"socket", "same"}, "", "l", []string{"socket", "socket"}, []string{"one\ntwo\n"}},
		"a framed one":               {[]string{"pipe", "same", "socket"}, "3", "lf", []string{"pipe", "pipe", "socket", "socket"}, []string{"one\ntwo\n", "three\n"}},
		"a framed one that is none":  {[]string{"pipe", "same"}, "9", "l", []string{"pipe", "pipe"}, []string{"one\ntwo\n"}},
		"a number that is no number": {[]string{"pipe", "same"}, "3x", "l", []string{"pipe", "pipe"}, []string{"one\ntwo\n"}},
		"a file is no log":           {[]string{"pipe", "file"}, "", "l", []string{"pipe", "pipe"}, []string{"one\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			k := take(t, okay)
			e := listen(t, 200, `{"proxy":true,"address":"127.0.0.1:1","logs":{"socket":"`+k.socket+`","nonce":"`+nonce+`"}}`)
			p := newPipes(t, c.kinds...)
			env := []string{"POWERTOOLS_RUNTIME_PROXY_PORT=" + e.port(), "AWS_LAMBDA_RUNTIME_API=127.0.0.1:2", "PATH=/usr/bin:/bin", framedVariable + "=" + c.framed}
			script := "echo one; echo two >&2"
			if len(c.kinds) > 2 {
				script += "; echo three >&3"
			}
			// Nothing of the wrapper's own is left open.
			becomes(t, p, env, script+"; for f in /proc/$$/fd/*; do [ -e $f ] || continue; case ${f##*/} in "+openWithout(t)+") ;; *) exit 9;; esac; done")
			<-k.done
			if diff := cmp.Diff([]any{c.letter, c.ends, true}, []any{k.came, k.kinds, k.went}); diff != "" {
				t.Error(diff)
			}
			for i, want := range c.reads {
				if got := read(k.ends[2*i]); got != want {
					t.Errorf("channel %d: %q, want %q", i, got, want)
				}
			}
			for _, fd := range k.ends {
				_ = syscall.Close(fd)
			}
		})
	}
}

// Whatever goes wrong before go, the command gets the descriptors as they were,
// and one line says why.
func TestHandOverFails(t *testing.T) {
	for name, c := range map[string]struct {
		says, socket string
		env          []string
		silent       bool
	}{
		"nobody listens":        {okay, "@nobody-is-there", nil, false},
		"no such file":          {okay, "/no/such/file", nil, false},
		"refused":               {"no", "", nil, false},
		"closed":                {"", "", nil, false},
		"managed instances":     {okay, "", []string{"AWS_LAMBDA_MAX_CONCURRENCY=10"}, true},
		"descriptors by socket": {okay, "", []string{providerVariable + "=/tmp/x"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			socket := c.socket
			if socket == "" {
				k := take(t, c.says)
				socket = k.socket
			}
			e := listen(t, 200, `{"proxy":true,"address":"127.0.0.1:1","logs":{"socket":"`+socket+`","nonce":"`+nonce+`"}}`)
			p := newPipes(t, "pipe", "pipe")
			env := append([]string{"POWERTOOLS_RUNTIME_PROXY_PORT=" + e.port(), "PATH=/usr/bin:/bin"}, c.env...)
			becomes(t, p, env, "echo one; echo $AWS_LAMBDA_RUNTIME_API")
			if got := read(int(p.log[0].Fd())); got != "one\n127.0.0.1:1\n" {
				t.Errorf("stdout %q", got)
			}
			said := read(int(p.log[1].Fd()))
			if c.silent != (said == "") {
				t.Errorf("stderr %q", said)
			}
			var line map[string]any
			if !c.silent && (json.Unmarshal([]byte(said), &line) != nil || line["level"] != "WARN" || line["reason"] == "") {
				t.Errorf("stderr %q", said)
			}
		})
	}
}
