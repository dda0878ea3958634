package awsparams_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appconfigdata"
	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/paramcache/awsparams"
)

// appConfig is AppConfig's data plane, strict: a token is good for one poll and
// for 24 hours, a poll before its time is refused, and an answer that has not
// changed is empty.
type appConfig struct {
	mu       sync.Mutex
	config   map[string]string // app/env/profile → content
	label    string
	interval time.Duration
	media    string
	fail     error

	tokens   map[string]*conversation
	begun    []string // requests of StartConfigurationSession
	polls    int
	refusals int
}

type conversation struct {
	name   string
	sent   string // the content its client has
	some   bool
	issued time.Time
	next   time.Time
}

func newAppConfig(content string) *appConfig {
	return &appConfig{config: map[string]string{"app/env/profile": content}, label: "v1", interval: time.Minute, media: "application/json", tokens: map[string]*conversation{}}
}

// begin answers StartConfigurationSession.
func (a *appConfig) begin(body string) (status int, answer string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.begun = append(a.begun, body)
	var in struct {
		ApplicationIdentifier, EnvironmentIdentifier, ConfigurationProfileIdentifier string
	}
	if json.Unmarshal([]byte(body), &in) != nil {
		return 400, "BadRequestException"
	}
	name := in.ApplicationIdentifier + "/" + in.EnvironmentIdentifier + "/" + in.ConfigurationProfileIdentifier
	if _, ok := a.config[name]; !ok {
		return 404, "ResourceNotFoundException"
	}
	return 201, fmt.Sprintf(`{"InitialConfigurationToken":%q}`, a.issue(&conversation{name: name}))
}

func (a *appConfig) issue(c *conversation) string {
	c.issued = time.Now()
	token := fmt.Sprintf("t/%d+=", len(a.tokens))
	a.tokens[token] = c
	return token
}

// latest answers GetLatestConfiguration.
func (a *appConfig) latest(token string) (status int, answer string, header http.Header) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.polls++
	c := a.tokens[token]
	if c == nil || time.Since(c.issued) >= 24*time.Hour || time.Now().Before(c.next) {
		a.refusals++
		return 400, "BadRequestException", nil
	}
	a.tokens[token] = nil
	c.next = time.Now().Add(a.interval)
	header = http.Header{"Next-Poll-Configuration-Token": {a.issue(c)}, "Next-Poll-Interval-In-Seconds": {fmt.Sprint(int(a.interval / time.Second))}, "Content-Type": {"application/octet-stream"}}
	if content := a.config[c.name]; !c.some || content != c.sent {
		c.sent, c.some = content, true
		header.Set("Content-Type", a.media)
		header.Set("Version-Label", a.label)
		return 200, content, header
	}
	return 200, "", header
}

// Call serves the provider without a network, for tests in which time passes.
func (a *appConfig) Call(_ context.Context, op awsapi.Operation, in, out any) error {
	rest, _ := in.(awsapi.REST)
	a.mu.Lock()
	fail := a.fail
	a.mu.Unlock()
	if fail != nil {
		return fail
	}
	if op.Name == "StartConfigurationSession" {
		status, answer := a.begin(marshal(rest.Body))
		if status != 201 {
			return &awsapi.ServiceError{Service: op.Service, Operation: op.Name, Code: answer, Status: status}
		}
		return json.Unmarshal([]byte(answer), out)
	}
	status, answer, header := a.latest(rest.Query.Get("configuration_token"))
	if status != 200 {
		return &awsapi.ServiceError{Service: op.Service, Operation: op.Name, Code: answer, Status: status}
	}
	raw, _ := out.(*awsapi.Raw)
	raw.Header, raw.Body = header, []byte(answer)
	return nil
}

// ServeHTTP serves both the generated client and ours.
func (a *appConfig) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var status int
	var answer string
	switch r.Method + " " + r.URL.Path {
	case "POST /configurationsessions":
		status, answer = a.begin(string(body))
	case "GET /configuration":
		var header http.Header
		status, answer, header = a.latest(r.URL.Query().Get("configuration_token"))
		for name := range header {
			w.Header().Set(name, header.Get(name))
		}
	default:
		status, answer = 404, "ResourceNotFoundException"
	}
	if status >= 400 {
		w.Header().Set("X-Amzn-Errortype", answer)
		answer = `{"Message":"no"}`
	}
	w.WriteHeader(status)
	io.WriteString(w, answer)
}

func (a *appConfig) change(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// counts is sessions, polls and refused polls so far.
func (a *appConfig) counts() [3]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return [3]int{len(a.begun), a.polls, a.refusals}
}

var profileRef = paramcache.Ref{Source: "appconfig", Name: "app/env/profile"}

func wantConfig(t *testing.T, p *awsparams.Provider, a *appConfig, text, version string, counts [3]int) paramcache.Value {
	t.Helper()
	v, err := p.Fetch(t.Context(), profileRef)
	if err != nil || v.Text.Reveal() != text || v.Version != version {
		t.Errorf("%q version %q, %v; want %q version %q", v.Text.Reveal(), v.Version, err, text, version)
	}
	if got := a.counts(); got != counts {
		t.Errorf("sessions, polls, refusals: %v, want %v", got, counts)
	}
	return v
}

func TestConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAppConfig(`{"on":true}`)
		p := awsparams.New(a, awsparams.Options{ConfigPoll: 20 * time.Second})
		v := wantConfig(t, p, a, `{"on":true}`, "v1", [3]int{1, 1, 0})
		if v.ContentType != "application/json" || v.Name != "app/env/profile" || !v.IsText || v.JSON {
			t.Errorf("%+v has type %q", v, v.ContentType)
		}
		if a.begun[0] != `{"ApplicationIdentifier":"app","EnvironmentIdentifier":"env","ConfigurationProfileIdentifier":"profile","RequiredMinimumPollIntervalInSeconds":20}` {
			t.Error(a.begun[0])
		}
		a.change(func() { a.config["app/env/profile"], a.label = `{"on":false}`, "v2" })
		wantConfig(t, p, a, `{"on":true}`, "v1", [3]int{1, 1, 0}) // before its time
		time.Sleep(time.Minute - 1)
		wantConfig(t, p, a, `{"on":true}`, "v1", [3]int{1, 1, 0})
		time.Sleep(time.Nanosecond)
		wantConfig(t, p, a, `{"on":false}`, "v2", [3]int{1, 2, 0})
		time.Sleep(time.Hour)
		v = wantConfig(t, p, a, `{"on":false}`, "v2", [3]int{1, 3, 0}) // empty: unchanged
		if v.ContentType != "application/json" {
			t.Errorf("an empty answer changed the type to %q", v.ContentType)
		}
	})
}

// Powertools for TypeScript once failed for good after a day, when its token
// had died.
func TestPeerBugTokenOfADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAppConfig("one")
		p := awsparams.New(a, awsparams.Options{})
		wantConfig(t, p, a, "one", "v1", [3]int{1, 1, 0})
		time.Sleep(23*time.Hour + 44*time.Minute)
		wantConfig(t, p, a, "one", "v1", [3]int{1, 2, 0})
		a.change(func() { a.config["app/env/profile"] = "two" })
		time.Sleep(23*time.Hour + 45*time.Minute)
		wantConfig(t, p, a, "two", "v1", [3]int{2, 3, 0}) // not even tried
		time.Sleep(30 * 24 * time.Hour)
		wantConfig(t, p, a, "two", "v1", [3]int{3, 4, 0})
	})
}

// A token may be dead before its time: the answer that held the next one was
// lost, or the service forgot.
func TestDeadTokenCostsOneSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAppConfig("one")
		p := awsparams.New(a, awsparams.Options{})
		wantConfig(t, p, a, "one", "v1", [3]int{1, 1, 0})
		time.Sleep(time.Hour)
		a.change(func() { clear(a.tokens); a.config["app/env/profile"] = "two" })
		wantConfig(t, p, a, "two", "v1", [3]int{2, 3, 1})

		// Refused in a new session as well: that is the answer, and no more tries.
		time.Sleep(time.Hour)
		a.change(func() { a.fail = refused("BadRequestException", "no") })
		if _, err := p.Fetch(t.Context(), profileRef); err == nil || err.Error() != "read appconfig:app/env/profile: BadRequestException: no" {
			t.Error(err)
		}
		a.change(func() { a.fail = nil })
		wantConfig(t, p, a, "two", "v1", [3]int{3, 4, 1})
	})
}

// An outage changes neither session nor value.
func TestConfigurationSurvivesAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAppConfig("one")
		p := awsparams.New(a, awsparams.Options{})
		wantConfig(t, p, a, "one", "v1", [3]int{1, 1, 0})
		time.Sleep(time.Hour)
		a.change(func() {
			a.fail = &awsapi.TransportError{Service: "appconfigdata", Timeout: true, Err: context.DeadlineExceeded}
		})
		_, err := p.Fetch(t.Context(), profileRef)
		if failed, ok := errors.AsType[*paramcache.Error](err); !ok || failed.Kind != paramcache.KindTimeout || !strings.Contains(failed.Cure, "endpoint for appconfigdata") {
			t.Error(err)
		}
		a.change(func() { a.fail = nil })
		wantConfig(t, p, a, "one", "v1", [3]int{1, 2, 0}) // empty answer, and the value is still known
	})
}

func TestForgetDropsSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAppConfig("one")
		p := awsparams.New(a, awsparams.Options{})
		wantConfig(t, p, a, "one", "v1", [3]int{1, 1, 0})
		a.change(func() { a.config["app/env/profile"] = "two" })
		p.Forget()
		wantConfig(t, p, a, "two", "v1", [3]int{2, 2, 0})
	})
}

