package awsparams_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"powertools-extension/internal/awsapi"
)

// script answers each operation with a function, and writes down what was
// called: the operation and the request.
type script struct {
	answers map[string]func(in string) (answer string, err error)

	mu    sync.Mutex
	calls []string
	ops   []awsapi.Operation
}

func (s *script) Call(_ context.Context, op awsapi.Operation, in, out any) error {
	b, err := json.Marshal(in)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.calls = append(s.calls, op.Name+" "+string(b))
	s.ops = append(s.ops, op)
	s.mu.Unlock()
	answer := s.answers[op.Name]
	if answer == nil {
		return refused("UnknownOperationException", op.Name)
	}
	body, err := answer(string(b))
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(body), out)
}

// fill is an answer's body as a call leaves it.
func fill(out any, body string) error { return json.Unmarshal([]byte(body), out) }

// counted is how many calls of each operation there were.
func (s *script) counted() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := map[string]int{}
	for _, op := range s.ops {
		n[op.Name]++
	}
	return n
}

func refused(code, message string) error {
	return &awsapi.ServiceError{Service: "s", Operation: "o", Code: code, Message: message, Status: 400}
}

func always(answer string, err error) func(string) (string, error) {
	return func(string) (string, error) { return answer, err }
}

// parameterStore answers the reads of SSM: it has every name that does not
// start with /none, and each value is the name as it was asked for.
func parameterStore() *script {
	s := &script{answers: map[string]func(string) (string, error){}}
	s.answers["GetParameters"] = func(in string) (string, error) {
		var asked struct{ Names []string }
		if err := json.Unmarshal([]byte(in), &asked); err != nil {
			return "", err
		}
		found, invalid := []string{}, []string{}
		for _, name := range asked.Names {
			if strings.HasPrefix(name, "/none") {
				invalid = append(invalid, name)
			} else {
				found = append([]string{parameterJSON(name)}, found...) // the order is not the question's
			}
		}
		return fmt.Sprintf(`{"Parameters":[%s],"InvalidParameters":%s}`, join(found), marshal(invalid)), nil
	}
	s.answers["GetParameter"] = func(in string) (string, error) {
		var asked struct{ Name string }
		if err := json.Unmarshal([]byte(in), &asked); err != nil {
			return "", err
		}
		if strings.HasPrefix(asked.Name, "/none") {
			return "", refused("ParameterNotFound", "")
		}
		return `{"Parameter":` + parameterJSON(asked.Name) + `}`, nil
	}
	return s
}

// parameterJSON is the parameter as the service writes it.
func parameterJSON(asked string) string {
	name, selector := asked, "null"
	for i := range asked {
		if asked[i] == ':' && !strings.HasPrefix(asked, "arn") {
			name, selector = asked[:i], marshal(asked[i:])
			break
		}
	}
	arn := "arn:aws:ssm:eu-central-1:123456789012:parameter" + name
	if strings.HasPrefix(asked, "arn") {
		arn = asked
	}
	return fmt.Sprintf(`{"ARN":%q,"Name":%q,"Selector":%s,"Type":"String","Value":%s,"Version":1}`, arn, name, selector, marshal("value of "+asked))
}

func marshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func join(list []string) string {
	out := ""
	for i, s := range list {
		if i > 0 {
			out += ","
		}
		out += s
	}
	return out
}
