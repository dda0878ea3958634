package lambdaemu

import (
	"context"
	"fmt"
	"time"
)

// Invoke runs one invocation and returns when it has ended for the platform,
// that is after the extensions; Request.OnResponse tells when the client has its
// answer. Callers queue. Whatever the function does, the error is nil: it is set
// only when the emulator is closed, the payload too large, the request id open,
// or ctx ends first; in the last case the invocation goes on, as on Lambda when a
// client hangs up.
func (e *Emulator) Invoke(ctx context.Context, req Request) (Response, error) {
	if len(req.Payload) > maxPayload {
		return Response{}, ErrRequestTooLarge
	}
	turn, run := e.slot, e.run
	if e.opt.managed() {
		turn, run = e.lanes, e.runManaged
	}
	select {
	case turn <- struct{}{}:
	case <-ctx.Done():
		return Response{}, context.Cause(ctx)
	}
	if e.isClosed() {
		<-turn
		return Response{}, ErrClosed
	}
	type outcome struct {
		resp Response
		err  error
	}
	done := make(chan outcome, 1)
	go func() {
		defer func() { <-turn }()
		resp, err := run(req)
		done <- outcome{resp, err}
	}()
	select {
	case o := <-done:
		return o.resp, o.err
	case <-ctx.Done():
		return Response{}, context.Cause(ctx)
	}
}

// run is Invoke with the slot held.
func (e *Emulator) run(req Request) (Response, error) {
	e.invocations++
	e.faults.Begin(e.invocations)
	if e.fresh {
		e.coldStart()
	}
	restore, restoreFailed := e.restore()
	inv := e.newInvocation(req)
	ctx, cancel := context.WithDeadlineCause(e.life, inv.deadline, timedOut(e.opt.Timeout))
	defer cancel()
	r := &running{e: e, inv: inv, cold: e.cold || restore > 0, init: e.coldInit, restore: restore, failed: restoreFailed}
	e.cold, e.coldInit = false, 0
	r.begin(ctx)
	if r.failed == nil {
		r.failed = r.box.invoke(ctx, inv, r.replied)
	}
	r.ended = time.Now()
	r.end()
	resp := r.response()
	notes{&e.opt, e.script}.outcome(r.report.status, resp)
	e.hooks.flush()
	return resp, nil
}

// restore is where the first invocation of a SnapStart environment begins. Its
// time is not the invocation's (AWS page: snapstart-monitoring).
func (e *Emulator) restore() (time.Duration, *failure) {
	box := e.current()
	if box == nil {
		return 0, nil
	}
	return box.restore(e.life)
}

func timedOut(limit time.Duration) *failure {
	return &failure{status: statusTimeout, message: fmt.Sprintf("Task timed out after %.2f seconds", limit.Seconds())}
}

func (e *Emulator) newInvocation(req Request) *invocation {
	now := time.Now()
	if len(req.Payload) == 0 {
		req.Payload = []byte("{}")
	}
	return &invocation{
		id: or(req.RequestID, newUUID()), number: e.invocations, req: req, trace: newTrace(req.TraceHeader),
		arn: functionARN(&e.opt), start: now, deadline: now.Add(e.opt.Timeout), over: make(chan struct{}),
	}
}

// running is one invocation in progress.
type running struct {
	e       *Emulator
	inv     *invocation
	box     *sandbox
	cold    bool
	init    time.Duration // of the cold start this invocation waited for
	reinit  time.Duration // of an init repeated inside this invocation
	restore time.Duration // of the snapshot this invocation is the first to use
	failed  *failure
	ended   time.Time // what comes after, measuring and killing, is not billed
	report  report
	answer  Response // what the client saw, fixed once
	done    bool     // answer is fixed
	pending int
}

// begin thaws the sandbox, or makes one and repeats init inside the invocation.
func (r *running) begin(ctx context.Context) {
	r.box = r.e.current()
	if r.box != nil {
		if r.restore == 0 {
			r.box.procs.thaw()
		}
		r.open()
		if r.failed == nil {
			r.failed = r.box.died()
		}
		r.box.out.logStart(r.inv)
		return
	}
	r.box = r.e.newSandbox()
	r.open()
	r.cold = true
	r.reinit, r.failed = r.box.initialise(ctx, phaseInvoke)
	if r.failed == nil && r.e.opt.snapStart() {
		r.failed = r.box.resumeRuntime(ctx)
	}
	r.box.out.logStart(r.inv)
}

