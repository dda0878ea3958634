package paramcache

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// account1 is the function's own account in these tests.
const account1 = "111122223333"

// cloud answers like the services: by name, partial and full ARN alike, with
// the thing's own name and full ARN.
func cloud(ref Ref, call int) Value {
	name := ref.Name
	if at := strings.LastIndex(name, ":parameter"); at >= 0 {
		name = name[at+len(":parameter"):]
		if strings.Count(name, "/") == 1 {
			name = name[1:]
		}
	}
	if at := strings.LastIndex(name, ":secret:"); at >= 0 {
		name = strings.TrimSuffix(name[at+len(":secret:"):], "-AbCdEf")
	}
	v := Value{Name: name, Text: Secret(fmt.Sprintf("v%d", call)), IsText: true, Version: fmt.Sprint(call)}
	region := "eu-west-1"
	if ref.Region != "" {
		region = ref.Region
	}
	switch ref.Source {
	case SSM:
		v.ARN = "arn:aws:ssm:" + region + ":" + account1 + ":parameter/" + strings.TrimPrefix(name, "/")
	case Secrets:
		v.ARN = "arn:aws:secretsmanager:" + region + ":" + account1 + ":secret:" + name + "-AbCdEf"
	}
	return v
}

// Whichever form is asked for first, the others are hits; with an unknown
// account at the latest when the first answer to a name has told it.
func TestNamesAreLearned(t *testing.T) {
	const ssm = "arn:aws:ssm:eu-west-1:111122223333:parameter"
	const secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:"
	tests := []struct {
		name    string
		unknown bool // the account
		source  Source
		reads   []string
		calls   int
		entries int
	}{
		{"path, then ARN", false, SSM, []string{"/app/db", ssm + "/app/db"}, 1, 1},
		{"ARN, then path", false, SSM, []string{ssm + "/app/db", "/app/db"}, 1, 1},
		{"path, then ARN, account unknown", true, SSM, []string{"/app/db", ssm + "/app/db"}, 1, 1},
		{"ARN, then path, account unknown", true, SSM, []string{ssm + "/app/db", "/app/db", ssm + "/app/db"}, 2, 1},
		{"one level, then ARN", false, SSM, []string{"db", ssm + "/db"}, 1, 1},
		{"ARN, then one level", false, SSM, []string{ssm + "/db", "db"}, 1, 1},
		{"ARN, then one level, account unknown", true, SSM, []string{ssm + "/db", "db", ssm + "/db"}, 2, 1},
		{"ARN of db is not /db", false, SSM, []string{ssm + "/db", "/db"}, 2, 2},
		{"secret: name, partial, full", false, Secrets, []string{"app/db", secret + "app/db", secret + "app/db-AbCdEf"}, 1, 1},
		{"secret: partial, full, name", false, Secrets, []string{secret + "app/db", secret + "app/db-AbCdEf", "app/db"}, 1, 1},
		{"secret: full, name, partial", false, Secrets, []string{secret + "app/db-AbCdEf", "app/db", secret + "app/db"}, 1, 1},
		{"secret: name first, account unknown", true, Secrets, []string{"app/db", secret + "app/db", secret + "app/db-AbCdEf"}, 1, 1},
		{"secret: full first, account unknown", true, Secrets, []string{secret + "app/db-AbCdEf", secret + "app/db", "app/db", secret + "app/db"}, 2, 1},
		{"secret that ends like an ARN: its partial ARN is asked once", false, Secrets, []string{"app-secret", secret + "app-secret", secret + "app-secret", secret + "app-secret-AbCdEf"}, 2, 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := roomy()
			config.Region = "eu-west-1"
			if !test.unknown {
				config.Account = func() string { return account1 }
			}
			u := &upstream{answer: cloud}
			c := newTest(u, config)
			for _, name := range test.reads {
				if _, err := c.Get(t.Context(), Ref{Source: test.source, Name: name}, Options{}); err != nil {
					t.Fatal(err)
				}
			}
			if u.count() != test.calls || len(c.Entries()) != test.entries {
				t.Errorf("%d calls, %d entries; want %d, %d", u.count(), len(c.Entries()), test.calls, test.entries)
			}
			for _, name := range test.reads {
				res, err := c.Get(t.Context(), Ref{Source: test.source, Name: name}, Options{})
				if err != nil || res.State != Hit {
					t.Errorf("%s afterwards: %v, %v", name, res.State, err)
				}
			}
			c.Purge(Ref{Source: test.source, Name: test.reads[0]})
			if left := len(c.Entries()); left != test.entries-1 {
				t.Errorf("%d entries after a purge by name", left)
			}
			checkEntries(t, c.entries)
		})
	}
}

// A secret that is deleted and made anew has another ARN; its name follows.
func TestSecretMadeAnew(t *testing.T) {
	u := &upstream{answer: cloud}
	c := newTest(u, roomy())
	name := Ref{Source: Secrets, Name: "db"}
	want(t, c, name, Options{}, "v1", "miss")
	u.answer = func(ref Ref, call int) Value {
		v := cloud(ref, call)
		v.ARN = strings.Replace(v.ARN, "-AbCdEf", "-GhIjKl", 1)
		return v
	}
	want(t, c, name, Options{Force: true}, "v2", "refreshed")
	want(t, c, name, Options{}, "v2", "hit")
	const secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:"
	want(t, c, Ref{Source: Secrets, Name: secret + "db-GhIjKl"}, Options{}, "v2", "hit")
	want(t, c, Ref{Source: Secrets, Name: secret + "db-AbCdEf"}, Options{}, "v1", "hit") // still that one's value
	checkEntries(t, c.entries)
}

