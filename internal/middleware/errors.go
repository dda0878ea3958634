package middleware

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"powertools-extension/internal/awsevent"
)

// Problem is an error of a hook's own. Nothing of an event may be in it.
type Problem struct {
	Type   string // errorType, without a prefix: SchemaValidationError
	Status int    // of an HTTP answer
	Detail string // for people
	Errors []any  // member "errors" of the document; nil: none
	More   int    // how many errors there are beyond those

	RetryAfter int // seconds; 0: not said
}

// Post is the answer for a problem: an HTTP answer where the event is an HTTP
// request and asHTTP says so, else an error of the invocation.
func (p Problem) Post(source awsevent.Event, asHTTP bool) *Post {
	if !source.HTTP || !asHTTP {
		body, _ := json.Marshal(struct {
			Message string   `json:"errorMessage"`
			Type    string   `json:"errorType"`
			Stack   []string `json:"stackTrace"`
		}{p.Detail, p.Type, []string{}})
		return &Post{Failed: true, ErrorType: "Function." + p.Type, Body: body}
	}
	words := words(p.Type)
	document, _ := json.Marshal(struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
		Errors []any  `json:"errors,omitempty"`
		More   int    `json:"more,omitempty"`
	}{"urn:powertools:" + strings.Join(words, "-"), cmp.Or(p.Detail, p.Type), p.Status, strings.Join(words, "_"), p.Errors, p.More})
	headers := map[string]string{"content-type": "application/problem+json"}
	if p.RetryAfter > 0 {
		headers["retry-after"] = strconv.Itoa(p.RetryAfter)
	}
	answer := map[string]any{"statusCode": p.Status, "body": string(document), "isBase64Encoded": false}
	if source.MultiValue {
		many := make(map[string][]string, len(headers))
		for name, value := range headers {
			many[name] = []string{value}
		}
		answer["multiValueHeaders"] = many
	} else {
		answer["headers"] = headers
	}
	body, _ := json.Marshal(answer) // of texts and numbers: never fails
	return &Post{Body: body}
}

// words are those of an error's type, without the last one: schema validation
// of SchemaValidationError.
func words(kind string) (list []string) {
	at := 0
	kind = strings.TrimSuffix(kind, "Error")
	for i := 1; i <= len(kind); i++ {
		if i == len(kind) || kind[i] >= 'A' && kind[i] <= 'Z' {
			list = append(list, strings.ToLower(kind[at:i]))
			at = i
		}
	}
	return list
}
