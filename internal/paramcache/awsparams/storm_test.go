package awsparams_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/paramcache"
)

// throttled serves SSM and refuses the calls beyond so many in a second.
type throttled struct {
	store *script

	mu             sync.Mutex
	perSecond      int
	second         time.Time
	inSecond       int
	calls, refused int
}

func (h *throttled) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); now.Sub(h.second) >= time.Second {
		h.second, h.inSecond = now, 0
	}
	h.calls++
	h.inSecond++
	if h.inSecond > h.perSecond {
		h.refused++
		return false
	}
	return true
}

func (h *throttled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if !h.enter() {
		w.WriteHeader(400)
		io.WriteString(w, `{"__type":"ThrottlingException","message":"Rate exceeded"}`)
		return
	}
	time.Sleep(10 * time.Millisecond)
	answer, err := h.store.answers[r.Header.Get("X-Amz-Target")[len("AmazonSSM."):]](string(body))
	if err != nil {
		w.WriteHeader(500)
		return
	}
	io.WriteString(w, answer)
}

// 200 readers of 50 names through cache, provider and signed calls over real
// connections, to a service that allows 40 calls a second; then again when all
// values are too old and the service refuses every call.
func TestStormOverTheWire(t *testing.T) {
	h := &throttled{store: parameterStore(), perSecond: 40}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	var clock struct {
		sync.Mutex
		ahead time.Duration
	}
	c := paramcache.New(provider(t, s.URL), zap.NewNop(), paramcache.Config{
		MaxAge: 300 * time.Second, StaleIfError: time.Hour, MaxItems: 1000, MaxBytes: 1 << 20, Region: "eu-central-1",
		Now: func() time.Time {
			clock.Lock()
			defer clock.Unlock()
			return time.Now().Add(clock.ahead)
		},
	})
	storm := func() map[paramcache.State]int {
		states := map[paramcache.State]int{}
		var mu sync.Mutex
		var readers sync.WaitGroup
		for reader := range 200 {
			readers.Go(func() {
				for i := range 50 {
					name := fmt.Sprintf("/storm/%d", (i*7+reader)%50)
					res, err := c.Get(t.Context(), paramcache.Ref{Source: paramcache.SSM, Name: name}, paramcache.Options{})
					if err != nil || res.Value.Text.Reveal() != "value of "+name {
						t.Errorf("%s: %q, %v", name, res.Value.Text.Reveal(), err)
					}
					mu.Lock()
					states[res.State]++
					mu.Unlock()
				}
			})
		}
		readers.Wait()
		return states
	}
	states := storm()
	if states[paramcache.Miss] != 50 || h.calls > 20 || h.refused != 0 {
		t.Errorf("cold: %v, %d calls, %d refused", states, h.calls, h.refused)
	}
	t.Logf("cold: 10000 reads %v, %d calls, %d refused", states, h.calls, h.refused)

	clock.ahead = 400 * time.Second
	h.perSecond, h.calls, h.refused = 0, 0, 0
	states = storm()
	if states[paramcache.Stale] != 10000 || h.calls != h.refused {
		t.Errorf("refused: %v, %d calls, %d refused", states, h.calls, h.refused)
	}
	t.Logf("refused: 10000 reads %v, %d calls, %d refused", states, h.calls, h.refused)
}
