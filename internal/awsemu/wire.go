package awsemu

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// apiError is a refusal in AWS's form.
type apiError struct {
	status  int
	code    string         // the __type
	message string         // empty: the body has no message, as SSM's ParameterNotFound
	capital bool           // the member is called Message, as in Secrets Manager and in IAM's refusals
	more    map[string]any // further members
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

func writeError(w http.ResponseWriter, svc service, err error) {
	var api *apiError
	if !errors.As(err, &api) {
		api = &apiError{status: http.StatusBadRequest, code: "SerializationException", message: err.Error()}
	}
	if svc.dialect == awsQuery {
		xmlError(api).write(w)
		return
	}
	body := map[string]any{"__type": api.code}
	if svc.dialect == restJSON {
		body = map[string]any{}
		w.Header().Set("X-Amzn-Errortype", api.code)
		svc.content = "application/json"
	}
	maps.Copy(body, api.more)
	switch {
	case api.message == "":
	case api.capital:
		body["Message"] = api.message
	default:
		body["message"] = api.message
	}
	writeAnswer(w, svc, api.status, body)
}

// rawAnswer is an answer that is not JSON of the operation's output.
type rawAnswer struct {
	status int
	header map[string]string
	body   []byte
}

func (a *rawAnswer) write(w http.ResponseWriter) {
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.Header().Set("X-Amzn-Requestid", newUUID())
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // the client is gone: nobody is left to tell
}

func writeAnswer(w http.ResponseWriter, svc service, status int, out any) {
	if raw, ok := out.(*rawAnswer); ok {
		raw.write(w)
		return
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(out); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	body := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if svc.content == "" {
		svc.content = "application/x-amz-json-1.1"
	}
	w.Header().Set("Content-Type", svc.content)
	w.Header().Set("X-Amzn-Requestid", newUUID())
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if svc.crc {
		w.Header().Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10))
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client is gone: nobody is left to tell
}

// epoch is a date on the wire: seconds as a JSON number, in the exponent form
// of AWS's Java services (1.668586960362E9), which a client must be able to read.
type epoch time.Time

// MarshalJSON writes seconds with millisecond precision.
func (e epoch) MarshalJSON() ([]byte, error) {
	seconds := float64(time.Time(e).UnixMilli()) / 1000
	text := strconv.FormatFloat(seconds, 'E', -1, 64)
	return []byte(strings.Replace(text, "E+0", "E", 1)), nil
}

// newUUID returns a random version 4 UUID.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

func quoted(s string) string { return fmt.Sprintf("%.200q", s) }

func invalid(svc service, format string, args ...any) error {
	code := "ValidationException"
	if svc.name == "dynamodb" {
		code = "com.amazon.coral.validate#" + code
	}
	return &apiError{status: http.StatusBadRequest, code: code, message: fmt.Sprintf(format, args...), capital: svc.name == "ssm"}
}
