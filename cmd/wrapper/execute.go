package main

import (
	"strings"
	"syscall"
)

// Exit codes, as a shell has them.
const (
	exitFailed        = 1   // a variable could not be read
	exitNotExecutable = 126 // found, and cannot be executed
	exitNotFound      = 127
)

const nextVariable = "POWERTOOLS_EXEC_WRAPPER_NEXT"

// execute becomes the command, behind the wrapper named by
// POWERTOOLS_EXEC_WRAPPER_NEXT if there is one. It returns only with an error.
//
// The variable is taken out once it is used: a wrapper that leads back here
// would go round for ever.
func (w *wrapper) execute() int {
	args := w.args
	if next := w.env.get(nextVariable); next != "" {
		w.env.remove(nextVariable)
		if w.isSelf(next) {
			say("WARN", nextVariable+" names this wrapper itself; ignored", []pair{{"file", next}})
		} else {
			args = append([]string{next}, args...)
		}
	}
	path, cause := w.lookPath(args[0])
	if cause == nil {
		cause = syscall.Exec(path, args, w.env.list)
		if cause == syscall.ENOEXEC {
			// A script without #!, which a shell would run itself.
			cause = syscall.Exec("/bin/sh", append([]string{"sh", path}, args[1:]...), w.env.list)
		}
	}
	code, what := exitNotExecutable, "cannot be executed"
	if cause == syscall.ENOENT {
		code, what = exitNotFound, "not found"
	}
	say("ERROR", "the command of the runtime "+what, []pair{{"file", args[0]}, {"reason", cause.Error()}})
	return code
}

// lookPath finds a command as the shell does: a name without a slash in the
// folders of PATH. Of what is found but cannot be executed the error says so.
func (w *wrapper) lookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, executable(name)
	}
	path := "/usr/local/bin:/bin:/usr/bin"
	if w.env.has("PATH") {
		path = w.env.get("PATH")
	}
	var failed error = syscall.ENOENT
	for _, dir := range strings.Split(path, ":") {
		file := "./" + name
		if dir != "" {
			file = dir + "/" + name
		}
		switch err := executable(file); err {
		case nil:
			return file, nil
		case syscall.ENOENT, syscall.ENOTDIR:
		default:
			failed = err
		}
	}
	return "", failed
}

func executable(file string) error {
	var stat syscall.Stat_t
	if err := syscall.Stat(file, &stat); err != nil {
		return err
	}
	if stat.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		return syscall.EISDIR
	}
	const executeOK = 1
	return syscall.Access(file, executeOK)
}

func (w *wrapper) isSelf(name string) bool {
	path, err := w.lookPath(name)
	if err != nil {
		return false
	}
	var its, own syscall.Stat_t
	return syscall.Stat(path, &its) == nil && syscall.Stat(w.self, &own) == nil && its.Dev == own.Dev && its.Ino == own.Ino
}
