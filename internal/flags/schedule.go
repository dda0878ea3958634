package flags

import (
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // provided.al2023 has no zone files; +0.4 MB, nothing at start

	"powertools-extension/internal/jmes"
)

// zone reads TIMEZONE, a name of the IANA database; UTC when it is absent.
func zone(v *value) (*time.Location, *problem) {
	m, ok := v.members["TIMEZONE"]
	if !ok {
		return time.UTC, nil
	}
	bad := &problem{path: "/TIMEZONE", msg: "must be a name of the IANA time zone database, such as Europe/Copenhagen"}
	if m.kind != jmes.String || m.text == "" || m.text == "Local" {
		return nil, bad
	}
	loc, err := time.LoadLocation(m.text)
	if err != nil {
		return nil, bad
	}
	return loc, nil
}

// bounds reads START and END.
func bounds(v *value) (start, end string, p *problem) {
	if v.kind != jmes.Object {
		return "", "", &problem{msg: "must be an object with START and END"}
	}
	for _, name := range [...]string{"START", "END"} {
		if m := v.members[name]; m.kind != jmes.String || m.text == "" {
			return "", "", &problem{path: "/" + name, msg: "must be a string that is not empty"}
		}
	}
	return v.members["START"].text, v.members["END"].text, nil
}

// timeOfDay: both ends belong to the range, to the last second of the minute.
// An END before START is one of the next day.
func timeOfDay(v *value) (func(time.Time) bool, *problem) {
	start, end, p := bounds(v)
	if p != nil {
		return nil, p
	}
	loc, p := zone(v)
	if p != nil {
		return nil, p
	}
	from, ok := minuteOfDay(start)
	if !ok {
		return nil, &problem{path: "/START", msg: "must be a time of the form HH:MM, 00:00 to 23:59"}
	}
	to, ok := minuteOfDay(end)
	if !ok {
		return nil, &problem{path: "/END", msg: "must be a time of the form HH:MM, 00:00 to 23:59"}
	}
	overnight := to < from
	return func(now time.Time) bool {
		now = now.In(loc)
		m := now.Hour()*60 + now.Minute()
		if overnight {
			return m >= from || m <= to
		}
		return from <= m && m <= to
	}, nil
}

func minuteOfDay(s string) (int, bool) {
	if len(s) != 5 || s[2] != ':' || strings.ContainsAny(s, "+- ") {
		return 0, false
	}
	h, errH := strconv.Atoi(s[:2])
	m, errM := strconv.Atoi(s[3:])
	return h*60 + m, errH == nil && errM == nil && h < 24 && m < 60
}

// dates: both ends belong to the range. They are read in TIMEZONE, so they
// may not bring an offset of their own.
func dates(v *value) (func(time.Time) bool, *problem) {
	start, end, p := bounds(v)
	if p != nil {
		return nil, p
	}
	loc, p := zone(v)
	if p != nil {
		return nil, p
	}
	from, ok := parseDate(start, loc)
	if !ok {
		return nil, &problem{path: "/START", msg: "must be ISO 8601 without an offset, such as 2026-01-31T12:15:00"}
	}
	to, ok := parseDate(end, loc)
	if !ok {
		return nil, &problem{path: "/END", msg: "must be ISO 8601 without an offset, such as 2026-01-31T12:15:00"}
	}
	return func(now time.Time) bool { return !now.Before(from) && !now.After(to) }, nil
}

func parseDate(s string, loc *time.Location) (time.Time, bool) {
	for _, layout := range [...]string{
		"2006-01-02T15:04:05", "2006-01-02", "2006-01-02T15:04", "2006-01-02T15", "2006-01-02 15:04:05", "2006-01-02 15:04",
		"20060102T150405", "20060102T1504", "20060102",
	} {
		if t, err := time.ParseInLocation(layout, s, loc); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func daysOfWeek(v *value) (func(time.Time) bool, *problem) {
	days, isThere := v.members["DAYS"]
	if v.kind != jmes.Object || !isThere || days.kind != jmes.Array {
		return nil, &problem{path: "/DAYS", msg: "must be a list of MONDAY to SUNDAY"}
	}
	var wanted [7]bool
	for i := range days.list {
		day, ok := weekday(&days.list[i])
		if !ok {
			return nil, &problem{path: "/DAYS/" + strconv.Itoa(i), msg: "must be one of MONDAY to SUNDAY"}
		}
		wanted[day] = true
	}
	loc, p := zone(v)
	if p != nil {
		return nil, p
	}
	return func(now time.Time) bool { return wanted[now.In(loc).Weekday()] }, nil
}

func weekday(v *value) (time.Weekday, bool) {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if v.kind == jmes.String && v.text == strings.ToUpper(d.String()) {
			return d, true
		}
	}
	return 0, false
}
