package lambdaemu

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"powertools-extension/lambdaemu/internal/relay"
)

// This file is Lambda managed instances: several invocations at once in one
// sandbox, no freeze, no INVOKE for extensions, no runtimeDone, and a timeout
// that ends its invocation only (AWS pages: lambda-managed-instances,
// lambda-managed-instances-execution-environment; AWS source:
// lambda-managed-instances rapid and rapi).

// maxExpired bounds how many timed-out invocations are remembered for their
// late answers.
const maxExpired = 1000

// invokeTimeout is the answer to a response that comes after the timeout.
func invokeTimeout() *apiError {
	return &apiError{http.StatusGone, "Invoke timeout", "InvokeTimeout"}
}

// crowd is the invocations that are under way together. The sandbox's lock must
// be held.
type crowd struct {
	open    map[string]*invocation
	expired []string // their answers come too late
	backlog []*invocation
}

func (c *crowd) add(inv *invocation) {
	if c.open == nil {
		c.open = make(map[string]*invocation)
	}
	c.open[inv.id] = inv
}

func (c *crowd) remove(id string, late bool) {
	delete(c.open, id)
	if !late {
		return
	}
	if len(c.expired) == maxExpired {
		c.expired = c.expired[1:]
	}
	c.expired = append(c.expired, id)
}

// runManaged is run without the slot: it takes it only to find the sandbox.
func (e *Emulator) runManaged(req Request) (Response, error) {
	r, err := e.joinManaged(req)
	if err != nil {
		return Response{}, err
	}
	if r.box == nil {
		return r.refused(), nil
	}
	defer e.inflight.Done()
	ctx, cancel := context.WithDeadlineCause(e.life, r.inv.deadline, timedOut(e.opt.Timeout))
	defer cancel()
	if r.failed == nil {
		r.failed = r.box.invokeManaged(ctx, r.inv)
	}
	r.ended = time.Now()
	r.endManaged()
	resp := r.responseManaged()
	notes{&e.opt, e.script}.outcome(r.report.status, resp)
	e.hooks.flush()
	return resp, nil
}

// refused answers an invocation that found the emulator shut down.
func (r *running) refused() Response {
	answer := (&failure{status: "failure", errorType: "Sandbox.Failure", message: "the emulator is shut down"}).reply(r.inv.id)
	return Response{RequestID: r.inv.id, Payload: answer.payload, ErrorType: answer.errorType, FunctionError: "Unhandled"}
}

// joinManaged replaces an environment that is unhealthy, and adds the invocation
// to the one there is.
func (e *Emulator) joinManaged(req Request) (*running, error) {
	e.slot <- struct{}{}
	defer func() { <-e.slot }()
	if e.isClosed() {
		return &running{e: e, inv: e.newInvocation(req)}, nil
	}
	e.retireLocked()
	if box := e.current(); box != nil && box.runtime.isOpen(req.RequestID) {
		return nil, ErrRequestOpen
	}
	e.invocations++
	e.faults.Begin(e.invocations)
	if e.current() == nil {
		e.coldStart()
	}
	r := &running{e: e, inv: e.newInvocation(req), box: e.current()}
	if r.box == nil {
		r.box = e.newSandbox() // init fails here, too: for the caller to see
		r.reinit, r.failed = r.box.initialise(e.life, phaseInit)
	}
	e.inflight.Add(1)
	notes{&e.opt, e.script}.invocation(r.inv)
	r.box.runtime.join(r.inv)
	r.box.order.begin(r.inv.id, e.faults.Hit("report-first") || reportComesFirst(e.opt.Seed, e.invocations))
	r.box.out.logStart(r.inv)
	return r, nil
}

// retireLocked ends an environment in which a process has died. The slot must be
// held.
func (e *Emulator) retireLocked() {
	if box := e.current(); box != nil {
		if failed := box.died(); failed != nil {
			e.reset(box, failed, nil)
		}
	}
}

