package main

import (
	"syscall"
	"testing"
)

func TestHide(t *testing.T) {
	const getDumpable = 3 // PR_GET_DUMPABLE
	hide()
	if dumpable, _, err := syscall.RawSyscall(syscall.SYS_PRCTL, getDumpable, 0, 0); err != 0 || dumpable != 0 {
		t.Errorf("dumpable %d, %v", dumpable, err)
	}
	var core syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_CORE, &core); err != nil || core.Cur != 0 || core.Max != 0 {
		t.Errorf("core files of %+v, %v", core, err)
	}
}
