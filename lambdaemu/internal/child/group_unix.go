//go:build unix && !linux

package child

import "syscall"

// ownGroup puts a child in its own process group. Without Linux's death signal
// a killed emulator leaves its children running.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