func (r *running) open() {
	notes{&r.e.opt, r.e.script}.invocation(r.inv)
	r.box.runtime.open(r.inv)
	r.unknownEvents()
}

// unknownEvents sends what a tolerant extension must ignore.
func (r *running) unknownEvents() {
	if !r.e.faults.Hit("events-unknown") {
		return
	}
	r.box.out.platform("platform.somethingNew", "", struct {
		RequestID string `json:"requestId"`
		Answer    int    `json:"answer"`
	}{r.inv.id, 42})
	r.box.out.platform("platform.fault", "", "RequestId: "+r.inv.id+" Process exited before completing request")
}

// replied tells the client at once.
func (r *running) replied() {
	if r.done {
		return
	}
	r.done = true
	r.answer = Response{
		RequestID: r.inv.id, Payload: r.inv.reply.payload, ErrorType: r.inv.reply.errorType,
		ProducedBytes: r.inv.reply.produced, ColdStart: r.cold, Latency: time.Since(r.inv.start),
		Streamed: r.inv.reply.streamed, ContentType: r.inv.reply.contentType,
	}
	if r.inv.reply.errorType != "" {
		r.answer.FunctionError = "Unhandled"
	}
	if r.inv.req.OnResponse != nil {
		r.inv.req.OnResponse(r.answer)
	}
}

// end writes the report and freezes, or resets after a failure.
func (r *running) end() {
	r.e.peakMB = max(r.e.peakMB, r.box.procs.peakMemoryMB())
	if r.box.ranOut() {
		r.e.peakMB = max(r.e.peakMB, r.e.opt.MemoryMB)
	}
	if r.failed == nil {
		r.finishReport(statusSuccess, "")
		r.box.runtime.close()
		r.e.script.Add(whoPlatform, "invoke end", statusSuccess)
		r.box.noteEnd()
		r.box.procs.freeze()
		r.pending = r.box.hub.Pending()
		return
	}
	r.fail()
}

// fail ends the invocation for the client first and then resets. The report is
// made between the runtime's death and SHUTDOWN, so that extensions can still
// receive it.
func (r *running) fail() {
	r.box.runtime.settle(r.inv, r.failed)
	r.replied()
	r.box.procs.drain()
	if r.inv.ready.IsZero() {
		r.inv.gaveUp = r.ended
		if r.failed.status == statusTimeout && r.ended.After(r.inv.deadline) {
			r.inv.gaveUp = r.inv.deadline // noticed late
		}
		r.box.out.logRuntimeDone(r.inv, r.failed)
	}
	r.box.runtime.close()
	r.e.script.Add(whoPlatform, "invoke end", initOutcome(r.failed))
	r.e.reset(r.box, r.failed, func() {
		r.box.out.logFailure(r.inv, r.failed)
		r.finishReport(r.failed.status, r.failed.errorType)
	})
}

// finishReport says success when the handler threw: REPORT lines captured in
// 2026 have no Status then, while they have one after a failed init or a timeout.
func (r *running) finishReport(status, errorType string) {
	total := r.ended.Sub(r.inv.start)
	if status == statusTimeout {
		total = r.e.opt.Timeout
	}
	if status == statusSuccess && r.answer.ErrorType != "" && r.e.faults.Hit("report-handler-error") {
		status, errorType = statusError, r.answer.ErrorType
	}
	r.report = report{status: status, errorType: errorType, total: total, init: r.init, restore: r.restore, memoryMB: r.e.peakMB, end: r.ended}
	r.box.out.logReport(r.inv, r.report)
}

func (r *running) response() Response {
	resp := r.answer
	resp.Init, resp.Restore = r.init+r.reinit, r.restore
	resp.Duration = r.report.total
	if !r.inv.ready.IsZero() {
		resp.Duration = r.inv.ready.Sub(r.inv.start)
		resp.PostRuntime = max(0, r.report.total-resp.Duration)
	}
	resp.Billed = r.report.billed()
	resp.MaxMemoryUsedMB = r.e.peakMB
	resp.TelemetryPending, resp.TelemetryDropped = r.pending, r.e.counts.NewlyLost()
	if r.failed != nil && resp.ErrorType == "" {
		resp.ErrorType = or(r.failed.errorType, "Sandbox.Timedout")
	}
	return resp
}
