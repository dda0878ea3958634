package paramcache

import (
	"testing"
	"testing/synctest"
	"time"
)

// Mistakes that other libraries have made, each as a test that this one does
// not. Those of providers are beside the providers.

// get("/foo/bar") once answered with the dictionary that get_multiple("/foo/bar")
// had cached.
func TestPeerBugGroupAnswersForItsName(t *testing.T) {
	c := newTest(&shop{}, roomy())
	path := Ref{Source: SSM, Name: "/foo/bar", Path: true}
	for _, ref := range []Ref{path, ssmRef("/foo/bar")} {
		res, err := c.Get(t.Context(), ref, Options{})
		if err != nil || res.State != Miss || (len(res.Value.Members) == 2) != ref.Path || res.Value.IsText == ref.Path {
			t.Errorf("%s: %s with %d members, text %v, %v", ref, res.State, len(res.Value.Members), res.Value.IsText, err)
		}
	}
	all := Ref{Source: DynamoDB, Name: "T", Key: "k", AllSorts: true}
	one := Ref{Source: DynamoDB, Name: "T", Key: "k"}
	for _, ref := range []Ref{all, one} {
		if res, err := c.Get(t.Context(), ref, Options{}); err != nil || res.State != Miss {
			t.Errorf("%s: %s, %v", ref, res.State, err)
		}
	}
}

// The second forced get_multiple once made no call: two arguments were swapped.
func TestPeerBugForcedGroupIsNotFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{}
		c := newTest(s, roomy())
		path := Ref{Source: SSM, Name: "/app", Path: true}
		for _, state := range []State{Miss, Refreshed, Refreshed} {
			time.Sleep(time.Second)
			if res, err := c.Get(t.Context(), path, Options{Force: true}); err != nil || res.State != state {
				t.Errorf("%s, %v; want %s", res.State, err, state)
			}
		}
		wantCalls(t, s, "ssm-path:/app", "ssm-path:/app", "ssm-path:/app")
	})
}

// A transform in get_parameters_by_name once failed for every name. Here a
// batch answers with raw values, whatever is made of them.
func TestPeerBugTransformOfABatch(t *testing.T) {
	c := newTest(&upstream{answer: func(ref Ref, _ int) Value { return Value{Name: ref.Name, Text: `{"a":1}`, IsText: true} }}, roomy())
	refs := ssmRefs("/a.json", "/b")
	results, errs := c.GetMany(t.Context(), refs, Options{})
	for i, kind := range []TransformKind{TransformAuto, TransformJSON} {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		got, err := Transform(refs[i], results[i].Value, kind)
		if err != nil || string(got.JSON) != `{"a":1}` {
			t.Errorf("%s, %v", got.JSON, err)
		}
	}
}

// What was read while the function started was once never read again.
func TestPeerBugNeverRefreshedAfterInit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{took: time.Millisecond}
		c := newTest(s, roomy())
		c.Warm(t.Context(), ssmRefs("a"))
		want(t, c, ssmRef("a"), Options{}, "a v1", "hit")
		s.change(func() { s.version = map[string]int{"a": 1} })
		time.Sleep(331 * time.Second)
		want(t, c, ssmRef("a"), Options{}, "a v2", "refreshed")
	})
}

// A transformed value once was an upstream call and an entry of its own.
func TestPeerBugOneCallPerTransform(t *testing.T) {
	s := &shop{}
	c := newTest(s, roomy())
	for range 3 {
		if _, err := c.Get(t.Context(), ssmRef("a"), Options{}); err != nil {
			t.Fatal(err)
		}
	}
	wantCalls(t, s, "ssm:a")
}

// Prefetched by name, a secret was once missed by its ARN and by its stage.
func TestPeerBugPrefetchMissesByARN(t *testing.T) {
	config := roomy()
	config.Region, config.Account = "eu-west-1", func() string { return account1 }
	u := &upstream{answer: cloud}
	c := newTest(u, config)
	c.Warm(t.Context(), []Ref{{Source: Secrets, Name: "app/db"}})
	const arn = "arn:aws:secretsmanager:eu-west-1:" + account1 + ":secret:app/db"
	for _, ref := range []Ref{{Source: Secrets, Name: arn}, {Source: Secrets, Name: arn + "-AbCdEf"}, {Source: Secrets, Name: "app/db", Label: "AWSCURRENT"}} {
		want(t, c, ref, Options{}, "v1", "hit")
	}
}

// That nothing is there was once kept as long as a value. A group that is empty
// is asked for again soon.
func TestEmptyGroupIsNotKeptForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{}
		c := newTest(s, roomy())
		empty := Ref{Source: SSM, Name: "/empty", Path: true}
		for _, step := range []struct {
			after time.Duration
			state State
		}{{0, Miss}, {5*time.Second - 1, Hit}, {1, Refreshed}} {
			time.Sleep(step.after)
			res, err := c.Get(t.Context(), empty, Options{})
			if err != nil || res.State != step.state || res.Value.Members == nil {
				t.Errorf("%s, %v; want %s", res.State, err, step.state)
			}
		}
	})
}

// What a group holds counts against the bound by bytes.
func TestGroupsCountTheirMembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := roomy()
		config.MaxBytes = 4000
		members := 0
		u := &upstream{answer: func(Ref, int) Value {
			v := Value{Members: []Value{}}
			for range members {
				v.Members = append(v.Members, Value{Name: "m", Text: "0123456789", IsText: true})
			}
			return v
		}}
		c := newTest(u, config)
		for _, n := range []int{10, 100} {
			members = n
			res, err := c.Get(t.Context(), Ref{Source: SSM, Name: "/p", Path: true}, Options{Force: true})
			if err != nil || len(res.Value.Members) != n || res.FreshUntil.IsZero() != (n == 100) {
				t.Errorf("%d members, fresh until %v, %v", len(res.Value.Members), res.FreshUntil, err)
			}
			checkEntries(t, c.entries)
			time.Sleep(time.Second)
		}
	})
}
