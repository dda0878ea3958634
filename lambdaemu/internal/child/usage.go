package child

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
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

// Usage is what the processes of one group use.
type Usage struct {
	CPU    time.Duration // user and system time, of children that were waited for as well
	RSSKB  int
	PeakKB int // sum of the high-water marks: an upper bound
}

// clockTick is the unit of /proc/PID/stat: the kernel reports 100 per second to
// programs on every architecture (proc_pid_stat).
const clockTick = time.Second / 100

// UsageOf reads the usage of the group; without /proc it is zero.
func UsageOf(group int) (u Usage) {
	procs, err := os.ReadDir("/proc")
	if err != nil {
		return u
	}
	for _, dir := range procs {
		pid, err := strconv.Atoi(dir.Name())
		if err != nil {
			continue
		}
		if got, err := syscall.Getpgid(pid); err != nil || got != group {
			continue
		}
		u.CPU += cpuTime(pid)
		u.RSSKB += statusKB(pid, "VmRSS:")
		u.PeakKB += statusKB(pid, "VmHWM:")
	}
	return u
}

// cpuTime adds up the fields 14 to 17 of stat; the name before them may hold
// anything but ends with the last bracket.
func cpuTime(pid int) (sum time.Duration) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	for _, field := range fields[min(11, len(fields)):min(15, len(fields))] {
		ticks, _ := strconv.Atoi(field)
		sum += time.Duration(ticks) * clockTick
	}
	return sum
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
