package logtime

import "time"

// Stamp writes times as RFC 3339 with milliseconds in UTC, which is what
// CloudWatch filters by (Lambda log formats). Lines come in bursts, so the
// text of the last second is kept.
type Stamp struct {
	sec  int64
	text []byte // "2006-01-02T15:04:05." of sec; empty at first
}

// Append writes the time.
func (s *Stamp) Append(dst []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	sec, ms := ms/1000, ms%1000
	if ms < 0 { // before 1970
		sec, ms = sec-1, ms+1000
	}
	s.second(sec)
	dst = append(dst, s.text...)
	return append(dst, '0'+byte(ms/100), '0'+byte(ms/10%10), '0'+byte(ms%10), 'Z')
}

func (s *Stamp) second(sec int64) {
	if sec != s.sec || len(s.text) == 0 {
		s.sec = sec
		s.text = time.Unix(sec, 0).UTC().AppendFormat(s.text[:0], "2006-01-02T15:04:05.")
	}
}

// How far a line's own time may be from the platform's. CloudWatch Logs takes
// what is not older than 14 days and not more than 2 hours ahead
// (PutLogEvents): further off is a date of the business. A time without an
// offset is UTC if that makes it the platform's but for minutes; a zone is
// half an hour or more.
const (
	maxAge       = 14*24*time.Hour - time.Hour
	maxAhead     = 2*time.Hour - time.Minute
	maxUncertain = 10 * time.Minute
)

// Trust says what a time that a line gives itself is worth.
type Trust uint8

// The worths of a time.
const (
	Unreadable Trust = iota // or without an offset, and not the platform's
	Distant                 // an instant, but not one at which the line can have been written
	Plausible
)

// Own reads the time that a line gives itself. at is the platform's.
func (s *Stamp) Own(text []byte, at time.Time) (time.Time, Trust) {
	if n := len(s.text); n > 0 && len(text) == n+len("000Z") && string(text[:n]) == string(s.text) && text[n+3] == 'Z' &&
		digits(text[n:n+3]) {
		ms := int64(text[n]-'0')*100 + int64(text[n+1]-'0')*10 + int64(text[n+2]-'0')
		own := time.UnixMilli(s.sec*1000 + ms)
		return own, near(own, at)
	}
	own, zoned, ok := Parse(text)
	if !ok || !zoned && own.Sub(at).Abs() > maxUncertain {
		return time.Time{}, Unreadable
	}
	if len(text) == len("2006-01-02T15:04:05.000Z") && text[10] == 'T' && text[19] == '.' {
		s.second(own.Unix()) // that of the next lines, too
	}
	return own, near(own, at)
}

func near(own, at time.Time) Trust {
	if d := own.Sub(at); d >= maxAhead || d <= -maxAge {
		return Distant
	}
	return Plausible
}

func digits(text []byte) bool {
	for _, c := range text {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
