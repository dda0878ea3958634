package cloudwatch

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// events writes itself: thousands of messages through reflection and its
// HTML escapes would take the function's time.
type events []event

// MarshalJSON implements json.Marshaler.
func (es events) MarshalJSON() ([]byte, error) {
	size := 2
	for _, e := range es {
		size += len(e.text) + len(e.text)/4 + 48
	}
	out := append(make([]byte, 0, size), '[')
	for i, e := range es {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"timestamp":`...)
		out = strconv.AppendInt(out, e.at, 10)
		out = append(out, `,"message":`...)
		out, _ = jsontext.AppendQuote(out, e.text) // bytes that are not UTF-8 are replaced
		out = append(out, '}')
	}
	return append(out, ']'), nil
}
