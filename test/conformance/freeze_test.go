package conformance

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"powertools-extension/internal/awsemu"
	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
	"powertools-extension/test/ontime"
)

const greeting = "/parameters/ssm/demo/greeting?format=text"

// one is the single answer of an order with one path.
func one(t *testing.T, s *harness.Sandbox, o order) seen {
	t.Helper()
	return invoke(t, s, o).Got[0]
}

// The age passes while the sandbox is stopped: the wall clock counts, so the
// first read after the thaw fetches.
func TestAgePassesDuringAFreeze(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWS(t)
	s := start(t, fake.URL, lambdaemu.Options{}, "POWERTOOLS_PARAMETERS_MAX_AGE", "2s")
	ask := order{Get: []string{greeting}}
	if got := one(t, s, ask); got.Status != 200 || got.Cache != "miss" {
		t.Errorf("cold: %+v", got)
	}
	if got := one(t, s, ask); got.Cache != "hit" {
		t.Errorf("warm: %+v", got)
	}
	time.Sleep(2500 * time.Millisecond) // SIGSTOP holds every process of the sandbox meanwhile
	if got := one(t, s, ask); got.Status != 200 || got.Cache != "refreshed" {
		t.Errorf("after a freeze longer than the age: %+v", got)
	}
	s.Shutdown()
}

// The upstream goes away while the sandbox is frozen: what was read before is
// still served, marked stale.
func TestStaleAfterAFreeze(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWS(t)
	s := start(t, fake.URL, lambdaemu.Options{}, "POWERTOOLS_PARAMETERS_MAX_AGE", "1s")
	ask := order{Get: []string{greeting}}
	one(t, s, ask)
	time.Sleep(1500 * time.Millisecond)
	if err := fake.SetFault("down"); err != nil {
		t.Fatal(err)
	}
	if got := one(t, s, ask); got.Status != 200 || got.Cache != "stale" || got.Body != "Hello from Parameter Store" {
		t.Errorf("upstream down after a freeze: %+v", got)
	}
	s.Shutdown()
}

const swrVariable = "POWERTOOLS_PARAMETERS_STALE_WHILE_REVALIDATE"

// A value a little past its age is answered at once and refreshed behind the
// answer, within the invocation; the next read has it fresh.
func TestStaleWhileRevalidate(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWS(t)
	s := start(t, fake.URL, lambdaemu.Options{}, "POWERTOOLS_PARAMETERS_MAX_AGE", "1s", swrVariable, "1h")
	one(t, s, order{Get: []string{greeting}})
	time.Sleep(1500 * time.Millisecond)
	if err := fake.SetFault("slow:100ms"); err != nil {
		t.Fatal(err)
	}
	began := fake.Calls()
	got := invoke(t, s, order{Get: []string{greeting}, SleepMs: 600, AgainMs: 1})
	if first := got.Got[0]; first.Status != 200 || first.Cache != "stale" {
		t.Errorf("past the age: %+v, want the old value at once", first)
	}
	if again := got.Again[0]; again.Status != 200 || again.Cache != "hit" {
		t.Errorf("after the refresh behind: %+v, want a hit", again)
	}
	if n := fake.Calls() - began; n != 1 {
		t.Errorf("%d calls upstream, want one", n)
	}
	s.Shutdown()
}

// Managed instances announce no invocation and never freeze: a refresh may run
// behind an answer at any time.
func TestStaleWhileRevalidateOnManagedInstances(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWS(t)
	s := start(t, fake.URL, lambdaemu.Options{InitType: "lambda-managed-instances"}, "POWERTOOLS_PARAMETERS_MAX_AGE", "1s", swrVariable, "1h")
	ask := order{Get: []string{greeting}}
	one(t, s, ask)
	time.Sleep(1500 * time.Millisecond)
	if got := one(t, s, ask); got.Status != 200 || got.Cache != "stale" {
		t.Errorf("past the age: %+v, want the old value at once", got)
	}
	s.Shutdown()
}

// A value that is asked for all the time is refreshed before its age is over:
// no read of it waits, and none is served late.
func TestRefreshAhead(t *testing.T) {
	t.Parallel()
	ontime.Run(t, func(late ontime.Late) {
		fake := harness.FakeAWS(t)
		s := start(t, fake.URL, lambdaemu.Options{Timeout: 25 * time.Second}, "POWERTOOLS_PARAMETERS_MAX_AGE", "5s")
		got := invoke(t, s, order{Get: []string{greeting}, ForMs: 12_000})
		if calls := fake.Calls(); got.States["miss"] != 1 || got.States["hit"] < 50 || len(got.States) != 2 || calls < 3 || calls > 5 {
			late("%v with %d calls upstream, want one miss, hits, and a call per age", got.States, calls)
		}
		s.Shutdown()
	})
}

