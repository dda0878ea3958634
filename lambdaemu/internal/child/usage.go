package child

import (
	"os"
	"strconv"
	"strings"
	"syscall"
)

// PeakMemoryMB sums the high-water marks of all processes in the groups whose
// value is true. It is an upper bound: their peaks need not coincide.
func PeakMemoryMB(groups map[int]bool) int {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	kb := 0
	for _, dir := range procs {
		pid, err := strconv.Atoi(dir.Name())
		if err != nil {
			continue
		}
		if group, err := syscall.Getpgid(pid); err == nil && groups[group] {
			kb += statusKB(pid, "VmHWM:")
		}
	}
	return (kb + 1023) / 1024
}

// statusKB reads one size of /proc/PID/status; 0 when it is not there.
func statusKB(pid int, key string) int {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, found := strings.Cut(string(status), key)
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return 0
	}
	kb, _ := strconv.Atoi(fields[0])
	return kb
}
