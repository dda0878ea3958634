package e2e

import (
	"context"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
)

// TestSpansOfTries: Lambda tries an event again under its id, in the same
// sandbox. Each try has a span of its own, whether the proxy sees it or only
// the platform tells of it, often when the next one has begun.
func TestSpansOfTries(t *testing.T) {
	t.Parallel()
	const code = "tries = 0\ndef handler(event, context):\n  global tries\n  tries += 1\n  if tries < 3:\n    raise ValueError('no stock')\n  return {'ok': True}\n"
	for name, proxied := range map[string]bool{"wrapped": true, "without wrapper": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			opt := pythonFunction(t, code)
			if proxied {
				opt = wrapped(t, opt)
			}
			w := startTraced(t, opt)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for range 3 {
				if _, err := w.Emu.Invoke(ctx, lambdaemu.Request{RequestID: "8d3b3b1e-7f55-4a6e-9a3b-0d2f5f1c2b3a", Payload: []byte(`{}`)}); err != nil {
					t.Fatal(err)
				}
			}
			w.Shutdown()
			got := w.handlers()
			if len(got) != 3 {
				t.Fatalf("%d spans: %v", len(got), got)
			}
			ids := map[any]bool{}
			for i, d := range got {
				ids[d["id"]] = true
				failed, _ := d["fault"].(bool)
				cold, _ := d["annotations"].(map[string]any)["ColdStart"].(bool)
				if failed != (i < 2) || cold != (i == 0) || d["parent_id"] != w.parent(i) {
					t.Errorf("try %d: %v", i+1, d)
				}
			}
			if len(ids) != 3 {
				t.Errorf("%d ids", len(ids))
			}
		})
	}
}
