package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/app"
	"powertools-extension/internal/awsevent"
	"powertools-extension/internal/middleware"
	"powertools-extension/internal/runtimeapi"
	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// echoes are functions that answer with their event, on three runtimes that
// have little in common.
func echoes(t *testing.T) map[string]lambdaemu.Options {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"app.py": "def handler(event, context):\n  if isinstance(event, dict) and event.get('fail'):\n    raise ValueError('asked')\n  return event\n",
		"app.js": "exports.handler = async (event) => { if (event.fail) throw new Error('asked'); return event }\n",
		"bootstrap": `#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while :; do
  id=$(curl --noproxy '*' -sS -o event -D - "$api/next" | tr -d '\r' | sed -n 's/^Lambda-Runtime-Aws-Request-Id: //Ip')
  if grep -q '"fail":true' event; then
    curl --noproxy '*' -sS -o /dev/null -d '{"errorMessage":"asked","errorType":"E"}' "$api/$id/error"
  else
    curl --noproxy '*' -sS -o /dev/null --data-binary @event "$api/$id/response"
  fi
done
`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	need := func(path string) string { return harness.Need(t, path) }
	return map[string]lambdaemu.Options{
		"python": {Dir: dir, Command: []string{need("python/bin/python"), "-m", "awslambdaric", "app.handler"}},
		"node":   {Dir: dir, Command: []string{"node", need("node/node_modules/aws-lambda-ric/bin/index.mjs"), "app.handler"}},
		"bash":   {Dir: dir, Command: []string{filepath.Join(dir, "bootstrap")}},
	}
}

// stage is a sandbox with a proxy before its runtime, whose one hook does what
// the test says.
type stage struct {
	t       *testing.T
	emu     *lambdaemu.Emulator
	proxy   *runtimeapi.Server
	answers chan runtimeapi.Answer

	mu   sync.Mutex
	hook middleware.Hook
}

func (s *stage) set(h middleware.Hook) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = h
}

func (s *stage) now() middleware.Hook {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hook
}

// Delivered implements runtimeapi.Observer.
func (s *stage) Delivered(e runtimeapi.Event) bool { return awsevent.Recognise(e.Beginning).HTTP }

// Answered implements runtimeapi.Observer.
func (s *stage) Answered(a runtimeapi.Answer) {
	a.Beginning = nil
	s.answers <- a
}

// Late implements runtimeapi.Observer.
func (s *stage) Late(string, time.Duration) {}

// Restored implements runtimeapi.Observer.
func (s *stage) Restored() {}

func newStage(t *testing.T, opt lambdaemu.Options) *stage {
	t.Helper()
	s := &stage{t: t, answers: make(chan runtimeapi.Answer, 16)}
	// Batch stands first, so that the steps behind it see pieces.
	test := middleware.Hook{Name: "batch",
		Request: func(ctx context.Context, r *middleware.Request) (middleware.Action, error) {
			if h := s.now(); h.Request != nil {
				return h.Request(ctx, r)
			}
			return middleware.Action{}, nil
		},
		Response: func(ctx context.Context, r *middleware.Response) (middleware.Reaction, error) {
			if h := s.now(); h.Response != nil {
				return h.Response(ctx, r)
			}
			return middleware.Reaction{}, nil
		},
	}
	var err error
	s.proxy, err = runtimeapi.New(runtimeapi.Options{Upstream: "127.0.0.1:1", Tokens: func() []string { return []string{"token"} },
		Observer: s, Chain: app.NewChain(zap.NewNop(), []middleware.Hook{test})})
	if err == nil {
		err = s.proxy.Listen()
	}
	if err != nil {
		t.Fatal(err)
	}
	s.proxy.Serve()
	_, port, _ := net.SplitHostPort(s.proxy.Addr())
	opt.Command = append([]string{binaries.Wrapper}, opt.Command...)
	opt.Timeout = 30 * time.Second
	opt.Env = map[string]string{"POWERTOOLS_RUNTIME_PROXY_PORT": port, "AWS_SESSION_TOKEN": "token"}
	if s.emu, err = lambdaemu.Start(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_, _ = s.emu.Shutdown(ctx)
		s.proxy.Shutdown(ctx)
		if t.Failed() {
			t.Logf("transcript:\n%s", lambdaemu.Render(s.emu.Transcript()))
		}
	})
	return s
}

func (s *stage) invoke(event []byte) lambdaemu.Response {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	res, err := s.emu.Invoke(ctx, lambdaemu.Request{Payload: event})
	if err != nil {
		s.t.Fatal(err)
	}
	return res
}

// same compares JSON, because runtimes write it in their own way.
func same(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && fmt.Sprint(x) == fmt.Sprint(y)
}

// TestHooksOnRuntimes: each thing that a hook may do, on three runtimes, with
// small events and with the largest.
func TestHooksOnRuntimes(t *testing.T) {
	for name, opt := range echoes(t) {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, opt)
			for _, size := range []int{1 << 10, 6<<20 - 100} {
				t.Run(fmt.Sprint(size>>10, "kB"), func(t *testing.T) {
					s.t = t
					acts(s, size)
				})
			}
		})
	}
}

