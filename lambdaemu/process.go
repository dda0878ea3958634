package lambdaemu

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is one child with its process group. Signals go to the whole group,
// because a function may be a shell script around the real runtime.
type process struct {
	name string // the lane in the transcript
	cmd  *exec.Cmd
	out  *output

	exited chan struct{} // closed when code, killed and at are valid
	code   int           // exit code, -1 after a signal
	text   string        // "exit status 1", "signal: killed"
	at     time.Time
}

// command describes a process to start.
type command struct {
	name string
	path string   // executable, absolute
	args []string // without argv[0], which is path
	dir  string
	env  []string
}

// spawn starts c in its own process group. emit gets every line of stdout and
// stderr, which share one pipe so that their order is kept. onExit runs once,
// after the last line.
func (l *launcher) spawn(c command, emit func(string), room func(), onExit func(*process)) (*process, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd := &exec.Cmd{Path: c.path, Args: append([]string{c.path}, c.args...), Dir: c.dir, Env: c.env}
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = w, w, ownGroup()
	err = l.run(cmd.Start)
	w.Close()
	if err != nil {
		r.Close()
		return nil, err
	}
	p := &process{name: c.name, cmd: cmd, exited: make(chan struct{})}
	p.out = newOutput(r, emit, room)
	go p.out.pump()
	go p.wait(onExit)
	return p, nil
}

func (p *process) wait(onExit func(*process)) {
	p.cmd.Wait() // the state below says more than the error
	p.at = time.Now()
	state := p.cmd.ProcessState
	p.code, p.text = state.ExitCode(), state.String()
	p.signal(syscall.SIGKILL) // children it left behind
	p.out.finish()
	onExit(p) // first, so that who waits for the exit finds it in the transcript
	close(p.exited)
}

// drain emits what the process has printed so far. A nil process has nothing.
func (p *process) drain() {
	if p != nil {
		p.out.drain()
	}
}

// alive reports whether the process itself, not its children, still runs.
func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// outcome is the exit in a word, for the transcript.
func (p *process) outcome() string {
	if p.code >= 0 {
		return strconv.Itoa(p.code)
	}
	return p.text
}

// signal reaches the whole group; a group that is gone is no error.
func (p *process) signal(sig syscall.Signal) {
	syscall.Kill(-p.cmd.Process.Pid, sig)
}

// awaitExit waits until the process is gone or the time has come. One that is
// gone already has exited, however late the question is.
func (p *process) awaitExit(until time.Time) bool {
	if !p.alive() {
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

// thawLimit is how long SIGCONT may take to show.
const thawLimit = 50 * time.Millisecond

// awaitThaw waits until the process has left the stopped state: SIGCONT
// returns before the threads run again. Without /proc it waits for nothing.
func (p *process) awaitThaw(limit time.Duration) {
	path := fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid)
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile(path)
		_, rest, ok := bytes.Cut(stat, []byte(") ")) // the name before it may hold anything
		if err != nil || !ok || rest[0] != 'T' {
			return
		}
	}
}

// launchErrorType maps an exec error to the word platform.extension carries
// (AWS source: core/registrations MapErrorToAgentInfoErrorType).
func launchErrorType(err error) string {
	if errors.Is(err, os.ErrPermission) {
		return "PermissionDenied"
	}
	return "UnknownError"
}

// peakMemoryMB sums the high-water marks of all processes in the given groups.
// It is an upper bound: their peaks need not coincide.
func peakMemoryMB(groups map[int]bool) int {
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
			kb += highWaterKB(pid)
		}
	}
	return (kb + 1023) / 1024
}

func highWaterKB(pid int) int {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return 0
	}
	kb, _ := strconv.Atoi(fields[0])
	return kb
}
