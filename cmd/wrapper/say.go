package main

import (
	"strings"
	"syscall"
	"time"
)

// say prints one line in the form of the extension's own. It never holds a
// value of a parameter.
func say(level, message string, fields []pair) {
	var b strings.Builder
	begin(&b, level, message)
	for _, f := range fields {
		member(&b, f.key, f.value)
	}
	finish(&b)
}

// sayFailures prints which variables are missing, why, and what helps.
func sayFailures(level, message string, failed []failure) {
	var b strings.Builder
	begin(&b, level, message)
	b.WriteString(`,"variables":[`)
	for _, f := range failed {
		comma(&b)
		b.WriteByte('{')
		member(&b, "name", f.name)
		member(&b, "ref", f.ref)
		member(&b, "code", f.code)
		member(&b, "cure", f.cure)
		b.WriteByte('}')
	}
	b.WriteByte(']')
	finish(&b)
}

func begin(b *strings.Builder, level, message string) {
	b.WriteByte('{')
	member(b, "level", level)
	member(b, "timestamp", stamp(time.Now().UnixMilli()))
	member(b, "extension", "powertools-extension")
	member(b, "logger", "wrapper")
	member(b, "message", message)
}

// finish writes the line in one call, so that nothing of another process gets
// into it. A stderr that nobody reads is no reason to fail.
func finish(b *strings.Builder) {
	b.WriteString("}\n")
	line := []byte(b.String())
	for len(line) > 0 {
		n, err := syscall.Write(2, line)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return
		}
		line = line[n:]
	}
}

// stamp is RFC 3339 with milliseconds, of a count of them since 1970. The
// functions of package time would bring its time zones into every layer.
func stamp(ms int64) string {
	seconds, days := ms/1000, ms/86_400_000
	// Days since 1 March of the year 0: a leap day is the last of its year.
	z := days + 719_468
	era, doe := z/146_097, z%146_097
	yoe := (doe - doe/1460 + doe/36_524 - doe/146_096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day, month, year := doy-(153*mp+2)/5+1, mp+3, yoe+era*400
	if month > 12 {
		month, year = month-12, year+1
	}
	b := make([]byte, 0, 24)
	b = append(pad(b, year, 1000), '-')
	b = append(pad(b, month, 10), '-')
	b = append(pad(b, day, 10), 'T')
	b = append(pad(b, seconds/3600%24, 10), ':')
	b = append(pad(b, seconds/60%60, 10), ':')
	b = append(pad(b, seconds%60, 10), '.')
	return string(append(pad(b, ms%1000, 100), 'Z'))
}

// pad appends a number with the digit of the unit and those below it.
func pad(b []byte, n, unit int64) []byte {
	for ; unit > 0; unit /= 10 {
		b = append(b, byte('0'+n/unit%10))
	}
	return b
}
