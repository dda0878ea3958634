package invocation

// Level is how grave a line says it is. Levels are ordered.
type Level uint8

// The levels. LevelUnknown is a line that does not say; LevelSilent is a
// threshold that no line reaches.
const (
	LevelUnknown Level = iota
	LevelTrace
	LevelDebug
	LevelInfo
	LevelWarn
	LevelError
	LevelCritical
	LevelSilent
)

// String returns the level's name as it is written in lines.
func (l Level) String() string {
	switch l {
	case LevelTrace:
		return "TRACE"
	case LevelDebug:
		return "DEBUG"
	case LevelInfo:
		return "INFO"
	case LevelWarn:
		return "WARN"
	case LevelError:
		return "ERROR"
	case LevelCritical:
		return "CRITICAL"
	case LevelSilent:
		return "SILENT"
	default:
		return "UNKNOWN"
	}
}
