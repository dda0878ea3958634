package paramcache

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func failed(t *testing.T, c *Cache, ref Ref, opt Options) *Error {
	t.Helper()
	_, err := c.Get(context.Background(), ref, opt)
	known, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("%s: no error", ref)
	}
	return known
}

// What the service says of the caller leaves the value alone, fresh and stale;
// what it says of the value takes it from everyone, at once.
func TestWhatDisowns(t *testing.T) {
	denial := func(kind Kind) *Error { return &Error{Kind: kind, Code: "X", Message: "m"} }
	between := denial(KindAccessDenied)
	between.Between = true
	for name, tc := range map[string]struct {
		err   *Error
		keeps bool
	}{
		"credentials":      {denial(KindCredentials), true},
		"throttled":        {denial(KindThrottled), true},
		"a proxy's denial": {between, true},
		"denied":           {denial(KindAccessDenied), false},
		"not found":        {denial(KindNotFound), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{}
				c := newTest(u, roomy())
				want(t, c, ssmRef("a"), Options{}, "v1", "miss")
				u.fail(tc.err)
				state := tc.err.Kind.String()
				if tc.keeps {
					want(t, c, ssmRef("a"), Options{Force: true}, "v1", "stale")
					want(t, c, ssmRef("a"), Options{}, "v1", "hit")
					time.Sleep(time.Hour)
					want(t, c, ssmRef("a"), Options{}, "v1", "stale")
				} else {
					want(t, c, ssmRef("a"), Options{Force: true}, "", state)
					want(t, c, ssmRef("a"), Options{}, "", state)
					want(t, c, ssmRef("a"), age(time.Hour), "", state)
					time.Sleep(time.Hour)
					u.fail(denial(KindThrottled)) // not even in the next outage
					want(t, c, ssmRef("a"), Options{}, "", "throttled")
					if n := len(c.Entries()); n != 0 {
						t.Errorf("%d entries are listed", n)
					}
				}
				want(t, c, ssmRef("nothing held"), Options{}, "", map[bool]string{true: state, false: "throttled"}[tc.keeps])
			})
		})
	}
}

// A denial by one name is one by every name, in groups too; a denial of one
// version says nothing of the others.
func TestDisownedByEveryName(t *testing.T) {
	const secret = "arn:aws:secretsmanager:eu-west-1:" + account1 + ":secret:"
	current, older := Ref{Source: Secrets, Name: "db"}, Ref{Source: Secrets, Name: "db", Label: "AWSPREVIOUS"}
	path := Ref{Source: SSM, Name: "/app", Path: true}
	for name, tc := range map[string]struct {
		held    []Ref
		denied  Ref
		refused []bool
	}{
		"secret by ARN":          {[]Ref{current}, Ref{Source: Secrets, Name: secret + "db-AbCdEf"}, []bool{true}},
		"secret, all its stages": {[]Ref{current, older}, current, []bool{true, true}},
		"secret, one stage":      {[]Ref{current, older}, older, []bool{false, true}},
		"parameter and its path": {[]Ref{ssmRef("/app/db"), path, ssmRef("/app/other")}, ssmRef("/app/db"), []bool{true, true, false}},
		"path alone":             {[]Ref{ssmRef("/app/db"), path}, path, []bool{false, true}},
		"decrypted or not":       {[]Ref{ssmRef("/a"), {Source: SSM, Name: "/a", Decrypt: true}}, ssmRef("/a"), []bool{true, true}},
		"another region":         {[]Ref{ssmRef("/a"), {Source: SSM, Name: "/a", Region: "us-east-1"}}, ssmRef("/a"), []bool{true, false}},
	} {
		t.Run(name, func(t *testing.T) {
			config := roomy()
			config.Region, config.Account = "eu-west-1", func() string { return account1 }
			u := &upstream{answer: cloud}
			c := newTest(u, config)
			for _, ref := range tc.held {
				if _, err := c.Get(t.Context(), ref, Options{}); err != nil {
					t.Fatal(err)
				}
			}
			u.fail(&Error{Kind: KindAccessDenied, Code: "AccessDeniedException", Message: "m"})
			failed(t, c, tc.denied, Options{Force: true})
			for i, ref := range tc.held {
				_, err := c.Get(t.Context(), ref, Options{})
				if (err != nil) != tc.refused[i] {
					t.Errorf("%s: %v, want refused: %v", ref, err, tc.refused[i])
				}
			}
		})
	}
}

