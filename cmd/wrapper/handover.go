package main

import (
	"errors"
	"strings"
	"syscall"
	"time"
)

// The function's log descriptors: stdout, stderr and, on managed runtimes, the
// framed one whose number is in a variable.
const (
	framedVariable   = "_LAMBDA_TELEMETRY_LOG_FD"
	providerVariable = "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET"
)

// What the two sides say to each other. The wrapper sends the nonce and a
// letter for each channel, and with them two descriptors for each.
const (
	lineLetter  = 'l'
	frameLetter = 'f'
	okay        = "ok"
	start       = "go"

	handOverTime = 200 * time.Millisecond
	pipeSize     = 1 << 20 // the most that needs no privilege
	setPipeSize  = 1031    // F_SETPIPE_SZ
)

var (
	errNothing  = errors.New("none of the log descriptors is a pipe or a socket")
	errStranger = errors.New("what listens on the extension's socket belongs to another user")
	errRefused  = errors.New("the extension did not take the descriptors")
)

// channel is what is put in the place of one file of the log.
type channel struct {
	letter    byte
	numbers   []int // of the descriptors that lead to the file
	ours      int   // the end that the extension reads
	functions int   // the end that the function will write to
	dev, ino  uint64
}

// handOver gives the extension the log descriptors and puts channels to it in
// their places. Until the very end nothing has changed, and an error is no
// more than that.
func (w *wrapper) handOver(socket, nonce string) error {
	if w.env.get(providerVariable) != "" || w.env.get("AWS_LAMBDA_MAX_CONCURRENCY") != "" {
		return nil // managed instances: their workers bring descriptors of their own
	}
	channels, err := w.channels()
	defer func() {
		for _, c := range channels {
			_ = syscall.Close(c.ours)      // the extension has its own by now, or never will
			_ = syscall.Close(c.functions) // as above
		}
	}()
	if err != nil {
		return err
	}
	until := time.Now().Add(handOverTime)
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd) //nolint:errcheck // its work is done
	if err := meet(fd, socket, until); err != nil {
		return err
	}
	if err := offer(fd, nonce, channels, until); err != nil {
		return err
	}
	if err := send(fd, start, until); err != nil {
		return err
	}
	for _, c := range channels {
		for _, n := range c.numbers {
			for syscall.Dup3(c.functions, n, 0) == syscall.EINTR { //nolint:revive // again
			}
		}
	}
	return nil
}

// channels makes one for each file, so that what goes to one file keeps its
// order, and of the original's kind, because a pipe and a socket part what
// several processes write in different ways.
func (w *wrapper) channels() (channels []channel, err error) {
	numbers := []int{1, 2}
	if n, ok := number(w.env.get(framedVariable)); ok && n > 2 {
		numbers = append(numbers, n)
	}
next:
	for i, n := range numbers {
		var st syscall.Stat_t
		if syscall.Fstat(n, &st) != nil {
			continue // not open
		}
		kind := st.Mode & syscall.S_IFMT
		if kind != syscall.S_IFIFO && kind != syscall.S_IFSOCK {
			continue // a file or a terminal is no log of Lambda's
		}
		c := channel{letter: lineLetter, numbers: []int{n}, dev: st.Dev, ino: st.Ino}
		if i == 2 {
			c.letter = frameLetter
		}
		for j := range channels {
			if same := &channels[j]; same.dev == c.dev && same.ino == c.ino && same.letter == c.letter {
				same.numbers = append(same.numbers, n)
				continue next
			}
		}
		if c.ours, c.functions, err = ends(kind == syscall.S_IFSOCK); err != nil {
			return channels, err
		}
		channels = append(channels, c)
	}
	if len(channels) == 0 {
		return nil, errNothing
	}
	return channels, nil
}

func ends(socket bool) (ours, functions int, err error) {
	var p [2]int
	if socket {
		if p, err = syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0); err != nil {
			return 0, 0, err
		}
		return p[0], p[1], syscall.Shutdown(p[0], syscall.SHUT_WR)
	}
	if err = syscall.Pipe2(p[:], syscall.O_CLOEXEC); err != nil {
		return 0, 0, err
	}
	// What does not fit waits in Node's memory, and is lost when it exits. A
	// refusal leaves the usual size.
	_, _, _ = syscall.RawSyscall(syscall.SYS_FCNTL, uintptr(p[0]), setPipeSize, pipeSize)
	return p[0], p[1], nil
}

// meet connects to the extension, and to nobody else: an abstract name can be
// taken by any user of the sandbox.
func meet(fd int, socket string, until time.Time) error {
	for limit(fd, syscall.SO_SNDTIMEO, until) {
		switch err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: socket}); err {
		case nil, syscall.EISCONN:
			if cred, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED); err != nil || int(cred.Uid) != syscall.Getuid() {
				return errStranger
			}
			return nil
		case syscall.EINTR, syscall.EALREADY, syscall.EINPROGRESS, syscall.EAGAIN:
		default:
			return err
		}
	}
	return errLate
}

// offer sends the descriptors and waits for the extension's word.
func offer(fd int, nonce string, channels []channel, until time.Time) error {
	var text strings.Builder
	text.WriteString(nonce)
	var fds []int
	for _, c := range channels {
		text.WriteByte(c.letter)
		fds = append(fds, c.ours, c.numbers[0])
	}
	sent := false
	for !sent {
		if !limit(fd, syscall.SO_SNDTIMEO, until) {
			return errLate
		}
		n, err := syscall.SendmsgN(fd, []byte(text.String()), syscall.UnixRights(fds...), nil, syscall.MSG_NOSIGNAL)
		if err == syscall.EINTR || err == syscall.EAGAIN {
			continue
		}
		if err != nil || n != text.Len() {
			return errRefused
		}
		sent = true
	}
	var b [len(okay)]byte
	for limit(fd, syscall.SO_RCVTIMEO, until) {
		n, err := syscall.Read(fd, b[:])
		switch {
		case err == syscall.EINTR || err == syscall.EAGAIN:
		case err != nil || string(b[:max(n, 0)]) != okay:
			return errRefused
		default:
			return nil
		}
	}
	return errLate
}
