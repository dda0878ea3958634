package child

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// Command describes a process to start.
type Command struct {
	Name string   // for the caller: whose process it is
	Path string   // executable, absolute
	Args []string // without argv[0], which is Path
	Dir  string
	Env  []string

	Split  bool // stdout and stderr have a pipe each; else one, which keeps their order
	Framed Kind // of the descriptor FramedFD; None: there is none

	// Pace, if set, is how many bytes per second are read of what the process
	// prints; 0: all that comes. It is asked before every read.
	Pace func() int

	// AwaitEOF, if set, is asked when the process has ended: true means that it
	// counts as dead only when nobody has its descriptors any more, or Abandon.
	AwaitEOF func() bool
}

// Handlers are what a process reports to. All are called from several goroutines.
type Handlers struct {
	Print  func(Message)  // in the order of each descriptor, under its lock
	Room   func()         // blocks while whoever takes the messages is far behind
	Broken func(error)    // the framed descriptor held something that is no frame
	Exit   func(*Process) // once, after the last message
}

// Process is one child with its process group. Signals go to the whole group,
// because a function may be a shell script around the real runtime.
type Process struct {
	Name string

	cmd     *exec.Cmd
	outs    []*output
	waitEOF func() bool
	abandon func() // stops waiting for the end of the descriptors
	left    chan struct{}

	exited chan struct{} // closed when what follows is valid
	code   int
	text   string
	at     time.Time
}

// Spawn starts c in its own process group.
func (l *Launcher) Spawn(c Command, h Handlers) (*Process, error) {
	cmd := &exec.Cmd{Path: c.Path, Args: append([]string{c.Path}, c.Args...), Dir: c.Dir, Env: c.Env, SysProcAttr: ownGroup()}
	p := &Process{Name: c.Name, cmd: cmd, waitEOF: c.AwaitEOF, exited: make(chan struct{}), left: make(chan struct{})}
	p.abandon = sync.OnceFunc(func() { close(p.left) })
	theirs, err := p.open(c, h)
	if err == nil {
		err = l.start(cmd)
	}
	for _, f := range theirs {
		f.Close()
	}
	if err != nil {
		for _, o := range p.outs {
			o.pipe.Close()
		}
		return nil, err
	}
	for _, o := range p.outs {
		go o.pump()
	}
	go p.wait(h.Exit)
	return p, nil
}

// open makes the descriptors and returns the child's ends.
func (p *Process) open(c Command, h Handlers) (theirs []*os.File, err error) {
	pace := c.Pace
	if pace == nil {
		pace = func() int { return 0 }
	}
	add := func(kind Kind, parse parser) *os.File {
		if err != nil {
			return nil
		}
		r, w, failed := kind.open()
		if failed != nil {
			err = fmt.Errorf("descriptor of %s: %w", c.Name, failed)
			return nil
		}
		p.outs = append(p.outs, newOutput(r, parse, h.Room, pace))
		theirs = append(theirs, w)
		return w
	}
	stdout := add(Pipe, &lines{emit: h.Print})
	stderr := stdout
	if c.Split {
		stderr = add(Pipe, &lines{emit: h.Print})
	}
	if c.Framed != None {
		p.cmd.ExtraFiles = []*os.File{add(c.Framed, &frames{emit: h.Print, broken: h.Broken})}
	}
	p.cmd.Stdout, p.cmd.Stderr = stdout, stderr
	return theirs, err
}

func (p *Process) wait(onExit func(*Process)) {
	p.cmd.Wait() // the state below says more than the error
	p.at = time.Now()
	state := p.cmd.ProcessState
	p.code, p.text = state.ExitCode(), state.String()
	if p.waitEOF != nil && p.waitEOF() {
		p.awaitEOF()
	}
	p.Signal(syscall.SIGKILL) // children it left behind
	for _, o := range p.outs {
		o.finish()
	}
	onExit(p) // first, so that who waits for the exit finds it in the transcript
	close(p.exited)
}

func (p *Process) awaitEOF() {
	for _, o := range p.outs {
		select {
		case <-o.done:
		case <-p.left:
			return
		}
	}
}

// Abandon stops waiting for the end of the descriptors of a process that has
// ended (Command.AwaitEOF).
func (p *Process) Abandon() { p.abandon() }

// Drain hands on what the process has printed so far. A nil process has nothing.
func (p *Process) Drain() {
	if p == nil {
		return
	}
	for _, o := range p.outs {
		o.drain()
	}
}

// PID is the number of the process, and of its group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Exited is closed when the process has ended and everything it printed has been
// handed on.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Alive reports whether the process itself, not its children, still runs.
func (p *Process) Alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Code is the exit code, -1 after a signal; valid once the process has ended, as
// are Text and At.
func (p *Process) Code() int { return p.code }

// Text is how it ended, e.g. "exit status 1" or "signal: killed".
func (p *Process) Text() string { return p.text }

// At is when it ended.
func (p *Process) At() time.Time { return p.at }

// Outcome is the exit in a word.
func (p *Process) Outcome() string {
	if p.code >= 0 {
		return strconv.Itoa(p.code)
	}
	return p.text
}

// Signal reaches the whole group; a group that is gone is no error.
func (p *Process) Signal(sig syscall.Signal) {
	syscall.Kill(-p.cmd.Process.Pid, sig)
}

// AwaitExit waits until the process is gone or the time has come. One that is
// gone already has exited, however late the question is.
func (p *Process) AwaitExit(until time.Time) bool {
	if !p.Alive() {
		return true
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-p.exited:
		return true
	case <-timer.C:
		return false
	}
}

// AwaitThaw waits until the process has left the stopped state, for limit at
// most: SIGCONT returns before the threads run again. Without /proc it waits for
// nothing.
func (p *Process) AwaitThaw(limit time.Duration) {
	path := fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid)
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(path)
		_, rest, ok := bytes.Cut(stat, []byte(") ")) // the name before it may hold anything
		if err != nil || !ok || rest[0] != 'T' {
			return
		}
	}
}

// LaunchErrorType maps an exec error to the word platform.extension carries
// (AWS source: core/registrations MapErrorToAgentInfoErrorType).
func LaunchErrorType(err error) string {
	if errors.Is(err, os.ErrPermission) {
		return "PermissionDenied"
	}
	return "UnknownError"
}
