package logpipe

import (
	"syscall"
	"unsafe"
)

// readable is how many bytes stand in a pipe or a socket.
func readable(fd int) int {
	var n int32
	if _, _, err := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), syscall.TIOCINQ, uintptr(unsafe.Pointer(&n))); err != 0 {
		return 0
	}
	return int(n)
}

// awaitRoom waits until something can be written, or a moment.
func awaitRoom(fd int) {
	type timespec = syscall.Timespec
	poll := struct {
		fd              int32
		events, revents int16
	}{fd: int32(fd), events: 4} // POLLOUT
	moment := timespec{Sec: 1}
	_, _, _ = syscall.Syscall6(syscall.SYS_PPOLL, uintptr(unsafe.Pointer(&poll)), 1, uintptr(unsafe.Pointer(&moment)), 0, 0, 0) // the write that follows tells
}
