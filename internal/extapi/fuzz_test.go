package extapi

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzDecodeEvent(f *testing.F) {
	f.Add([]byte(`{"eventType":"INVOKE","deadlineMs":1676051031000,"requestId":"r","invokedFunctionArn":"a","tracing":{"type":"X-Amzn-Trace-Id","value":"Root=1"}}`))
	f.Add([]byte(`{"eventType":"SHUTDOWN","deadlineMs":1676051031000,"shutdownReason":"SPINDOWN"}`))
	f.Add([]byte(`{"deadlineMs":-1e308}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		ev, err := decodeEvent(body)
		if err != nil && ev != (Event{}) {
			t.Errorf("both an event and an error: %v, %v", ev, err)
		}
		if ev.Reason != strings.ToLower(ev.Reason) {
			t.Errorf("reason %q is not lower case", ev.Reason)
		}
		if y := ev.Deadline.Year(); y < 1 {
			t.Errorf("deadline %v", ev.Deadline)
		}
	})
}

func FuzzAPIError(f *testing.F) {
	f.Add(403, []byte(`{"errorMessage":"Unknown extension x","errorType":"Extension.UnknownExtensionIdentifier"}`))
	f.Add(500, []byte("a\nb\xff"))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		text := apiError("next", status, body).Error()
		if strings.ContainsAny(text, "\r\n\x00") || !utf8.ValidString(text) || len(text) > 3*maxMessage {
			t.Errorf("not one bounded line: %q", text)
		}
	})
}