func acts(s *stage, size int) {
	t := s.t
	event := []byte(`{"pad":"` + strings.Repeat("x", size-20) + `","n":1}`)
	check := func(act string, sent, want []byte, by string) {
		t.Helper()
		res := s.invoke(sent)
		if res.FunctionError != "" || !same(res.Payload, want) {
			t.Errorf("%s: %s %d bytes, want %d: %.100s", act, res.FunctionError, len(res.Payload), len(want), res.Payload)
		}
		if a := <-s.answers; a.By != by || a.Status != 202 || !a.Known {
			t.Errorf("%s: answered by %q, status %d, known %v", act, a.By, a.Status, a.Known)
		}
	}
	answerWith := func(p *middleware.Post) middleware.Hook {
		return middleware.Hook{Request: func(context.Context, *middleware.Request) (middleware.Action, error) {
			return middleware.Action{Answer: p}, nil
		}}
	}
	large := []byte(`{"large":"` + strings.Repeat("y", size-20) + `"}`)

	s.set(middleware.Hook{})
	check("continue", event, event, "")

	s.set(middleware.Hook{Request: func(_ context.Context, r *middleware.Request) (middleware.Action, error) {
		return middleware.Action{Replace: bytes.Replace(r.Body, []byte(`"n":1`), []byte(`"n":12345`), 1)}, nil
	}})
	check("replace", event, bytes.Replace(event, []byte(`"n":1`), []byte(`"n":12345`), 1), "")

	s.set(answerWith(&middleware.Post{Body: large}))
	check("answer", event, large, "batch")
	check("answer again", event, large, "batch")

	s.set(middleware.Hook{Response: func(context.Context, *middleware.Response) (middleware.Reaction, error) {
		return middleware.Reaction{Replace: large}, nil
	}})
	check("change", event, large, "")

	s.set(middleware.Hook{
		Request: func(context.Context, *middleware.Request) (middleware.Action, error) { panic("hook") },
		Response: func(context.Context, *middleware.Response) (middleware.Reaction, error) {
			return middleware.Reaction{}, errors.New("no")
		},
	})
	check("panic", event, event, "")

	problem := middleware.Problem{Type: "SchemaValidationError", Status: 400, Detail: "the event does not fit"}
	s.set(middleware.Hook{Request: func(_ context.Context, r *middleware.Request) (middleware.Action, error) {
		return middleware.Action{Answer: problem.Post(r.Source, true)}, nil
	}})
	res := s.invoke(event)
	if res.FunctionError == "" || res.ErrorType != "Function.SchemaValidationError" || !same(res.Payload, []byte(`{"errorMessage":"the event does not fit","errorType":"SchemaValidationError","stackTrace":[]}`)) {
		t.Errorf("error: %s %s %s", res.FunctionError, res.ErrorType, res.Payload)
	}
	<-s.answers
	http := []byte(`{"version":"2.0","requestContext":{"http":{"method":"GET"}},"body":"` + strings.Repeat("x", size-100) + `"}`)
	check("error as HTTP", http, []byte(`{"body":"{\"type\":\"urn:powertools:schema-validation\",\"title\":\"the event does not fit\",\"status\":400,\"code\":\"schema_validation\"}","headers":{"content-type":"application/problem+json"},"isBase64Encoded":false,"statusCode":400}`), "batch")

	splits(s, size)
	s.set(middleware.Hook{})
	if res := s.invoke([]byte(`{"fail":true}`)); res.FunctionError == "" || !strings.Contains(string(res.Payload), "asked") {
		t.Errorf("an error of the function: %s %s", res.FunctionError, res.Payload)
	}
	if a := <-s.answers; !a.Failed || a.By != "" {
		t.Errorf("%+v", a)
	}
	check("after all", event, event, "")
	if n := s.proxy.Open(); n != 0 {
		t.Errorf("%d invocations open", n)
	}
}

// splits gives the function three records one by one, of which one fails.
func splits(s *stage, size int) {
	t := s.t
	pad := strings.Repeat("z", size/3-200)
	event := []byte(fmt.Sprintf(`{"Records":[{"messageId":"a","body":%q},{"messageId":"b","fail":true,"body":%q},{"messageId":"c","body":%q}]}`, pad, pad, pad))
	var mu sync.Mutex
	failed, left, outer := []string{}, 0, ""
	s.set(middleware.Hook{
		Request: func(_ context.Context, r *middleware.Request) (middleware.Action, error) {
			var e struct{ Records []json.RawMessage }
			if err := json.Unmarshal(r.Body, &e); err != nil {
				return middleware.Action{}, err
			}
			mu.Lock()
			defer mu.Unlock()
			outer, left = r.ID, len(e.Records)
			given := 0
			return middleware.Action{Split: func(context.Context) (middleware.Piece, *middleware.Post) {
				given++
				return middleware.Piece{ID: fmt.Sprint(outer, "-", given-1), Body: e.Records[given-1]}, nil
			}}, nil
		},
		Response: func(_ context.Context, r *middleware.Response) (middleware.Reaction, error) {
			mu.Lock()
			defer mu.Unlock()
			if r.Failed {
				failed = append(failed, strings.TrimPrefix(r.ID, outer+"-"))
			}
			if left--; left > 0 {
				return middleware.Reaction{Hold: true}, nil
			}
			body, err := json.Marshal(map[string]any{"failed": failed})
			return middleware.Reaction{Post: &middleware.Post{Body: body}, For: outer}, err
		},
	})
	res := s.invoke(event)
	if res.FunctionError != "" || string(res.Payload) != `{"failed":["1"]}` {
		t.Errorf("split: %s %.200s", res.FunctionError, res.Payload)
	}
	if a := <-s.answers; a.ID != res.RequestID || a.By != "batch" || !a.Known {
		t.Errorf("split: %+v", a)
	}
}
