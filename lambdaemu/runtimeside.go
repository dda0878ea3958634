package lambdaemu

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"powertools-extension/lambdaemu/transcript"
)

// runtimeSide is what the platform knows of the function's runtime: the state it
// is in, the invocations it has and what it answered.
type runtimeSide struct {
	*state
	opt    *Options
	script *transcript.Log

	machine   runtimeMachine
	inv       *invocation // the open one; nil between invocations
	crowd     crowd       // managed instances: the open ones
	initReply *reply      // what the runtime said about its failed init
}

// readyLocked: under SnapStart a runtime that waits for the restore has
// finished its init.
func (r *runtimeSide) readyLocked() bool {
	restorable := r.initialising && r.opt.snapStart() && r.machine.state == runtimeRestoreReady
	return restorable || r.machine.state == runtimeReady
}

// workerGone is closed when one of several workers has died. Where there is one
// runtime its place stays taken, as on Lambda.
func (r *runtimeSide) workerGone(req *http.Request) <-chan struct{} {
	if r.opt.managed() {
		return req.Context().Done()
	}
	return nil
}

func (r *runtimeSide) suspend() (<-chan *invocation, *apiError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.registrationOpen = false
	if r.opt.managed() {
		answer := r.machine.readyConcurrent(&r.crowd)
		r.script.Add(whoRuntime, "next", "")
		r.changedLocked()
		return answer, nil
	}
	from := r.machine.state
	answer, err := r.machine.ready()
	if err != nil {
		return nil, runtimeTransitionFailed(from, runtimeReady)
	}
	if from == runtimeResponseSent && r.inv != nil && !r.inv.closed {
		r.inv.ready = time.Now()
	}
	r.script.Add(whoRuntime, "next", "")
	r.changedLocked()
	return answer, nil
}

// begin checks the request id and moves the runtime, as both /response and
// /error do before they read the body.
func (r *runtimeSide) begin(req *http.Request, to runtimeState) (*invocation, *apiError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.opt.managed() {
		return r.beginConcurrentLocked(req.PathValue("id"), to)
	}
	if r.inv == nil || r.inv.id != req.PathValue("id") {
		return nil, invalidRequestID()
	}
	from := r.machine.state
	if r.machine.move(to) != nil {
		return nil, runtimeTransitionFailed(from, to)
	}
	return r.inv, nil
}

// finish gives the client its answer and lets the runtime ask for the next.
func (r *runtimeSide) finish(inv *invocation, answer *reply) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if inv.closed {
		return
	}
	inv.lastByte = time.Now()
	if inv.firstByte.IsZero() {
		inv.firstByte = inv.lastByte
	}
	if inv.reply == nil {
		inv.reply = answer
	}
	if !r.opt.managed() {
		r.machine.state = runtimeResponseSent
	}
	r.changedLocked()
}

// readResponse returns what the client gets, and the error the runtime gets when
// its answer was refused.
func (r *runtimeSide) readResponse(inv *invocation, req *http.Request) (*reply, *apiError) {
	switch req.Header.Get(headerResponseMode) {
	case "":
	case "streaming":
		return r.readStream(inv, req)
	default:
		return inv.refused("Runtime.InvalidResponseModeHeader", "Invalid function response mode"),
			&apiError{http.StatusBadRequest, "Invalid function response mode", "InvalidFunctionResponseMode"}
	}
	body, err := io.ReadAll(io.LimitReader(&stamped{req.Body, inv, r.state}, maxPayload+1))
	answer, failed := inv.received(body, err, maxPayload)
	if failed != nil {
		return answer, failed
	}
	answer.contentType = req.Header.Get("Content-Type")
	return withTrailers(answer, req.Trailer), nil
}

func (r *runtimeSide) initError(errorType string, body []byte) *apiError {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := r.machine.state
	if r.machine.move(runtimeInitError) != nil {
		return runtimeTransitionFailed(from, runtimeInitError)
	}
	r.initReply = &reply{payload: body, errorType: errorType}
	if r.firstError == "" {
		r.firstError = errorType
	}
	return nil
}

