package ports

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Holder finds the process that listens on a port of 127.0.0.1 or of all
// addresses; 0 when it cannot be seen, as one of another user.
// (proc_pid_net, proc_pid_fd, Linux man-pages)
func Holder(port int) (pid int, name string) {
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(content)) {
			// sl local_address rem_address st … inode at position 9; 0A is LISTEN.
			f := strings.Fields(line)
			if len(f) > 9 && f[3] == "0A" && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				inodes["socket:["+f[9]+"]"] = true
			}
		}
	}
	links, _ := filepath.Glob("/proc/[0-9]*/fd/*")
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !inodes[target] {
			continue
		}
		process := strings.Split(link, "/")[2]
		comm, _ := os.ReadFile("/proc/" + process + "/comm")
		pid, _ = strconv.Atoi(process)
		return pid, strings.TrimSpace(string(comm))
	}
	return 0, ""
}
