package awsapi

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

// Bounds of what is read into memory, in bytes. The largest answers are a page
// of GetParametersByPath, 20 secrets of 64 KB, and a DynamoDB item of 400 KB
// whose every byte is written as a JSON escape of six.
const (
	maxAnswer      = 4 << 20
	maxErrorAnswer = 64 << 10
)

// readAnswer reads a success's body.
func readAnswer(resp *http.Response) ([]byte, error) {
	if resp.ContentLength > maxAnswer {
		return nil, ErrTooLarge
	}
	if resp.ContentLength >= 0 {
		data := make([]byte, resp.ContentLength)
		_, err := io.ReadFull(resp.Body, data)
		return data, err
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if len(data) > maxAnswer {
		return nil, ErrTooLarge
	}
	return data, err
}

var (
	// ErrTooLarge is what a TransportError wraps when the answer is over 4 MiB:
	// whoever asked for many things may ask for fewer.
	ErrTooLarge = errors.New("answer is larger than 4 MiB")
	// errAnswer hides encoding/json's own error, which quotes the value it could
	// not store, and values here are secrets.
	errAnswer = errors.New("answer is not the JSON this operation has")
)

func decode(data []byte, out any) error {
	if out == nil {
		return nil
	}
	if json.Unmarshal(data, out) != nil {
		return errAnswer
	}
	return nil
}

// serviceError reads a refusal. Whatever the body is, an error comes out of it.
func (k *call) serviceError(resp *http.Response) *ServiceError {
	e := &ServiceError{Service: k.op.Service, Operation: k.op.Name, Status: resp.StatusCode, RequestID: requestID(resp.Header)}
	e.date, _ = http.ParseTime(resp.Header.Get("Date"))
	limit := int64(maxErrorAnswer)
	if k.op.Service == DynamoDB {
		limit = maxAnswer // a failed condition brings the old item
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit))
	if err != nil {
		data = nil
	}
	var body errorBody
	if k.svc.proto == query {
		body = queryError(data)
		if e.RequestID == "" {
			e.RequestID = cleanMessage(body.request)
		}
	} else if json.Unmarshal(data, &body) != nil {
		// A proxy or load balancer, not AWS: its page helps nobody.
		body.Message = ""
	}
	code := resp.Header.Get("X-Amzn-Errortype")
	if code == "" {
		code = body.Type
	}
	if s, ok := body.Code.(string); ok && code == "" {
		code = s
	}
	e.Item = string(body.Item)
	e.Code = bareCode(code)
	e.Message = cleanMessage(body.Message, k.creds.SessionToken, k.creds.SecretAccessKey, k.creds.AccessKeyID)
	return e
}

// Refusal makes a ServiceError of a refusal inside of an answer that is a
// success for others: batch operations have such.
func Refusal(service, operation, code, message string) *ServiceError {
	return &ServiceError{Service: service, Operation: operation, Code: bareCode(code), Message: cleanMessage(message), Status: http.StatusBadRequest}
}

// errorBody is what the JSON protocols and the Query protocol say of an error.
type errorBody struct {
	Type    string `json:"__type"`
	Code    any    // some services use it instead of __type; not always a string
	Message string // case does not matter to encoding/json: message, Message
	Item    json.RawMessage
	request string
}

// queryError reads the Query protocol's words for an error; what is not XML
// says nothing.
func queryError(data []byte) (body errorBody) {
	if eachText(data, func(path, text string) {
		switch path {
		case "ErrorResponse/Error/Code":
			body.Type = text
		case "ErrorResponse/Error/Message":
			body.Message = text
		case "ErrorResponse/RequestId":
			body.request = text
		}
	}) != nil {
		return errorBody{}
	}
	return body
}

// bareCode cuts com.amazonaws.ssm#ParameterNotFound:http://… down to
// ParameterNotFound.
func bareCode(s string) string {
	s, _, _ = strings.Cut(s, ":")
	if i := strings.LastIndexByte(s, '#'); i >= 0 {
		s = s[i+1:]
	}
	return cleanMessage(s)
}

// requestID finds the id in either of the two spellings in use.
func requestID(h http.Header) string {
	if id := h.Get("X-Amzn-Requestid"); id != "" {
		return cleanMessage(id)
	}
	return cleanMessage(h.Get("X-Amz-Request-Id"))
}
