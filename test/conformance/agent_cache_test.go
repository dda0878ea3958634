package conformance

import (
	"testing"
	"time"

	"powertools-extension/test/harness"
)

func TestRefreshNowAfterAnUpdate(t *testing.T) {
	eachForm(t, func(t *testing.T, s *harness.Sandbox, v vault, f form) {
		name := "refresh-" + f.name
		_, first := v.create(name, "old")
		if got := secret(t, s, f.ask(name)); got["VersionId"] != first {
			t.Fatalf("got %v", got)
		}
		second := v.put(name, "new")
		if got := secret(t, s, f.ask(name)); got["SecretString"] != "old" {
			t.Errorf("a plain read is not from the cache: %v", got)
		}
		for _, arg := range []string{"true", "1"} {
			if got := secret(t, s, f.ask(name, "refreshNow", arg)); got["SecretString"] != "new" || got["VersionId"] != second || stages(got) != "AWSCURRENT" {
				t.Errorf("refreshNow=%s: %v", arg, got)
			}
		}
		if got := secret(t, s, f.ask(name, "refreshNow", "0")); got["SecretString"] != "new" {
			t.Errorf("refreshNow=0: %v", got)
		}
	})
}

func TestAgeExpires(t *testing.T) {
	eachForm(t, func(t *testing.T, s *harness.Sandbox, v vault, f form) {
		name := "age-" + f.name
		v.create(name, "old")
		secret(t, s, f.ask(name))
		v.put(name, "new")
		if got := secret(t, s, f.ask(name)); got["SecretString"] != "old" {
			t.Errorf("within the age: %v", got)
		}
		time.Sleep(5600 * time.Millisecond) // five seconds and the jitter of a tenth
		if got := secret(t, s, f.ask(name)); got["SecretString"] != "new" {
			t.Errorf("past the age: %v", got)
		}
	}, "SECRETS_MANAGER_TTL", "5")
}

func TestAgeZeroReadsFresh(t *testing.T) {
	eachForm(t, func(t *testing.T, s *harness.Sandbox, v vault, f form) {
		name := "age-zero-" + f.name
		v.create(name, "one")
		for _, value := range []string{"one", "two", "three"} {
			if value != "one" {
				v.put(name, value)
			}
			if got := secret(t, s, f.ask(name)); got["SecretString"] != value {
				t.Errorf("got %v, want %s", got, value)
			}
		}
	}, "SECRETS_MANAGER_TTL", "0")
}

func TestPromotion(t *testing.T) {
	eachForm(t, func(t *testing.T, s *harness.Sandbox, v vault, f form) {
		name := "promote-" + f.name
		_, first := v.create(name, "old")
		second := v.put(name, "new", "AWSPENDING")
		if got := secret(t, s, f.ask(name)); got["SecretString"] != "old" {
			t.Errorf("before: %v", got)
		}
		v.promote(name, first, second)
		// Asked for by its stage: moto moves the stage and not what a plain read gives.
		if got := secret(t, s, f.ask(name, "refreshNow", "true", "versionStage", "AWSCURRENT")); got["SecretString"] != "new" || got["VersionId"] != second {
			t.Errorf("after: %v", got)
		}
		got := secret(t, s, f.ask(name, "versionId", first))
		if got["SecretString"] != "old" || stages(got) == "AWSCURRENT" {
			t.Errorf("the old version: %v", got)
		}
	})
}

func TestBothFormsAreOneEntry(t *testing.T) {
	t.Parallel()
	moto := harness.Moto(t)
	s, v := awake(t, moto), newVault(t, moto)
	arn, version := v.create("one/entry", "payload")
	first := secret(t, s, "/secretsmanager/get?secretId=one/entry")
	for _, path := range []string{"/v1/one/entry", "/v1/" + arn, "/secretsmanager/get?secretId=" + arn, "/parameters/secrets/one%2Fentry"} {
		status, header, body := s.Get(path)
		if status != 200 || header.Get("X-Powertools-Cache") != "hit" {
			t.Errorf("%s: %d %s", path, status, header.Get("X-Powertools-Cache"))
		}
		if got := object(t, body); path[:4] == "/v1/" && (got["VersionId"] != version || got["SecretString"] != first["SecretString"]) {
			t.Errorf("%s: %v", path, got)
		}
	}
	s.Shutdown()
}
