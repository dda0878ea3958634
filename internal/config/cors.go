package config

import (
	"slices"
	"strings"
	"time"

	"powertools-extension/internal/cors"
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
		row("ORIGINS", "", "pages that may read answers of REST APIs and load balancers: comma list of `https://host`, or `*`; switches CORS on", func(c *Config) value {
			return browserNames{&c.CORS.Origins, "comma list of origins, or *", cors.Origins}
		}),
		row("HEADERS", "Authorization,Content-Type,X-Amz-Date,X-Amz-Security-Token,X-Api-Key", "headers that they may send; `*`: those they ask for", func(c *Config) value { return browserNames{&c.CORS.Headers, "comma list", cors.Headers} }),
		row("METHODS", "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT", "methods that they may use; `*`: the one they ask for", func(c *Config) value { return browserNames{&c.CORS.Methods, "comma list", cors.Methods} }),
		row("MAX_AGE", "0s", "how long a browser may keep the answer to its question; 0: as long as it likes", func(c *Config) value { return span{&c.CORS.MaxAge, time.Second, 0, 24 * time.Hour} }),
		row("CREDENTIALS", "false", "pages may send cookies and credentials; never with the origin `*`", func(c *Config) value { return truth{&c.CORS.Credentials} }),
	}
}

// browserNames are entries that browsers understand.
type browserNames struct {
	p    *[]string
	kind string
	of   func(entries []string) (good, reasons []string)
}

func (v browserNames) Set(s string) error {
	good, reasons := v.of(entriesOf(s))
	*v.p = good
	return partial(reasons, len(good) > 0, strings.Join(good, ","))
}
func (v browserNames) String() string { return strings.Join(*v.p, ",") }
func (v browserNames) Type() string   { return v.kind }

// settleCORS drops what would open a site to every page.
func (s *state) settleCORS() {
	c := &s.config.CORS
	if c.Credentials && slices.Contains(c.Origins, "*") {
		c.Credentials = false
		s.problems = append(s.problems, Problem{"POWERTOOLS_CORS_CREDENTIALS", "true with the origin *: every page could act as the user; name the origins", "false"})
	}
}
