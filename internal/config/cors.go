package config

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// CORS is what browsers are told of REST APIs and load balancers. It is on
// when Origins is not empty.
type CORS struct {
	Origins     []string // scheme://host[:port], or * alone
	Headers     []string
	Methods     []string
	MaxAge      time.Duration // 0: the browser's own
	Credentials bool
}

func corsVars() []Var {
	const f = "events"
	row := func(name, fallback, meaning string, field func(*Config) value) Var {
		return Var{Name: "POWERTOOLS_CORS_" + name, Default: fallback, Feature: f, Meaning: meaning, field: field}
	}
	return []Var{
		row("ORIGINS", "", "pages that may read answers of REST APIs and load balancers: comma list of `https://host`, or `*`; switches CORS on", func(c *Config) value { return origins{&c.CORS.Origins} }),
		row("HEADERS", "Authorization,Content-Type,X-Amz-Date,X-Amz-Security-Token,X-Api-Key", "headers that they may send; `*`: those they ask for", func(c *Config) value { return list{&c.CORS.Headers} }),
		row("METHODS", "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT", "methods that they may use; `*`: the one they ask for", func(c *Config) value { return list{&c.CORS.Methods} }),
		row("MAX_AGE", "0s", "how long a browser may keep the answer to its question; 0: as long as it likes", func(c *Config) value { return span{&c.CORS.MaxAge, time.Second, 0, 24 * time.Hour} }),
		row("CREDENTIALS", "false", "pages may send cookies and credentials; never with the origin `*`", func(c *Config) value { return truth{&c.CORS.Credentials} }),
	}
}

// origins are compared with what browsers send, byte by byte.
type origins struct{ p *[]string }

func (v origins) Set(s string) error {
	var good, reasons []string
	for one := range strings.SplitSeq(s, ",") {
		one = strings.TrimSpace(one)
		switch {
		case one == "":
		case one == "*" || isOrigin(one):
			good = append(good, one)
		case one == "null":
			reasons = append(reasons, "null is the origin of any page in a sandbox and of files: it cannot be allowed")
		default:
			reasons = append(reasons, "an entry is no origin as browsers send it: scheme://host[:port] in lower case, without a path, or *")
		}
	}
	if slices.Contains(good, "*") && len(good) > 1 {
		good, reasons = []string{"*"}, append(reasons, "* stands for all origins: the others have no effect")
	}
	*v.p = good
	return partial(reasons, len(good) > 0, strings.Join(good, ","))
}
func (v origins) String() string { return strings.Join(*v.p, ",") }
func (origins) Type() string     { return "comma list of origins, or *" }

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && u.Host != "" && u.Scheme+"://"+u.Host == s && s == strings.ToLower(s) && u.Hostname() != "" && !strings.ContainsAny(s, "*")
}

// settleCORS drops what would open a site to every page.
func (s *state) settleCORS() {
	c := &s.config.CORS
	if c.Credentials && slices.Contains(c.Origins, "*") {
		c.Credentials = false
		s.problems = append(s.problems, Problem{"POWERTOOLS_CORS_CREDENTIALS", "true with the origin *: every page could act as the user; name the origins", "false"})
	}
}
