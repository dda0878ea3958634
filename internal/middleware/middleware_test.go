package middleware

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"powertools-extension/internal/awsevent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tape is what hooks did, in order.
type tape struct {
	mu  sync.Mutex
	got []string
}

func (t *tape) add(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.got = append(t.got, s)
}

// hook writes down that it was asked, and lets everything go on.
func (t *tape) hook(name string) Hook {
	return Hook{Name: name,
		Request:  func(context.Context, *Request) (Action, error) { t.add(name); return Action{}, nil },
		Response: func(context.Context, *Response) (Reaction, error) { t.add("/" + name); return Reaction{}, nil },
	}
}

// TestOrder: however hooks are given, they stand in the order of the contract,
// a different one on the way back.
func TestOrder(t *testing.T) {
	tp := &tape{}
	names := []string{"unwrap", "validate", "trace", "idempotency", "log", "batch", "gate"}
	var hooks []Hook
	for _, name := range names {
		hooks = append(hooks, tp.hook(name))
	}
	c := New(zap.NewNop(), hooks...)
	c.Request(t.Context(), Request{ID: "id", Body: []byte("{}")})
	c.Response(t.Context(), Response{ID: "id"}, time.Time{})
	want := strings.Fields("trace log gate batch validate idempotency unwrap /unwrap /validate /idempotency /batch /log /trace /gate")
	if diff := cmp.Diff(want, tp.got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want[:7], c.Names()); diff != "" {
		t.Error(diff)
	}
}

// TestAnswers: who answers in the function's place is heard by those that
// stand behind it on the way back and have seen the event. So a replay is
// neither validated nor stored again, and a refusal is not stored.
func TestAnswers(t *testing.T) {
	for by, want := range map[string]string{
		"validate":    "trace log batch validate /batch /log /trace",
		"idempotency": "trace log batch validate idempotency /batch /log /trace",
		"unwrap":      "trace log batch validate idempotency unwrap /validate /idempotency /batch /log /trace",
		"batch":       "trace log batch /log /trace",
		"trace":       "trace",
	} {
		tp := &tape{}
		var hooks []Hook
		for _, name := range []string{"trace", "log", "batch", "validate", "idempotency", "unwrap"} {
			h := tp.hook(name)
			if name == by {
				h.Request = func(context.Context, *Request) (Action, error) {
					tp.add(name)
					return Action{Answer: &Post{Body: []byte("mine")}}, nil
				}
			}
			hooks = append(hooks, h)
		}
		out := New(zap.NewNop(), hooks...).Request(t.Context(), Request{ID: "id", Body: []byte("{}")})
		if got := strings.Join(tp.got, " "); got != want || out.AnsweredBy != by || string(out.Answer.Body) != "mine" {
			t.Errorf("%s: %s, want %s; %+v", by, got, want, out)
		}
	}
}

// TestReplace: later hooks see what earlier ones made of it, both ways.
func TestReplace(t *testing.T) {
	grow := func(name string) Hook {
		return Hook{Name: name,
			Request: func(_ context.Context, r *Request) (Action, error) {
				return Action{Replace: []byte(string(r.Body) + name[:1])}, nil
			},
			Response: func(_ context.Context, r *Response) (Reaction, error) {
				return Reaction{Replace: []byte(string(r.Body) + name[:1])}, nil
			},
		}
	}
	c := New(zap.NewNop(), grow("unwrap"), grow("log"))
	if out := c.Request(t.Context(), Request{ID: "id", Body: []byte("e-")}); string(out.Body) != "e-lu" {
		t.Errorf("event %q", out.Body)
	}
	if out := c.Response(t.Context(), Response{ID: "id", Body: []byte("a-")}, time.Time{}); string(out.Body) != "a-ul" {
		t.Errorf("answer %q", out.Body)
	}
}

