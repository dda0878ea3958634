package paramcache

import (
	"testing"
	"testing/synctest"
	"time"
)

// Whatever makes the next read another answer makes the judge say no before.
func TestAgainSaysNo(t *testing.T) {
	for name, test := range map[string]struct {
		config func(*Config)
		opt    Options
		happen func(t *testing.T, c *Cache, u *upstream)
		again  bool
	}{
		"nothing happened":          {happen: func(*testing.T, *Cache, *upstream) {}, again: true},
		"half a second later":       {happen: func(*testing.T, *Cache, *upstream) { time.Sleep(500 * time.Millisecond) }, again: true},
		"another value was fetched": {happen: func(t *testing.T, c *Cache, _ *upstream) { want(t, c, ssmRef("other"), Options{}, "v2", "miss") }, again: true},
		"the Age is another":        {happen: func(*testing.T, *Cache, *upstream) { time.Sleep(time.Second) }},
		"too old for its own limit": {opt: age(900 * time.Millisecond),
			happen: func(*testing.T, *Cache, *upstream) { time.Sleep(900 * time.Millisecond) }},
		"forced": {happen: func(t *testing.T, c *Cache, _ *upstream) {
			want(t, c, ssmRef("a"), Options{Force: true}, "v2", "refreshed")
		}},
		"purged":     {happen: func(t *testing.T, c *Cache, _ *upstream) { c.Purge(ssmRef("a")) }},
		"all purged": {happen: func(t *testing.T, c *Cache, _ *upstream) { c.PurgeAll() }},
		"purged, and fetched again at the same instant": {happen: func(t *testing.T, c *Cache, _ *upstream) {
			c.PurgeAll()
			want(t, c, ssmRef("a"), Options{}, "v2", "miss")
		}},
		"evicted": {config: func(c *Config) { c.MaxItems = 1 },
			happen: func(t *testing.T, c *Cache, _ *upstream) { want(t, c, ssmRef("other"), Options{}, "v2", "miss") }},
		"denied since": {happen: func(t *testing.T, c *Cache, u *upstream) {
			u.fail(failing(KindAccessDenied))
			want(t, c, ssmRef("a"), Options{Force: true}, "", "access denied")
		}},
		"due for a refresh": {config: func(c *Config) { c.MaxAge, c.RefreshAhead = time.Second, 0.5 },
			happen: func(t *testing.T, c *Cache, _ *upstream) { c.Awake(true); time.Sleep(700 * time.Millisecond) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				config := roomy()
				if test.config != nil {
					test.config(&config)
				}
				u := &upstream{}
				c := newTest(u, config)
				want(t, c, ssmRef("a"), Options{}, "v1", "miss")
				res := want(t, c, ssmRef("a"), test.opt, "v1", "hit")
				again := c.Again(ssmRef("a"), test.opt, &res)
				if again == nil {
					t.Fatal("no judge of a hit")
				}
				c.Take()
				test.happen(t, c, u)
				c.Take()
				if got := again(); got != test.again {
					t.Errorf("again = %v, want %v", got, test.again)
				}
				if hits := c.Take().Hits; (hits == 1) != test.again {
					t.Errorf("%d hits counted", hits)
				}
			})
		})
	}
}

func TestAgainIsForHitsOnly(t *testing.T) {
	u := &upstream{}
	c := newTest(u, roomy())
	miss := want(t, c, ssmRef("a"), Options{}, "v1", "miss")
	hit := want(t, c, ssmRef("a"), Options{}, "v1", "hit")
	for name, again := range map[string]func() bool{
		"a miss":      c.Again(ssmRef("a"), Options{}, &miss),
		"forced":      c.Again(ssmRef("a"), Options{Force: true}, &hit),
		"compared":    c.Again(ssmRef("a"), Options{IfVersion: "0"}, &hit),
		"another ref": c.Again(ssmRef("b"), Options{}, &hit),
	} {
		if again != nil {
			t.Errorf("%s has a judge", name)
		}
	}
}

// The least recently used leaves; being answered from a memo is use.
func TestAgainIsUse(t *testing.T) {
	config := roomy()
	config.MaxItems = 2
	c := newTest(&upstream{}, config)
	want(t, c, ssmRef("a"), Options{}, "v1", "miss")
	res := want(t, c, ssmRef("a"), Options{}, "v1", "hit")
	again := c.Again(ssmRef("a"), Options{}, &res)
	want(t, c, ssmRef("b"), Options{}, "v2", "miss")
	if !again() {
		t.Fatal("no")
	}
	want(t, c, ssmRef("c"), Options{}, "v3", "miss")
	want(t, c, ssmRef("a"), Options{}, "v1", "hit")
}

func TestAgainAllocatesNothing(t *testing.T) {
	c := newTest(&upstream{}, roomy())
	want(t, c, ssmRef("a"), Options{}, "v1", "miss")
	res := want(t, c, ssmRef("a"), Options{}, "v1", "hit")
	again := c.Again(ssmRef("a"), Options{}, &res)
	if n := testing.AllocsPerRun(100, func() { again() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
