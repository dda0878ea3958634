package lambdaemu

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// PortTakenError says who holds a port of 127.0.0.1.
type PortTakenError struct {
	Port    int
	Process int    // 0: not known, as when another user holds it
	Name    string // of the process
}

func (e *PortTakenError) Error() string {
	if e.Process == 0 {
		return fmt.Sprintf("%d is held by a process of another user or namespace", e.Port)
	}
	return fmt.Sprintf("%d is held by process %d (%s)", e.Port, e.Process, e.Name)
}

// CheckPort returns a *PortTakenError if something listens on the port of
// 127.0.0.1 or of all addresses, which an extension that wants it would find out
// in the middle of its init. Nothing keeps a free port free.
func CheckPort(port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err == nil {
		return l.Close()
	}
	taken := &PortTakenError{Port: port}
	taken.Process = holder(listeners(port))
	if taken.Process != 0 {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", taken.Process))
		taken.Name = strings.TrimSpace(string(name))
	}
	return taken
}

// listeners are the inodes of the sockets that listen on the port (Linux,
// proc_net_tcp: local address in the second field, state 0A, inode in the tenth).
func listeners(port int) map[string]bool {
	inodes := make(map[string]bool)
	for _, file := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		table, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(table)) {
			fields := strings.Fields(line)
			if len(fields) > 9 && fields[3] == "0A" && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", port)) {
				inodes["socket:["+fields[9]+"]"] = true
			}
		}
	}
	return inodes
}

// holder is the process that has one of the sockets open; 0 when none is seen.
func holder(inodes map[string]bool) int {
	if len(inodes) == 0 {
		return 0
	}
	fds, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil && inodes[target] {
			pid, _ := strconv.Atoi(strings.Split(fd, "/")[2])
			return pid
		}
	}
	return 0
}