// TestFailsOpen: whatever a hook of ours does wrong, the others go on and the
// bytes are what they were; it counts, and is said once for each reason.
func TestFailsOpen(t *testing.T) {
	core, logs := observer.New(zapcore.WarnLevel)
	tp := &tape{}
	secret := "canary"
	c := New(zap.New(core),
		Hook{Name: "log", Request: func(context.Context, *Request) (Action, error) { panic(secret) },
			Response: func(_ context.Context, r *Response) (Reaction, error) {
				return Reaction{Replace: r.Body[5:]}, nil // beyond its end
			}},
		Hook{Name: "validate", Request: func(context.Context, *Request) (Action, error) {
			return Action{Replace: []byte("x")}, errors.New("no schema")
		}},
		tp.hook("unwrap"))
	for range 3 {
		if out := c.Request(t.Context(), Request{ID: "id", Body: []byte("{}")}); out.Body != nil || out.Answer != nil || out.HookErrors != 2 {
			t.Errorf("%+v", out)
		}
		if out := c.Response(t.Context(), Response{ID: "id"}, time.Time{}); out.Body != nil || out.HookErrors != 3 {
			t.Errorf("%+v", out)
		}
	}
	if logs.Len() != 3 || c.Stats().Errors != 9 || len(tp.got) != 6 {
		t.Errorf("%d lines, %+v, %v", logs.Len(), c.Stats(), tp.got)
	}
	if text := fmt.Sprint(logs.All()); strings.Contains(text, secret) {
		t.Error("a payload is in the log")
	}
}

// TestBudget: work that takes long is said and counts; guards and those that
// wait are judged by the deadline, which leaves time for the answer.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(name string) Hook {
			return Hook{Name: name, Request: func(ctx context.Context, r *Request) (Action, error) {
				time.Sleep(budget + time.Millisecond)
				return Action{Replace: append([]byte(nil), append(r.Body, name[0])...)}, nil
			}}
		}
		guard, waits := slow("validate"), slow("idempotency")
		guard.Guard, waits.Waits = true, true
		var left time.Duration
		last := Hook{Name: "unwrap", Request: func(ctx context.Context, _ *Request) (Action, error) {
			until, _ := ctx.Deadline()
			left = time.Until(until)
			return Action{}, nil
		}}
		c := New(zap.NewNop(), slow("log"), guard, waits, last)
		out := c.Request(t.Context(), Request{ID: "id", Deadline: time.Now().Add(time.Second), Body: []byte("-")})
		if string(out.Body) != "-lvi" || out.HookErrors != 1 {
			t.Errorf("%+v", out)
		}
		if want := time.Second - reserve - 3*(budget+time.Millisecond); left != want {
			t.Errorf("%v left, want %v", left, want)
		}
	})
}

// TestPieces: hooks behind the one that split see each piece, and those before
// it the whole.
func TestPieces(t *testing.T) {
	tp := &tape{}
	split := tp.hook("batch")
	given, left := 0, 2
	split.Request = func(context.Context, *Request) (Action, error) {
		tp.add("batch")
		return Action{Split: func(context.Context) (Piece, *Post) {
			given++
			return Piece{fmt.Sprint("id-", given-1), []byte("{}")}, nil
		}}, nil
	}
	split.Response = func(_ context.Context, r *Response) (Reaction, error) {
		tp.add("/batch " + r.ID + " of " + r.Whole)
		if left--; left > 0 {
			return Reaction{Hold: true}, nil
		}
		return Reaction{Post: &Post{Body: []byte("all")}, For: "id"}, nil
	}
	log := tp.hook("log")
	log.Response = func(_ context.Context, r *Response) (Reaction, error) {
		tp.add("/log " + r.ID + r.Whole + " " + string(r.Body) + " by " + r.By)
		return Reaction{}, nil
	}
	c := New(zap.NewNop(), log, split, tp.hook("idempotency"))
	if out := c.Request(t.Context(), Request{ID: "id", Body: []byte("{}")}); !out.Split {
		t.Fatalf("%+v", out)
	}
	for i := range 2 {
		id := fmt.Sprint("id-", i)
		if out := c.Piece(t.Context(), "id"); out.Piece.ID != id {
			t.Errorf("%d: %+v", i, out)
		}
		out := c.Response(t.Context(), Response{ID: id}, time.Time{})
		if out.Hold != (i == 0) || i == 1 && (out.For != "id" || string(out.Answer.Body) != "all") {
			t.Errorf("%d: %+v", i, out)
		}
	}
	want := "log,batch,idempotency,/idempotency,/batch id-0 of id,idempotency,/idempotency,/batch id-1 of id,/log id all by batch"
	if got := strings.Join(tp.got, ","); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if len(c.open) != 0 || len(c.split) != 0 {
		t.Errorf("%d open, %d split", len(c.open), len(c.split))
	}
}

