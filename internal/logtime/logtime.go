// Package logtime reads times as loggers write them, and writes them as
// CloudWatch reads them.
//
// The rule a reader could break: a time without an offset is that of a clock
// nobody named. Lambda's is UTC, but TZ may change it, so it counts only if
// something else agrees.
package logtime

import "time"

// Parse reads RFC 3339, also with a blank for the T, a comma before the
// fraction, slashes in the date, and an offset without colon or behind a blank
// (Python, Serilog); or a number since 1970 in seconds, milliseconds,
// microseconds or nanoseconds. zoned says that the text names an instant: it
// has an offset, or is a number. Without, the time is read as UTC.
func Parse(text []byte) (at time.Time, zoned, ok bool) {
	if len(text) < len("2006-01-02T15:04:05") || text[4] != '-' && text[4] != '/' {
		at, ok = number(text)
		return at, ok, ok
	}
	p := reader{text: text}
	year, sep := p.digits(4), p.next()
	month, same := p.digits(2), p.next() == sep
	day, t := p.digits(2), p.next()
	hour, c1 := p.digits(2), p.next()
	minute, c2 := p.digits(2), p.next()
	second := p.digits(2)
	if p.bad || !same || t != 'T' && t != ' ' && t != 't' || c1 != ':' || c2 != ':' ||
		month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 || year < 1 {
		return time.Time{}, false, false
	}
	nanos := p.fraction()
	offset, zoned := p.zone()
	if p.bad || p.i != len(text) {
		return time.Time{}, false, false
	}
	at = time.Date(year, time.Month(month), day, hour, minute, second, nanos, time.UTC)
	if at.Day() != day {
		return time.Time{}, false, false
	}
	return at.Add(-time.Duration(offset) * time.Minute), zoned, true
}

// reader walks over the text of a time.
type reader struct {
	text []byte
	i    int
	bad  bool
}

// peek returns the next byte, 0 at the end.
func (p *reader) peek() byte {
	if p.i < len(p.text) {
		return p.text[p.i]
	}
	return 0
}

func (p *reader) next() byte {
	c := p.peek()
	p.i++
	return c
}

// digits reads exactly n digits.
func (p *reader) digits(n int) int {
	v := 0
	for range n {
		c := p.next()
		if c < '0' || c > '9' {
			p.bad = true
			return 0
		}
		v = 10*v + int(c-'0')
	}
	return v
}

// fraction reads what may follow the seconds, as nanoseconds.
func (p *reader) fraction() int {
	if c := p.peek(); c != '.' && c != ',' {
		return 0
	}
	p.i++
	nanos, unit, from := 0, 100_000_000, p.i
	for c := p.peek(); c >= '0' && c <= '9'; c = p.peek() {
		nanos += unit * int(c-'0')
		unit /= 10
		p.i++
	}
	p.bad = p.bad || p.i == from
	return nanos
}

// zone reads the offset in minutes, if there is one.
func (p *reader) zone() (minutes int, zoned bool) {
	if p.peek() == ' ' {
		p.i++
		if c := p.peek(); c != '+' && c != '-' {
			p.bad = true
			return 0, false
		}
	}
	c := p.peek()
	switch c {
	case 'Z', 'z':
		p.i++
		return 0, true
	case '+', '-':
		p.i++
	default:
		return 0, false
	}
	minutes = 60 * p.digits(2)
	if p.peek() == ':' {
		p.i++
		minutes += p.digits(2)
	} else if p.peek() != 0 {
		minutes += p.digits(2)
	}
	p.bad = p.bad || minutes >= 24*60
	if c == '-' {
		minutes = -minutes
	}
	return minutes, true
}

// number tells the unit from the size: each covers the years from 2001 to
// beyond 5000.
func number(text []byte) (time.Time, bool) {
	if len(text) > 32 {
		return time.Time{}, false
	}
	whole, i := int64(0), 0
	for ; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
		if whole >= 1e18 {
			return time.Time{}, false // beyond the nanoseconds of any log
		}
		whole = 10*whole + int64(text[i]-'0')
	}
	// Of the fraction nine digits count.
	var fraction, digits int64
	scale := int64(1)
	if i < len(text) && text[i] == '.' {
		for i++; i < len(text) && text[i] >= '0' && text[i] <= '9'; i++ {
			if digits++; digits <= 9 {
				fraction, scale = 10*fraction+int64(text[i]-'0'), 10*scale
			}
		}
		if digits == 0 {
			return time.Time{}, false
		}
	}
	if i != len(text) || whole < 1e9 {
		return time.Time{}, false
	}
	unit := int64(time.Nanosecond)
	switch {
	case whole < 1e11:
		unit = int64(time.Second)
	case whole < 1e14:
		unit = int64(time.Millisecond)
	case whole < 1e17:
		unit = int64(time.Microsecond)
	}
	perSecond := int64(time.Second) / unit
	return time.Unix(whole/perSecond, whole%perSecond*unit+int64(float64(fraction)/float64(scale)*float64(unit))).UTC(), true
}
