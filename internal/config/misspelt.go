package config

import (
	"slices"
	"strings"

	"powertools-extension/internal/nearest"
)

// families are the prefixes of variables that only this extension reads, but
// for the libraries' own names. Whatever else stands there is a typing error,
// which would otherwise be silent.
func families() []string {
	return []string{
		"POWERTOOLS_EXTENSION_", "POWERTOOLS_LOGS_", "POWERTOOLS_METRICS_", "POWERTOOLS_PARAMETERS_", "POWERTOOLS_RUNTIME_", "POWERTOOLS_PROXY_",
		"POWERTOOLS_IDEMPOTENCY_", "POWERTOOLS_BATCH_", "POWERTOOLS_VALIDATION_", "POWERTOOLS_FEATURE_", "POWERTOOLS_TRACE_", "POWERTOOLS_EVENT_",
		"POWERTOOLS_RESPONSE_", "POWERTOOLS_CORS_",
	}
}

// libraryNames are variables of the Powertools libraries for Python,
// TypeScript, Java and .NET, and of the AWS layers beside which this one
// runs, that the extension does not read. They are right as they are, however
// near to a name of ours.
func libraryNames() []string {
	return []string{
		"POWERTOOLS_TRACE_MIDDLEWARES", "POWERTOOLS_TRACER_CAPTURE_HTTPS_REQUESTS",
		"POWERTOOLS_LOGGER_CASE",
		"POWERTOOLS_LOGGER_LEVEL", "POWERTOOLS_LOGGER_SAMPLING_RATE", "POWERTOOLS_LOG_EVENT", "POWERTOOLS_LOG_DEDUPLICATION_DISABLED",
		"POWERTOOLS_IDEMPOTENCY_DISABLED", "POWERTOOLS_CIRCUIT_BREAKER_DISABLED", "POWERTOOLS_APPCONFIG_AGENT_RETURN_VALUE", "POWERTOOLS_EVENT_HANDLER_DEBUG",
		"POWERTOOLS_BATCH_ERROR_HANDLING_POLICY", "POWERTOOLS_BATCH_PARALLEL_ENABLED", "POWERTOOLS_BATCH_MAX_DEGREE_OF_PARALLELISM",
		"POWERTOOLS_BATCH_THROW_ON_FULL_BATCH_FAILURE",
	}
}

// reportUnknown finds names that somebody meant for us and nobody reads: all
// unknown ones of our families, and elsewhere those that nearly are a name of
// the table. Values are never looked at.
func (s *state) reportUnknown() {
	libraries := libraryNames()
	known, targets := make(map[string]bool, len(s.vars)+len(libraries)), make([]string, 0, len(s.vars))
	for _, v := range s.vars {
		known[v.Name] = true
		if meantForUs(v.Name) {
			targets = append(targets, v.Name)
		}
	}
	for _, name := range libraries {
		known[name] = true
	}
	var found []Problem
	for name := range s.env {
		if known[name] || len(name) > 128 {
			continue
		}
		of, near := ofFamily(name), ""
		if of {
			near = nearTail(name, targets)
		} else {
			near = nearMiss(name, targets, known)
		}
		switch {
		case near != "":
			found = append(found, Problem{Var: name, Reason: "unknown variable: did you mean " + near + "?"})
		case of:
			found = append(found, Problem{Var: name, Reason: "unknown variable"})
		}
	}
	slices.SortFunc(found, func(a, b Problem) int { return strings.Compare(a.Var, b.Var) })
	s.problems = append(s.problems, found...)
}

// nearTail compares what is behind the word that all names of ours begin with:
// it would make any two of them look alike.
func nearTail(name string, targets []string) string {
	const word = "POWERTOOLS_"
	var tails []string
	for _, target := range targets {
		if tail, ok := strings.CutPrefix(target, word); ok {
			tails = append(tails, tail)
		}
	}
	if tail := nearest.Of(strings.TrimPrefix(name, word), tails); tail != "" {
		return word + tail
	}
	return ""
}

func ofFamily(name string) bool {
	return slices.ContainsFunc(families(), func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// meantForUs reports whether a name of the table is so much its own that a
// near miss is one. LOG_LEVEL and Lambda's own names are not: functions have
// variables of that kind for themselves.
func meantForUs(name string) bool {
	for _, prefix := range []string{"POWERTOOLS_", "PARAMETERS_SECRETS_", "SECRETS_MANAGER_T", "SSM_PARAMETER_STORE_", "AWS_APPCONFIG_EXTENSION_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// nearMiss returns the name that was meant: the same in another case, or one
// slip of the hand away, and two in a long name of Powertools. Empty if there
// is none, or if a name of the libraries is as near.
func nearMiss(name string, targets []string, known map[string]bool) string {
	upper := strings.ToUpper(name)
	if upper != name && known[upper] {
		return upper
	}
	best, least := "", 3
	for _, target := range targets {
		if !similar(upper, target) {
			continue // nearly all: comparing in full would be felt at a cold start
		}
		limit := 1
		if rest, ok := strings.CutPrefix(target, "POWERTOOLS_"); ok && len(rest) >= 8 {
			limit = 2
		}
		if d := nearest.Slips(upper, target, limit); d <= limit && d < least {
			best, least = target, d
		}
	}
	if best == "" {
		return ""
	}
	for library := range known {
		if !slices.Contains(targets, library) && nearest.Slips(upper, library, least) <= least {
			return ""
		}
	}
	return best
}

// similar is a quick look: of two slips one may be at each end, but hardly
// both in the first four letters and in the last four.
func similar(a, b string) bool {
	const end = 4
	return len(a) >= end && len(a) <= len(b)+2 && len(b) <= len(a)+2 && (a[:end] == b[:end] || a[len(a)-end:] == b[len(b)-end:])
}
