package batch

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/jsonbytes"
)

// Answer is what Lambda is told of a batch.
type Answer struct {
	Failed  bool   // an error of the invocation: everything comes again
	Message string // only if Failed
	Body    []byte // only if not

	// Partial: a record has not succeeded, and the answer is a success. Where
	// the mapping does not read it, that record is lost.
	Partial bool
}

// maxWords bounds what is repeated of a record's error.
const maxWords = 512

// Answer is the answer of a batch that is over. A record that still runs or
// waits counts as failed.
func (b *Batch) Answer() Answer {
	if len(b.records) > 0 && b.counts[succeeded] == 0 && b.rules.Raise {
		return Answer{Failed: true, Message: b.allFailed()}
	}
	body := []byte(`{"batchItemFailures":[`)
	n := 0
	for i := range b.records {
		if !b.reported(i) {
			continue
		}
		if n++; n > 1 {
			body = append(body, ',')
		}
		body = append(append(append(body, `{"itemIdentifier":"`...), b.ID(i)...), `"}`...)
	}
	return Answer{Body: append(body, "]}"...), Partial: n > 0}
}

// reported: what is not is deleted, or passed by the checkpoint. What is left
// out of a stream stands behind the failure, from which Lambda goes on.
func (b *Batch) reported(i int) bool {
	switch b.records[i].state {
	case succeeded:
		return false
	case skipped:
		return !b.kind.stream()
	}
	return true
}

// allFailed is the libraries' sentence. Records for which there was no time have
// no error of their own, and are not counted as if they had.
func (b *Batch) allFailed() string {
	unrun := b.counts[late]
	if unrun == len(b.records) {
		return "No record was processed: the time left of the invocation was too short for one. All come again; a longer time-out helps."
	}
	text := "All records failed processing. " + strconv.Itoa(len(b.records)-unrun) + " individual errors logged separately below."
	if unrun > 0 {
		text += " For " + strconv.Itoa(unrun) + " others there was no time."
	}
	if b.firstType == "" && b.firstMessage == "" {
		return text
	}
	return text + "\nFirst error: " + words(b.firstType, b.firstMessage)
}

func words(errorType, message string) string {
	if len(message) > maxWords {
		message = strings.ToValidUTF8(message[:maxWords], "") // it may have cut a rune
	}
	switch {
	case errorType == "":
		return message
	case message == "":
		return errorType
	}
	return errorType + ": " + message
}

// Unread is the error for a batch whose answer nobody would read: the mapping
// has no ReportBatchItemFailures, or may have none.
func (b *Batch) Unread(why string) string {
	c := b.Counts()
	return fmt.Sprintf("%d of %d records did not succeed, and %s; the whole batch fails, so that nothing is lost", c.Failed+c.Unprocessed, c.Records, why)
}

// Took is how long the record that runs has taken.
func (b *Batch) Took(now time.Time) time.Duration { return now.Sub(b.began) }

// Empty is the answer to an event without records.
func Empty() []byte { return []byte(`{"batchItemFailures":[]}`) }

// ReportsFailures reports whether an answer of the function reports failures
// itself, as a library's batch processor does for its batch of one.
func ReportsFailures(answer []byte) bool {
	i := jsonbytes.SkipSpace(answer, 0)
	if i >= len(answer) || answer[i] != '{' {
		return false
	}
	found := false
	m := jsonbytes.CheckMembersOf(answer[i:])
	for {
		name, value, ok := m.Next()
		if !ok {
			return found && m.Valid()
		}
		if string(name) == "batchItemFailures" {
			found = !isNone(value)
		}
	}
}

// isNone knows a list without failures, and what Lambda takes for one.
func isNone(value []byte) bool {
	if value[0] == '[' {
		return value[jsonbytes.SkipSpace(value, 1)] == ']'
	}
	return string(value) == "null"
}
