package localhttp

import "strings"

// wantsText decides between the bare value and JSON: ?format first, then the
// Accept header.
func (x *exchange) wantsText() (bool, error) {
	format, err := x.word("format", "json", "text")
	if err != nil {
		return false, err
	}
	if format != "" {
		return format == "text", nil
	}
	return acceptsText(x.r.Header["Accept"]), nil
}

// acceptsText reports whether Accept prefers text/plain. HTTP libraries send
// lists that merely contain it, such as "application/json, text/plain, */*",
// and those must get JSON: the greatest weight wins, then the first in line.
func acceptsText(lines []string) bool {
	best, text := 0, false
	for _, line := range lines {
		for entry := range strings.SplitSeq(line, ",") {
			media, params, _ := strings.Cut(entry, ";")
			media = strings.TrimSpace(media)
			isText := strings.EqualFold(media, "text/plain")
			if !isText && media != "*/*" && !strings.EqualFold(media, "application/json") && !strings.EqualFold(media, "application/*") {
				continue
			}
			if q := weight(params); q > best {
				best, text = q, isText
			}
		}
	}
	return text
}

// weight returns the q parameter in thousandths; 1000 when there is none, or
// when it cannot be read.
func weight(params string) int {
	for param := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		whole, fraction, _ := strings.Cut(value, ".")
		if !isDigits(whole) || fraction != "" && !isDigits(fraction) || whole != "0" {
			return 1000
		}
		q := 0
		for i := range 3 {
			q *= 10
			if i < len(fraction) {
				q += int(fraction[i] - '0')
			}
		}
		return q
	}
	return 1000
}
