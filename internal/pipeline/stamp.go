package pipeline

import "time"

// stamp writes times as RFC 3339 with milliseconds in UTC, which is what
// CloudWatch filters by (Lambda log formats). Lines come in bursts, so the
// text of the last second is kept.
type stamp struct {
	sec  int64
	text []byte // "2006-01-02T15:04:05." of sec; empty at first
}

func (s *stamp) append(dst []byte, t time.Time) []byte {
	ms := t.UnixMilli()
	sec, ms := ms/1000, ms%1000
	if ms < 0 { // before 1970
		sec, ms = sec-1, ms+1000
	}
	if sec != s.sec || len(s.text) == 0 {
		s.sec = sec
		s.text = time.Unix(sec, 0).UTC().AppendFormat(s.text[:0], "2006-01-02T15:04:05.")
	}
	dst = append(dst, s.text...)
	return append(dst, '0'+byte(ms/100), '0'+byte(ms/10%10), '0'+byte(ms%10), 'Z')
}
