package awsparams

import (
	"strconv"
	"time"
)

// epoch is a time as the JSON protocols write it: seconds since 1970, with
// milliseconds as a fraction, sometimes with an exponent. (Smithy, "AWS JSON
// 1.1 protocol", timestamps)
type epoch struct{ time.Time }

// UnmarshalJSON reads the number as the SDKs do: times a thousand as float64,
// fraction cut off. What is no number is no time, but the value beside it is
// still good, so it is not an error.
func (e *epoch) UnmarshalJSON(b []byte) error {
	seconds, err := strconv.ParseFloat(string(b), 64)
	const year10000 = 253402300800 // beyond it RFC 3339 has no words
	if err == nil && seconds >= 0 && seconds < year10000 {
		e.Time = time.UnixMilli(int64(seconds * 1000)).UTC()
	}
	return nil
}
