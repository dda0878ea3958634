package child

import (
	"errors"
	"os/exec"
	"runtime"
	"syscall"
)

// Launcher starts processes from one thread that lives as long as it does. The
// kernel ties "kill this child when its parent dies" to the parent's thread, not
// its process, so the thread must not go away while children live; with it no
// child survives an emulator that was killed itself.
type Launcher struct {
	jobs chan func()
	done chan struct{}
	wrap func(*exec.Cmd) // see Resolve; nil: commands are started as they are
}

// NewLauncher starts the thread.
func NewLauncher() *Launcher {
	l := &Launcher{jobs: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for job := range l.jobs {
			job()
		}
	}()
	return l
}

func (l *Launcher) start(cmd *exec.Cmd) error {
	if l.wrap != nil {
		if err := executable(cmd.Path); err != nil {
			return err // the shell in between would say it another way
		}
		l.wrap(cmd)
	}
	return l.run(cmd.Start)
}

// executable finds what the kernel would refuse.
func executable(path string) error {
	_, err := exec.LookPath(path)
	if errors.Is(err, syscall.EISDIR) {
		return syscall.EACCES
	}
	return err
}

// run executes job on the launcher's thread and returns its error.
func (l *Launcher) run(job func() error) error {
	result := make(chan error, 1)
	l.jobs <- func() { result <- job() }
	return <-result
}

// Close ends the thread. It must come after the last Spawn, and after the last
// child has died.
func (l *Launcher) Close() {
	close(l.jobs)
	<-l.done
}
