package child

import "syscall"

// ownGroup puts a child in its own process group and has the kernel kill it
// when the launcher's thread ends, i.e. when the emulator dies.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
