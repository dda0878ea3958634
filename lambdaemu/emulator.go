package lambdaemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"

	"powertools-extension/lambdaemu/fault"
	"powertools-extension/lambdaemu/internal/child"
	"powertools-extension/lambdaemu/internal/relay"
	"powertools-extension/lambdaemu/internal/sink"
	"powertools-extension/lambdaemu/internal/wire"
	"powertools-extension/lambdaemu/transcript"
)

// ErrClosed is what Invoke returns once the emulator has been shut down.
var ErrClosed = errors.New("the emulator is shut down")

// ErrRequestTooLarge is what Invoke returns for a payload over 6 MiB and 100
// bytes; Lambda's front end answers it with 413.
var ErrRequestTooLarge = errors.New("request payload over 6291556 bytes")

// ErrRequestOpen is what Invoke returns on managed instances for a request id
// whose invocation has not ended yet.
var ErrRequestOpen = errors.New("an invocation with this request id is still under way")

// Emulator is one execution environment and its platform. Its methods may be
// called from several goroutines; invocations run one after the other.
type Emulator struct {
	opt      Options
	launcher *child.Launcher
	hooks    *notifier
	script   *transcript.Log
	wire     *wire.Wire
	sink     *sink.Sink // nil when no variable names it
	xray     *sink.XRay // the same
	counts   *relay.Counts
	reports  reportCounts
	log      *logOrder
	faults   *fault.Set
	api      apiServer
	taken    []*http.Server // ports held by the fault port-taken
	tmp      string         // holds what is /tmp on Lambda
	wg       sync.WaitGroup

	life     context.Context // ends when everything must die at once
	endLife  context.CancelFunc
	unwatch  func() bool    // detaches Start's context
	slot     chan struct{}  // held by whoever changes the sandbox
	lanes    chan struct{}  // managed instances: one per invocation under way
	inflight sync.WaitGroup // managed instances

	// Guarded by slot.
	id          identity
	fresh       bool          // the next init is a new environment's, not a repetition
	coldInit    time.Duration // paid by the next invocation
	cold        bool          // the next invocation waited for an init
	invocations int
	peakMB      int
	exit        Exit

	mu     sync.Mutex
	box    *sandbox // nil between a reset and the next invocation
	closed bool
}

// Start listens on a free port of 127.0.0.1, starts the extensions and then the
// function, and returns when init is over. An error is a problem of the
// emulator or its options; an init that fails is none: as on Lambda, it is
// repeated inside the first Invoke. When ctx ends, every process is killed at
// once, without SHUTDOWN; Shutdown is the orderly way.
func Start(ctx context.Context, opt Options) (*Emulator, error) {
	opt, err := opt.resolve()
	if err != nil {
		return nil, fmt.Errorf("start emulator: %w", err)
	}
	e := &Emulator{opt: opt, faults: &fault.Set{}, slot: make(chan struct{}, 1), lanes: make(chan struct{}, max(opt.Concurrency, 1))}
	for _, fault := range opt.Faults {
		if err := e.SetFault(fault); err != nil {
			return nil, fmt.Errorf("start emulator: %w", err)
		}
	}
	if err := e.takePort(); err != nil {
		return nil, fmt.Errorf("start emulator: %w", err)
	}
	e.hooks = newNotifier(opt.OnLine, opt.OnEntry)
	e.script = &transcript.Log{Tell: e.hooks.entry}
	e.log = newLogOrder(e.script)
	e.wire, e.counts = wire.New(opt.OnWire), &relay.Counts{}
	e.launcher = child.NewLauncher()
	e.life, e.endLife = context.WithCancel(context.Background())
	e.tmp, err = os.MkdirTemp("", "lambda-")
	if err := errors.Join(err, e.openSink(), e.serve()); err != nil {
		e.teardown()
		return nil, fmt.Errorf("start emulator: %w", err)
	}
	if err := e.launcher.Resolve(e.tmp, "sandbox.localdomain", "sandbox"); err != nil {
		e.script.Add(whoPlatform, transcript.Warning, `sandbox.localdomain does not resolve for the processes: add "127.0.0.1 sandbox.localdomain sandbox" to /etc/hosts (`+err.Error()+")")
	}
	e.slot <- struct{}{}
	notes{&e.opt, e.script}.run()
	e.unwatch = context.AfterFunc(ctx, e.abort)
	e.coldStart()
	e.hooks.flush()
	<-e.slot
	if ctx.Err() != nil {
		e.abort()
		return nil, fmt.Errorf("start emulator: %w", context.Cause(ctx))
	}
	return e, nil
}

