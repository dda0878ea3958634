package localhttp

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/jmes"
	"powertools-extension/internal/localhttp/wire"
)

// maxExecutions is how many begun executions are remembered; the oldest is
// left to its expiry for a newer one.
const maxExecutions = 10_000

// maxStored is what is read of an answer: what is longer cannot be stored.
const maxStored = 350_000

// executions are those that were begun here and not finished.
type executions struct {
	mu    sync.Mutex
	open  map[string]*idempotency.Execution // nil: it runs without a record
	order []string                          // oldest first, finished ones among them
}

func (e *executions) add(x *idempotency.Execution) (id string) {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: the runtime ends the process instead
	id = hex.EncodeToString(b[:])
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.open == nil {
		e.open = make(map[string]*idempotency.Execution)
	}
	e.open[id] = x
	e.order = append(e.order, id)
	for len(e.open) > maxExecutions || len(e.order) > 2*maxExecutions {
		delete(e.open, e.order[0])
		e.order = e.order[1:]
	}
	return id
}

// take returns an execution once.
func (e *executions) take(id string) (x *idempotency.Execution, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	x, ok = e.open[id]
	delete(e.open, id)
	return x, ok
}

// postBegin is POST /idempotency/begin.
func postBegin(s *Server, x *exchange) error {
	var err error
	if x.text, err = x.wantsText(); err != nil {
		return err
	}
	if s.deps.Idempotency == nil {
		return s.fail(CodeUnavailable, "idempotency is not configured: set POWERTOOLS_IDEMPOTENCY_TABLE")
	}
	body, err := s.document(x)
	if err != nil {
		return err
	}
	req, err := s.idempotent(x.r.Context(), body)
	if err != nil {
		return err
	}
	execution, record, err := s.deps.Idempotency.Begin(x.r.Context(), req)
	state := "started"
	switch {
	case err != nil && s.opt.IdempotencyOpen && idempotencyKind(err) == idempotency.Persistence:
		s.log.Warn("the store of records failed; the request runs without a record")
		state = "bypassed"
	case err != nil:
		return err
	case record != nil:
		return s.answerRecord(x, record)
	case execution == nil:
		return s.fail(CodeNoKey, "there is nothing to tell this request by")
	}
	h := x.w.Header()
	h["X-Powertools-Idempotency"] = []string{state}
	h["Cache-Control"] = s.set.noStore
	dst := append(x.out, `{"state":`...)
	dst = wire.AppendString(dst, state)
	dst = append(dst, `,"id":"`...)
	x.out = append(append(dst, s.executions.add(execution)...), `"}`...)
	if x.text { // the id alone: what a shell hands on
		x.out = append(x.out[:keyLength], x.out[len(x.out)-2-32:len(x.out)-2]...)
		return x.send(http.StatusCreated, s.set.text)
	}
	return x.send(http.StatusCreated, s.set.json)
}

func idempotencyKind(err error) idempotency.Kind {
	if e, ok := errors.AsType[*idempotency.Error](err); ok {
		return e.Kind
	}
	return ""
}

// answerRecord answers with what an equal request was answered.
func (s *Server) answerRecord(x *exchange, r *idempotency.Record) error {
	h := x.w.Header()
	h["X-Powertools-Idempotency"] = []string{"completed"}
	h["Cache-Control"] = s.set.noStore
	if x.text {
		data, contentType := r.Answer()
		x.out = append(x.out, data...)
		return x.send(http.StatusOK, []string{contentType})
	}
	dst := append(x.out, `{"state":"completed","data":`...)
	x.out = append(append(dst, r.Data...), '}')
	return x.send(http.StatusOK, s.set.json)
}

// idempotent reads the body of begin.
func (s *Server) idempotent(ctx context.Context, body jmes.Value) (req idempotency.Request, err error) {
	requestID := ""
	bad := func(detail string) error { return s.fail(CodeBadArgument, detail) }
	if body.Kind() != jmes.Object {
		return req, bad(`the body must be an object: {"key":"…"} or {"payload":…}`)
	}
	for _, m := range body.Members() {
		switch m.Name {
		case "key":
			if m.Value.Kind() != jmes.String || m.Value.Str() == "" {
				return req, bad("key must be a string that is not empty")
			}
			key := m.Value
			req.Selected = &key
		case "payload":
			req.Event = m.Value
		case "key_path":
			e, err := s.expressions.get(m.Value.Str(), jmes.Compile)
			if err != nil {
				return req, s.fail(CodeBadExpression, err.Error())
			}
			selected, err := e.Search(body.Field("payload"))
			if err != nil {
				return req, s.fail(CodeNoKey, err.Error())
			}
			req.Selected = &selected
		case "scope":
			req.Scope = m.Value.Str()
		case "validate":
			validate := m.Value
			req.Validate = &validate
		case "expires_after":
			if req.ExpiresAfter, err = bodySeconds(m); err != nil {
				return req, bad(err.Error())
			}
		case "in_progress_timeout":
			if req.InProgress, err = bodySeconds(m); err != nil {
				return req, bad(err.Error())
			}
		case "wait":
			if req.Wait, err = bodySeconds(m); err != nil {
				return req, bad(err.Error())
			}
		case "request_id":
			requestID = m.Value.Str() // of the invocation that asks
		default:
			return req, s.fail(CodeUnknownArgument, "unknown member of the body; there are key, payload, key_path, scope, validate, expires_after, in_progress_timeout, wait, request_id")
		}
	}
	if req.Selected == nil {
		if !hasMember(body, "payload") {
			return req, s.fail(CodeNoKey, "the body has neither key nor payload")
		}
		payload := req.Event
		req.Selected = &payload
	}
	if s.deps.Context != nil {
		current := s.deps.Context(ctx, requestID)
		req.Deadline, req.Tenant = current.Deadline, current.TenantID
	}
	return req, nil
}

