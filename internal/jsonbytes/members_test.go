package jsonbytes

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzMembers holds the walk over an object to encoding/json's: the same
// names with the same values in the same order.
func FuzzMembers(f *testing.F) {
	for _, s := range append([]string{` {"a" : {"b":"}"} , "c":[1,"]"],"d":null,"e":-1.5e3 }`, `{"a":"\\","b":"\""}`}, jsonSeeds...) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		in = TrimSpace(in)
		if !LooksLikeObject(in) {
			return
		}
		checked, trusted := CheckMembersOf(in), MembersOf(in)
		for valid := Valid(in); ; {
			name, value, ok := checked.Next()
			if !ok {
				if checked.Valid() != valid {
					t.Fatalf("%q: valid %v, and the walk says %v", in, valid, checked.Valid())
				}
				break
			}
			if !valid {
				continue
			}
			if n, v, ok := trusted.Next(); !ok || !bytes.Equal(n, name) || !bytes.Equal(v, value) {
				t.Fatalf("%q: %q %q, want %q %q", in, name, value, n, v)
			}
		}
		if !Valid(in) {
			return
		}
		dec := json.NewDecoder(bytes.NewReader(in))
		if _, err := dec.Token(); err != nil {
			t.Fatal(err)
		}
		for m := MembersOf(in); ; {
			name, value, ok := m.Next()
			if ok != dec.More() {
				t.Fatalf("%q: another member %v, encoding/json %v", in, ok, dec.More())
			}
			if !ok {
				return
			}
			want, err := dec.Token()
			if err != nil {
				t.Fatal(err)
			}
			if got := string([]rune(string(Unescape(bytes.Clone(name))))); got != want {
				t.Fatalf("%q: name %q, want %q", in, got, want)
			}
			var raw json.RawMessage
			if err := dec.Decode(&raw); err != nil || !bytes.Equal(raw, value) {
				t.Fatalf("%q: value %q, want %q (%v)", in, value, raw, err)
			}
		}
	})
}

// FuzzStringMax: a string that is bound is the start of the whole one, cut
// between characters.
func FuzzStringMax(f *testing.F) {
	f.Add("a\"b\\c\n\x01é€😀\xff\u2028", 7)
	f.Fuzz(func(t *testing.T, s string, maxBytes int) {
		maxBytes = 2 + max(maxBytes, 0)%(6*len(s)+8)
		got := AppendStringMax(nil, s, maxBytes)
		whole := AppendString(nil, s)
		var text string
		if err := json.Unmarshal(got, &text); err != nil || len(got) > maxBytes {
			t.Fatalf("%q cut to %d: %q, %v", s, maxBytes, got, err)
		}
		if !bytes.HasPrefix(whole, got[:len(got)-1]) {
			t.Fatalf("%q is no start of %q", got, whole)
		}
		if len(whole) <= maxBytes && len(got) != len(whole) {
			t.Fatalf("%q cut to %d for no reason: %q", s, maxBytes, got)
		}
	})
}
