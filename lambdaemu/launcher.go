package lambdaemu

import "runtime"

// launcher starts processes from one thread that lives as long as the emulator.
// The kernel ties "kill this child when its parent dies" to the parent's
// thread, not its process, so the thread must not go away while children live;
// with it no child survives an emulator that was killed itself.
type launcher struct {
	jobs chan func()
	done chan struct{}
}

func newLauncher() *launcher {
	l := &launcher{jobs: make(chan func()), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		for job := range l.jobs {
			job()
		}
	}()
	return l
}

// run executes start on the launcher's thread and returns its error.
func (l *launcher) run(start func() error) error {
	result := make(chan error, 1)
	l.jobs <- func() { result <- start() }
	return <-result
}

// close must come after the last run and after the last child has died.
func (l *launcher) close() {
	close(l.jobs)
	<-l.done
}
