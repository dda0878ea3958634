package serve

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"io"
	"net/http"
	"sync"

	"powertools-extension/lambdaemu"
)

// streamRun is one invocation whose answer is passed on while it comes.
type streamRun struct {
	parts   chan lambdaemu.Part     // copies
	replied chan lambdaemu.Response // capacity 1
	ended   chan Result             // capacity 1
	gone    chan struct{}           // closed when nobody reads any more
	once    sync.Once
}

// stream starts an invocation and returns at once. leave must be called when the
// client is served or gone: the function then writes into nothing, as on Lambda.
func (a *invokeAPI) stream(req lambdaemu.Request) *streamRun {
	run := &streamRun{parts: make(chan lambdaemu.Part), replied: make(chan lambdaemu.Response, 1), ended: make(chan Result, 1), gone: make(chan struct{})}
	req.OnResponse = func(resp lambdaemu.Response) { run.replied <- resp }
	req.OnPart = func(p lambdaemu.Part) {
		p.Data = bytes.Clone(p.Data)
		select {
		case run.parts <- p:
		case <-run.gone:
		}
	}
	if !a.begin(func() { run.ended <- a.run(a.ctx, req) }) {
		run.ended <- Result{Err: context.Canceled}
	}
	return run
}

func (run *streamRun) leave() { run.once.Do(func() { close(run.gone) }) }

// follow calls part for each piece, and returns the answer, or the error of an
// invocation that did not run.
func (run *streamRun) follow(r *http.Request, part func(lambdaemu.Part) error) (lambdaemu.Response, error) {
	defer run.leave()
	for {
		select {
		case p := <-run.parts:
			if err := part(p); err != nil {
				return lambdaemu.Response{}, err
			}
		case resp := <-run.replied:
			return resp, nil
		case o := <-run.ended:
			return o.Response, o.Err
		case <-r.Context().Done():
			return lambdaemu.Response{}, r.Context().Err()
		}
	}
}

// invokeStream is the operation InvokeWithResponseStream: an event stream of
// payload chunks and one end, which carries a late error. (InvokeWithResponse-
// Stream, Lambda API reference)
func (a *invokeAPI) invokeStream(w http.ResponseWriter, r *http.Request) {
	req, ok := a.addressed(w, r)
	if !ok {
		return
	}
	out := &eventStream{w: w}
	resp, err := a.stream(req).follow(r, func(p lambdaemu.Part) error { return out.event("PayloadChunk", "application/octet-stream", p.Data) })
	if err != nil {
		if !out.begun {
			writeFailure(w, err)
		}
		return
	}
	if !resp.Streamed && resp.FunctionError == "" {
		_ = out.event("PayloadChunk", "application/octet-stream", resp.Payload)
	}
	_ = out.event("InvokeComplete", "application/json", completion(resp)) // a client that is gone misses it
}

func completion(resp lambdaemu.Response) []byte {
	var end struct {
		ErrorCode    string `json:",omitempty"`
		ErrorDetails string `json:",omitempty"`
	}
	if resp.FunctionError != "" {
		end.ErrorCode, end.ErrorDetails = resp.ErrorType, string(resp.Payload)
	}
	body, _ := json.Marshal(end)
	return body
}

// eventStream writes application/vnd.amazon.eventstream: per message two lengths
// and their checksum, string headers, payload, and a checksum of all. (Smithy,
// Amazon Event Stream specification)
type eventStream struct {
	w     http.ResponseWriter
	begun bool
}

func (s *eventStream) event(kind, contentType string, payload []byte) error {
	if !s.begun {
		s.w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		s.w.Header().Set("X-Amz-Executed-Version", "$LATEST")
		s.begun = true
	}
	if _, err := s.w.Write(eventMessage(kind, contentType, payload)); err != nil {
		return err
	}
	return http.NewResponseController(s.w).Flush()
}

func eventMessage(kind, contentType string, payload []byte) []byte {
	var headers []byte
	for _, h := range [...][2]string{{":event-type", kind}, {":content-type", contentType}, {":message-type", "event"}} {
		headers = append(headers, byte(len(h[0])))
		headers = append(headers, h[0]...)
		headers = append(headers, 7) // a string
		headers = binary.BigEndian.AppendUint16(headers, uint16(len(h[1])))
		headers = append(headers, h[1]...)
	}
	total := 12 + len(headers) + len(payload) + 4
	message := binary.BigEndian.AppendUint32(make([]byte, 0, total), uint32(total))
	message = binary.BigEndian.AppendUint32(message, uint32(len(headers)))
	message = binary.BigEndian.AppendUint32(message, crc32.ChecksumIEEE(message))
	message = append(append(message, headers...), payload...)
	return binary.BigEndian.AppendUint32(message, crc32.ChecksumIEEE(message))
}

// preludeType is how a function says that its stream begins with status and
// headers. (Response streaming, AWS Lambda developer guide)
const preludeType = "application/vnd.awslambda.http-integration-response"

// maxPrelude bounds what is kept while looking for its end.
const maxPrelude = 1 << 20

// preludeEnd are the eight NUL bytes between the prelude and the body.
func preludeEnd() []byte { return make([]byte, 8) }

// prelude is the beginning of such a stream.
type prelude struct {
	StatusCode int               `json:"statusCode"`
	Headers    map[string]string `json:"headers"`
	Cookies    []string          `json:"cookies"`
}

func (p prelude) write(w http.ResponseWriter) {
	for name, value := range p.Headers {
		w.Header().Set(name, value)
	}
	for _, cookie := range p.Cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	if p.StatusCode < 200 || p.StatusCode > 999 {
		p.StatusCode = http.StatusOK
	}
	w.WriteHeader(p.StatusCode)
}

// urlStream writes a streamed answer as a function URL does.
type urlStream struct {
	w       http.ResponseWriter
	begun   bool // the head is written
	refused bool // its prelude was broken: the client has a 502
	pending []byte
}

func (s *urlStream) part(p lambdaemu.Part) error {
	data := p.Data
	switch {
	case s.begun:
	case p.ContentType == preludeType:
		s.pending = append(s.pending, data...)
		head, body, found := bytes.Cut(s.pending, preludeEnd())
		if !found && len(s.pending) < maxPrelude {
			return nil
		}
		var pre prelude
		if !found || json.Unmarshal(head, &pre) != nil {
			return s.bad()
		}
		pre.write(s.w)
		s.begun, s.pending, data = true, nil, body
	default:
		contentType := p.ContentType
		if contentType == "" {
			contentType = "application/octet-stream"
		}
		s.w.Header().Set("Content-Type", contentType)
		s.begun = true
	}
	if _, err := s.w.Write(data); err != nil {
		return err
	}
	return http.NewResponseController(s.w).Flush()
}

func (s *urlStream) bad() error {
	s.refused = true
	writeBadGateway(s.w)
	return io.ErrUnexpectedEOF
}
