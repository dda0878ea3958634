package localhttp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"

	"powertools-extension/internal/emf"
	"powertools-extension/internal/localhttp/wire"
)

// mostRejections bounds the list in an answer: a body of 256 KiB holds more
// wrong objects than anybody reads.
const mostRejections = 100

// rejection is one entry of the answer's list.
type rejection struct {
	index  int    // of the object in the request
	field  string // path inside the object; empty: the object as such
	reason string
}

// intake decodes one request and hands its samples on as it goes.
type intake struct {
	sink     Metrics
	index    int // of the object being read
	decoded  int // samples that reached validation
	accepted int
	rejected []rejection
	more     int // rejections beyond mostRejections
}

func postMetrics(s *Server, x *exchange) error {
	if s.deps.Metrics == nil {
		return s.fail(CodeUnavailable, "metrics are switched off")
	}
	body, err := s.readBody(x)
	if err != nil {
		return err
	}
	in := intake{sink: s.deps.Metrics}
	in.read(body)
	if in.decoded == 0 {
		return s.fail(CodeBodySyntax, in.why())
	}
	x.out = s.appendIntake(x.out, &in)
	return x.send(http.StatusAccepted, s.set.json)
}

// why is the first rejection in words.
func (in *intake) why() string {
	if len(in.rejected) == 0 {
		return "the body is empty"
	}
	r := in.rejected[0]
	text := "object " + strconv.Itoa(r.index) + ": "
	if r.field != "" {
		text += r.field + ": "
	}
	return text + r.reason
}

func (in *intake) reject(field, reason string) {
	if len(in.rejected) == mostRejections {
		in.more++
		return
	}
	in.rejected = append(in.rejected, rejection{in.index, field, reason})
}

// record hands one sample on. place is the path of its metric in the object.
func (in *intake) record(sample emf.Sample, place string) {
	in.decoded++
	err := in.sink.Record(sample)
	var limit *emf.LimitError
	switch {
	case err == nil:
		in.accepted++
	case errors.As(err, &limit):
		in.reject(fieldOf(limit.Field, place), limit.Reason)
	default:
		in.reject(place, err.Error())
	}
}

// fieldOf makes a path of what the validation blames: some fields belong to
// the metric, the others to the object around it.
func fieldOf(field, place string) string {
	switch field {
	case emf.FieldName, emf.FieldUnit, emf.FieldValue, emf.FieldResolution:
		return place + "." + field
	}
	return field
}

func (s *Server) appendIntake(dst []byte, in *intake) []byte {
	dst = append(dst, `{"accepted":`...)
	dst = wire.AppendInt(dst, in.accepted)
	dst = append(dst, `,"rejected":[`...)
	for i, r := range in.rejected {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"index":`...)
		dst = wire.AppendInt(dst, r.index)
		dst = append(dst, `,"field":`...)
		dst = wire.AppendString(dst, s.scrub(r.field))
		dst = append(dst, `,"reason":`...)
		dst = wire.AppendString(dst, s.scrub(r.reason))
		dst = append(dst, '}')
	}
	dst = append(dst, ']')
	if in.more > 0 {
		dst = append(dst, `,"more_rejected":`...)
		dst = wire.AppendInt(dst, in.more)
	}
	return append(dst, '}')
}

// readBody reads a body of at most maxBody bytes.
func (s *Server) readBody(x *exchange) ([]byte, error) {
	if coding := x.r.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		return nil, s.fail(CodeBodyEncoding, "Content-Encoding is "+quoteShort(coding))
	}
	if x.r.ContentLength > maxBody {
		return nil, s.fail(CodeBodyTooLarge, "the body has "+strconv.FormatInt(x.r.ContentLength, 10)+" bytes")
	}
	if x.r.TransferEncoding != nil {
		// A sender that adds a Content-Length too could hide a second request
		// behind the body from whoever reads that one; net/http drops it unseen.
		x.w.Header()["Connection"] = s.set.closeAfter
	}
	var body bytes.Buffer
	if x.r.ContentLength > 0 {
		body.Grow(int(x.r.ContentLength) + bytes.MinRead)
	}
	_, err := body.ReadFrom(http.MaxBytesReader(x.w, x.r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case err == nil:
		return body.Bytes(), nil
	case errors.As(err, &tooLarge):
		return nil, s.fail(CodeBodyTooLarge, "the body has more than 262144 bytes")
	case errors.As(err, &network) && network.Timeout():
		return nil, s.fail(CodeBodyTimeout, "the body did not arrive in time")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, s.fail(CodeBadRequest, "the body is shorter than announced")
	}
	return nil, s.fail(CodeBadRequest, "the body cannot be read")
}
