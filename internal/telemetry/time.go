package telemetry

import "time"

// clock reads times that mostly lie in the same second.
type clock struct {
	stamp  [len("2022-10-12T00:03:50.")]byte // of the last time in the platform's form
	second time.Time                         // what it says
}

// parse is parseTime.
func (c *clock) parse(s []byte) time.Time {
	n := len(c.stamp)
	if len(s) == n+4 && c.stamp[0] != 0 && string(s[:n]) == string(c.stamp[:]) && isDigit(s[n]) && isDigit(s[n+1]) && isDigit(s[n+2]) && s[n+3] == 'Z' {
		return c.second.Add(millis(s[n : n+3]))
	}
	t, ok := parsePlatformTime(s)
	if !ok {
		return parseTime(s)
	}
	c.second = t.Add(-millis(s[n : n+3]))
	copy(c.stamp[:], s)
	return t
}

// parseTime reads the inside of a JSON string as a time. What is no time gives
// the zero time: an event without a date is still an event.
func parseTime(s []byte) time.Time {
	if t, ok := parsePlatformTime(s); ok {
		return t
	}
	t, err := time.Parse(time.RFC3339Nano, string(s))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}

// parsePlatformTime reads the form the platform uses, 2022-10-12T00:03:50.000Z
// (Lambda Telemetry API reference), without allocating.
func parsePlatformTime(s []byte) (time.Time, bool) {
	const form = "dddd-dd-ddTdd:dd:dd.dddZ"
	if len(s) != len(form) {
		return time.Time{}, false
	}
	for i := range len(form) {
		if form[i] == 'd' && !isDigit(s[i]) || form[i] != 'd' && form[i] != s[i] {
			return time.Time{}, false
		}
	}
	year, month, day := number(s[0:4]), number(s[5:7]), number(s[8:10])
	hour, minute, second := number(s[11:13]), number(s[14:16]), number(s[17:19])
	if month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, number(s[20:23])*int(time.Millisecond), time.UTC)
	// time.Date turns 30 February into 1 March.
	return t, t.Day() == day
}

func millis(digits []byte) time.Duration {
	return time.Duration(number(digits)) * time.Millisecond
}

func number(digits []byte) int {
	n := 0
	for _, d := range digits {
		n = n*10 + int(d-'0')
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
