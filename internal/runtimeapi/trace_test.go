package runtimeapi

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// TestTrace: the runtime gets another trace header, in the place and the
// spelling of Lambda's, and who observes gets Lambda's own; with hooks and
// without.
func TestTrace(t *testing.T) {
	const was = "Root=1-6352a70e-1e2c502e358361800241fd45;Parent=35465b3a9e2f7c6a;Sampled=1;Lineage=a:1"
	for _, c := range []struct {
		name, instead, want string
		chain               Chain
	}{
		{"rewritten", "Root=x;Parent=y", "Root=x;Parent=y", nil},
		{"kept", "", was, nil},
		{"rewritten, with hooks", "Root=x;Parent=y", "Root=x;Parent=y", &rules{}},
		{"kept, with hooks", "", was, &rules{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			addr := lambda(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Lambda-Runtime-Aws-Request-Id", "id-1")
				w.Header().Set("Lambda-Runtime-Trace-Id", was)
				w.Header().Set("X-Other", "stays")
				_, _ = io.WriteString(w, `{"a":1}`)
			})
			o := &record{}
			s := start(t, addr, func(opt *Options) {
				opt.Observer, opt.Chain = o, c.chain
				opt.Trace = func(id, header string) string {
					if id != "id-1" || header != was {
						t.Errorf("asked about %q, %q", id, header)
					}
					return c.instead
				}
			})
			res, err := client(t).Get("http://" + s.Addr() + nextPath)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body)
			if got := res.Header.Values("Lambda-Runtime-Trace-Id"); len(got) != 1 || got[0] != c.want || res.Header.Get("X-Other") != "stays" || string(body) != `{"a":1}` {
				t.Errorf("the runtime got %q, %s", got, body)
			}
			o.mu.Lock()
			defer o.mu.Unlock()
			if len(o.events) != 1 || o.events[0].TraceHeader != was {
				t.Errorf("observed %+v", o.events)
			}
		})
	}
}

// TestCause: what runtimes tell X-Ray of an error is shown as it came.
func TestCause(t *testing.T) {
	addr := lambda(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "id-1")
			return
		}
		w.WriteHeader(202)
	})
	causes := make(chan string, 1)
	s := start(t, addr, func(opt *Options) { opt.Observer = causeOf{causes} })
	res, err := client(t).Get("http://" + s.Addr() + nextPath)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	req, _ := http.NewRequest("POST", "http://"+s.Addr()+"/2018-06-01/runtime/invocation/id-1/error", nil)
	req.Header.Set("Lambda-Runtime-Function-XRay-Error-Cause", `{"exceptions":[]}`)
	if res, err = client(t).Do(req); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := <-causes; got != `{"exceptions":[]}` {
		t.Errorf("cause %q", got)
	}
}

type causeOf struct{ causes chan string }

func (c causeOf) Delivered(Event) bool       { return false }
func (c causeOf) Answered(a Answer)          { c.causes <- string(a.Cause) }
func (c causeOf) Restored()                  {}
func (c causeOf) Late(string, time.Duration) {}
