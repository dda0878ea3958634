package paramcache

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// 200 readers, purges, a clock that wanders and an upstream that fails now and
// then, under bounds that make entries leave all the time.
func TestConcurrentReaders(t *testing.T) {
	var clock sync.Mutex
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	config := roomy()
	config.MaxItems, config.Region = 20, "eu-west-1"
	config.Account = func() string { return account1 }
	config.Now = func() time.Time {
		clock.Lock()
		defer clock.Unlock()
		now = now.Add(time.Duration(rand.IntN(3000)-500) * time.Millisecond)
		return now
	}
	u := &upstream{answer: cloud}
	c := newTest(u, config)
	const arn = "arn:aws:secretsmanager:eu-west-1:" + account1 + ":secret:"
	var readers sync.WaitGroup
	for reader := range 200 {
		readers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(reader), 2))
			for range 50 {
				name := fmt.Sprintf("db%d", random.IntN(30))
				ref := Ref{Source: Secrets, Name: []string{name, arn + name, arn + name + "-AbCdEf"}[random.IntN(3)]}
				opt := []Options{{}, {}, age(time.Minute), age(0), {Force: true}, {IfVersion: "7"}}[random.IntN(6)]
				res, err := c.Get(context.Background(), ref, opt)
				if err == nil && res.Value.Name != name {
					t.Errorf("asked for %s, got %s", ref.Name, res.Value.Name)
				}
				switch random.IntN(100) {
				case 0:
					c.Purge(ref)
				case 1:
					c.PurgeAll()
				case 2:
					u.fail(failing(KindUpstream))
				case 3, 4, 5:
					u.fail(nil)
				case 6:
					c.Entries()
				}
			}
		})
	}
	readers.Wait()
	checkEntries(t, c.entries)
	if got := c.Take(); got.Reads() != 200*50 || got.UpstreamCalls != uint64(u.count()) || got.Hits == 0 || got.Coalesced == 0 {
		t.Errorf("counted %+v after %d reads and %d calls", got, 200*50, u.count())
	}
}

func hitCache(tb testing.TB, entries int) (*Cache, Ref) {
	tb.Helper()
	config := roomy()
	config.Region, config.MaxItems, config.MaxBytes = "eu-west-1", entries, 1<<30
	c := newTest(&upstream{}, config)
	ref := ssmRef("/service/production/database/password")
	for i := range entries - 1 {
		if _, err := c.Get(context.Background(), ssmRef(fmt.Sprintf("/service/%d", i)), Options{}); err != nil {
			tb.Fatal(err)
		}
	}
	if _, err := c.Get(context.Background(), ref, Options{}); err != nil {
		tb.Fatal(err)
	}
	return c, ref
}

// A hit costs the key and nothing else.
func TestHitAllocates(t *testing.T) {
	c, ref := hitCache(t, 100)
	allocs := testing.AllocsPerRun(100, func() {
		if res, err := c.Get(context.Background(), ref, Options{}); err != nil || res.State != Hit {
			t.Fatal(res.State, err)
		}
	})
	if allocs > 1 {
		t.Errorf("%v allocations per hit, want 1", allocs)
	}
}

func BenchmarkHit(b *testing.B) {
	for _, entries := range []int{10, 1000, 100_000} {
		b.Run(fmt.Sprintf("of %d", entries), func(b *testing.B) {
			c, ref := hitCache(b, entries)
			b.ReportAllocs()
			for b.Loop() {
				if res, err := c.Get(context.Background(), ref, Options{}); err != nil || res.State != Hit {
					b.Fatal(res.State, err)
				}
			}
		})
	}
}

func BenchmarkHitParallel(b *testing.B) {
	c, ref := hitCache(b, 1000)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if res, err := c.Get(context.Background(), ref, Options{}); err != nil || res.State != Hit {
				b.Error(res.State, err)
			}
		}
	})
}

func BenchmarkMiss(b *testing.B) {
	c, ref := hitCache(b, 1000)
	b.ReportAllocs()
	opt := age(0)
	for b.Loop() {
		if _, err := c.Get(context.Background(), ref, opt); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	v := text(`{"host":"db.example.com","port":5432,"username":"app","password":"hunter2hunter2","options":{"ssl":true}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Pick(ssmRef("a"), v, "password"); err != nil {
			b.Fatal(err)
		}
	}
}
