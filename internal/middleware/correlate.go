package middleware

import (
	"context"
	"fmt"
	"slices"

	"powertools-extension/internal/awsevent"
	"powertools-extension/internal/correlation"
)

// Correlate is the hook that finds the id by which others know the request: of
// an event, and of each record where the function gets one after another.
type Correlate struct {
	Path *correlation.Path

	// Set is told of an id that was found. r.Whole says that it is a record's.
	Set func(r *Request, id string)

	// Splits are the sources whose records come one after another. An id that
	// is found in a batch of several is that of one of them, and no id of all.
	Splits []string
}

// Hooks returns the steps: one for events, and one for records if there are any.
func (c Correlate) Hooks() []Hook {
	hooks := []Hook{{Name: "correlate", Each: true, Request: c.event}}
	if len(c.Splits) > 0 {
		hooks = append(hooks, Hook{Name: "correlate record", Each: true, Request: c.record})
	}
	return hooks
}

func (c Correlate) event(_ context.Context, r *Request) (Action, error) {
	if !r.Durable && slices.Contains(c.Splits, r.Source.Name) && !awsevent.OneRecord(r.Body) {
		return Action{}, nil
	}
	return Action{}, c.find(r)
}

func (c Correlate) record(_ context.Context, r *Request) (Action, error) {
	if r.Whole == "" {
		return Action{}, nil // the step for events has seen it
	}
	return Action{}, c.find(r)
}

func (c Correlate) find(r *Request) error {
	id, err := c.Path.Find(r.Body, r.Source.Name)
	if err != nil {
		return fmt.Errorf("POWERTOOLS_LOGGER_CORRELATION_ID_PATH: %w; the request has no correlation id", err)
	}
	if id != "" {
		c.Set(r, id)
	}
	return nil
}
