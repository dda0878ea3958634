package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"powertools-extension/cmd/lambdaemu/layers"
	"powertools-extension/cmd/lambdaemu/page"
	"powertools-extension/cmd/lambdaemu/serve"
	"powertools-extension/cmd/lambdaemu/show"
	"powertools-extension/internal/eventsource"
	"powertools-extension/lambdaemu"
	"powertools-extension/lambdaemu/transcript"
)

// reportWait bounds how long a block waits for the REPORT line behind the answer.
const reportWait = 500 * time.Millisecond

// session is one run of the command, from the checked command line to the summary.
type session struct {
	set      settings
	p        process
	events   [][]byte
	opt      lambdaemu.Options
	source   *eventsource.Mapping // nil without --event-source
	aws      *embeddedAWS         // nil without --params and --event-source
	temp     string               // unpacked layers; empty: none
	lines    *collector
	view     show.Reporter
	progress *show.Progress
	listener net.Listener // nil unless the session serves or has a page
	page     *page.Page   // nil without --page and --page-file
	calls    awsCalls

	life    context.Context // ends when the command, or the page, asks for the end
	stop    context.CancelFunc
	asked   sync.WaitGroup // invocations of the page
	asking  atomic.Int64
	box     sandbox
	endBox  context.CancelFunc
	started time.Time

	turn     sync.Mutex // held by an invocation, unless they run side by side
	mu       sync.Mutex
	number   int
	awsCalls int // told to invocations so far
	tally    show.Tally
	recorder *recorder // nil without --record

	interrupted bool
}

// do runs what the command line says to its end, and reports whether all went
// well. With a page or in serve mode that end is Ctrl-C's, or the page's.
func (s *session) do(ctx context.Context) (ok bool, err error) {
	s.life, s.stop = context.WithCancel(ctx)
	defer s.stop()
	if s.listener == nil {
		err = s.runAll(s.life)
		return s.finish(), err
	}
	first := make(chan error, 1)
	go func() { first <- s.runFirst() }()
	cfg := serve.Config{Name: s.functionName(), Given: s.set.listen, Notice: s.p.stderr, Invoke: func(ctx context.Context, req lambdaemu.Request) serve.Result {
		o := s.invoke(ctx, req)
		return serve.Result{Response: o.Response, Lines: o.Lines, Err: o.Err}
	}}
	if s.set.showsPage() {
		cfg.Page = s.page
	}
	cfg.Ended = func() {
		s.stop()
		err = <-first
		s.asked.Wait()
		ok = s.finish()
	}
	return ok, errors.Join(serve.Run(s.life, s.listener, cfg), err)
}

// runFirst makes the invocations of a command line that has a page.
func (s *session) runFirst() error {
	if s.serves() {
		return nil
	}
	err := s.runAll(s.life)
	if s.life.Err() == nil {
		fmt.Fprintf(s.p.stderr, "all invocations are done; the page stays at http://%s/ until Ctrl-C\n", s.listener.Addr())
	}
	return err
}

// prepare does all that can go wrong before a process is started. With terminal
// progress is shown on standard error.
func prepare(set settings, p process, terminal bool) (_ *session, err error) {
	s := &session{set: set, p: p, started: time.Now()}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.events, err = loadEvents(set.invokes, p.stdin); err != nil {
		return nil, err
	}
	if set.needsEmbeddedAWS(p) {
		if s.aws, err = startAWS(set.params, set.awsFaults); err != nil {
			return nil, err
		}
	}
	if s.opt, err = set.options(p, s.awsURL()); err != nil {
		return nil, err
	}
	if s.source, err = set.source.load(s.opt, p.stdin); err != nil {
		return nil, err
	}
	s.tellMapping()
	if err = set.checkPorts(s.opt.Env); err != nil {
		return nil, err
	}
	if len(set.extensions) > 0 {
		if s.temp, err = os.MkdirTemp("", "lambdaemu-"); err != nil {
			return nil, err
		}
	}
	if s.opt.Layers, err = layers.Resolve(set.extensions, s.temp); err != nil {
		return nil, err
	}
	if err = s.prepareOutput(terminal); err != nil {
		return nil, err
	}
	if set.listens() {
		s.listener, err = listen(set.listen)
	}
	s.preparePage()
	return s, err
}