// bodySeconds reads a member that is a number of seconds or a duration.
func bodySeconds(m jmes.Member) (time.Duration, error) {
	err := errors.New(m.Name + ` must be a number of seconds above 0, or a duration such as "90s"`)
	d, bad := time.ParseDuration(m.Value.Str())
	if m.Value.Kind() == jmes.Number {
		var f float64
		f, bad = strconv.ParseFloat(m.Value.Num(), 64)
		d = time.Duration(min(f, 1e9) * float64(time.Second))
	}
	if bad != nil || d <= 0 || d > 400*24*time.Hour {
		return 0, err
	}
	return d, nil
}

// postComplete is POST /idempotency/complete?id=…: the body is the answer.
func postComplete(s *Server, x *exchange) error {
	execution, err := s.execution(x)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(x.r.Body, maxStored+1))
	if err != nil {
		return s.fail(CodeBadRequest, "the body cannot be read")
	}
	res := idempotency.Result{Body: body, ContentType: x.r.Header.Get("Content-Type")}
	if len(body) > maxStored {
		res = idempotency.Result{NotStorable: "too_large"}
		_, _ = io.Copy(io.Discard, x.r.Body) // net/http bounds the time
	}
	if execution == nil { // it ran without a record
		x.w.Header()["X-Powertools-Idempotency"] = []string{"bypassed"}
		x.write(http.StatusNoContent)
		return nil
	}
	why, err := s.deps.Idempotency.Complete(x.r.Context(), execution, res)
	if err != nil {
		return err
	}
	if why != "" {
		x.w.Header()["X-Powertools-Idempotency"] = []string{"not-stored"}
	}
	x.write(http.StatusNoContent)
	return nil
}

// postFail is POST /idempotency/fail?id=…: the key is free again.
func postFail(s *Server, x *exchange) error {
	execution, err := s.execution(x)
	if err != nil {
		return err
	}
	if execution != nil {
		if err := s.deps.Idempotency.Fail(x.r.Context(), execution); err != nil {
			return err
		}
	}
	x.write(http.StatusNoContent)
	return nil
}

func (s *Server) execution(x *exchange) (*idempotency.Execution, error) {
	if s.deps.Idempotency == nil {
		return nil, s.fail(CodeUnavailable, "idempotency is not configured: set POWERTOOLS_IDEMPOTENCY_TABLE")
	}
	id := x.str("id")
	if id == "" {
		return nil, argumentError{CodeMissing, "the query argument id is missing"}
	}
	execution, ok := s.executions.take(id)
	if !ok {
		return nil, s.fail(CodeUnknownExecution, "nothing of this id is open")
	}
	return execution, nil
}

// idempotencyError maps the engine's refusals. Their text holds no value.
func (s *Server) idempotencyError(err error) *HTTPError {
	if errors.Is(err, idempotency.ErrLost) {
		return s.fail(CodeExecutionLost, "its time had passed")
	}
	refused, ok := errors.AsType[*idempotency.Error](err)
	if !ok {
		return nil
	}
	codes := map[idempotency.Kind]Code{
		idempotency.KeyMissing: CodeNoKey, idempotency.Running: CodeInProgress, idempotency.NotReplayable: CodeNotReplayable,
		idempotency.Different: CodePayloadDiffers, idempotency.Persistence: CodeStoreFailed, idempotency.Inconsistent: CodeInconsistent,
	}
	answer := s.fail(codes[refused.Kind], refused.Msg)
	if refused.Err != nil { // the service's words, which hold no value
		answer.Detail += ": " + refused.Err.Error()
	}
	answer.Cause, answer.RetryAfter = err, refused.RetryAfter
	return answer
}