// readStream passes a streamed answer on while it comes, and keeps it whole for
// Response.Payload. An error that the function meets on its way stands in the
// trailers (AWS page: runtimes-custom).
func (r *runtimeSide) readStream(inv *invocation, req *http.Request) (*reply, *apiError) {
	contentType := req.Header.Get("Content-Type")
	body, err := r.copyStream(inv, contentType, &stamped{req.Body, inv, r.state})
	if errors.Is(err, errGivenUp) {
		return inv.refused("Runtime.TruncatedResponse", "Response truncated"), r.lateAnswer()
	}
	answer, failed := inv.received(body, err, maxStream)
	answer.streamed, answer.contentType = true, contentType
	if failed != nil {
		return answer, failed
	}
	return withTrailers(answer, req.Trailer), nil
}

// copyStream returns what has come, one byte more than maxStream at most.
func (r *runtimeSide) copyStream(inv *invocation, contentType string, from io.Reader) ([]byte, error) {
	pace := newPacer(streamBurst, streamRate)
	from = io.LimitReader(from, maxStream+1)
	piece := make([]byte, streamPiece)
	var body []byte
	for {
		n, err := from.Read(piece)
		if n > 0 {
			if !pace.wait(n, inv.over) || r.givenUp(inv) {
				return body, errGivenUp
			}
			body = append(body, piece[:n]...)
			if inv.req.OnPart != nil {
				inv.req.OnPart(Part{ContentType: contentType, Data: piece[:n]})
			}
		}
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return body, err
		}
	}
}

func (r *runtimeSide) givenUp(inv *invocation) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return inv.closed
}

// lateAnswer is what a runtime gets for an invocation that has timed out while
// it answered.
func (r *runtimeSide) lateAnswer() *apiError {
	if r.opt.managed() {
		return invokeTimeout()
	}
	return invalidRequestID()
}

func (r *runtimeSide) isOpen(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.crowd.open[id] != nil
}

func (r *runtimeSide) join(inv *invocation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.crowd.add(inv)
}

// abandon takes back the place of a worker whose connection is gone, and what it
// may have been handed.
func (r *runtimeSide) abandon(answer <-chan *invocation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, parked := range r.machine.parked {
		if parked == answer {
			r.machine.parked = append(r.machine.parked[:i:i], r.machine.parked[i+1:]...)
			return
		}
	}
	select {
	case inv := <-answer:
		r.machine.releaseConcurrent(inv, &r.crowd)
	default:
	}
}

// beginConcurrentLocked is begin for one of several invocations.
func (r *runtimeSide) beginConcurrentLocked(id string, to runtimeState) (*invocation, *apiError) {
	inv := r.crowd.open[id] // a retry of one that timed out takes its late answer
	switch {
	case inv == nil && slices.Contains(r.crowd.expired, id):
		return nil, invokeTimeout()
	case inv == nil:
		return nil, invalidRequestID()
	case inv.answering:
		return nil, runtimeTransitionFailed(runtimeResponse, to)
	}
	inv.answering = true
	return inv, nil
}

func (r *runtimeSide) leave(inv *invocation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.crowd.remove(inv.id, inv.closed)
}

// open and close bracket the time in which the runtime may answer.
func (r *runtimeSide) open(inv *invocation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inv = inv
}

func (r *runtimeSide) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inv = nil
}

// settle fixes the client's answer after a failure: the function's own if it has
// given one, else what its init said, else the platform's.
func (r *runtimeSide) settle(inv *invocation, failed *failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	inv.closed = true
	if inv.over != nil {
		close(inv.over)
	}
	if inv.reply != nil {
		return
	}
	inv.reply = failed.reply(inv.id)
	if r.initReply != nil && failed.status != statusTimeout {
		inv.reply, inv.selfReported = r.initReply, true
	}
}

func (r *runtimeSide) suspendForRestore() (<-chan struct{}, *apiError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.machine.state != runtimeStarted {
		return nil, runtimeTransitionFailed(r.machine.state, runtimeRestoreReady)
	}
	r.machine.state = runtimeRestoreReady
	r.machine.restore = make(chan struct{})
	r.registrationOpen = false
	r.script.Add(whoRuntime, "restore/next", "")
	r.changedLocked()
	return r.machine.restore, nil
}

func (r *runtimeSide) restoreError(errorType string, body []byte) *apiError {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := r.machine.state
	if from != runtimeRestoring {
		return runtimeTransitionFailed(from, runtimeRestoreError)
	}
	r.machine.state = runtimeRestoreError
	r.initReply = &reply{payload: body, errorType: errorType}
	if r.fatal == nil {
		r.fatal = &failure{status: statusError, errorType: errorType, message: "the function's restore failed"}
	}
	r.changedLocked()
	return nil
}