func (s *session) prepareOutput(terminal bool) (err error) {
	if s.set.transcript != "" { // find out now, not after a long run
		f, err := os.Create(s.set.transcript)
		if err != nil {
			return usageError{err}
		}
		_ = f.Close()
	}
	if s.lines, err = newCollector(s.set.logStream); err != nil {
		return err
	}
	s.opt.OnLine = s.lines.add
	if err := s.prepareRecord(); err != nil {
		return err
	}
	s.progress = show.NewProgress(s.p.stderr, terminal && !s.set.json, s.set.quiet && !s.set.json)
	if s.set.json {
		s.view = show.NewJSONView(s.p.stdout)
		return s.prepareJUnit()
	}
	s.view = show.NewTextView(s.p.stdout, show.NewStyle(s.set.color, s.p.lookup, s.p.terminal(s.p.stdout)), show.TextOptions{
		Raw: s.set.raw, Quiet: s.set.quiet, MemoryMB: s.set.memoryMB, Command: s.set.command, Extensions: len(s.opt.Layers),
		Timeout: s.set.timeout, Unbilled: s.set.initType == "managed-instances",
		Columns: show.Columns(s.p.stdout, s.p.lookup),
	})
	return s.prepareJUnit()
}

func (s *session) prepareJUnit() error {
	if s.set.junit == "" {
		return nil
	}
	view, err := show.NewJUnitView(s.view, s.set.junit, s.functionName())
	if err != nil {
		return usageError{err}
	}
	s.view = view
	return nil
}

func (s *session) functionName() string { return cmp.Or(s.set.function, "function") }

func (s *session) awsURL() string {
	if s.aws == nil {
		return ""
	}
	return s.aws.url
}

func (s *session) serves() bool { return s.set.serves() }

// open starts the sandbox. Its life is not tied to ctx, because the end of ctx
// asks for a SHUTDOWN, not for a kill; only the start can be interrupted so.
func (s *session) open(ctx context.Context) error {
	s.progress.Set("cold start")
	defer s.progress.Clear()
	s.opt.OnEntry = show.XRay(s.p.stderr, s.opt.OnEntry)
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	box, err := s.p.start(life, s.opt)
	if err != nil {
		stop()
		cancel()
		return err
	}
	stop()
	s.box, s.endBox = box, cancel
	s.calls.open(box)
	for _, e := range box.Transcript() {
		if e.What == transcript.Warning {
			fmt.Fprintln(s.p.stderr, "lambdaemu: warning:", e.Detail)
		}
	}
	return nil
}

// reportStart shows what the processes said before the start failed.
func (s *session) reportStart(error) {
	lines, _ := s.lines.take()
	for _, line := range lines {
		fmt.Fprintln(s.p.stderr, line.Text)
	}
}

// invoke runs one invocation, and with --retry those that follow its failure
// under the same request id. It returns the last one's outcome.
func (s *session) invoke(ctx context.Context, req lambdaemu.Request) show.Outcome {
	if s.set.concurrency <= 1 {
		s.turn.Lock()
		defer s.turn.Unlock()
	}
	if s.set.retry > 0 {
		req = req.Repeatable()
	}
	o := s.attempt(ctx, req)
	for range s.set.retry {
		if o.Err != nil || o.Response.FunctionError == "" || ctx.Err() != nil {
			break
		}
		o = s.attempt(ctx, req)
	}
	return o
}

// attempt runs one invocation and reports it. The end of ctx keeps it from
// starting; what has started runs to its end, as Lambda never shuts a sandbox
// down in the middle.
func (s *session) attempt(ctx context.Context, req lambdaemu.Request) show.Outcome {
	if ctx.Err() != nil {
		return show.Outcome{Err: context.Cause(ctx)}
	}
	ctx = context.WithoutCancel(ctx)
	o := s.beginInvocation(req)
	o.Response, o.Err = s.box.Invoke(ctx, req)
	if o.Err == nil {
		s.lines.awaitReport(ctx, o.Response.RequestID, reportWait)
	}
	s.endInvocation(&o)
	return o
}

func (s *session) beginInvocation(req lambdaemu.Request) show.Outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.number++
	return show.Outcome{Number: s.number, Event: req.Payload, AWSFault: s.aws.before(s.number)}
}

// endInvocation reports. Of invocations side by side, the first to end shows the
// lines and the calls of all.
func (s *session) endInvocation(o *show.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o.Lines, o.Dropped = s.lines.take()
	calls := show.TotalCalls(s.aws.counts())
	o.Reads, s.awsCalls = calls-s.awsCalls, calls
	if o.Err == nil && o.Response.FunctionError == "" {
		o.Ended = show.EndedBy(o.Lines, o.Response.RequestID)
	}
	s.judge(o)
	s.progress.Clear()
	s.tally.Add(*o)
	s.recorder.invocation(*o)
	s.view.Invocation(*o)
}

