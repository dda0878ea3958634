package invocation

import "powertools-extension/internal/loglevel"

// Level is how grave a line says it is. Levels are ordered.
type Level = loglevel.Level

// The levels. LevelUnknown is a line that does not say; LevelSilent is a
// threshold that no line reaches.
const (
	LevelUnknown  = loglevel.Unknown
	LevelTrace    = loglevel.Trace
	LevelDebug    = loglevel.Debug
	LevelInfo     = loglevel.Info
	LevelWarn     = loglevel.Warn
	LevelError    = loglevel.Error
	LevelCritical = loglevel.Critical
	LevelSilent   = loglevel.Silent
)
