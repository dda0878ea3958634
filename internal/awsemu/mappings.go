package awsemu

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// wireMapping is an event source mapping in an answer. (ListEventSourceMappings,
// Lambda API reference)
type wireMapping struct {
	BatchSize                      int
	EventSourceArn                 string
	EventSourceMappingArn          string
	FunctionArn                    string
	FunctionResponseTypes          []string
	LastModified                   epoch
	MaximumBatchingWindowInSeconds int
	MaximumRetryAttempts           *int `json:",omitempty"` // of a stream
	State                          string
	StateTransitionReason          string
	UUID                           string
}

func (s *Server) wireMapping(m Mapping) wireMapping {
	sum := sha256.Sum256([]byte(m.EventSource + "\x00" + m.Function))
	h := hex.EncodeToString(sum[:16])
	id := h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
	out := wireMapping{
		BatchSize: m.BatchSize, EventSourceArn: m.EventSource, FunctionArn: s.functionARN(m.Function), FunctionResponseTypes: []string{},
		EventSourceMappingArn: s.arn("lambda", "event-source-mapping:"+id), LastModified: epoch(s.started),
		State: "Enabled", StateTransitionReason: "USER_INITIATED", UUID: id,
	}
	if m.ReportBatchItemFailures {
		out.FunctionResponseTypes = append(out.FunctionResponseTypes, "ReportBatchItemFailures")
	}
	if m.Disabled {
		out.State = "Disabled"
	}
	stream := !strings.HasPrefix(m.EventSource, "arn:") || strings.Split(m.EventSource, ":")[2] != "sqs"
	if stream {
		forever := -1
		out.MaximumRetryAttempts = &forever
	}
	if out.BatchSize == 0 && stream {
		out.BatchSize = 100
	}
	out.BatchSize = cmp.Or(out.BatchSize, 10)
	return out
}

// AddMapping adds an event source mapping, or replaces the one of the same
// source and function.
func (s *Server) AddMapping(m Mapping) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, old := range s.mappings {
		if old.EventSource == m.EventSource && s.functionARN(old.Function) == s.functionARN(m.Function) {
			s.mappings[i] = m
			return
		}
	}
	s.mappings = append(s.mappings, m)
}

// functionARN completes a function's name, NAME:QUALIFIER or partial ARN. An
// event source mapping belongs to one alias or version; $LATEST is what an
// unqualified name means.
func (s *Server) functionARN(name string) string {
	name = strings.TrimSuffix(name, ":$LATEST")
	if strings.HasPrefix(name, "arn:") {
		return name
	}
	if i := strings.Index(name, "function:"); i >= 0 {
		name = name[i+len("function:"):]
	}
	return s.arn("lambda", "function:"+name)
}

// functionPattern is what the API takes as FunctionName.
const functionPattern = `^(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?(-iso([a-z])?)?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]{1,64})(:(\$LATEST|[a-zA-Z0-9-_]{1,128}))?$`

func badFunctionName(name string) bool {
	return len(name) > 140 || !regexp.MustCompile(functionPattern).MatchString(name)
}

func lambdaRefusal(format string, args ...any) error {
	return &apiError{status: http.StatusBadRequest, code: "InvalidParameterValueException", message: fmt.Sprintf(format, args...), more: map[string]any{"Type": "User"}}
}

// listEventSourceMappings filters by source and by function, whose qualifier
// counts: mappings of an alias are not those of the function.
func (s *Server) listEventSourceMappings(r *request) (any, error) {
	source, function := r.query.Get("EventSourceArn"), r.query.Get("FunctionName")
	if function != "" && badFunctionName(function) {
		return nil, &apiError{status: http.StatusBadRequest, code: "ValidationException",
			message: fmt.Sprintf("1 validation error detected: Value '%.200s' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", function, strings.Trim(functionPattern, "^$"))}
	}
	limit := 100
	if text := r.query.Get("MaxItems"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 10000 {
			return nil, lambdaRefusal("MaxItems must be between 1 and 10000")
		}
		limit = min(limit, n)
	}
	start := 0
	if marker := r.query.Get("Marker"); marker != "" {
		n, err := strconv.Atoi(strings.TrimPrefix(marker, "embedded-"))
		if err != nil || n < 0 {
			return nil, lambdaRefusal("Invalid pagination token")
		}
		start = n
	}
	out := struct {
		EventSourceMappings []wireMapping
		NextMarker          string `json:",omitempty"`
	}{EventSourceMappings: []wireMapping{}}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := min(start, len(s.mappings)); i < len(s.mappings); i++ {
		m := s.mappings[i]
		if source != "" && source != m.EventSource || function != "" && s.functionARN(function) != s.functionARN(m.Function) {
			continue
		}
		if len(out.EventSourceMappings) == limit {
			out.NextMarker = "embedded-" + strconv.Itoa(i)
			break
		}
		out.EventSourceMappings = append(out.EventSourceMappings, s.wireMapping(m))
	}
	return out, nil
}
