//go:build linux || darwin

package show

import (
	"os"
	"syscall"
	"unsafe"
)

// terminalColumns is the width of the terminal behind f, 0 when there is none.
func terminalColumns(f *os.File) int {
	var size struct{ rows, columns, x, y uint16 }
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return 0
	}
	return int(size.columns)
}
