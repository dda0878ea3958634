package redact

import "bytes"

// headerEnd returns the end of the value of a key whose bare value ends at to
// by the rules for any key. In a text, the credentials of a header may be of
// more than one word: "Digest username=…, response=…", and a cookie stands
// beside others. from is where the value begins, sep the separator before it.
func headerEnd(text, name []byte, sep byte, from, to int) int {
	switch {
	case string(text[from:to]) == marker:
	case isHeader(name, "cookie", "set-cookie"):
		if end, ok := pairEnd(text, from); ok {
			to = end
		}
		return pairsEnd(text, to, ';')
	case sep == ':' && isHeader(name, "authorization", "proxy-authorization"):
		if next := to + 1; next < len(text) && text[to] == ' ' {
			if end, ok := pairEnd(text, next); ok {
				return pairsEnd(text, end, ',')
			}
			if end := bareEnd(text, next); end > next {
				return end
			}
		}
	}
	return to
}

func isHeader(name []byte, headers ...string) bool {
	for _, h := range headers {
		if len(name) == len(h) && bytes.EqualFold(name, []byte(h)) {
			return true
		}
	}
	return false
}

// pairsEnd returns the end of the pairs of name and value that go on behind i,
// each behind a separator. Where that is a comma a value may have semicolons.
func pairsEnd(text []byte, i int, sep byte) int {
	for i < len(text) {
		if text[i] == ';' && sep == ',' {
			i = bareEnd(text, i+1)
			continue
		}
		if text[i] != sep {
			break
		}
		next := i + 1
		for next < len(text) && text[next] == ' ' {
			next++
		}
		end, ok := pairEnd(text, next)
		if !ok {
			break
		}
		i = end
	}
	return i
}

// pairEnd returns the end of name=value at i. What only ends with equals
// signs, as base64 does, is none.
func pairEnd(text []byte, i int) (int, bool) {
	word := text[i:bareEnd(text, i)]
	equals := bytes.IndexByte(word, '=')
	if equals <= 0 {
		return 0, false
	}
	if value := i + equals + 1; value < len(text) && text[value] != '=' {
		if end := valueEnd(text, value); end > value {
			return end, true
		}
	}
	return 0, false
}
