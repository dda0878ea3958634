package child

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const hostsFile = "/etc/hosts"

// ErrNoNames is why names do not resolve for the children.
var ErrNoNames = errors.New("this system lets nobody mount a hosts file for them")

// Resolve makes names mean 127.0.0.1 for every child that is spawned afterwards,
// and for nobody else: in a mount namespace of their own, a file in dir stands in
// the place of /etc/hosts. Root has one namespace for all children; without root
// each child gets a user namespace, in which its user keeps its number. Names that
// resolve already need nothing. It returns ErrNoNames where neither is allowed.
func (l *Launcher) Resolve(dir string, names ...string) error {
	hosts, err := os.ReadFile(hostsFile)
	if err != nil {
		hosts = []byte("127.0.0.1 localhost\n")
	}
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return listed(hosts, name) })
	if len(missing) == 0 {
		return nil
	}
	file := filepath.Join(dir, "hosts")
	hosts = append(bytes.TrimSuffix(hosts, []byte("\n")), "\n127.0.0.1 "+strings.Join(missing, " ")+"\n"...)
	if err := os.WriteFile(file, hosts, 0o644); err != nil {
		return err
	}
	return l.mountHosts(file)
}

// listed reports whether a hosts file has the name.
func listed(hosts []byte, name string) bool {
	for line := range strings.Lines(string(hosts)) {
		line, _, _ = strings.Cut(line, "#")
		if fields := strings.Fields(line); len(fields) > 1 && slices.Contains(fields[1:], name) {
			return true
		}
	}
	return false
}
