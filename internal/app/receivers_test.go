package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// keyed is a receiver that takes what comes with the key of the moment and
// keeps the Authorization of every post.
type keyed struct {
	*httptest.Server
	mu   sync.Mutex
	key  string
	seen []string
}

func newKeyed(t *testing.T, key string) *keyed {
	k := &keyed{key: key}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.seen = append(k.seen, r.Header.Get("Authorization")+" "+r.Header.Get("X-Source"))
		if r.Header.Get("Authorization") != "Bearer "+k.key {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *keyed) change(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.key = key
}

// distinct are the different posts in the order in which each came first.
func (k *keyed) distinct() (out []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.seen {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// says is an invocation that prints a line and ends, as the platform tells it
// beside the answer to the call of next.
func says(t *testing.T, uri *string, id, text string) {
	go func() {
		stream(t, uri, `{"time":"2026-01-01T00:00:00.000Z","type":"platform.start","record":{"requestId":"`+id+`","version":"$LATEST"}}`, functionLine(text),
			`{"time":"2026-01-01T00:00:00.002Z","type":"platform.runtimeDone","record":{"requestId":"`+id+`","status":"success","metrics":{"durationMs":2.5}}}`)
	}()
}

// The key of a receiver comes from a secret's member, behind its word; one that
// is rotated is read again when the receiver refuses the old one, and no line is
// lost for it. It stands in no log and in no line.
func TestKeyOfAReceiver(t *testing.T) {
	for _, path := range []string{"/logs", "/v1/logs"} {
		t.Run(path, func(t *testing.T) {
			k := newKeyed(t, "key-one")
			c := newCloud(t, map[string]string{"app/backend": `{"token":"key-one"}`})
			p := newPlatform(t)
			var uri string
			p.onSubscribe = func(u string) { uri = u }
			p.onNext = onNth(func() { says(t, &uri, oldID, "first") }, func() {
				k.change("key-two")
				c.set("app/backend", `{"token":"key-two"}`)
				says(t, &uri, newID, "second")
			})
			p.next = []answer{call(oldID), call(newID), bye()}
			destination := k.URL + path
			if path == "/v1/logs" {
				destination = "otlp+" + destination
			}
			out := p.live(c.env("POWERTOOLS_LOGS_DESTINATION="+destination, "NO_PROXY=*", "POWERTOOLS_EXTENSION_FLUSH=end",
				"POWERTOOLS_LOGS_HTTP_HEADERS=Authorization: Bearer secret:app/backend#token, X-Source: lambda")...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			if d := cmp.Diff([]string{"Bearer key-one lambda", "Bearer key-two lambda"}, k.distinct()); d != "" {
				t.Errorf("posts (-want +got):\n%s", d)
			}
			if s := out.ledger(t).Sinks[0]; s.Received != 2 || s.Delivered != 2 {
				t.Errorf("ledger: %+v", s)
			}
			for _, entry := range out.logs.All() {
				if text := entry.Message + strings.Join(keys(entry.ContextMap()), " "); strings.Contains(text, "key-") {
					t.Errorf("the key is in the log: %s", text)
				}
			}
		})
	}
}

// keys are the fields of a log entry as text.
func keys(fields map[string]any) (out []string) {
	for name, value := range fields {
		if s, ok := value.(string); ok {
			name += "=" + s
		}
		out = append(out, name)
	}
	return out
}

// A secret that is not there ends its receiver, which is said with the names
// and counted; one that cannot be read at this moment leaves its lines waiting.
func TestKeyThatCannotBeRead(t *testing.T) {
	for failure, want := range map[string]struct {
		state   string
		dropped bool
	}{
		"ResourceNotFoundException": {"disabled", true},
		"ThrottlingException":       {"", false},
	} {
		t.Run(failure, func(t *testing.T) {
			k := newKeyed(t, "key")
			c := newCloud(t, map[string]string{})
			c.fail("app/backend", failure)
			p := newPlatform(t)
			var uri string
			p.onSubscribe = func(u string) { uri = u }
			p.onNext = onNth(func() { says(t, &uri, oldID, "waits") })
			p.next = []answer{call(oldID), bye()}
			out := p.live(c.env("POWERTOOLS_LOGS_DESTINATION="+k.URL, "NO_PROXY=*", "POWERTOOLS_EXTENSION_FLUSH=end",
				"POWERTOOLS_LOGS_HTTP_HEADERS=Authorization: Bearer secret:app/backend#token")...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			ledger := out.objects(t)
			sinks, _ := ledger[len(ledger)-1]["sinks"].([]any)
			s, _ := sinks[0].(map[string]any)
			if (s["state"] == "disabled") != (want.state == "disabled") || (s["dropped"] != 0.0) != want.dropped || (s["pending"] != 0.0) == want.dropped {
				t.Errorf("%v", s)
			}
			if len(k.distinct()) != 0 {
				t.Errorf("posted without its key: %q", k.distinct())
			}
			said := 0
			for _, entry := range out.logs.All() {
				text := entry.Message + " " + strings.Join(keys(entry.ContextMap()), " ")
				if strings.Contains(text, "app/backend") && strings.Contains(text, "Authorization") {
					said++
				}
			}
			if said == 0 {
				t.Errorf("nobody said which header: %v", out.logs.All())
			}
		})
	}
}