// A refresh that the end of the invocation cuts off may not fail anything
// later: the thawed process finds a broken call and goes on.
func TestRefreshCutOffByAFreeze(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWS(t)
	s := start(t, fake.URL, lambdaemu.Options{}, "POWERTOOLS_PARAMETERS_MAX_AGE", "1s", swrVariable, "1h", "POWERTOOLS_PARAMETERS_TIMEOUT", "1s")
	one(t, s, order{Get: []string{greeting}})
	time.Sleep(1500 * time.Millisecond)
	if err := fake.SetFault("slow:700ms"); err != nil {
		t.Fatal(err)
	}
	if got := one(t, s, order{Get: []string{greeting}}); got.Status != 200 { // frozen before the refresh ends
		t.Errorf("with a slow upstream: %+v", got)
	}
	time.Sleep(2 * time.Second)
	if err := fake.SetFault(""); err != nil {
		t.Fatal(err)
	}
	got := invoke(t, s, order{Get: []string{greeting}, SleepMs: 300, AgainMs: 1})
	for _, answer := range []seen{got.Got[0], got.Again[0]} {
		if answer.Status != 200 || answer.Body != "Hello from Parameter Store" {
			t.Errorf("after the thaw: %+v", answer)
		}
	}
	s.Shutdown()
}

// Nothing is fetched between invocations: the process may be stopped at any
// moment there, and a call would be paid by nobody's request.
func TestNoCallsBetweenInvocations(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWS(t)
	s := start(t, fake.URL, lambdaemu.Options{NoFreeze: true}, "POWERTOOLS_PARAMETERS_MAX_AGE", "1s", swrVariable, "1h")
	paths := []string{greeting, "/parameters/ssm/demo/retries?format=text", "/parameters/secrets/demo/api-key?format=text"}
	if got := one(t, s, order{Get: paths}); got.Status != 200 {
		t.Fatalf("%+v", got)
	}
	time.Sleep(100 * time.Millisecond)
	before := fake.Calls()
	time.Sleep(2500 * time.Millisecond) // all of them expire, unfrozen
	if n := fake.Calls() - before; n != 0 {
		t.Errorf("%d calls between two invocations: %+v", n, fake.Counts())
	}
	s.Shutdown()
}

// A configuration that changes while the sandbox is frozen is seen at the
// first poll after its age.
func TestConfigurationAfterAFreeze(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWSWith(t, configurations)
	s := start(t, fake.URL, lambdaemu.Options{}, "POWERTOOLS_PARAMETERS_MAX_AGE", "1s")
	ask := order{Get: []string{"/parameters/appconfig/demo/prod/banner?format=text"}}
	if got := one(t, s, ask); got.Status != 200 {
		t.Fatalf("%d %s", got.Status, got.Body)
	}
	fake.Deploy("demo/prod/banner", awsemu.ConfigurationVersion{ContentType: "text/plain", Content: []byte("Closed")})
	if err := fake.SetFault("tokens-dead"); err != nil { // a freeze of more than a day
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond)
	if got := one(t, s, ask); got.Status != 200 || got.Body != "Closed" {
		t.Errorf("after the freeze: %+v", got)
	}
	s.Shutdown()
}

// Under SnapStart nothing that was read before the snapshot may be served
// after the restore, and the reads after it are signed with the credentials
// that came with it.
func TestNothingSurvivesARestore(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWS(t)
	s := start(t, fake.URL, lambdaemu.Options{InitType: "snap-start"}, "INIT_GET", greeting+" "+flagsPath)
	if _, err := ssm.NewFromConfig(sdk(fake.URL)).PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String("/demo/greeting"), Value: aws.String("after the snapshot"), Overwrite: aws.Bool(true),
	}); err != nil {
		t.Fatal(err)
	}
	got := invoke(t, s, order{Get: []string{greeting}, SleepMs: 1000, AgainMs: 1}) // the INVOKE event may be read late
	if initial := got.Init[0]; initial.Status != 200 || initial.Body != "Hello from Parameter Store" {
		t.Errorf("during the init before the snapshot: %+v", initial)
	}
	if first := got.Got[0]; first.Status != 200 || first.Body != "after the snapshot" || first.Cache == "hit" || first.Cache == "stale" {
		t.Errorf("after the restore: %+v", first)
	}
	if again := invoke(t, s, order{Get: []string{greeting}}).Got[0]; again.Cache != "hit" || got.Again[0].Body != "after the snapshot" {
		t.Errorf("and then: %+v, %+v, want a hit in the end", got.Again[0], again)
	}
	s.Shutdown()
}
