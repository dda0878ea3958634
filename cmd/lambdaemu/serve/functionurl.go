package serve

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"powertools-extension/lambdaemu"
)

// urlPrefix is where the function answers as its function URL would: below it is
// the path the function sees.
const urlPrefix = "/url/"

// urlEvent is the event of a function URL: payload format 2.0. (Creating and
// managing Lambda function URLs, AWS Lambda developer guide)
type urlEvent struct {
	Version         string            `json:"version"`
	RouteKey        string            `json:"routeKey"`
	RawPath         string            `json:"rawPath"`
	RawQueryString  string            `json:"rawQueryString"`
	Cookies         []string          `json:"cookies,omitempty"`
	Headers         map[string]string `json:"headers"`
	Query           map[string]string `json:"queryStringParameters,omitempty"`
	Context         urlContext        `json:"requestContext"`
	Body            string            `json:"body,omitempty"`
	IsBase64Encoded bool              `json:"isBase64Encoded"`
}

type urlContext struct {
	AccountID    string  `json:"accountId"`
	APIID        string  `json:"apiId"`
	DomainName   string  `json:"domainName"`
	DomainPrefix string  `json:"domainPrefix"`
	HTTP         urlHTTP `json:"http"`
	RequestID    string  `json:"requestId"`
	RouteKey     string  `json:"routeKey"`
	Stage        string  `json:"stage"`
	Time         string  `json:"time"`
	TimeEpoch    int64   `json:"timeEpoch"`
}

type urlHTTP struct {
	Method    string `json:"method"`
	Path      string `json:"path"`
	Protocol  string `json:"protocol"`
	SourceIP  string `json:"sourceIp"`
	UserAgent string `json:"userAgent"`
}

// functionURL runs the function with an HTTP request and writes what it answers:
// status, headers, cookies and body, streamed if the function streams.
func (a *invokeAPI) functionURL(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxSyncPayload+1))
	switch {
	case err != nil:
		return // the client is gone
	case len(body) > maxSyncPayload:
		http.Error(w, `{"Message":"Request body is too large"}`, http.StatusRequestEntityTooLarge)
		return
	}
	event, err := json.Marshal(newURLEvent(r, body, time.Now()))
	if err != nil {
		writeBadGateway(w)
		return
	}
	out := &urlStream{w: w}
	run := a.stream(lambdaemu.Request{Payload: event, TraceHeader: r.Header.Get("X-Amzn-Trace-Id")})
	resp, err := run.follow(r, out.part)
	switch {
	case out.refused:
	case out.begun:
		a.endOfURL(resp, err)
	case err != nil:
		writeFailure(w, err)
	case resp.FunctionError != "":
		writeBadGateway(w)
	case resp.Streamed: // a prelude without end, or nothing at all
		w.WriteHeader(http.StatusOK)
	default:
		writeURLAnswer(w, resp.Payload)
	}
}

// endOfURL cuts the connection of an answer that failed half way: its status is
// out already, and only a broken body says that something is missing.
func (a *invokeAPI) endOfURL(resp lambdaemu.Response, err error) {
	if err != nil || resp.FunctionError != "" {
		panic(http.ErrAbortHandler)
	}
}

// writeBadGateway is what a function that failed looks like from outside.
func writeBadGateway(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = io.WriteString(w, "Internal Server Error")
}

func newURLEvent(r *http.Request, body []byte, now time.Time) urlEvent {
	path := "/" + strings.TrimPrefix(r.URL.EscapedPath(), urlPrefix)
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = "127.0.0.1"
	}
	e := urlEvent{
		Version: "2.0", RouteKey: "$default", RawPath: path, RawQueryString: r.URL.RawQuery,
		Headers: map[string]string{"host": r.Host, "x-forwarded-for": host, "x-forwarded-proto": "http"}, Query: map[string]string{},
		Context: urlContext{
			AccountID: "anonymous", APIID: "lambdaemu", DomainName: r.Host, DomainPrefix: "lambdaemu", RouteKey: "$default", Stage: "$default",
			RequestID: fmt.Sprintf("%08x-url", now.UnixMilli()&0xffffffff), Time: now.UTC().Format("02/Jan/2006:15:04:05 -0700"), TimeEpoch: now.UnixMilli(),
			HTTP: urlHTTP{Method: r.Method, Path: path, Protocol: r.Proto, SourceIP: host, UserAgent: r.UserAgent()},
		},
	}
	for name, values := range r.Header {
		if name == "Cookie" {
			continue
		}
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	for _, cookie := range r.Cookies() {
		e.Cookies = append(e.Cookies, cookie.Name+"="+cookie.Value)
	}
	for name, values := range r.URL.Query() {
		e.Query[name] = strings.Join(values, ",")
	}
	e.Body, e.IsBase64Encoded = string(body), len(body) > 0 && !isText(r.Header.Get("Content-Type"), body)
	if e.IsBase64Encoded {
		e.Body = base64.StdEncoding.EncodeToString(body)
	}
	return e
}

// isText knows the content types whose bodies come as they are; all others come
// in base64, forms included.
func isText(contentType string, body []byte) bool {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch kind = strings.TrimSpace(kind); {
	case !utf8.Valid(body):
		return false
	case strings.HasPrefix(kind, "text/"), strings.HasSuffix(kind, "+json"), strings.HasSuffix(kind, "+xml"):
		return true
	}
	return kind == "application/json" || kind == "application/xml" || kind == "application/javascript"
}

// writeURLAnswer: an object with statusCode is an HTTP answer, anything else is
// the body of a 200.
func writeURLAnswer(w http.ResponseWriter, payload []byte) {
	var answer struct {
		prelude
		StatusCode      *json.Number `json:"statusCode"`
		Body            string       `json:"body"`
		IsBase64Encoded bool         `json:"isBase64Encoded"`
	}
	if json.Unmarshal(payload, &answer) != nil || answer.StatusCode == nil {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(plainBody(payload))
		return
	}
	body := []byte(answer.Body)
	if answer.IsBase64Encoded {
		decoded, err := base64.StdEncoding.DecodeString(answer.Body)
		if err != nil {
			writeBadGateway(w)
			return
		}
		body = decoded
	}
	status, err := answer.StatusCode.Int64()
	if err != nil {
		writeBadGateway(w)
		return
	}
	answer.prelude.StatusCode = int(status)
	w.Header().Set("Content-Type", "application/json") // unless the function says otherwise
	answer.prelude.write(w)
	_, _ = w.Write(body)
}

// plainBody is a JSON string without its quotes, else the payload as it is.
func plainBody(payload []byte) []byte {
	var text string
	if json.Unmarshal(payload, &text) == nil {
		return []byte(text)
	}
	return payload
}
