package awsemu

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"
)

// Call is one request, told when its answer is known.
type Call struct {
	Operation string // as IAM names it, e.g. ssm:GetParameter
	Names     []string
	Began     time.Time
	Took      time.Duration
	Status    int    // 0: cut off
	Error     string // the service's code, e.g. ThrottlingException; "" on success
	Fault     string // the name of the fault in force; "" without one
}

func newCall(operation string, names []string, began time.Time, f fault, err error) Call {
	c := Call{Operation: operation, Names: names, Began: began, Took: time.Since(began), Status: http.StatusOK, Fault: f.name}
	refused, ok := errors.AsType[*apiError](err)
	switch {
	case ok:
		c.Status, c.Error = cmp.Or(refused.status, http.StatusBadRequest), refused.code[strings.LastIndexByte(refused.code, '#')+1:]
	case errors.Is(err, errCutOff):
		c.Status, c.Error = 0, "cut off"
	case err != nil:
		c.Status, c.Error = http.StatusBadRequest, "SerializationException"
	}
	return c
}
