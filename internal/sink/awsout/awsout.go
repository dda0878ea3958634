// Package awsout says what the error of an AWS call means for a batch of
// lines.
//
// The rule a reader could break: the tries of a batch are counted by package
// sink, so calls that carry lines set awsapi.Operation.Once.
package awsout

import (
	"context"
	"errors"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/sink"
)

// Caller makes one signed call; *awsapi.Client is one.
type Caller interface {
	Call(ctx context.Context, op awsapi.Operation, in, out any) error
}

// Judge marks the errors that may pass: throttling, trouble of the service,
// no answer, and credentials that could not be had this time. Everything else
// refuses the batch for good; its text names the missing permission.
func Judge(err error) error {
	if service := (*awsapi.ServiceError)(nil); errors.As(err, &service) {
		switch {
		case service.Throttled(), service.Status >= 500, service.Code == "RequestTimeout", service.Code == "RequestTimeoutException":
			return &sink.RetryableError{Err: err}
		}
		return err
	}
	if errors.As(err, new(*awsapi.RequestError)) {
		return err
	}
	return &sink.RetryableError{Err: err}
}

// HasCode reports whether the service refused with this code.
func HasCode(err error, code string) bool {
	service := (*awsapi.ServiceError)(nil)
	return errors.As(err, &service) && service.Code == code
}
