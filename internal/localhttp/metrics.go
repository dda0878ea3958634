package localhttp

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"powertools-extension/internal/emf"
	"powertools-extension/internal/localhttp/wire"
)

// mostRejections bounds the list in an answer: a body of 256 KiB holds more
// wrong objects than anybody reads.
const mostRejections = 100

// mostField bounds a path in the answer: names in it are the caller's.
const mostField = 200 // bytes

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
	if in.accepted+len(in.rejected) == 0 {
		in.reject("", `no metric in the body: want {"metrics":[{"name":"orders","unit":"Count","value":1}]}`)
	}
	if in.accepted > 0 {
		in.sink.Settle()
	}
	x.out = s.appendIntake(x.out, &in)
	if in.accepted == 0 {
		return x.send(http.StatusBadRequest, s.set.json) // curl -f must fail
	}
	return x.send(http.StatusAccepted, s.set.json)
}

// reject refuses what is no sample.
func (in *intake) reject(field, reason string) {
	in.sink.Reject(&emf.LimitError{Field: kindOf(field), Rule: rule(reason), Reason: reason})
	in.note(field, reason)
}

// note adds to the list of the answer.
func (in *intake) note(field, reason string) {
	if len(in.rejected) == mostRejections {
		in.more++
		return
	}
	if len(field) > mostField {
		field = field[:mostField] // AppendString mends a rune that is cut
	}
	in.rejected = append(in.rejected, rejection{in.index, field, reason})
}

// kindOf is the field of a path without what the caller wrote: counts and
// warnings go by it.
func kindOf(path string) string {
	outer, inner, _ := strings.Cut(path, ".")
	outer, _, _ = strings.Cut(outer, "[")
	if outer == "metrics" {
		inner, _, _ = strings.Cut(inner, "[")
		switch inner {
		case emf.FieldName, emf.FieldUnit, emf.FieldValue, emf.FieldResolution:
			return inner
		}
		return emf.FieldMetrics
	}
	switch outer {
	case emf.FieldNamespace, emf.FieldDimensions, "dimension_sets", emf.FieldMetadata, emf.FieldTimestamp:
		return outer
	}
	return "body"
}

// rule is a reason without the hint behind it.
func rule(reason string) string {
	reason, _, _ = strings.Cut(reason, ":")
	return reason
}

// record hands one sample on. place is the path of its metric in the object.
func (in *intake) record(sample emf.Sample, place string) {
	err := in.sink.Record(sample)
	var limit *emf.LimitError
	switch {
	case err == nil:
		in.accepted++
	case errors.As(err, &limit):
		in.note(fieldOf(limit.Field, place), limit.Reason)
	default:
		in.note(place, err.Error())
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
	most := int64(maxBody)
	if x.route.MaxBody > 0 {
		most = int64(x.route.MaxBody)
	}
	if x.r.ContentLength > most {
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
	_, err := body.ReadFrom(http.MaxBytesReader(x.w, x.r.Body, most))
	var tooLarge *http.MaxBytesError
	var network net.Error
	switch {
	case err == nil:
		return body.Bytes(), nil
	case errors.As(err, &tooLarge):
		return nil, s.fail(CodeBodyTooLarge, "the body has more than "+strconv.FormatInt(most, 10)+" bytes")
	case errors.As(err, &network) && network.Timeout():
		return nil, s.fail(CodeBodyTimeout, "the body did not arrive in time")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, s.fail(CodeBadRequest, "the body is shorter than announced")
	}
	return nil, s.fail(CodeBadRequest, "the body cannot be read")
}
