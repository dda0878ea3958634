package middleware

import (
	"context"
	"fmt"

	"powertools-extension/internal/correlation"
)

// Correlate is the hook that finds the id by which others know the request.
type Correlate struct {
	Path *correlation.Path
	Set  func(r *Request, id string) // is told of an id that was found
}

// Hook returns the step.
func (c Correlate) Hook() Hook { return Hook{Name: "correlate", Each: true, Request: c.request} }

func (c Correlate) request(_ context.Context, r *Request) (Action, error) {
	id, err := c.Path.Find(r.Body, r.Source.Name)
	if err != nil {
		return Action{}, fmt.Errorf("POWERTOOLS_LOGGER_CORRELATION_ID_PATH: %w; the request has no correlation id", err)
	}
	if id != "" {
		c.Set(r, id)
	}
	return Action{}, nil
}