func (e *Emulator) openSink() (err error) {
	e.xray, e.opt.Env, err = sink.OpenXRay(e.opt.Env, e.script)
	if err != nil || !sink.Wanted(e.opt.Env) {
		return err
	}
	if e.sink, err = sink.New(e.faults, e.script); err != nil {
		return fmt.Errorf("built-in sink: %w", err)
	}
	e.opt.Env = e.sink.Fill(e.opt.Env)
	return nil
}

func (e *Emulator) takePort() error {
	port, ok := e.faults.Value("port-taken")
	if !ok {
		return nil
	}
	ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("fault port-taken: %w", err)
	}
	// Whoever is there speaks HTTP and knows no path, as another layer would.
	stranger := &http.Server{Handler: http.NotFoundHandler(), ErrorLog: log.New(io.Discard, "", 0)}
	e.taken = append(e.taken, stranger)
	e.wg.Go(func() { stranger.Serve(ln) })
	return nil
}

// Addr is the host and port of the three APIs, as AWS_LAMBDA_RUNTIME_API has it.
func (e *Emulator) Addr() string { return e.api.addr }

func (e *Emulator) current() *sandbox {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.box
}

func (e *Emulator) setCurrent(s *sandbox) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.box = s
}

// coldStart makes a new environment and initialises it under the limit of the
// init phase. The slot must be held.
func (e *Emulator) coldStart() {
	e.id = newIdentity(&e.opt, time.Now())
	e.id.tmp = newTmp(e.tmp)
	e.fresh, e.coldInit, e.cold = false, 0, false
	ctx, cancel := context.WithTimeoutCause(e.life, e.opt.InitTimeout,
		&failure{status: statusTimeout, message: "init timed out"})
	defer cancel()
	box := e.newSandbox()
	took, failed := box.initialise(ctx, phaseInit)
	if failed != nil {
		e.reset(box, failed, nil)
		return
	}
	if e.opt.InitType == initOnDemand {
		e.cold, e.coldInit = true, took
	}
	if e.invocations == 0 && e.faults.Hit("shutdown-first") {
		e.spindown(box)
		e.fresh = true
		return
	}
	if e.opt.snapStart() {
		box.snapshot()
		return
	}
	box.procs.freeze()
}

// newTmp makes the directory that stands for /tmp of one environment: what one
// process leaves there is found by the next one, and by nobody else.
func newTmp(parent string) string {
	dir := filepath.Join(parent, randomHex(8))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return parent
	}
	return dir
}

func (e *Emulator) newSandbox() *sandbox {
	s := &sandbox{
		opt: &e.opt, hooks: e.hooks, script: e.script, faults: e.faults,
		env:         environment{opt: &e.opt, id: e.id, creds: inventCredentials(), api: e.api.addr, containerToken: newUUID()},
		cacheClient: &http.Client{Transport: &http.Transport{}},
		gone:        make(chan struct{}),
		state:       newState(),
	}
	s.onChange = s.closeSubscriptionsLocked
	gate := relay.NewGate()
	s.procs = &processes{launcher: e.launcher, script: e.script, gate: gate, noFreeze: e.opt.NoFreeze}
	s.runtime = &runtimeSide{state: s.state, opt: &e.opt, script: e.script, machine: runtimeMachine{state: runtimeStarted}}
	s.ext = &extensions{state: s.state, opt: &e.opt, script: e.script, faults: e.faults, procs: s.procs}
	s.hub = relay.New(relay.Deps{Gate: gate, Faults: e.faults, Script: e.script, Counts: e.counts, Posted: e.wire.Posted()})
	s.out = &printer{
		opt: &e.opt, hub: s.hub, log: e.log, hooks: e.hooks, script: e.script, faults: e.faults,
		stream: func() string { return s.env.id.logStream },
	}
	s.order = newOrder(func(msg child.Message) { s.out.printProcess(OriginFunction, "", msg) })
	e.setCurrent(s)
	return s
}

