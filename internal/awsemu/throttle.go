package awsemu

import "time"

// limit counts the calls that passed in the last second, by service.
type limit struct{ passed map[string][]time.Time }

// passLocked reports whether one more call of the service fits into perSecond
// calls in any second. A refused call does not count.
func (l *limit) passLocked(service string, perSecond int, now time.Time) bool {
	if l.passed == nil {
		l.passed = map[string][]time.Time{}
	}
	times := l.passed[service]
	for len(times) > 0 && now.Sub(times[0]) >= time.Second {
		times = times[1:]
	}
	fits := len(times) < perSecond
	if fits {
		times = append(times, now)
	}
	l.passed[service] = times
	return fits
}
