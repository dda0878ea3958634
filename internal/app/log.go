package app

import (
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// NewLogger returns the logger of the extension's own diagnostics: JSON lines
// with Lambda's key names, so that a JSON-format log group stores them as they
// are. level is a word of POWERTOOLS_EXTENSION_LOG_LEVEL; NONE is silence.
// Lines go to stderr: stdout belongs to metrics and enriched lines.
func NewLogger(stderr io.Writer, level, version string) *zap.Logger {
	if level == "NONE" {
		return zap.NewNop()
	}
	var min zapcore.Level
	if err := min.Set(level); err != nil {
		min = zapcore.WarnLevel
	}
	encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
		LevelKey:       "level",
		TimeKey:        "timestamp",
		NameKey:        "logger",
		MessageKey:     "message",
		StacktraceKey:  "stack",
		EncodeLevel:    zapcore.CapitalLevelEncoder,
		EncodeTime:     zapcore.TimeEncoderOfLayout("2006-01-02T15:04:05.000Z07:00"),
		EncodeDuration: zapcore.StringDurationEncoder,
	})
	core := zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(stderr)), min)
	return zap.New(core, zap.Fields(zap.String("extension", "powertools-extension"), zap.String("version", version)))
}
