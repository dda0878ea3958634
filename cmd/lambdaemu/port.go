package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"powertools-extension/cmd/lambdaemu/ports"
	"powertools-extension/lambdaemu"
)

// knownPorts are ports that extensions take when no variable says otherwise, by
// the extension's file name.
func knownPorts() map[string]wantedPort {
	return map[string]wantedPort{
		"powertools-extension": {"POWERTOOLS_EXTENSION_HTTP_PORT", 2773},
	}
}

// wantedPort is a port that an extension will listen on.
type wantedPort struct {
	variable string
	port     int
}

// checkPorts finds a port that is taken before anything is started: an
// extension that cannot listen fails its readers in the middle of a run.
func (s settings) checkPorts(env map[string]string) error {
	for _, w := range s.wantedPorts(env) {
		if slices.ContainsFunc(s.faults, func(f lambdaemu.Fault) bool { return f.Name == "port-taken" }) {
			continue // that is what the run is about
		}
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(w.port)))
		if err == nil {
			_ = l.Close()
			continue
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			continue // not ours to judge: the extension says it
		}
		return portTaken(w)
	}
	return nil
}

func portTaken(w wantedPort) error {
	holder, cure := "another process", "end it"
	if pid, name := ports.Holder(w.port); pid > 0 {
		holder, cure = fmt.Sprintf("process %d (%s)", pid, name), fmt.Sprintf("end it with kill %d", pid)
	}
	return fmt.Errorf("port %d is held by %s: %s, or give this run a free one with --env %s=%s", w.port, holder, cure, w.variable, portPlaceholder)
}

// wantedPorts are those in variables such as POWERTOOLS_EXTENSION_HTTP_PORT, and
// the defaults of extensions without one. A port of something else, such as
// DB_PORT, is expected to be taken.
func (s settings) wantedPorts(env map[string]string) []wantedPort {
	var out []wantedPort
	for _, name := range slices.Sorted(maps.Keys(env)) {
		port, err := strconv.Atoi(env[name])
		ofExtension := strings.Contains(name, "EXTENSION") || strings.HasPrefix(name, "POWERTOOLS_")
		if ofExtension && strings.HasSuffix(name, "_PORT") && err == nil && port > 0 && port < 1<<16 {
			out = append(out, wantedPort{name, port})
		}
	}
	if len(out) > 0 {
		return out
	}
	for _, path := range s.extensions {
		if w, known := knownPorts()[filepath.Base(path)]; known {
			out = append(out, w)
		}
	}
	return out
}