// TestDurable and streams: only hooks that change nothing see them.
func TestDurable(t *testing.T) {
	tp := &tape{}
	each := tp.hook("trace")
	each.Each = true
	c := New(zap.NewNop(), each, tp.hook("idempotency"))
	c.Request(t.Context(), Request{ID: "a", Body: []byte(`{"DurableExecutionArn":"x","CheckpointToken":"y"}`)})
	c.Response(t.Context(), Response{ID: "a"}, time.Time{})
	c.Request(t.Context(), Request{ID: "b", Body: []byte(`{}`)})
	c.Response(t.Context(), Response{ID: "b", Streamed: true}, time.Time{})
	if got := strings.Join(tp.got, " "); got != "trace /trace trace idempotency /trace" {
		t.Error(got)
	}
}

// TestUnknownAnswer: an answer whose event did not pass changes nothing.
func TestUnknownAnswer(t *testing.T) {
	tp := &tape{}
	c := New(zap.NewNop(), tp.hook("log"))
	if out := c.Response(t.Context(), Response{ID: "x"}, time.Time{}); out.Body != nil || len(tp.got) != 0 {
		t.Errorf("%+v %v", out, tp.got)
	}
	for i := range maxOpen + 5 {
		c.Request(t.Context(), Request{ID: fmt.Sprint(i), Body: nil})
	}
	if c.Stats().Untracked != 5 {
		t.Errorf("%+v", c.Stats())
	}
	c.Forget("1")
	c.Request(t.Context(), Request{ID: "new", Body: nil})
	if c.Stats().Untracked != 5 {
		t.Errorf("%+v", c.Stats())
	}
}

func TestProblems(t *testing.T) {
	p := Problem{Type: "IdempotencyAlreadyInProgressError", Status: 409, RetryAfter: 1, Errors: []any{map[string]string{"path": "/a"}}}
	alb := awsevent.Recognise([]byte(`{"requestContext":{"elb":{}},"multiValueHeaders":{}}`))
	url := awsevent.Recognise([]byte(`{"version":"2.0","requestContext":{"http":{}}}`))
	const body = `"{\"type\":\"urn:powertools:idempotency-already-in-progress\",\"title\":\"IdempotencyAlreadyInProgressError\",\"status\":409,\"code\":\"idempotency_already_in_progress\",\"errors\":[{\"path\":\"/a\"}]}"`
	for name, test := range map[string]struct {
		source awsevent.Event
		http   bool
		want   string
	}{
		"http":     {url, true, `{"body":` + body + `,"headers":{"content-type":"application/problem+json","retry-after":"1"},"isBase64Encoded":false,"statusCode":409}`},
		"alb":      {alb, true, `{"body":` + body + `,"isBase64Encoded":false,"multiValueHeaders":{"content-type":["application/problem+json"],"retry-after":["1"]},"statusCode":409}`},
		"switched": {url, false, `{"errorMessage":"","errorType":"IdempotencyAlreadyInProgressError","stackTrace":[]}`},
		"other":    {awsevent.Event{}, true, `{"errorMessage":"","errorType":"IdempotencyAlreadyInProgressError","stackTrace":[]}`},
	} {
		post := p.Post(test.source, test.http)
		if string(post.Body) != test.want || post.Failed == (name == "http" || name == "alb") {
			t.Errorf("%s: %+v %s", name, post, post.Body)
		}
		if post.Failed && post.ErrorType != "Function.IdempotencyAlreadyInProgressError" {
			t.Errorf("%s: %s", name, post.ErrorType)
		}
	}
}
