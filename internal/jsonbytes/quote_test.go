package jsonbytes

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzString holds our strings against encoding/json's: the drop-in routes
// promise its bytes.
func FuzzString(f *testing.F) {
	for _, seed := range []string{"", "a", `"\`, "<>&", "\u2028\u2029\u202a", "\x00\x1f\x7f\b\f\n\r\t", "é🔑", "\xff\xc3\x28\xed\xa0\x80", "\ufffd"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, html := range []bool{false, true} {
			var want bytes.Buffer
			enc := json.NewEncoder(&want)
			enc.SetEscapeHTML(html)
			if err := enc.Encode(s); err != nil {
				t.Fatal(err)
			}
			got := AppendString(nil, s)
			if html {
				got = AppendHTMLString(nil, s)
			}
			if got = append(got, '\n'); !bytes.Equal(got, want.Bytes()) {
				t.Errorf("html %v: %s, want %s", html, got, &want)
			}
			if from := AppendString(nil, []byte(s)); !html && string(from) != string(got[:len(got)-1]) {
				t.Errorf("from bytes %s, from a string %s", from, got)
			}
		}
	})
}
