package paramcache

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
)

func TestSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{took: time.Millisecond}
		c := newTest(s, roomy())
		decrypted := Ref{Source: SSM, Name: "/app/db", Decrypt: true}
		want(t, c, ssmRef("/app/db"), Options{}, "/app/db v1", "miss")
		want(t, c, decrypted, Options{}, "/app/db v1", "miss")
		want(t, c, ssmRef("/app/other"), Options{}, "/app/other v1", "miss")
		group := Ref{Source: SSM, Name: "/app/", Path: true}
		if _, err := c.Get(t.Context(), group, Options{}); err != nil {
			t.Fatal(err)
		}
		version, err := c.Set(t.Context(), ssmRef("/app/db"), Setting{Value: "x", Overwrite: true})
		if err != nil || version != "2" {
			t.Errorf("version %q, %v", version, err)
		}
		want(t, c, ssmRef("/app/db"), Options{}, "/app/db v2", "miss")
		want(t, c, decrypted, Options{}, "/app/db v2", "miss")
		want(t, c, ssmRef("/app/other"), Options{}, "/app/other v1", "hit")
		if res, err := c.Get(t.Context(), group, Options{}); err != nil || res.State != Miss {
			t.Errorf("the group that holds it is a %s, %v", res.State, err)
		}
	})
}

// What was being read while it was written may be the old value: it answers
// those who wait and is not kept.
func TestSetDuringAFetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{took: time.Second}
		c := newTest(s, roomy())
		var reader sync.WaitGroup
		reader.Go(func() { want(t, c, ssmRef("a"), Options{}, "a v2", "miss") })
		synctest.Wait()
		s.change(func() { s.took = time.Millisecond })
		if _, err := c.Set(t.Context(), ssmRef("a"), Setting{Value: "x"}); err != nil {
			t.Fatal(err)
		}
		reader.Wait()
		want(t, c, ssmRef("a"), Options{}, "a v2", "miss")
	})
}

type mute struct{ shop }

func (*mute) Store(context.Context, Ref, Setting) (string, error) { panic("s3cr3t") }

func TestSetErrors(t *testing.T) {
	config := roomy()
	config.Allow = []string{"ssm:a", "ssm-path:/p"}
	for name, tc := range map[string]struct {
		p      Provider
		ref    Ref
		want   string
		forget bool // the outcome is unknown: what is cached may be old
	}{
		"not allowed":   {&shop{}, ssmRef("b"), "write ssm:b: NotAllowed: the allow-list does not contain it; add ssm:b or a glob that matches it to POWERTOOLS_PARAMETERS_ALLOW", false},
		"a group":       {&shop{}, Ref{Source: SSM, Name: "/p", Path: true}, "write ssm-path:/p: NotWritable: it cannot be written", false},
		"no setter":     {&upstream{}, ssmRef("a"), "write ssm:a: NotWritable: it cannot be written", false},
		"refused":       {&shop{err: failing(KindAccessDenied)}, ssmRef("a"), "write ssm:a: made to fail", false},
		"out of time":   {&shop{err: failing(KindTimeout)}, ssmRef("a"), "write ssm:a: made to fail", true},
		"a foreign one": {&shop{err: errors.New("boom")}, ssmRef("a"), "write ssm:a: boom", true},
		"panic":         {&mute{}, ssmRef("a"), "write ssm:a: InternalFailure: the extension failed, its log says where", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := New(tc.p, zap.NewNop(), config)
			before := c.Generation()
			_, err := c.Set(t.Context(), tc.ref, Setting{Value: "s3cr3t"})
			if _, ok := errors.AsType[*Error](err); !ok || err.Error() != tc.want {
				t.Errorf("%v", err)
			}
			if (c.Generation() != before) != tc.forget {
				t.Errorf("forgotten: %v, want %v", !tc.forget, tc.forget)
			}
		})
	}
}