// Two reads of one profile that meet are one poll: the token is good for one.
func TestPollsOfOneProfileAreOneAtATime(t *testing.T) {
	a := newAppConfig("one")
	a.interval = 0
	p := awsparams.New(a, awsparams.Options{})
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() {
			for range 20 {
				if v, err := p.Fetch(t.Context(), profileRef); err != nil || v.Text != "one" {
					t.Errorf("%q, %v", v.Text.Reveal(), err)
				}
			}
		})
	}
	readers.Wait()
	if got := a.counts(); got[0] != 1 || got[2] != 0 {
		t.Errorf("sessions, polls, refusals: %v", got)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	a := newAppConfig("x")
	p := awsparams.New(a, awsparams.Options{})
	read := func(name string) {
		t.Helper()
		a.change(func() {
			if _, ok := a.config[name]; !ok {
				a.config[name] = strings.Repeat("x", 1<<20)
			}
		})
		if _, err := p.Fetch(t.Context(), paramcache.Ref{Source: "appconfig", Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	read("app/env/profile")
	for i := range 7 {
		read(fmt.Sprintf("a/e/%d", i)) // 1 MiB each
	}
	read("app/env/profile")
	if got := a.counts(); got[0] != 8 {
		t.Fatalf("%d sessions for 8 profiles", got[0])
	}
	read("a/e/7") // over 8 MiB: the one used longest ago leaves
	read("a/e/1")
	if got := a.counts(); got[0] != 9 {
		t.Errorf("%d sessions, want 9: the wrong one left", got[0])
	}
	read("a/e/0")
	if got := a.counts(); got[0] != 10 {
		t.Errorf("%d sessions, want 10: nothing left", got[0])
	}

	small := newAppConfig("x")
	p = awsparams.New(small, awsparams.Options{})
	for i := range 60 {
		name := fmt.Sprintf("a/e/%d", i)
		small.change(func() { small.config[name] = "x" })
		for _, name := range []string{name, fmt.Sprintf("no/such/%d", i)} {
			p.Fetch(t.Context(), paramcache.Ref{Source: "appconfig", Name: name})
		}
	}
	begun := small.counts()[0]
	p.Fetch(t.Context(), paramcache.Ref{Source: "appconfig", Name: "a/e/10"})
	p.Fetch(t.Context(), paramcache.Ref{Source: "appconfig", Name: "a/e/9"})
	if got := small.counts()[0]; got != begun+1 {
		t.Errorf("%d more sessions, want 1: 50 are kept, and names that do not exist push none out", got-begun)
	}
}

func TestConfigurationErrors(t *testing.T) {
	a := newAppConfig("x")
	_, err := awsparams.New(a, awsparams.Options{}).Fetch(t.Context(), paramcache.Ref{Source: "appconfig", Name: "app/env/none"})
	if failed, ok := errors.AsType[*paramcache.Error](err); !ok || failed.Kind != paramcache.KindNotFound {
		t.Error(err)
	}
	a.fail = &awsapi.ServiceError{Service: "appconfigdata", Code: "AccessDeniedException", Status: 403}
	_, err = awsparams.New(a, awsparams.Options{}).Fetch(t.Context(), profileRef)
	if err == nil || err.Error() != "read appconfig:app/env/profile: AccessDeniedException: access denied; allow appconfig:StartConfigurationSession in the function's role" {
		t.Error(err)
	}
	bytes := newAppConfig("\xff\x00")
	v, err := awsparams.New(bytes, awsparams.Options{}).Fetch(t.Context(), profileRef)
	if err != nil || v.IsText || string(v.Binary) != "\xff\x00" {
		t.Errorf("%v, %v", v, err)
	}
}

// Over a real connection, and what our client reads is what the generated one
// reads.
func TestConfigurationAgreesWithTheGeneratedClient(t *testing.T) {
	a := newAppConfig("näu <&>")
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	sdk := appconfigdata.NewFromConfig(sdkConfig(t, s.URL))
	begun, err := sdk.StartConfigurationSession(t.Context(), &appconfigdata.StartConfigurationSessionInput{
		ApplicationIdentifier: aws.String("app"), EnvironmentIdentifier: aws.String("env"), ConfigurationProfileIdentifier: aws.String("profile")})
	if err != nil {
		t.Fatal(err)
	}
	want, err := sdk.GetLatestConfiguration(t.Context(), &appconfigdata.GetLatestConfigurationInput{ConfigurationToken: begun.InitialConfigurationToken})
	if err != nil {
		t.Fatal(err)
	}
	v, err := provider(t, s.URL).Fetch(t.Context(), profileRef)
	if err != nil || v.Text.Reveal() != string(want.Configuration) || v.ContentType != *want.ContentType || v.Version != *want.VersionLabel {
		t.Errorf("%q %q %q, %v; the generated client has %+v", v.Text.Reveal(), v.ContentType, v.Version, err, want)
	}
	var asked [2]any
	for i := range asked {
		if err := json.Unmarshal([]byte(a.begun[i]), &asked[i]); err != nil {
			t.Fatal(err)
		}
	}
	if !cmp.Equal(asked[0], asked[1]) {
		t.Errorf("asked\n%s, the generated client\n%s", a.begun[1], a.begun[0])
	}
}
