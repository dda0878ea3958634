package awsapi

import "sync"

// maxTokens is how many tries after a throttling a service gets before one of
// its calls has to succeed.
const maxTokens = 100

// tokens bound the tries after a throttling, per service: a storm of reads must
// not become a storm of tries. Each try takes one; a call that succeeds gives
// back what it took, and at least one. (AWS SDKs and Tools Reference, "Retry
// behavior".) The zero value is full.
type tokens struct {
	mu    sync.Mutex
	spent map[string]int // by service
}

// take tells whether there was one.
func (t *tokens) take(service string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.spent[service] >= maxTokens {
		return false
	}
	if t.spent == nil {
		t.spent = map[string]int{}
	}
	t.spent[service]++
	return true
}

func (t *tokens) give(service string, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if spent := t.spent[service]; spent > 0 {
		t.spent[service] = max(spent-n, 0)
	}
}