func TestPurgeTakesEverythingOfAName(t *testing.T) {
	const arn = "arn:aws:secretsmanager:eu-west-1:" + account1 + ":secret:"
	const role = "arn:aws:iam::999999999999:role/r"
	ssm := func(change func(*Ref)) Ref {
		ref := ssmRef("/app/db")
		change(&ref)
		return ref
	}
	item := Ref{Source: DynamoDB, Name: "T", Key: "k", Sort: "s"}
	for _, tc := range []struct {
		name  string
		have  Ref
		purge Ref
		gone  bool
	}{
		{"itself", ssmRef("/app/db"), ssmRef("/app/db"), true},
		{"decrypted", ssm(func(r *Ref) { r.Decrypt = true }), ssmRef("/app/db"), true},
		{"a version", ssm(func(r *Ref) { r.Version = "3" }), ssmRef("/app/db"), true},
		{"a label, by ARN", ssm(func(r *Ref) { r.Label = "Prod" }), ssmRef("arn:aws:ssm:eu-west-1:" + account1 + ":parameter/app/db"), true},
		{"the path above", Ref{Source: SSM, Name: "/app/", Path: true}, ssmRef("/app/db"), true},
		{"the path above, by ARN", Ref{Source: SSM, Name: "/app", Path: true}, ssmRef("arn:aws:ssm:eu-west-1:" + account1 + ":parameter/app/db"), true},
		{"a path far above", Ref{Source: SSM, Name: "/", Path: true, Recursive: true}, ssmRef("/app/db"), true},
		{"a path beside", Ref{Source: SSM, Name: "/ap", Path: true}, ssmRef("/app/db"), false},
		{"the path of the same name", ssm(func(r *Ref) { r.Path = true }), ssmRef("/app/db"), false},
		{"a path in another region", Ref{Source: SSM, Name: "/app", Path: true, Region: "us-east-1"}, ssmRef("/app/db"), false},
		{"a path leaves its members alone", ssmRef("/app/db"), Ref{Source: SSM, Name: "/app", Path: true}, false},
		{"a path leaves the value of its name alone", ssmRef("/app"), Ref{Source: SSM, Name: "/app", Path: true}, false},
		{"a path, with and without slash", Ref{Source: SSM, Name: "/app", Path: true, Recursive: true}, Ref{Source: SSM, Name: "/app/", Path: true}, true},
		{"another name", ssmRef("/app/db2"), ssmRef("/app/db"), false},
		{"another region", ssm(func(r *Ref) { r.Region = "us-east-1" }), ssmRef("/app/db"), false},
		{"another role", ssm(func(r *Ref) { r.RoleARN = role }), ssmRef("/app/db"), false},
		{"another source", Ref{Source: Secrets, Name: "/app/db"}, ssmRef("/app/db"), false},
		{"a secret's stage, by ARN", Ref{Source: Secrets, Name: "db", Label: "AWSPREVIOUS"}, Ref{Source: Secrets, Name: arn + "db-AbCdEf"}, true},
		{"a secret asked for by ARN", Ref{Source: Secrets, Name: arn + "db-AbCdEf"}, Ref{Source: Secrets, Name: "db"}, true},
		{"an item's other form", Ref{Source: DynamoDB, Name: "T", Key: "k", Sort: "s", Item: true, Consistent: true}, item, true},
		{"all sort keys", Ref{Source: DynamoDB, Name: "T", Key: "k", AllSorts: true}, item, true},
		{"all sort keys of another key", Ref{Source: DynamoDB, Name: "T", Key: "k2", AllSorts: true}, item, false},
		{"another sort key", Ref{Source: DynamoDB, Name: "T", Key: "k", Sort: "s2"}, item, false},
		{"a group leaves its items alone", item, Ref{Source: DynamoDB, Name: "T", Key: "k", AllSorts: true}, false},
		{"a configuration", Ref{Source: AppConfig, Name: "a/e/p"}, Ref{Source: AppConfig, Name: "a/e/p"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			config := roomy()
			config.Region, config.Account = "eu-west-1", func() string { return account1 }
			c := newTest(&upstream{answer: func(ref Ref, call int) Value {
				v := cloud(ref, call)
				if ref.Group() {
					v.Members = []Value{{Name: "m"}}
				}
				return v
			}}, config)
			if _, err := c.Get(t.Context(), tc.have, Options{}); err != nil {
				t.Fatal(err)
			}
			if gone := c.Purge(tc.purge); gone != tc.gone || (len(c.Entries()) == 0) != tc.gone {
				t.Errorf("said %v, %d left; want gone: %v", gone, len(c.Entries()), tc.gone)
			}
			checkEntries(t, c.entries)
		})
	}
}

// After the restore of a snapshot nothing from before may be seen.
func TestPurgeAllReachesTheProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shop{took: time.Second}
		c := newTest(s, roomy())
		c.Awake(true)
		var readers sync.WaitGroup
		readers.Go(func() { want(t, c, ssmRef("a"), Options{}, "a v1", "miss") })
		synctest.Wait()
		readers.Go(func() { want(t, c, ssmRef("b"), Options{}, "b v1", "miss") }) // gathers
		synctest.Wait()
		c.PurgeAll()
		readers.Wait()
		if s.forgotten != 1 || len(c.Entries()) != 0 {
			t.Errorf("forgotten %d times, %d entries", s.forgotten, len(c.Entries()))
		}
	})
}
