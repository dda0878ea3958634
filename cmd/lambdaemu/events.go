package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// loadEvents reads the --invoke values: files, JSON texts, or - for standard
// input. Without any there is one empty object.
func loadEvents(values []string, stdin io.Reader) ([][]byte, error) {
	if len(values) == 0 {
		return [][]byte{[]byte("{}")}, nil
	}
	events := make([][]byte, 0, len(values))
	for _, value := range values {
		event, err := loadEvent(value, stdin)
		if err != nil {
			return nil, usageError{fmt.Errorf("--invoke: %w", err)}
		}
		events = append(events, event)
	}
	return events, nil
}

func loadEvent(value string, stdin io.Reader) ([]byte, error) {
	name := value
	var content []byte
	var err error
	switch {
	case value == "-":
		name = "standard input"
		content, err = io.ReadAll(stdin)
	default:
		content, err = os.ReadFile(value)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) || err != nil && json.Valid([]byte(value)) {
		content, name, err = []byte(value), "the event", nil
		if !looksLikeJSON(value) {
			return nil, fmt.Errorf("%s: no such file, and not JSON", value)
		}
	}
	if err != nil {
		return nil, err
	}
	content = bytes.TrimSpace(content)
	if err := json.Unmarshal(content, new(json.RawMessage)); err != nil {
		return nil, fmt.Errorf("%s is not JSON: %w", name, err)
	}
	return content, nil
}

// looksLikeJSON tells a mistyped event from a mistyped file name.
func looksLikeJSON(value string) bool {
	return json.Valid([]byte(value)) || bytes.ContainsAny([]byte(value[:1]), `{["`)
}