// reset ends a sandbox after a failure. The environment lives on: its next
// sandbox has the same log stream and the same /tmp.
func (e *Emulator) reset(box *sandbox, failed *failure, runtimeGone func()) {
	e.script.Add(whoPlatform, "reset", failed.reason())
	box.shutdown(failed.reason(), runtimeGone)
	e.setCurrent(nil)
	// Where there is a snapshot, or where one environment serves many at once,
	// it is not repaired but replaced.
	e.fresh = e.opt.snapStart() || e.opt.managed()
}

// spindownCurrent ends what there is. The slot must be held.
func spindownCurrent(e *Emulator) {
	box := e.current()
	if box == nil {
		return
	}
	if e.opt.managed() {
		box.abortAll()
		e.inflight.Wait()
	}
	e.spindown(box)
}

func (e *Emulator) spindown(box *sandbox) {
	box.procs.thaw()
	e.script.Add(whoPlatform, "shutdown", "spindown")
	e.exit = box.shutdown("spindown", nil)
	if n := e.Reports(); n.Reports > 0 {
		e.script.Add(whoPlatform, "reports", fmt.Sprintf("%d of %d before lines of their request", n.First, n.Reports))
	}
	notes{&e.opt, e.script}.shutdown(e.exit, e.counts.Stats())
	e.setCurrent(nil)
}

// Restart shuts an idle environment down as Lambda does one that is not needed
// any more, and starts a new one. It waits for a running invocation. As with
// Start, an init that fails is no error.
func (e *Emulator) Restart(ctx context.Context) error {
	select {
	case e.slot <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-e.slot }()
	if e.isClosed() {
		return ErrClosed
	}
	spindownCurrent(e)
	e.coldStart()
	e.hooks.flush()
	return nil
}

// Shutdown ends an idle environment as Lambda does: SIGTERM to the runtime and
// up to 600 ms, SHUTDOWN to the extensions, SIGKILL 2,000 ms after the start. It
// waits for a running invocation; when ctx ends first, everything is killed. It
// returns how the environment ended, the same at every call.
func (e *Emulator) Shutdown(ctx context.Context) (Exit, error) {
	select {
	case e.slot <- struct{}{}:
	case <-ctx.Done():
		e.abort()
		return e.lastExit(), context.Cause(ctx)
	}
	if e.isClosed() {
		<-e.slot
		return e.lastExit(), nil
	}
	stop := context.AfterFunc(ctx, e.killNow)
	spindownCurrent(e)
	stop()
	e.finishLocked()
	<-e.slot
	return e.lastExit(), nil
}

// killNow ends every wait and every process. It does not wait.
func (e *Emulator) killNow() {
	e.endLife()
	if box := e.current(); box != nil {
		box.procs.signal(syscall.SIGKILL)
	}
}

// abort is Shutdown without manners.
func (e *Emulator) abort() {
	e.killNow()
	e.slot <- struct{}{}
	defer func() { <-e.slot }()
	if e.isClosed() {
		return
	}
	if box := e.current(); box != nil {
		e.killNow() // a process may have been started meanwhile
		e.exit = box.shutdown("failure", nil)
		e.setCurrent(nil)
	}
	e.finishLocked()
}

// finishLocked releases what the emulator itself holds. The slot must be held.
func (e *Emulator) finishLocked() {
	e.mu.Lock()
	e.closed = true
	e.mu.Unlock()
	if e.unwatch != nil {
		e.unwatch()
	}
	e.endLife()
	e.inflight.Wait()
	e.teardown()
}

func (e *Emulator) teardown() {
	e.endLife()
	if e.api.http != nil {
		e.api.http.Close()
	}
	for _, stranger := range e.taken {
		stranger.Close()
	}
	e.sink.Close()
	e.xray.Close()
	e.wg.Wait()
	e.launcher.Close()
	e.hooks.close()
	_ = os.RemoveAll(e.tmp)
}

func (e *Emulator) isClosed() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.closed
}

func (e *Emulator) lastExit() Exit {
	e.slot <- struct{}{}
	defer func() { <-e.slot }()
	return e.exit
}

// Transcript returns what has happened so far; see Render and Timeline.
func (e *Emulator) Transcript() []Entry { return e.script.Snapshot() }

// SetFault puts a fault in force, in place of one of the same name. The error
// says what is wrong with its name or argument.
func (e *Emulator) SetFault(f Fault) error { return e.faults.Put(f) }

// ClearFault ends a fault; an unknown name is no error.
func (e *Emulator) ClearFault(name string) { e.faults.Clear(name) }
