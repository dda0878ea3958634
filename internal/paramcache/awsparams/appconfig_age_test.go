package awsparams_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/paramcache/awsparams"
)

// cached is a cache with the extension's own settings in front of a.
func cached(a awsparams.Caller, opt awsparams.Options, maxBytes int) *paramcache.Cache {
	opt.MaxBytes = maxBytes
	return paramcache.New(awsparams.New(a, opt), zap.NewNop(), paramcache.Config{
		MaxAge: 300 * time.Second, MaxAges: map[paramcache.Source]time.Duration{paramcache.AppConfig: 45 * time.Second},
		StaleIfError: 24 * time.Hour, MaxItems: 1000, MaxBytes: maxBytes,
	})
}

func told(c *paramcache.Cache, opt paramcache.Options) string {
	res, err := c.Get(context.Background(), profileRef, opt)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s %s, age %d", res.Value.Text.Reveal(), res.State, int(res.Age.Seconds()))
}

// Age and state tell the time of the poll, before, during and after a
// deployment, whoever asks.
func TestAgeAcrossADeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAppConfig("old")
		a.interval = 36 * time.Second // what the session asks for
		c := cached(a, awsparams.Options{ConfigPoll: 36 * time.Second}, 1<<20)
		five := 5 * time.Second
		var got []string
		at := time.Now()
		note := func(second int, what string, opt paramcache.Options) {
			time.Sleep(time.Until(at.Add(time.Duration(second) * time.Second)))
			if what == "purge" {
				c.Purge(profileRef)
			}
			got = append(got, fmt.Sprintf("%3d s %s: %s", second, what, told(c, opt)))
		}
		note(0, "first", paramcache.Options{})
		note(10, "default", paramcache.Options{})
		a.change(func() { a.config["app/env/profile"], a.label = "new", "v2" })
		note(20, "default", paramcache.Options{})
		note(30, "max_age=5", paramcache.Options{MaxAge: &five}) // AppConfig does not let itself be asked yet
		note(45, "default", paramcache.Options{})
		note(50, "default", paramcache.Options{})
		a.change(func() { a.config["app/env/profile"] = "newer" })
		note(60, "force", paramcache.Options{Force: true})
		a.change(func() { a.config["app/env/profile"] = "newest" })
		note(70, "purge", paramcache.Options{})
		note(80, "default", paramcache.Options{})
		want := []string{
			"  0 s first: old miss, age 0",
			" 10 s default: old hit, age 10",
			" 20 s default: old hit, age 20",
			" 30 s max_age=5: old stale, age 30",
			" 45 s default: new refreshed, age 0",
			" 50 s default: new hit, age 5",
			" 60 s force: newer refreshed, age 0",
			" 70 s purge: newest miss, age 0",
			" 80 s default: newest hit, age 10",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if got := a.counts(); got != [3]int{3, 4, 0} {
			t.Errorf("sessions, polls, refusals: %v", got)
		}
	})
}

// Sessions count against the cache's bytes, and are nowhere when nothing is to
// be kept.
func TestSessionsCount(t *testing.T) {
	a := newAppConfig(strings.Repeat("x", 10_000))
	p := awsparams.New(a, awsparams.Options{MaxBytes: 100_000})
	if _, err := p.Fetch(t.Context(), profileRef); err != nil || p.Held() < 10_000 || p.Held() > 12_000 {
		t.Errorf("%d bytes held, %v", p.Held(), err)
	}
	p.ForgetRef(profileRef)
	if p.Held() != 0 {
		t.Errorf("%d bytes held of what is forgotten", p.Held())
	}
	small := awsparams.New(a, awsparams.Options{MaxBytes: 15_000})
	if v, err := small.Fetch(t.Context(), profileRef); err != nil || len(v.Text) != 10_000 || small.Held() != 0 {
		t.Errorf("%d bytes, %v, %d held where there is half the room", len(v.Text), err, small.Held())
	}
	keep := false
	none := awsparams.New(a, awsparams.Options{Keep: func() bool { return keep }})
	before := a.counts()
	for range 2 {
		if _, err := none.Fetch(t.Context(), profileRef); err != nil || none.Held() != 0 {
			t.Errorf("%v, %d bytes held", err, none.Held())
		}
	}
	keep = true
	for range 2 {
		if _, err := none.Fetch(t.Context(), profileRef); err != nil || none.Held() == 0 {
			t.Errorf("%v, %d bytes held", err, none.Held())
		}
	}
	if got := a.counts(); got[0]-before[0] != 3 {
		t.Errorf("%d sessions of four reads, three of which kept none", got[0]-before[0])
	}
}

// slowPages is a path whose pages take so long each; it never ends.
type slowPages struct{ took time.Duration }

func (s slowPages) Call(ctx context.Context, _ awsapi.Operation, _, out any) error {
	select {
	case <-time.After(s.took):
	case <-ctx.Done():
		return &awsapi.TransportError{Service: "ssm", Operation: "GetParametersByPath", Timeout: true, Err: ctx.Err()}
	}
	return fill(out, fmt.Sprintf(`{"Parameters":[{"Name":"/a/b","Value":"v","Type":"String","Version":1}],"NextToken":"t%d"}`, time.Now().UnixNano()))
}

// A path has the limit of a call for each page, and ends with the invocation;
// then it says how far it came and what would help.
func TestGroupsAreCutShort(t *testing.T) {
	for name, tc := range map[string]struct {
		page, whole time.Duration
		ends        time.Duration
		want        []string
	}{
		"the invocation ends": {time.Second, 10*time.Second + 500*time.Millisecond, 10*time.Second + 500*time.Millisecond, []string{"10 pages with 10 values", "the function's timeout", "POWERTOOLS_PARAMETERS_PREFETCH"}},
		"a page is too slow":  {4 * time.Second, time.Minute, 3 * time.Second, []string{"0 pages", "POWERTOOLS_PARAMETERS_TIMEOUT"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := awsparams.New(slowPages{tc.page}, awsparams.Options{Timeout: func(paramcache.Source) time.Duration { return 3 * time.Second }})
				ctx, cancel := context.WithTimeout(t.Context(), tc.whole)
				defer cancel()
				began := time.Now()
				_, err := p.Fetch(ctx, paramcache.Ref{Source: "ssm", Name: "/a", Path: true})
				if took := time.Since(began); took != tc.ends || err == nil {
					t.Fatalf("%v after %v", err, took)
				}
				for _, want := range tc.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%v\nsays nothing of %s", err, want)
					}
				}
			})
		})
	}
}
