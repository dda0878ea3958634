package child

import (
	"errors"
	"os"
	"syscall"
)

// Kind is what a descriptor of a process is.
type Kind string

// Kinds of the framed descriptor. Which of the two Lambda uses is not published.
const (
	None   Kind = ""
	Pipe   Kind = "pipe"
	Socket Kind = "socket"
)

// FramedFD is the number of the framed descriptor in the process.
const FramedFD = 3

// open returns our end, which is for reading only, and the child's.
func (k Kind) open() (ours, theirs *os.File, err error) {
	if k != Socket {
		return os.Pipe()
	}
	fds, err := socketPair()
	if err != nil {
		return nil, nil, err
	}
	ours, theirs = os.NewFile(uintptr(fds[0]), "framed log"), os.NewFile(uintptr(fds[1]), "framed log")
	return ours, theirs, nil
}

// socketPair's first end does not block and cannot be written to.
func socketPair() ([2]int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return fds, err
	}
	syscall.CloseOnExec(fds[0])
	syscall.CloseOnExec(fds[1])
	err = errors.Join(syscall.Shutdown(fds[0], syscall.SHUT_WR), syscall.SetNonblock(fds[0], true))
	if err != nil {
		syscall.Close(fds[0])
		syscall.Close(fds[1])
	}
	return fds, err
}
