package app

import "powertools-extension/internal/config"

// heapLimit is what the heap may grow to with the default buffers and an empty
// cache before the garbage collector works harder: with the program itself
// about 22 MB resident. Without a flood of lines it is never reached and costs
// nothing.
const (
	heapLimit     = 14 << 20
	defaultBuffer = 4 << 20
)

// MemoryLimit is the soft limit in bytes for debug.SetMemoryLimit, with so many
// bytes in the cache. Whoever asks for larger buffers gets them: one for
// telemetry, one for each destination. What is cached counts twice, once for
// itself and once for the room that the collector wants beside live memory:
// under a limit close to what is live it would run all the time.
func MemoryLimit(cfg config.Config, cached int) int64 {
	buffers := 2 + len(cfg.LogsDestinations)
	return int64(heapLimit + max(cfg.BufferBytes-defaultBuffer, 0)*buffers + 2*cached)
}

// followCache sets the limit for what the cache holds now.
func (a *App) followCache(bytes int) {
	if a.deps.SetMemoryLimit != nil {
		a.deps.SetMemoryLimit(MemoryLimit(a.cfg, bytes))
	}
}
