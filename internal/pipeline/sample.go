package pipeline

import "powertools-extension/internal/invocation"

// passes decides whether a line goes on: all lines of a sampled request do. A
// line that does not tell its level is INFO, as it is for Lambda's own filter.
func (e *enricher) passes(l invocation.Level, req *invocation.Request) bool {
	if l == levelUnknown {
		l = levelInfo
	}
	if l >= e.opt.Level {
		return true
	}
	return req != nil && e.tail(req).sampled
}

// sampled decides by the request id alone, so that every line of a request,
// every extension and every retry of a batch decide alike.
func sampled(id string, rate float64) bool {
	if rate <= 0 {
		return false
	}
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(id) {
		h = (h ^ uint64(id[i])) * 1099511628211
	}
	// FNV leaves the high bits of short inputs poorly mixed; this is the
	// finaliser of SplitMix64.
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	h ^= h >> 31
	return float64(h>>11)/(1<<53) < rate
}
