// Package cors says which names browsers send and understand where one page
// asks another site (Fetch standard, CORS protocol): origins, methods, headers.
//
// The rule a reader could break: browsers compare origins and methods to the
// letter, and throw a whole list away for one name that is none. What they
// would not understand is refused where it is configured.
package cors

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Origins are the entries that a browser may send as an origin, or * alone, and
// why the others are not. No reason repeats an entry.
func Origins(entries []string) (good, reasons []string) {
	for _, one := range entries {
		switch {
		case one == "*" || isOrigin(one):
			good = append(good, one)
		case one == "null":
			reasons = append(reasons, "null is the origin of any page in a sandbox and of files: it cannot be allowed")
		default:
			reasons = append(reasons, "an entry is no origin as browsers send it: scheme://host[:port] in lower case and ASCII, without a path and without the port that the scheme has anyway, or *")
		}
	}
	if slices.Contains(good, "*") && len(good) > 1 {
		good, reasons = []string{"*"}, append(reasons, "* stands for all origins: the others have no effect")
	}
	return good, reasons
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && u.Hostname() != "" && u.Scheme+"://"+u.Host == s && s == strings.ToLower(s) &&
		strings.Trim(s, printable) == "" && !strings.Contains(s, "*") && sendsPort(u)
}

// printable is ASCII: of other hosts browsers send the form with xn--.
const printable = letters + "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"

// sendsPort reports whether a browser sends the port as it is written, or none
// where none is.
func sendsPort(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.Atoi(port)
	own := u.Scheme == "http" && n == 80 || u.Scheme == "https" && n == 443
	return err == nil && strconv.Itoa(n) == port && !own
}

// Headers are the entries that are names of headers, or *, and why the others
// are not.
func Headers(entries []string) (good, reasons []string) {
	for i, one := range entries {
		if IsName(one) {
			good = append(good, one)
		} else {
			reasons = append(reasons, "entry "+strconv.Itoa(i+1)+" is no name: letters, digits and hyphens, separated by commas")
		}
	}
	return good, reasons
}

// Methods are the entries that are names of methods, or *, spelt as they are
// sent, and why the others are not.
func Methods(entries []string) (good, reasons []string) {
	good, reasons = Headers(entries)
	for i, one := range good {
		switch upper := strings.ToUpper(one); upper {
		case "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT":
			good[i] = upper
		}
	}
	return good, reasons
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// IsName knows the name of a header or a method (a token of RFC 9110).
func IsName(s string) bool {
	return s != "" && len(s) <= 256 && strings.Trim(s, letters+"!#$%&'*+-.^_`|~") == ""
}
