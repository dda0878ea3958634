//go:build unix && !linux

package child

// mountHosts needs Linux's namespaces.
func (l *Launcher) mountHosts(string) error { return ErrNoNames }
