// Package wire writes the bytes of the local API's answers: JSON strings, and
// the formats of the two servers that it stands in for.
//
// The rule a reader could break: clients slice these bodies with string
// functions, so order, nulls, blanks and escapes are the contract. Change none
// of them without a recorded answer that says so.
package wire

import (
	"strconv"

	"powertools-extension/internal/jsonbytes"
)

// AppendString appends s as a JSON string. Invalid UTF-8 becomes U+FFFD.
func AppendString(dst []byte, s string) []byte { return jsonbytes.AppendString(dst, s) }

// AppendHTMLString appends s as encoding/json does by default, with <, > and &
// escaped: the drop-in routes owe their clients the same bytes.
func AppendHTMLString(dst []byte, s string) []byte { return jsonbytes.AppendHTMLString(dst, s) }

// AppendInt writes n in decimal.
func AppendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }

// AppendStrings writes the list as a JSON array of strings.
func AppendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendString(dst, s)
	}
	return append(dst, ']')
}
