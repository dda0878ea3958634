package conformance

import (
	"strings"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

const prefetchVariable = "POWERTOOLS_PARAMETERS_PREFETCH"

// prefetching starts a sandbox that fetches refs during init.
func prefetching(t *testing.T, url, refs string, env ...string) *harness.Sandbox {
	t.Helper()
	s := awake(t, url, append(env, prefetchVariable, refs)...)
	return s
}

func TestPrefetchedSecretIsServedFromTheCache(t *testing.T) {
	t.Parallel()
	moto := harness.Moto(t)
	v := newVault(t, moto)
	arn, _ := v.create("prefetched", "at init")
	s := prefetching(t, moto, "secret:prefetched")
	s.Must(`{}`)
	v.put("prefetched", "later")
	// By name, by ARN, and with the stage spelt out: the agent's own prefetch
	// is missed by the last two.
	for _, path := range []string{"/secretsmanager/get?secretId=prefetched", "/secretsmanager/get?secretId=" + arn, "/secretsmanager/get?secretId=prefetched&versionStage=AWSCURRENT"} {
		if got := secret(t, s, path); got["SecretString"] != "at init" {
			t.Errorf("%s: %v", path, got)
		}
	}
	s.Shutdown()
}

func TestPrefetchOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	moto := harness.Moto(t)
	newVault(t, moto).create("prefetch-neighbour", "payload")
	s := prefetching(t, moto, "secret:prefetch-nothing,ssm:/prefetch/nothing,secret:prefetch-neighbour,nonsense")
	s.Must(`{}`)
	if status, _, body := s.Ask("GET", "/ping"); status != 200 || body != "healthy" {
		t.Errorf("/ping: %d %s", status, body)
	}
	if status, header, _ := s.Get("/parameters/secrets/prefetch-neighbour"); status != 200 || header.Get("X-Powertools-Cache") != "hit" {
		t.Errorf("the good neighbour: %d %s", status, header.Get("X-Powertools-Cache"))
	}
	s.Shutdown()
}

func TestPrefetchOfAllSourcesIsBatched(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWS(t)
	s := prefetching(t, fake.URL,
		"ssm:/demo/greeting,ssm:/demo/retries,ssm:/demo/rollout,ssm-path:/demo/,secret:demo/api-key,secret:demo/database,dynamodb:demo-config/retries,appconfig:demo/prod/flags")
	s.Must(`{}`)
	before := fake.Calls()
	for _, path := range []string{
		"/parameters/ssm/demo/greeting", "/parameters/ssm/demo/retries", "/parameters/secrets/demo/api-key", "/parameters/secrets/demo/database",
		"/parameters/dynamodb/demo-config/retries", "/parameters/ssm?path=/demo/", "/parameters/appconfig/demo/prod/flags",
	} {
		if status, header, body := s.Get(path); status != 200 || header.Get("X-Powertools-Cache") != "hit" {
			t.Errorf("%s: %d %s %s", path, status, header.Get("X-Powertools-Cache"), body)
		}
	}
	if n := fake.Calls(); n != before {
		t.Errorf("%d calls upstream for what was prefetched: %+v", n-before, fake.Counts())
	}
	if n := fake.Calls("ssm:GetParameter"); n > 0 {
		t.Errorf("%d single calls for three parameters that fit into one batch", n)
	}
	s.Shutdown()
}

// The function's init code may read at once: a read of something that is being
// prefetched waits for it, and is never told "not ready".
func TestPrefetchIsABarrier(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWS(t)
	if err := fake.SetFault("slow:400ms"); err != nil {
		t.Fatal(err)
	}
	s := start(t, fake.URL, lambdaemu.Options{}, prefetchVariable, "ssm:/demo/greeting,secret:demo/api-key",
		"INIT_GET", "/parameters/ssm/demo/greeting?format=text /secretsmanager/get?secretId=demo/api-key /systemsmanager/parameters/get?name=/demo/greeting")
	got := invoke(t, s, order{})
	for i, one := range got.Init {
		if one.Status != 200 {
			t.Errorf("read %d during init: %+v", i, one)
		}
	}
	for _, c := range fake.Counts() {
		for name, n := range c.Names {
			if n != 1 {
				t.Errorf("%s of %s: %d calls, want one shared by prefetch and reads", c.Operation, name, n)
			}
		}
	}
	s.Shutdown()
}

// A prefetch that hangs costs its bound and not the function.
func TestPrefetchIsBounded(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWS(t)
	if err := fake.SetFault("hung"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s := start(t, fake.URL, lambdaemu.Options{}, prefetchVariable, "ssm:/demo/greeting", "POWERTOOLS_PARAMETERS_PREFETCH_TIMEOUT", "300ms", "POWERTOOLS_PARAMETERS_TIMEOUT", "30s")
	s.Must(`{}`)
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("the first invocation ended after %s", took)
	}
	s.Shutdown()
	if strings.Contains(s.Text(), "panic") {
		t.Error("a panic is in the log")
	}
}