// checkEntries checks what must hold whatever happened.
func checkEntries(t *testing.T, s *entries) {
	t.Helper()
	bytes, keys := 0, 0
	for at := s.order.Front(); at != nil; at = at.Next() {
		e := at.Value.(*entry)
		bytes += e.size
		keys += len(e.keys)
		if len(e.keys) == 0 {
			t.Errorf("%s is filed under no key", e.ref)
		}
		for _, key := range e.keys {
			if s.find(key) != e {
				t.Errorf("%s is not found by its key %q", e.ref, key)
			}
		}
	}
	if bytes != s.bytes || keys != s.items.ItemCount() {
		t.Errorf("counted %d bytes and %d keys, there are %d and %d", s.bytes, s.items.ItemCount(), bytes, keys)
	}
	if s.bytes > s.maxBytes || s.order.Len() > s.maxItems {
		t.Errorf("%d bytes in %d entries are over %d in %d", s.bytes, s.order.Len(), s.maxBytes, s.maxItems)
	}
}

// Whatever is put, found and removed: the bounds hold, and what leaves is what
// was used longest ago.
func TestEntriesBounds(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := newEntries(1+random.IntN(20), 400+random.IntN(5000))
		var order []string // a model: identities, the most recently used last
		drop := func(id string) {
			for i := range order {
				if order[i] == id {
					order = append(order[:i], order[i+1:]...)
					return
				}
			}
		}
		for range 2000 {
			id := fmt.Sprintf("id%d", random.IntN(30))
			switch random.IntN(6) {
			case 0:
				if e := s.find(id); e != nil {
					s.remove(e)
				}
				drop(id)
			case 1:
				if e := s.find(id); e != nil {
					s.touch(e)
					drop(id)
					order = append(order, id)
				}
			default:
				drop(id)
				if e, _ := s.put(ssmRef(id), []string{id, id + "/alias"}, nil, Value{Text: Secret(strings.Repeat("x", random.IntN(900)))}); e != nil {
					order = append(order, id)
				}
			}
			order = order[max(0, len(order)-s.order.Len()):]
			checkEntries(t, s)
			at := s.order.Back()
			for _, id := range order {
				if at == nil || at.Value.(*entry).keys[0] != id {
					t.Fatalf("seed %d: the order of use is wrong at %s", seed, id)
				}
				at = at.Prev()
			}
		}
	}
}

func TestTooLargeIsNotStored(t *testing.T) {
	config := roomy()
	config.MaxBytes = 2000
	size := 10
	u := &upstream{answer: func(Ref, int) Value { return Value{Text: Secret(strings.Repeat("x", size)), IsText: true} }}
	c := newTest(u, config)
	for _, name := range []string{"a", "b"} {
		if _, err := c.Get(t.Context(), ssmRef(name), Options{}); err != nil {
			t.Fatal(err)
		}
	}
	size = 5000
	res, err := c.Get(t.Context(), ssmRef("a"), Options{Force: true})
	if err != nil || len(res.Value.Text) != size || !res.FreshUntil.IsZero() {
		t.Errorf("%d bytes, fresh until %v, error %v; want the value, not stored", len(res.Value.Text), res.FreshUntil, err)
	}
	if left := c.Entries(); len(left) != 1 || left[0].Ref.Name != "b" {
		t.Errorf("left: %v; want b alone: the older a is no longer true", left)
	}
	checkEntries(t, c.entries)
	for _, none := range []Config{{MaxAge: time.Hour}, {MaxAge: time.Hour, MaxItems: 5}, {MaxAge: time.Hour, MaxBytes: 5000}} {
		c := newTest(&upstream{}, none)
		want(t, c, ssmRef("a"), Options{}, "v1", "miss")
		want(t, c, ssmRef("a"), Options{}, "v2", "miss")
	}
}

func TestLeastRecentlyUsedLeaves(t *testing.T) {
	config := roomy()
	config.MaxItems = 2
	c := newTest(&upstream{}, config)
	want(t, c, ssmRef("a"), Options{}, "v1", "miss")
	want(t, c, ssmRef("b"), Options{}, "v2", "miss")
	want(t, c, ssmRef("a"), Options{}, "v1", "hit")
	want(t, c, ssmRef("c"), Options{}, "v3", "miss")
	want(t, c, ssmRef("a"), Options{}, "v1", "hit")
	want(t, c, ssmRef("b"), Options{}, "v4", "miss")
}

// Two names of one secret are fetched side by side before it is known that they
// are one. The question asked first is answered last, and is older.
func TestSlowerFetchIsOlder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := roomy()
		config.Region, config.Account = "eu-west-1", func() string { return account1 }
		u := &upstream{answer: cloud, took: 2 * time.Second}
		c := newTest(u, config)
		name := Ref{Source: Secrets, Name: "db"}
		var slow sync.WaitGroup
		slow.Go(func() { want(t, c, name, Options{}, "v1", "miss") })
		time.Sleep(time.Second)
		u.slow(time.Millisecond)
		full := Ref{Source: Secrets, Name: "arn:aws:secretsmanager:eu-west-1:" + account1 + ":secret:db-AbCdEf"}
		want(t, c, full, Options{}, "v2", "miss")
		slow.Wait()
		want(t, c, name, Options{}, "v2", "hit")
		want(t, c, full, Options{}, "v2", "hit")
	})
}