// A failure answers again no longer than a value might, and says that it does.
func TestNegativeMemoryIsBounded(t *testing.T) {
	zero, half, dropIn := age(0), age(500*time.Millisecond), Options{RememberDenial: time.Second}
	for name, tc := range map[string]struct {
		kind  Kind
		opt   Options
		lasts time.Duration
	}{
		"transient":                   {KindUpstream, Options{}, time.Second},
		"credentials":                 {KindCredentials, Options{}, time.Second},
		"denied":                      {KindAccessDenied, Options{}, 5 * time.Second},
		"not found":                   {KindNotFound, Options{}, 5 * time.Second},
		"denied, drop-in":             {KindAccessDenied, dropIn, time.Second},
		"not found, drop-in":          {KindNotFound, dropIn, time.Second},
		"denied, own limit":           {KindAccessDenied, half, 500 * time.Millisecond},
		"transient, own limit":        {KindTimeout, half, 500 * time.Millisecond},
		"not found, longer limit":     {KindNotFound, age(time.Hour), 5 * time.Second},
		"not found, two seconds":      {KindNotFound, age(2 * time.Second), 2 * time.Second},
		"not found, not to be stored": {KindNotFound, zero, 0},
		"not found, forced":           {KindNotFound, Options{Force: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{err: failing(tc.kind)}
				c := newTest(u, roomy())
				failed(t, c, ssmRef("a"), Options{})
				if tc.lasts > 0 {
					time.Sleep(tc.lasts - 1)
					again := failed(t, c, ssmRef("a"), tc.opt)
					if !again.Remembered || again.Age != tc.lasts-1 || u.count() != 1 {
						t.Errorf("remembered %v, age %v, %d calls", again.Remembered, again.Age, u.count())
					}
					time.Sleep(time.Nanosecond)
				}
				if again := failed(t, c, ssmRef("a"), tc.opt); again.Remembered || u.count() != 2 {
					t.Errorf("remembered %v, %d calls", again.Remembered, u.count())
				}
			})
		})
	}
}

// A plain parameter is the same with and without decryption; a SecureString is
// not, also where it was plain before.
func TestPlainParametersServeBothWays(t *testing.T) {
	synctest.Test(t, plainParameters)
}

func plainParameters(t *testing.T) {
	kind := "String"
	u := &upstream{answer: func(ref Ref, call int) Value {
		text := fmt.Sprintf("v%d", call)
		if kind == "SecureString" && !ref.Decrypt {
			text = "ciphertext " + text
		}
		return Value{Name: ref.Name, Text: Secret(text), IsText: true, Version: fmt.Sprint(call), Type: kind}
	}}
	c := newTest(u, roomy())
	plain, decrypted := ssmRef("/a"), Ref{Source: SSM, Name: "/a", Decrypt: true}
	want(t, c, decrypted, Options{}, "v1", "miss")
	want(t, c, plain, Options{}, "v1", "hit")
	want(t, c, plain, Options{Force: true}, "v2", "refreshed")
	want(t, c, decrypted, Options{}, "v2", "hit")
	time.Sleep(2 * time.Second)
	kind = "SecureString"
	want(t, c, plain, Options{Force: true}, "ciphertext v3", "refreshed")
	want(t, c, decrypted, Options{}, "v4", "miss")
	want(t, c, plain, Options{}, "ciphertext v3", "hit")
	want(t, c, decrypted, Options{}, "v4", "hit")
	time.Sleep(2 * time.Second)
	kind = "StringList"
	want(t, c, decrypted, Options{Force: true}, "v5", "refreshed")
	want(t, c, plain, Options{}, "v5", "hit")
	if len(c.Entries()) != 1 {
		t.Errorf("%d entries of one parameter", len(c.Entries()))
	}
	checkEntries(t, c.entries)
	c.Purge(plain)
	want(t, c, decrypted, Options{}, "v6", "miss")
}

// An answer that the service did not give now is as old as its poll.
func TestPolledBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var polled time.Time
		u := &upstream{answer: func(ref Ref, call int) Value {
			if polled.IsZero() || time.Since(polled) >= time.Minute {
				polled = time.Now()
			}
			return Value{Name: ref.Name, Text: Secret(polled.Format("04:05")), IsText: true, Polled: polled}
		}}
		config := roomy()
		config.MaxAge = 0
		config.MaxAges = map[Source]time.Duration{AppConfig: 20 * time.Second}
		c := newTest(u, config)
		ref := Ref{Source: AppConfig, Name: "a/b/c"}
		first := want(t, c, ref, Options{}, time.Now().Format("04:05"), "miss")
		time.Sleep(30 * time.Second)
		res := want(t, c, ref, Options{}, first.Value.Text.Reveal(), "stale") // older than its age, and not to be had younger
		if res.Age != 30*time.Second || res.Err != nil {
			t.Errorf("age %v, error %v", res.Age, res.Err)
		}
		hour := age(time.Hour)
		if res := want(t, c, ref, hour, first.Value.Text.Reveal(), "hit"); res.Age != 30*time.Second {
			t.Errorf("age %v", res.Age)
		}
		time.Sleep(30 * time.Second)
		if res := want(t, c, ref, Options{}, time.Now().Format("04:05"), "refreshed"); res.Age != 0 {
			t.Errorf("age %v after a poll", res.Age)
		}
	})
}

