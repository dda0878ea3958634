package app

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/extapi"
	"powertools-extension/test/ontime"
)

// TestWhoAsksBeforeTheEventIsDealtWith: the function may run before we have
// begun its invocation. What it asks then is answered for this invocation,
// not for the one before or for none.
func TestWhoAsksBeforeTheEventIsDealtWith(t *testing.T) {
	const id = "8a2e4d5f-0001-4000-8000-000000000001"
	for name, ask := range map[string]func(t *testing.T, a *App) string{
		"context": func(t *testing.T, a *App) string { return a.current(t.Context(), "").RequestID },
		"deadline": func(_ *testing.T, a *App) string {
			if a.deadline().UnixMilli() == 1_767_225_600_000 {
				return id
			}
			return ""
		},
	} {
		t.Run(name, func(t *testing.T) {
			ontime.Run(t, func(late ontime.Late) {
				platform := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if strings.HasSuffix(r.URL.Path, "register") {
						w.Header().Set("Lambda-Extension-Identifier", "5b0d4a10-1111-4222-8333-444455556666")
						_, _ = io.WriteString(w, `{"accountId":"123456789012"}`)
						return
					}
					_, _ = io.WriteString(w, `{"eventType":"INVOKE","deadlineMs":1767225600000,"requestId":"`+id+`"}`)
				}))
				defer platform.Close()
				a := newWorld(t, "AWS_LAMBDA_RUNTIME_API="+strings.TrimPrefix(platform.URL, "http://")).app
				if _, err := a.api.Register(t.Context(), "powertools-extension", []extapi.EventType{extapi.Invoke}); err != nil {
					t.Fatal(err)
				}
				ev, err := a.api.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				told := make(chan string, 1)
				go func() { told <- ask(t, a) }()
				select {
				case got := <-told:
					late("told %q before the event was dealt with", got)
					return
				case <-time.After(20 * time.Millisecond): // enough for whoever does not wait
				}
				a.begin(ev)
				a.api.Taken()
				if got := <-told; got != id {
					late("told %q, want %q", got, id)
				}
			})
		})
	}
}