// runAll makes the invocations of the command line.
func (s *session) runAll(ctx context.Context) error {
	if s.source != nil {
		s.runSource(ctx)
		return nil
	}
	defer s.announceInterrupt(ctx)()
	n := s.set.count
	if n == 0 {
		n = len(s.events)
	}
	if s.set.concurrency > 1 {
		s.runBeside(ctx, n)
		return nil
	}
	for i := range n {
		if i > 0 && !s.pause(ctx, i, n) {
			break
		}
		s.progress.Step(i+1, n, s.tally.Failed)
		o := s.invoke(ctx, lambdaemu.Request{Payload: s.events[i%len(s.events)]})
		if errors.Is(o.Err, lambdaemu.ErrClosed) {
			break
		}
	}
	s.interrupted = ctx.Err() != nil
	return nil
}

// runBeside makes n invocations, as many at once as --concurrency says.
func (s *session) runBeside(ctx context.Context, n int) {
	var wg sync.WaitGroup
	lanes := make(chan struct{}, s.set.concurrency)
	for i := range n {
		lanes <- struct{}{}
		if i > 0 && !s.pause(ctx, i, n) {
			<-lanes
			break
		}
		wg.Go(func() {
			defer func() { <-lanes }()
			s.invoke(ctx, lambdaemu.Request{Payload: s.events[i%len(s.events)]})
		})
	}
	wg.Wait()
	s.interrupted = ctx.Err() != nil
}

// announceInterrupt says at once what a Ctrl-C does, while an invocation may
// still run. The function it returns ends the watch.
func (s *session) announceInterrupt(ctx context.Context) func() {
	said := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(said)
		fmt.Fprintln(s.p.stderr, "interrupted: a running invocation ends first, then SHUTDOWN; once more to kill at once")
	})
	return func() {
		if !stop() {
			<-said
		}
	}
}

// pause is the gap between invocations; false when the run is interrupted.
func (s *session) pause(ctx context.Context, done, n int) bool {
	if s.set.gap > 0 {
		s.progress.Set(fmt.Sprintf("%d of %d done, next in %s (sandbox frozen)", done, n, s.set.gap))
		timer := time.NewTimer(s.set.gap)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}

// finish shuts the sandbox down, reports the run and writes the files. It
// returns whether everything went well.
func (s *session) finish() bool {
	s.turn.Lock()
	defer s.turn.Unlock()
	s.progress.Set("shutdown")
	// A running invocation is waited for, and it may use its whole time.
	ctx, cancel := context.WithTimeout(context.Background(), max(s.set.timeout, 3*time.Second)+20*time.Second)
	defer cancel()
	e := show.Ending{Interrupted: s.interrupted}
	e.Exit, e.Err = s.box.Shutdown(ctx)
	s.endBox()
	s.progress.Clear()
	if s.page != nil {
		s.page.Close()
	}
	e.Lines, e.Dropped = s.lines.take()
	s.tally.Scan(e.Lines, len(s.tally.Rows)-1)
	slices.SortFunc(s.tally.Rows, func(a, b show.Digest) int { return cmp.Compare(a.Number, b.Number) }) // side by side they end in any order
	e.Rows, e.Unlisted, e.Failed = s.tally.Rows, s.tally.Unlisted, s.tally.Failed
	e.AWS = s.aws.counts()
	e.Embedded = s.set.params != "" || len(e.AWS) > 0
	e.Took = time.Since(s.started)
	if s.source != nil {
		ledger := s.source.Ledger()
		e.Ledger = &ledger
	}
	s.view.End(e)
	written := s.writeFiles()
	return written && e.OK() && !(s.interrupted && !s.serves())
}

func (s *session) writeFiles() bool {
	err := errors.Join(s.writePage(), s.lines.close(), s.recorder.close(s.box.Transcript()))
	if j, ok := s.view.(*show.JUnitView); ok {
		err = errors.Join(err, j.FileError())
	}
	if s.set.transcript != "" {
		text := lambdaemu.Render(s.box.Transcript())
		err = errors.Join(err, os.WriteFile(s.set.transcript, []byte(text), 0o644))
	}
	if err != nil {
		fmt.Fprintln(s.p.stderr, "lambdaemu:", err)
	}
	return err == nil
}

// close gives back what prepare took.
func (s *session) close() {
	s.aws.close()
	if s.listener != nil {
		_ = s.listener.Close()
	}
	if s.lines != nil {
		_ = s.lines.close()
	}
	if s.temp != "" {
		_ = os.RemoveAll(s.temp)
	}
}

func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("address %s is taken, perhaps by another lambdaemu; choose one with --listen, e.g. --listen 127.0.0.1:9001", address)
	}
	if err != nil {
		return nil, usageError{fmt.Errorf("--listen: %w", err)}
	}
	return l, nil
}
