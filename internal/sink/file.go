package sink

import (
	"io"
	"os"
	"syscall"
)

// file writes to an *os.File past the check that package os makes: a Write
// of os.File to a broken stdout or stderr ends the process by SIGPIPE, and an
// extension that ends takes the function with it (Go documentation of package
// os/signal, SIGPIPE).
type file struct{ conn syscall.RawConn }

// plainFile returns f as a writer that reports a broken pipe as an error.
func plainFile(f *os.File) io.Writer {
	conn, err := f.SyscallConn()
	if err != nil {
		return f
	}
	return file{conn: conn}
}

// Write writes p, waiting where the file can be waited for.
func (f file) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		n, err := f.once(p[written:])
		written += n
		if err != nil {
			return written, os.NewSyscallError("write", err)
		}
	}
	return written, nil
}

// once makes one system call that takes or refuses something.
func (f file) once(p []byte) (n int, err error) {
	connErr := f.conn.Write(func(fd uintptr) bool {
		for {
			n, err = syscall.Write(int(fd), p)
			if err != syscall.EINTR {
				return err != syscall.EAGAIN
			}
		}
	})
	n = max(n, 0)
	if connErr != nil {
		return n, connErr
	}
	if n == 0 && err == nil {
		err = io.ErrShortWrite
	}
	return n, err
}
