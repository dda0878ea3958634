package localhttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/jmes"
	"powertools-extension/internal/localhttp/wire"
)

// maxStored is what is read of an answer: what is longer cannot be stored.
const maxStored = 350_000

// postBegin is POST /idempotency/begin.
func postBegin(s *Server, x *exchange) error {
	var err error
	if x.text, err = x.wantsText(); err != nil {
		return err
	}
	if err := idempotencyOff(s); err != nil {
		return err
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
	case err != nil:
		return err
	case record != nil:
		return s.answerRecord(x, record)
	case execution == nil:
		return s.fail(CodeNoKey, "there is nothing to tell this request by")
	case !execution.Recorded():
		state = "bypassed"
	}
	h := x.w.Header()
	h["X-Powertools-Idempotency"] = []string{state}
	h["Cache-Control"] = s.set.noStore
	id := s.executions.Add(execution)
	if x.text { // the id alone: what a shell hands on
		x.out = append(x.out, id...)
		return x.send(http.StatusCreated, s.set.text)
	}
	x.out = append(x.out, `{"state":"`+state+`","id":"`+id+`"}`...)
	return x.send(http.StatusCreated, s.set.json)
}

// idempotencyOff says why there is none, if there is none.
func idempotencyOff(s *Server) error {
	switch {
	case s.deps.Idempotency != nil:
		return nil
	case s.opt.IdempotencyBad != "":
		return s.fail(CodeUnavailable, s.opt.IdempotencyBad)
	}
	return s.fail(CodeUnavailable, "idempotency is not configured: set POWERTOOLS_IDEMPOTENCY_TABLE")
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
	dst = append(dst, r.Data...)
	if r.Encoding != "" { // else who asks takes the base64 for the answer
		dst = wire.AppendString(append(dst, `,"encoding":`...), r.Encoding)
	}
	x.out = append(dst, '}')
	return x.send(http.StatusOK, s.set.json)
}

// idempotent reads the body of begin.
func (s *Server) idempotent(ctx context.Context, body jmes.Value) (req idempotency.Request, err error) {
	bad := func(detail string) error { return s.fail(CodeBadArgument, detail) }
	if body.Kind() != jmes.Object {
		return req, bad(`the body must be an object: {"key":"…"} or {"payload":…}`)
	}
	var path, id string
	texts := map[string]*string{"key_path": &path, "scope": &req.Scope, "request_id": &id}
	times := map[string]*time.Duration{"expires_after": &req.ExpiresAfter, "in_progress_timeout": &req.InProgress, "wait": &req.Wait}
	for _, m := range body.Members() {
		switch text, span := texts[m.Name], times[m.Name]; {
		case text != nil && m.Value.Kind() != jmes.String:
			// It must not count as none: two scopes would be one.
			return req, bad(m.Name + " must be a string")
		case text != nil:
			*text = m.Value.Str()
		case span != nil:
			if *span, err = bodySeconds(m); err != nil {
				return req, bad(err.Error())
			}
		case m.Name == "key":
			if m.Value.Kind() != jmes.String || m.Value.Str() == "" {
				return req, bad("key must be a string that is not empty")
			}
			key := m.Value
			req.Selected = &key
		case m.Name == "payload":
			req.Event = m.Value
		case m.Name == "validate":
			validate := m.Value
			req.Validate = &validate
		default:
			return req, s.fail(CodeUnknownArgument, "unknown member of the body; there are key, payload, key_path, scope, validate, expires_after, in_progress_timeout, wait, request_id")
		}
	}
	if err := selectKey(s, &req, body, path); err != nil {
		return req, err
	}
	if s.deps.Context != nil {
		current := s.deps.Context(ctx, id)
		req.Deadline, req.Tenant, req.Invocation = current.Deadline, current.TenantID, current.RequestID
	}
	return req, nil
}

// selectKey takes what the request is told by: its key, its payload, or what
// a path finds there.
func selectKey(s *Server, req *idempotency.Request, body jmes.Value, path string) error {
	switch payload := hasMember(body, "payload"); {
	case req.Selected != nil && (payload || path != ""):
		return s.fail(CodeBadArgument, "send key, or payload with key_path: not both")
	case req.Selected != nil:
		return nil
	case !payload:
		return s.fail(CodeNoKey, "the body has neither key nor payload")
	}
	selected := req.Event
	if path != "" {
		e, err := s.expressions.get(path, jmes.Compile)
		if err != nil {
			return s.fail(CodeBadExpression, err.Error())
		}
		if selected, err = e.Search(req.Event); err != nil {
			return s.fail(CodeNoKey, err.Error())
		}
	}
	req.Selected = &selected
	return nil
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
	if !execution.Recorded() {
		x.w.Header()["X-Powertools-Idempotency"] = []string{"bypassed"}
		x.write(http.StatusNoContent)
		return nil
	}
	// A caller that leaves has run all the same.
	why, err := s.deps.Idempotency.Complete(context.WithoutCancel(x.r.Context()), execution, res)
	if refused, ok := errors.AsType[*idempotency.Error](err); ok && refused.Kind == idempotency.Persistence {
		s.executions.Put(x.str("id"), execution) // it may be completed again
	}
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
	if err := s.deps.Idempotency.Fail(context.WithoutCancel(x.r.Context()), execution); err != nil {
		return err
	}
	x.write(http.StatusNoContent)
	return nil
}

func (s *Server) execution(x *exchange) (*idempotency.Execution, error) {
	if err := idempotencyOff(s); err != nil {
		return nil, err
	}
	id := x.str("id")
	if id == "" {
		return nil, argumentError{CodeMissing, "the query argument id is missing"}
	}
	execution, ok := s.executions.Take(id)
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
