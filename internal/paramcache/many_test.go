package paramcache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// answers is text and state, or the kind of error, of each result.
func answers(results []Result, errs []error) (got []string) {
	for i := range results {
		if failed, ok := errors.AsType[*Error](errs[i]); ok {
			got = append(got, failed.Kind.String())
			continue
		}
		got = append(got, results[i].Value.Text.Reveal()+" "+string(results[i].State))
	}
	return got
}

func wantCalls(t *testing.T, s *shop, want ...string) {
	t.Helper()
	got := s.taken()
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls:\n%s", diff)
	}
}

func TestGetMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := roomy()
		config.Allow = []string{"ssm:*", "dynamodb:*", "ssm:c?region=us-east-1", "ssm:c?role_arn=arn:aws:iam::123456789012:role/r"}
		s := &shop{took: time.Millisecond}
		c := newTest(s, config)
		want(t, c, ssmRef("b"), Options{}, "b v1", "miss")
		wantCalls(t, s, "ssm:b")
		refs := append(ssmRefs("a", "b", "none", "a"), Ref{Source: Secrets, Name: "x"}, Ref{Source: SSM, Name: "a", Decrypt: true},
			Ref{Source: SSM, Name: "c", Region: "us-east-1"}, Ref{Source: SSM, Name: "c", RoleARN: "arn:aws:iam::123456789012:role/r"}, ssmRef("d"))
		got := answers(c.GetMany(t.Context(), refs, Options{}))
		expect := []string{"a v1 miss", "b v1 hit", "not found", "a v1 coalesced", "access denied", "a v1 miss", "c v1 miss", "c v1 miss", "d v1 miss"}
		if diff := cmp.Diff(expect, got); diff != "" {
			t.Error(diff)
		}
		// Region, role and decryption each have a call of their own.
		wantCalls(t, s, "ssm:a ssm:none ssm:d", "ssm:a?decrypt=true", "ssm:c?region=us-east-1", "ssm:c?role_arn=arn:aws:iam::123456789012:role/r")
		got = answers(c.GetMany(t.Context(), refs, Options{}))
		expect = []string{"a v1 hit", "b v1 hit", "not found", "a v1 hit", "access denied", "a v1 hit", "c v1 hit", "c v1 hit", "d v1 hit"}
		if diff := cmp.Diff(expect, got); diff != "" {
			t.Error(diff)
		}
		wantCalls(t, s)
		if got := c.Take(); got.Reads() != 19 || got.UpstreamCalls != 5 || got.Coalesced != 1 {
			t.Errorf("counted %+v", got)
		}
		results, errs := c.GetMany(t.Context(), nil, Options{})
		if len(results) != 0 || len(errs) != 0 {
			t.Errorf("%d results, %d errors of nothing", len(results), len(errs))
		}
	})
}

// A batch has one region: an ARN's, whether this package understands it or not.
func TestLanes(t *testing.T) {
	config := roomy()
	config.Region, config.Account = "eu-west-1", func() string { return account1 }
	own := newTest(&upstream{}, config)
	plain := own.lane(ssmRef("a"))
	for name, tc := range map[string]struct {
		ref  Ref
		same bool
	}{
		"a name":                {ssmRef("/b"), true},
		"own region":            {Ref{Source: SSM, Name: "a", Region: "eu-west-1"}, true},
		"ARN of the own region": {ssmRef("arn:aws:ssm:eu-west-1:" + account1 + ":parameter/a"), true},
		"another region":        {Ref{Source: SSM, Name: "a", Region: "us-east-1"}, false},
		"ARN elsewhere":         {ssmRef("arn:aws:ssm:us-east-1:" + account1 + ":parameter/a"), false},
		"odd ARN elsewhere":     {ssmRef("arn:aws:ssm:us-east-1:" + account1 + ":document/a"), false},
		"region and ARN":        {Ref{Source: SSM, Name: "arn:aws:ssm:eu-west-1:1:parameter/a", Region: "us-east-1"}, false},
		"role":                  {Ref{Source: SSM, Name: "a", RoleARN: "r"}, false},
		"decrypted":             {Ref{Source: SSM, Name: "a", Decrypt: true}, false},
		"secret":                {Ref{Source: Secrets, Name: "a"}, false},
	} {
		if same := own.lane(tc.ref) == plain; same != tc.same {
			t.Errorf("%s: in one lane with a: %v, want %v", name, same, tc.same)
		}
	}
}

// Groups and refs that do not batch come along, each by a call of its own.
func TestGetManyOfAllKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{took: time.Millisecond}
		c := newTest(s, roomy())
		results, errs := c.GetMany(t.Context(), []Ref{{Source: SSM, Name: "/p", Path: true}, ssmRef("/p"), {Source: SSM, Name: "/p", Path: true, Recursive: true}}, Options{})
		for i, members := range []int{2, 0, 2} {
			if errs[i] != nil || len(results[i].Value.Members) != members {
				t.Errorf("%d: %d members, %v", i, len(results[i].Value.Members), errs[i])
			}
		}
		wantCalls(t, s, "ssm-path:/p", "ssm-path:/p?recursive=true", "ssm:/p")
	})
}

func TestGetManyWaitsAsLongAsItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{took: time.Second}
		c := newTest(s, roomy())
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if got := answers(c.GetMany(ctx, ssmRefs("a", "b"), Options{})); !slices.Equal(got, []string{"timeout", "timeout"}) {
			t.Error(got)
		}
		time.Sleep(time.Second)
		if got := answers(c.GetMany(t.Context(), ssmRefs("a", "b"), Options{})); !slices.Equal(got, []string{"a v1 hit", "b v1 hit"}) {
			t.Error(got)
		}
		wantCalls(t, s, "ssm:a ssm:b")
	})
}

