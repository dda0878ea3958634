package jsonline

import (
	"math"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// How far a line's own time may be from now. CloudWatch Logs rejects what is
// older than 14 days or more than 2 hours ahead (PutLogEvents); a line whose
// "timestamp" is a business date must not be lost for it.
const (
	maxAge   = 14*24*time.Hour - time.Hour
	maxAhead = 2*time.Hour - time.Minute
)

// Times finds the times of the lines of one batch.
type Times struct {
	Now  time.Time // of the wall clock
	last time.Time
}

// Of returns the line's time: its member timestamp, or the one of a metrics
// document. A line whose time cannot be read, or cannot be true, has that of
// the line before it.
func (t *Times) Of(r *Reader, line []byte) time.Time {
	var at time.Time
	r.Each(line, func(name []byte, value jsontext.Value) bool {
		switch string(name) {
		case "timestamp":
			at, _ = Parse(value)
			return false
		case "_aws":
			at = Metrics(value)
		}
		return true
	})
	return t.Settle(at)
}

// Settle returns at, or what takes its place.
func (t *Times) Settle(at time.Time) time.Time {
	if !at.IsZero() && !at.Before(t.Now.Add(-maxAge)) && !at.After(t.Now.Add(maxAhead)) {
		t.last = at
	} else if t.last.IsZero() {
		t.last = t.Now
	}
	return t.last
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

// Parse reads a time as loggers write it: RFC 3339, also with a blank, a
// comma and an offset without a colon (Python), or a number since 1970 in
// seconds, milliseconds, microseconds or nanoseconds. Without an offset it is
// UTC, which is the time zone of Lambda.
func Parse(value jsontext.Value) (time.Time, bool) {
	if len(value) > 64 {
		return time.Time{}, false
	}
	if value.Kind() != '"' {
		return parseNumber(string(value))
	}
	text, err := jsontext.AppendUnquote(nil, value)
	if err != nil {
		return time.Time{}, false
	}
	s := string(text)
	if at, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return at, true
	}
	for _, layout := range [...]string{
		"2006-01-02T15:04:05Z0700", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700",
		"2006-01-02T15:04:05", "2006-01-02 15:04:05",
	} {
		if at, err := time.Parse(layout, s); err == nil {
			return at, true
		}
	}
	return parseNumber(s)
}

// parseNumber tells the unit from the size: each covers the years from 2001
// to beyond 5000.
func parseNumber(s string) (time.Time, bool) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(n) || n < 1e9 || n >= 1e19 {
		return time.Time{}, false
	}
	switch {
	case n < 1e11:
		n *= 1e3
	case n < 1e14:
	case n < 1e17:
		n /= 1e3
	default:
		n /= 1e6
	}
	return time.UnixMicro(int64(math.Round(n * 1e3))), true
}
