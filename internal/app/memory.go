package app

import "powertools-extension/internal/config"

// heapLimit is what the heap may grow to with the default buffers before the
// garbage collector works harder: with the program itself about 22 MB resident.
// Without a flood of lines it is never reached and costs nothing.
const (
	heapLimit     = 14 << 20
	defaultBuffer = 4 << 20
)

// MemoryLimit is the soft limit in bytes for debug.SetMemoryLimit. Whoever
// asks for larger buffers gets them: one for telemetry, one for each
// destination.
func MemoryLimit(cfg config.Config) int64 {
	buffers := 2 + len(cfg.LogsDestinations)
	return int64(heapLimit + max(cfg.BufferBytes-defaultBuffer, 0)*buffers)
}