// What the provider keeps of a ref goes before a forced fetch and by a purge,
// and what it holds counts against the bound.
func TestProviderKeepsSomething(t *testing.T) {
	s := &shop{}
	config := roomy()
	config.MaxBytes = 4000
	c := newTest(s, config)
	want(t, c, ssmRef("a"), Options{}, "a v1", "miss")
	want(t, c, ssmRef("a"), Options{Force: true}, "a v1", "refreshed")
	c.Purge(ssmRef("a"))
	if len(s.forgot) != 2 {
		t.Errorf("forgotten: %q, want one by force and one by the purge", s.forgot)
	}
	for i := range 10 {
		want(t, c, ssmRef(fmt.Sprint(i)), Options{}, fmt.Sprintf("%d v1", i), "miss")
	}
	before := len(c.Entries())
	s.held = 3000
	want(t, c, ssmRef("x"), Options{}, "x v1", "miss")
	if after := len(c.Entries()); after >= before || after == 0 {
		t.Errorf("%d entries beside 3000 bytes of the provider's, %d before", after, before)
	}
	s.held = 5000
	want(t, c, ssmRef("y"), Options{}, "y v1", "miss")
	if after := len(c.Entries()); after != 0 {
		t.Errorf("%d entries where the provider has all the room", after)
	}
}

// A group has the time of the invocation, not that of one call; without an
// invocation it has an end as well.
func TestGroupsHaveTheTimeOfTheInvocation(t *testing.T) {
	for name, tc := range map[string]struct {
		ref      Ref
		deadline time.Duration // from now; 0: no invocation runs
		ends     time.Duration
	}{
		"parameter":                {ssmRef("/a"), 30 * time.Second, 3 * time.Second},
		"path":                     {Ref{Source: SSM, Name: "/a", Path: true}, 30 * time.Second, 30*time.Second - answerMargin - groupMargin},
		"path, short":              {Ref{Source: SSM, Name: "/a", Path: true}, time.Second, time.Second - answerMargin - groupMargin},
		"sort keys, no invocation": {Ref{Source: DynamoDB, Name: "T", Key: "k", AllSorts: true}, 0, maxGroupTime},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				config := roomy()
				config.Deadline = func() time.Time {
					if tc.deadline == 0 {
						return time.Time{}
					}
					return began.Add(tc.deadline)
				}
				c := newTest(&upstream{took: time.Hour}, config)
				if e := failed(t, c, tc.ref, Options{}); e.Kind != KindTimeout {
					t.Errorf("%v", e)
				}
				if took := time.Since(began); took != tc.ends {
					t.Errorf("ended after %v, want %v", took, tc.ends)
				}
			})
		})
	}
}

// An error names where it was read.
func TestErrorsNameTheRegion(t *testing.T) {
	config := roomy()
	config.Region = "eu-west-1"
	config.Allow = []string{"ssm:*", "ssm:*?region=us-east-1"}
	c := newTest(&upstream{err: failing(KindNotFound)}, config)
	for region, ref := range map[string]Ref{"eu-west-1": ssmRef("a"), "us-east-1": {Source: SSM, Name: "a", Region: "us-east-1"}, "ap-south-1": {Source: SSM, Name: "a", Region: "ap-south-1"}} {
		if e := failed(t, c, ref, Options{}); e.Region != region || e.Ref != ref {
			t.Errorf("%s: region %q", ref, e.Region)
		}
	}
}

// A read without decryption shares a fetch with it that is on its way: a plain
// parameter is the same, and a ciphertext is fetched by itself.
func TestSharesAFetchThatDecrypts(t *testing.T) {
	for kind, want := range map[string]struct {
		text, state string
		calls       int
	}{"String": {"v1", "coalesced", 1}, "SecureString": {"ciphertext v2", "miss", 2}} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &upstream{took: time.Second, answer: func(ref Ref, call int) Value {
					text := fmt.Sprintf("v%d", call)
					if kind == "SecureString" && !ref.Decrypt {
						text = "ciphertext " + text
					}
					return Value{Name: ref.Name, Text: Secret(text), IsText: true, Type: kind}
				}}
				c := newTest(u, roomy())
				go c.Warm(t.Context(), []Ref{{Source: SSM, Name: "/a", Decrypt: true}})
				time.Sleep(time.Millisecond)
				res, err := c.Get(t.Context(), ssmRef("/a"), Options{})
				if err != nil || res.Value.Text.Reveal() != want.text || string(res.State) != want.state || u.count() != want.calls {
					t.Errorf("%q %s, %v after %d calls; want %q %s after %d", res.Value.Text.Reveal(), res.State, err, u.count(), want.text, want.state, want.calls)
				}
			})
		})
	}
}
