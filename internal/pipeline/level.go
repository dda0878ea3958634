package pipeline

import (
	"fmt"
	"strings"

	"powertools-extension/internal/invocation"
	"powertools-extension/internal/loglevel"
)

// Short names for this package.
const (
	levelUnknown  = invocation.LevelUnknown
	levelTrace    = invocation.LevelTrace
	levelDebug    = invocation.LevelDebug
	levelInfo     = invocation.LevelInfo
	levelWarn     = invocation.LevelWarn
	levelError    = invocation.LevelError
	levelCritical = invocation.LevelCritical
	levelSilent   = invocation.LevelSilent
)

// ResolveLevel finds the least level of lines that pass, and a warning for
// the user, empty mostly.
//
// lambda is AWS_LAMBDA_LOG_LEVEL: one of six upper-case names, and then it
// decides alone, also when it is the more talkative one. own is
// POWERTOOLS_LOG_LEVEL and legacy is LOG_LEVEL, used when own is empty; both
// take any name that a Powertools language knows, in any case. Without any,
// or with a word nobody knows, it is INFO.
func ResolveLevel(lambda, own, legacy string) (level invocation.Level, warning string) {
	name, variable := own, "POWERTOOLS_LOG_LEVEL"
	if name == "" {
		name, variable = legacy, "LOG_LEVEL"
	}
	chosen, ok := namedLevel(name)
	if name != "" && !ok {
		warning = variable + ": not a level; use TRACE, DEBUG, INFO, WARN, ERROR, CRITICAL or SILENT; using INFO"
	}
	limit, ok := lambdaLevel(lambda)
	if !ok {
		return chosen, warning
	}
	if name != "" && chosen < limit && warning == "" {
		warning = fmt.Sprintf("%s is %v but AWS_LAMBDA_LOG_LEVEL is %v: lines below %v are lost; set both to the same level", variable, chosen, limit, limit)
	}
	return limit, warning
}

// namedLevel takes the names of a setting; INFO is the level of all others.
func namedLevel(name string) (invocation.Level, bool) {
	if strings.EqualFold(name, "silent") {
		return levelSilent, true
	}
	if l := loglevel.Parse([]byte(name)); l != levelUnknown && len(name) > 1 {
		return l, true
	}
	return levelInfo, false
}

// lambdaLevel takes the names that Lambda itself uses (Lambda log level
// filtering).
func lambdaLevel(name string) (invocation.Level, bool) {
	switch name {
	case "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL":
		return loglevel.Parse([]byte(name)), true
	}
	return levelUnknown, false
}
