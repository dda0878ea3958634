package lambdaemu

import (
	"slices"
	"sync"
	"syscall"
	"time"

	"powertools-extension/lambdaemu/internal/child"
	"powertools-extension/lambdaemu/internal/relay"
	"powertools-extension/lambdaemu/transcript"
)

// processes are the children of one sandbox: the extensions and the runtime.
// They know no states; a nil process in a call is one that was never started.
type processes struct {
	launcher *child.Launcher
	script   *transcript.Log
	gate     *relay.Gate // telemetry stands still with them
	noFreeze bool

	mu   sync.Mutex
	list []*child.Process
}

func (c *processes) start(cmd child.Command, h child.Handlers) (*child.Process, error) {
	p, err := c.launcher.Spawn(cmd, h)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, p)
	return p, nil
}

// drain emits what every process has printed, so that its lines stand before
// what the call at hand makes the platform say.
func (c *processes) drain() {
	for _, p := range c.all() {
		p.Drain()
	}
}

func (c *processes) all() []*child.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.list)
}

// signal reaches every process group.
func (c *processes) signal(sig syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range c.list {
		if p.Alive() {
			p.Signal(sig)
		}
		if sig == syscall.SIGKILL {
			p.Abandon()
		}
	}
}

// freeze stops the sandbox as Lambda does between invocations. Whatever was
// under way stays as it is: sockets open, POSTs half sent.
func (c *processes) freeze() {
	if c.noFreeze {
		return
	}
	c.gate.Set(false)
	c.signal(syscall.SIGSTOP)
	c.script.Add(whoPlatform, "freeze", "")
}

func (c *processes) thaw() {
	if c.noFreeze {
		return
	}
	c.script.Add(whoPlatform, "thaw", "")
	c.signal(syscall.SIGCONT)
	c.gate.Set(true)
}

func (c *processes) peakMemoryMB() int {
	groups := make(map[int]bool)
	for _, p := range c.all() {
		groups[p.PID()] = p.Alive()
	}
	return child.PeakMemoryMB(groups)
}

// terminate asks by SIGTERM, and kills what still lives at until.
func (c *processes) terminate(p *child.Process, until time.Time) {
	if p == nil || !p.Alive() {
		return
	}
	c.script.Add(p.Name, "SIGTERM", "")
	p.AwaitThaw(thawLimit) // a signal that meets a stopped process may go to a thread that cannot handle it
	p.Signal(syscall.SIGTERM)
	if !p.AwaitExit(until) {
		c.kill(p)
	}
}

func (c *processes) kill(p *child.Process) {
	if p == nil || !p.Alive() {
		return
	}
	c.script.Add(p.Name, "SIGKILL", "")
	p.Signal(syscall.SIGKILL)
	p.Abandon()
	p.AwaitExit(time.Now().Add(lastWait))
}
