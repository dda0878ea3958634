package conformance

import (
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/awsemu"
	"powertools-extension/test/harness"
)

const flagsPath = "/parameters/appconfig/demo/prod/flags"

// Clients are told to poll every second: AppConfig's word for how often a
// profile may be asked for goes before any age.
const configurations = `
appconfig:
  demo/prod/flags:
    poll_interval: 1s
    value:
      dark-mode: { enabled: true, since: 2026-01-31 }
      checkout-v2: { enabled: false, share: 25 }
  demo/prod/banner: { poll_interval: 1s, content_type: text/plain, value: Open on Sunday }
`

// appConfig runs a sandbox in front of the embedded AWS: moto has no data
// plane for AppConfig.
func appConfig(t *testing.T, env ...string) (*harness.Sandbox, harness.Fake) {
	t.Helper()
	t.Parallel()
	fake := harness.FakeAWSWith(t, configurations)
	s := awake(t, fake.URL, env...)
	return s, fake
}

func TestConfigurationSessionIsKept(t *testing.T) {
	s, fake := appConfig(t, "AWS_APPCONFIG_EXTENSION_POLL_INTERVAL_SECONDS", "1")
	read := func(args string) (string, string) {
		t.Helper()
		status, header, body := s.Get(flagsPath + "?format=text" + args)
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		return body, header.Get("X-Powertools-Cache")
	}
	first, _ := read("")
	if !strings.Contains(first, `"dark-mode":{"enabled":true`) {
		t.Errorf("got %s", first)
	}
	time.Sleep(1100 * time.Millisecond) // the poll interval
	if again, state := read(""); again != first || state != "refreshed" {
		t.Errorf("an empty answer means unchanged: %q %s", again, state)
	}
	time.Sleep(1100 * time.Millisecond)
	fake.Deploy("demo/prod/flags", awsemu.ConfigurationVersion{Content: []byte(`{"dark-mode":{"enabled":false}}`)})
	if changed, _ := read(""); changed != `{"dark-mode":{"enabled":false}}` {
		t.Errorf("after a deployment: %s", changed)
	}
	if sessions, polls := fake.Calls("appconfig:StartConfigurationSession"), fake.Calls("appconfig:GetLatestConfiguration"); sessions != 1 || polls != 3 {
		t.Errorf("%d sessions and %d polls, want one and three", sessions, polls)
	}
	// A session may be asked only at its times: to ask at once takes a new one.
	fake.Deploy("demo/prod/flags", awsemu.ConfigurationVersion{Content: []byte(`{"dark-mode":{"enabled":true}}`)})
	if forced, state := read("&force_fetch=true"); forced != `{"dark-mode":{"enabled":true}}` || state != "refreshed" {
		t.Errorf("forced after a deployment: %s %s", forced, state)
	}
	if sessions := fake.Calls("appconfig:StartConfigurationSession"); sessions != 2 {
		t.Errorf("%d sessions after a forced read, want two", sessions)
	}
	s.Shutdown()
}

func TestConfigurationOutlivesADeadToken(t *testing.T) {
	s, fake := appConfig(t)
	if status, _, body := s.Get(flagsPath); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if err := fake.SetFault("tokens-dead"); err != nil {
		t.Fatal(err)
	}
	fake.Deploy("demo/prod/flags", awsemu.ConfigurationVersion{Content: []byte(`{"new":{"enabled":true}}`)})
	time.Sleep(1100 * time.Millisecond) // the poll interval
	if status, _, body := s.Get(flagsPath + "?format=text&force_fetch=true"); status != 200 || body != `{"new":{"enabled":true}}` {
		t.Errorf("%d %s", status, body)
	}
	if n := fake.Calls("appconfig:StartConfigurationSession"); n != 2 {
		t.Errorf("%d sessions, want two", n)
	}
	s.Shutdown()
}

func TestFlags(t *testing.T) {
	s, fake := appConfig(t)
	for _, tt := range []struct{ path, want string }{
		{"/applications/demo/environments/prod/configurations/flags?flag=dark-mode", `{"enabled":true,"since":"2026-01-31"}`},
		{"/applications/demo/environments/prod/configurations/flags?flag=dark-mode&flag=checkout-v2", `{"dark-mode":{"enabled":true,"since":"2026-01-31"},"checkout-v2":{"enabled":false,"share":25}}`},
		{"/applications/demo/environments/prod/configurations/banner", "Open on Sunday"},
	} {
		status, header, body := s.Get(tt.path)
		if status != 200 {
			t.Errorf("%s: %d %s", tt.path, status, body)
			continue
		}
		same := body == tt.want
		if strings.HasPrefix(tt.want, "{") {
			same = sameJSON(t, body, tt.want)
		}
		if !same || header.Get("Content-Type") == "" {
			t.Errorf("%s: %s (%s), want %s", tt.path, body, header.Get("Content-Type"), tt.want)
		}
	}
	if n := fake.Calls("appconfig:StartConfigurationSession"); n != 2 {
		t.Errorf("%d sessions for two profiles: flags are picked from one cached profile", n)
	}
	s.Shutdown()
}

func TestConfigurationThatIsNotThere(t *testing.T) {
	s, _ := appConfig(t)
	if status, _, body := s.Get("/parameters/appconfig/demo/prod/none"); status != 404 || !strings.Contains(body, `"code"`) {
		t.Errorf("ours: %d %s", status, body)
	}
	if status, _, body := s.Get("/applications/demo/environments/prod/configurations/none"); status != 404 || body == "" {
		t.Errorf("the agent's: %d %s", status, body)
	}
	s.Shutdown()
}

// The port of the AppConfig agent needs no token, as the agent needs none, and
// serves nothing else.
func TestAppConfigPort(t *testing.T) {
	t.Parallel()
	s, port := withAppConfig(t, harness.FakeAWS(t).URL)
	main := s.Port
	s.Port = port
	for path, want := range map[string]int{
		"/applications/demo/environments/prod/configurations/banner": 200,
		"/applications/demo/environments/prod/configurations/none":   404,
		"/systemsmanager/parameters/get?name=/demo/greeting":         404,
		"/parameters/ssm/demo/greeting":                              404,
	} {
		if status, _, body := s.Ask("GET", path); status != want {
			t.Errorf("%s without a token: %d %s, want %d", path, status, body, want)
		}
	}
	if status, _, _ := s.Ask("GET", "/applications/demo/environments/prod/configurations/banner", "Host", "evil.example"); status != 421 {
		t.Errorf("foreign host: %d", status)
	}
	s.Port = main
	if status, _, _ := s.Ask("GET", "/applications/demo/environments/prod/configurations/banner"); status == 200 {
		t.Error("the main port serves a configuration without a token")
	}
	s.Shutdown()
}
