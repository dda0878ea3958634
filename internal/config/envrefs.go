package config

import (
	"slices"
	"strings"
)

// EnvRef is a variable of the function whose value is to come from a
// parameter.
type EnvRef struct {
	Name string // of the variable
	Ref  string // what stands behind powertools+
}

// refMarker begins the value of such a variable.
const refMarker = "powertools+"

// findRefs collects them by name. Variables of the extension and of Lambda
// cannot be among them: one of two processes would see the ref.
func (s *state) findRefs() {
	for name, value := range s.env {
		ref, ok := strings.CutPrefix(value, refMarker)
		switch {
		case !ok:
		case reservedForRefs(name):
			s.problems = append(s.problems, Problem{Var: name,
				Reason: "a variable of the extension or of Lambda cannot come from a parameter: only the runtime would see the value"})
		default:
			s.config.EnvRefs = append(s.config.EnvRefs, EnvRef{name, ref})
		}
	}
	slices.SortFunc(s.config.EnvRefs, func(a, b EnvRef) int { return strings.Compare(a.Name, b.Name) })
}

// reservedForRefs reports whether a variable keeps its value, whatever a
// parameter is called.
func reservedForRefs(name string) bool {
	return strings.HasPrefix(name, "POWERTOOLS_") || strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "_")
}

// EnvFromParameters reports whether any variable is to come from a parameter.
func (c *Config) EnvFromParameters() bool { return len(c.EnvRefs)+len(c.EnvPaths) > 0 }