// invokeManaged hands the invocation to a waiting worker of the runtime, or to
// the next that asks, and returns with the answer.
func (s *sandbox) invokeManaged(ctx context.Context, inv *invocation) *failure {
	s.mu.Lock()
	inv.released = time.Now()
	if !s.faults.Hit("function-hung") {
		s.runtime.machine.releaseConcurrent(inv, &s.runtime.crowd)
	}
	s.mu.Unlock()
	return s.await(ctx, func() bool { return inv.reply != nil })
}

// releaseConcurrent hands the invocation to the worker that has waited longest.
func (r *runtimeMachine) releaseConcurrent(inv *invocation, c *crowd) {
	if len(r.parked) == 0 {
		c.backlog = append(c.backlog, inv)
		return
	}
	r.parked[0] <- inv
	r.parked = r.parked[1:]
}

// readyConcurrent suspends one of several workers; what waits goes to it at once.
func (r *runtimeMachine) readyConcurrent(c *crowd) <-chan *invocation {
	answer := make(chan *invocation, 1)
	r.state = runtimeReady
	for len(c.backlog) > 0 {
		inv := c.backlog[0]
		c.backlog = c.backlog[1:]
		if !inv.closed {
			answer <- inv
			return answer
		}
	}
	r.parked = append(r.parked, answer)
	return answer
}

// endManaged tells the client and writes the report. After a timeout the
// environment goes on; after a death it is replaced.
func (r *running) endManaged() {
	status, errorType := statusSuccess, ""
	if r.failed != nil {
		r.box.runtime.settle(r.inv, r.failed)
		status, errorType = r.failed.status, r.failed.errorType
	} else if r.inv.reply.errorType != "" {
		status, errorType = statusError, r.inv.reply.errorType
	}
	r.replied()
	r.box.procs.drain()
	r.box.runtime.leave(r.inv)
	r.e.script.Add(whoPlatform, "invoke end", initOutcome(r.failed)+" "+r.inv.id)
	r.report = report{status: status, errorType: errorType, total: r.ended.Sub(r.inv.start), end: r.ended}
	after := r.box.order.report(r.inv.id, func() { r.box.out.logManagedReport(r.inv, r.report) })
	r.e.reports.add(after > 0)
	r.e.script.Add(whoPlatform, "report", fmt.Sprintf("before %d lines of %s", after, r.inv.id))
	if r.box.died() == nil {
		r.box.noteEnd()
		return
	}
	select { // whoever holds the slot looks after it
	case r.e.slot <- struct{}{}:
		r.e.retireLocked()
		<-r.e.slot
	default:
	}
}

func (r *running) responseManaged() Response {
	resp := r.answer
	resp.Duration = r.report.total
	resp.TelemetryPending, resp.TelemetryDropped = r.box.hub.Pending(), r.e.counts.NewlyLost()
	if r.failed != nil && resp.ErrorType == "" {
		resp.ErrorType = or(r.failed.errorType, "Sandbox.Timedout")
	}
	return resp
}

type managedReportRecord struct {
	RequestID string               `json:"requestId"`
	Status    string               `json:"status"`
	ErrorType string               `json:"errorType,omitempty"`
	Metrics   relay.InitMetrics    `json:"metrics"`
	Spans     []relay.SpanRecord   `json:"spans,omitempty"`
	Tracing   *relay.TracingRecord `json:"tracing,omitempty"`
	TenantID  string               `json:"tenantId,omitempty"`
}

// logManagedReport has the duration only: there is no bill per invocation.
func (p *printer) logManagedReport(inv *invocation, r report) {
	record := managedReportRecord{
		RequestID: inv.id, Status: r.status, ErrorType: r.errorType, Metrics: relay.InitMetrics{DurationMs: relay.Millis(r.total)},
		Tracing: inv.trace.telemetryTracing(), TenantID: inv.req.TenantID, Spans: inv.spans(),
	}
	e := relay.Event{At: time.Now(), Type: "platform.report", Category: relay.Platform, RequestID: inv.id, Record: record}
	p.printEvent(e)
	p.sendReport(e)
}
