package schema

import (
	"strconv"

	"powertools-extension/internal/jmes"
)

// AppendVerdict appends what Validate found as an answer: JSON, or as text one
// path and keyword per line. It writes paths and keywords, never a value.
func AppendVerdict(dst []byte, failures []Failure, more int, text bool) []byte {
	if text {
		if len(failures) == 0 {
			return append(dst, "valid"...)
		}
		for i, f := range failures {
			if i > 0 {
				dst = append(dst, '\n')
			}
			dst = append(append(append(dst, f.Path...), ' '), f.Keyword...)
		}
		return dst
	}
	if len(failures) == 0 {
		return append(dst, `{"valid":true}`...)
	}
	dst = append(dst, `{"valid":false,"errors":[`...)
	for i, f := range failures {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"path":`...)
		dst = jmes.Text(f.Path).Append(dst)
		dst = append(dst, `,"keyword":`...)
		dst = append(jmes.Text(f.Keyword).Append(dst), '}')
	}
	dst = append(dst, ']')
	if more > 0 {
		dst = append(dst, `,"more":`...)
		dst = strconv.AppendInt(dst, int64(more), 10)
	}
	return append(dst, '}')
}
