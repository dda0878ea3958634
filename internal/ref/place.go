package ref

import "strings"

// maxRegion and maxRole bound what callers may write, in bytes.
const (
	maxRegion = 32
	maxRole   = 2048
)

// IsRegion tells whether s has the form of a region's name, such as eu-west-1,
// us-gov-east-1 or us-isob-east-1. The name becomes part of a host name that a
// signed request is sent to, so nothing else may pass on any way in.
func IsRegion(s string) bool {
	first, rest, _ := strings.Cut(s, "-")
	if len(first) < 2 || len(s) > maxRegion || !only(first, isLower) {
		return false
	}
	for words := 0; ; words++ {
		word, more, found := strings.Cut(rest, "-")
		if !found {
			return words > 0 && only(word, isDigit)
		}
		if !only(word, isLower) {
			return false
		}
		rest = more
	}
}

// IsRole tells whether s has the form arn:PARTITION:iam::ACCOUNT:role/PATH/NAME.
// Page "IAM identifiers", IAM User Guide.
func IsRole(s string) bool {
	const accountDigits = 12
	a, ok := parseARN(s, "iam")
	name, isRole := strings.CutPrefix(a.resource, "role/")
	return ok && isRole && len(s) <= maxRole && a.region == "" && len(a.account) == accountDigits && only(a.account, isDigit) &&
		only(name, func(c byte) bool {
			return isLower(c) || isDigit(c) || c >= 'A' && c <= 'Z' || strings.IndexByte("+=,.@_/-", c) >= 0
		})
}

// only tells whether s is made of such bytes and has at least one.
func only(s string, such func(byte) bool) bool {
	for i := range len(s) {
		if !such(s[i]) {
			return false
		}
	}
	return s != ""
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