// A lone read goes at once; those that arrive while it is on its way leave
// together when it lands.
func TestReadsThatArriveTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{took: 10 * time.Millisecond}
		c := newTest(s, roomy())
		began := time.Now()
		var readers sync.WaitGroup
		read := func(after time.Duration, name string, took time.Duration) {
			readers.Go(func() {
				time.Sleep(after)
				want(t, c, ssmRef(name), Options{}, name+" v1", "miss")
				if got := time.Since(began); got != took {
					t.Errorf("%s was there after %v, want %v", name, got, took)
				}
			})
		}
		read(0, "a", 10*time.Millisecond)
		read(time.Millisecond, "b", 20*time.Millisecond)
		read(2*time.Millisecond, "c", 20*time.Millisecond)
		read(15*time.Millisecond, "d", 30*time.Millisecond)
		readers.Wait()
		wantCalls(t, s, "ssm:a", "ssm:b ssm:c", "ssm:d")
		if n := lanesLeft(c); n != 0 {
			t.Errorf("%d lanes are left", n)
		}
		time.Sleep(time.Second)
		began = time.Now()
		read(0, "e", 10*time.Millisecond) // nothing waits for what might come
		readers.Wait()
	})
}

func lanesLeft(c *Cache) int {
	synctest.Wait()
	c.lanes.mu.Lock()
	defer c.lanes.mu.Unlock()
	return len(c.lanes.queues)
}

// A call that hangs holds the others up for a moment only.
func TestGatheringIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{took: time.Hour}
		c := newTest(s, roomy())
		var readers sync.WaitGroup
		readers.Go(func() { want(t, c, ssmRef("hangs"), Options{}, "", "timeout") })
		synctest.Wait()
		s.change(func() { s.took = 10 * time.Millisecond })
		began := time.Now()
		for _, name := range []string{"a", "b"} {
			readers.Go(func() {
				want(t, c, ssmRef(name), Options{}, name+" v1", "miss")
				if took := time.Since(began); took != 30*time.Millisecond {
					t.Errorf("%s took %v, want 30 ms", name, took)
				}
			})
		}
		time.Sleep(time.Second)
		// A full batch does not wait at all.
		full := time.Now()
		for i := range 10 {
			readers.Go(func() {
				if _, err := c.Get(t.Context(), ssmRef(fmt.Sprint(i)), Options{}); err != nil || time.Since(full) > 10*time.Millisecond {
					t.Errorf("%v after %v", err, time.Since(full))
				}
			})
		}
		readers.Wait()
		calls := s.taken()
		if len(calls) != 3 || len(strings.Fields(calls[1])) != 2 || len(strings.Fields(calls[2])) != 10 {
			t.Errorf("calls: %q", calls)
		}
		if n := lanesLeft(c); n != 0 {
			t.Errorf("%d lanes are left", n)
		}
	})
}

// broken answers a batch with too little.
type broken struct{ shop }

func (b *broken) FetchMany(context.Context, []Ref) ([]Value, []error) { return []Value{{}}, nil }

type exploding struct{ shop }

func (e *exploding) FetchMany(context.Context, []Ref) ([]Value, []error) { panic("s3cr3t") }

type sizeless struct{ shop }

func (s *sizeless) BatchSize(Ref) int { panic("no size") }

func TestBatcherThatBreaksItsContract(t *testing.T) {
	for name, tc := range map[string]struct {
		p    Provider
		want []string
	}{
		"too little":         {&broken{}, []string{"internal", "internal"}},
		"panic":              {&exploding{}, []string{"internal", "internal"}},
		"panic for the size": {&sizeless{}, []string{"a v1 miss", "b v1 miss"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newTest(tc.p, roomy())
			if got := answers(c.GetMany(t.Context(), ssmRefs("a", "b"), Options{})); !slices.Equal(got, tc.want) {
				t.Error(got)
			}
			if len(c.flights) != 0 {
				t.Errorf("%d flights are left", len(c.flights))
			}
		})
	}
}

// Warm is a barrier with a time limit; what is late arrives later, and reads
// meanwhile share its fetches.
func TestWarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zapcore.DebugLevel)
		s := &shop{took: 300 * time.Millisecond}
		config := roomy()
		config.MaxAges = map[Source]time.Duration{AppConfig: 0}
		c := New(s, zap.New(core), config)
		refs := append(ssmRefs("a", "b", "none"), Ref{Source: Secrets, Name: "x"}, Ref{Source: AppConfig, Name: "a/e/p"})
		began := time.Now()
		var reader sync.WaitGroup
		reader.Go(func() {
			time.Sleep(100 * time.Millisecond)
			want(t, c, ssmRef("b"), Options{}, "b v1", "coalesced")
		})
		c.Warm(t.Context(), refs)
		if took := time.Since(began); took != 300*time.Millisecond {
			t.Errorf("took %v", took)
		}
		reader.Wait()
		wantCalls(t, s, "secrets:x", "ssm:a ssm:b ssm:none") // nothing for what is not to be kept
		if logs.Len() != 1 || logs.All()[0].ContextMap()["ref"] != "ssm:none" {
			t.Errorf("logged %v", logs.All())
		}
		want(t, c, ssmRef("a"), Options{}, "a v1", "hit")

		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began = time.Now()
		c.Warm(ctx, ssmRefs("late"))
		if took := time.Since(began); took != 200*time.Millisecond {
			t.Errorf("took %v", took)
		}
		time.Sleep(100 * time.Millisecond)
		synctest.Wait()
		want(t, c, ssmRef("late"), Options{}, "late v1", "hit")
	})
}
