package jsonline

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"powertools-extension/internal/logtime"
)

// How far a line's own time may be from now. CloudWatch Logs rejects what is
// older than 14 days or more than 2 hours ahead (PutLogEvents); a line whose
// "timestamp" is a business date must not be lost for it.
const (
	maxAge   = 14*24*time.Hour - time.Hour
	maxAhead = 2*time.Hour - time.Minute
)

// Times finds the times of lines.
type Times struct {
	Now time.Time // of the wall clock
}

// Observed is the member that holds the platform's time of a line whose own
// timestamp does not say when it was.
const Observed = "observed_timestamp"

// Of returns the line's time: the platform's where its own does not say when
// it was, else its member timestamp, or the one of a metrics document. A line
// without any has the time of the batch, never that of another line.
func (t *Times) Of(r *Reader, line []byte) time.Time {
	var at time.Time
	r.Each(line, func(name []byte, value jsontext.Value) bool {
		switch string(name) {
		case "timestamp":
			at, _ = Parse(value)
		case Observed:
			at, _ = Parse(value)
			return false
		case "_aws":
			at = Metrics(value)
		}
		return true
	})
	return t.Settle(at)
}

// Settle returns at, or the time of the batch if at cannot be true.
func (t *Times) Settle(at time.Time) time.Time {
	if at.IsZero() || at.Before(t.Now.Add(-maxAge)) || at.After(t.Now.Add(maxAhead)) {
		return t.Now
	}
	return at
}

// Metrics returns the time of a metrics document from its member _aws; zero
// if it has none. (CloudWatch embedded metric format)
func Metrics(aws jsontext.Value) (at time.Time) {
	var r Reader
	r.Each(aws, func(name []byte, value jsontext.Value) bool {
		if string(name) != "Timestamp" {
			return true
		}
		at, _ = Parse(value)
		return false
	})
	return at
}

// Parse reads a time as loggers write it (logtime.Parse). Without an offset it
// is UTC, which is the time zone of Lambda.
func Parse(value jsontext.Value) (time.Time, bool) {
	if len(value) > 64 {
		return time.Time{}, false
	}
	text := []byte(value)
	if value.Kind() == '"' {
		var err error
		if text, err = jsontext.AppendUnquote(nil, value); err != nil {
			return time.Time{}, false
		}
	}
	at, _, ok := logtime.Parse(text)
	return at, ok
}
