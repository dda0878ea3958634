package conformance

import (
	"net/url"
	"strings"
	"testing"

	"powertools-extension/test/harness"
)

// Two accounts: ours, and the one of the role. Moto assumes any role, so this
// runs in front of the embedded AWS, which refuses those it does not know.
const twoAccounts = `
secrets:
  shared: ours
parameters:
  /shared: our parameter
tables:
  shared: {items: [{id: a, value: our item}]}
roles:
  arn:aws:iam::210987654321:role/reader:
    secrets: {shared: theirs}
    parameters: {/shared: their parameter}
    tables: {shared: {items: [{id: a, value: their item}]}}
  arn:aws:iam::210987654321:role/other:
    secrets: {shared: of the other role}
  arn:aws:iam::123456789012:role/powerless: {denied: true}
`

const (
	reader    = "arn:aws:iam::210987654321:role/reader"
	other     = "arn:aws:iam::210987654321:role/other"
	powerless = "arn:aws:iam::123456789012:role/powerless"
	nobody    = "arn:aws:iam::210987654321:role/nobody"
)

func inTwoAccounts(t *testing.T) (*harness.Sandbox, harness.Fake) {
	t.Helper()
	t.Parallel()
	fake := harness.FakeAWSWith(t, twoAccounts)
	s := awake(t, fake.URL)
	return s, fake
}

func withRole(id, role string, args ...string) string {
	return "/v1/" + id + "?roleArn=" + url.QueryEscape(role) + strings.Join(args, "")
}

func TestRoleReadsItsOwnAccount(t *testing.T) {
	s, _ := inTwoAccounts(t)
	if got := secret(t, s, withRole("shared", reader)); got["SecretString"] != "theirs" || !strings.Contains(got["ARN"].(string), ":210987654321:") {
		t.Errorf("with the role: %v", got)
	}
	if got := secret(t, s, "/v1/shared"); got["SecretString"] != "ours" {
		t.Errorf("without: %v", got)
	}
	s.Shutdown()
}

func TestRolesHaveSeparateEntries(t *testing.T) {
	s, fake := inTwoAccounts(t)
	for range 2 {
		for role, want := range map[string]string{reader: "theirs", other: "of the other role"} {
			if got := secret(t, s, withRole("shared", role)); got["SecretString"] != want {
				t.Errorf("%s: %v", role, got)
			}
		}
	}
	if n := fake.Calls("secretsmanager:GetSecretValue"); n != 2 {
		t.Errorf("%d reads upstream, want one per role", n)
	}
	if n := fake.Calls("sts:AssumeRole"); n != 2 {
		t.Errorf("%d times a role was assumed, want once per role", n)
	}
	s.Shutdown()
}

func TestRefreshNowWithRole(t *testing.T) {
	s, fake := inTwoAccounts(t)
	secret(t, s, withRole("shared", reader))
	if got := secret(t, s, withRole("shared", reader, "&refreshNow=true")); got["SecretString"] != "theirs" {
		t.Errorf("got %v", got)
	}
	if n := fake.Calls("secretsmanager:GetSecretValue"); n != 2 {
		t.Errorf("%d reads upstream, want two", n)
	}
	s.Shutdown()
}

func TestRolesThatDoNotHelp(t *testing.T) {
	s, _ := inTwoAccounts(t)
	for _, tt := range []struct {
		outcome, role, kind string
		status              int
	}{
		{"no ARN of a role", "reader", "", 400},
		{"ARN of a user", "arn:aws:iam::210987654321:user/reader", "", 400},
		{"role nobody may assume", nobody, "AccessDeniedException", 403},
		{"role that may read nothing", powerless, "AccessDeniedException", 400},
	} {
		status, _, body := s.Get(withRole("shared", tt.role))
		if status != tt.status || !strings.Contains(body, tt.kind) {
			t.Errorf("%s: %d %s, want %d %s", tt.outcome, status, body, tt.status, tt.kind)
		}
	}
	s.Shutdown()
}

// The same with our own routes, for every source.
func TestRoleOnOurRoutes(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWSWith(t, twoAccounts)
	s := awake(t, fake.URL)
	role := "role_arn=" + url.QueryEscape(reader)
	for path, want := range map[string]string{
		"/parameters/ssm/%2Fshared": "their parameter", "/parameters/secrets/shared": "theirs", "/parameters/dynamodb/shared/a": "their item",
	} {
		if status, _, body := s.Get(path + "?format=text&" + role); status != 200 || body != want {
			t.Errorf("%s with the role: %d %s", path, status, body)
		}
		if status, _, body := s.Get(path + "?format=text"); status != 200 || body == want {
			t.Errorf("%s without: %d %s", path, status, body)
		}
	}
	if n := fake.Calls("sts:AssumeRole"); n != 1 {
		t.Errorf("the role was assumed %d times, want once", n)
	}
	status, _, body := s.Get("/parameters/secrets/shared?role_arn=" + url.QueryEscape(nobody))
	if status != 403 || !strings.Contains(body, "sts:AssumeRole") {
		t.Errorf("role nobody may assume: %d %s, want 403 and the missing action", status, body)
	}
	s.Shutdown()
}
