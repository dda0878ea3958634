package awsemu_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appconfigdata"
	"github.com/aws/aws-sdk-go-v2/service/appconfigdata/types"
	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsemu"
)

// session starts a session for APPLICATION/ENVIRONMENT/PROFILE.
func (w *world) session(t *testing.T, name string, minimum *int32) (*string, error) {
	t.Helper()
	parts := strings.Split(name, "/")
	out, err := w.config.StartConfigurationSession(t.Context(), &appconfigdata.StartConfigurationSessionInput{
		ApplicationIdentifier: &parts[0], EnvironmentIdentifier: &parts[1], ConfigurationProfileIdentifier: &parts[2],
		RequiredMinimumPollIntervalInSeconds: minimum,
	})
	if err != nil {
		return nil, err
	}
	return out.InitialConfigurationToken, nil
}

// polled is what one poll brought, in a form that compares.
type polled struct {
	Text, Type, Label string
	Interval          int32
}

func (w *world) poll(t *testing.T, token **string) (polled, error) {
	t.Helper()
	out, err := w.config.GetLatestConfiguration(t.Context(), &appconfigdata.GetLatestConfigurationInput{ConfigurationToken: *token})
	if err != nil {
		return polled{}, err
	}
	*token = out.NextPollConfigurationToken
	return polled{string(out.Configuration), aws.ToString(out.ContentType), aws.ToString(out.VersionLabel), out.NextPollIntervalInSeconds}, nil
}

func problemOf(err error) string {
	var bad *types.BadRequestException
	if !errors.As(err, &bad) {
		return "no BadRequestException: " + code(err)
	}
	details, ok := bad.Details.(*types.BadRequestDetailsMemberInvalidParameters)
	if !ok {
		return "no details: " + bad.ErrorMessage()
	}
	return string(details.Value["ConfigurationToken"].Problem)
}

func TestConfigurationIsSentOnceAndAgainWhenItChanges(t *testing.T) {
	w := newWorld(t, example(t))
	token, err := w.session(t, "demo/prod/flags", nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []polled
	take := func() {
		p, err := w.poll(t, &token)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p)
	}
	take()
	take()
	w.server.Deploy("demo/prod/flags", awsemu.ConfigurationVersion{Content: []byte(`{"dark-mode":{"enabled":false}}`), Label: "v3"})
	take()
	take()
	want := []polled{
		{`{"dark-mode":{"enabled":true,"since":"2026-01-31"},"checkout-v2":{"enabled":false,"share":25}}`, "application/json", "v2", 60},
		{Interval: 60},
		{`{"dark-mode":{"enabled":false}}`, "application/json", "v3", 60},
		{Interval: 60},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestConfigurationContentTypes(t *testing.T) {
	w := newWorld(t, `
appconfig:
  a/b/text: plain
  a/b/list: [1, "two"]
  a/b/yaml: {content_type: application/x-yaml, value: "rate: 25"}
  a/b/bytes: {binary: AP8=, poll_interval: 15s}
  a/b/history: {versions: [{value: old, label: one}, {value: {new: true}}]}
`)
	for name, want := range map[string]polled{
		"text": {"plain", "text/plain", "", 60}, "list": {`[1,"two"]`, "application/json", "", 60},
		"yaml": {"rate: 25", "application/x-yaml", "", 60}, "bytes": {"\x00\xff", "application/octet-stream", "", 15},
		"history": {`{"new":true}`, "application/json", "", 60},
	} {
		token, err := w.session(t, "a/b/"+name, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := w.poll(t, &token); err != nil || got != want {
			t.Errorf("%s: got %q %v, want %q", name, got, err, want)
		}
	}
}

func TestConfigurationThatIsNotThere(t *testing.T) {
	w := newWorld(t, example(t))
	for name, want := range map[string]types.ResourceType{
		"none/prod/flags": "Application", "demo/none/flags": "Environment", "demo/prod/none": "ConfigurationProfile",
	} {
		_, err := w.session(t, name, nil)
		var missing *types.ResourceNotFoundException
		if !errors.As(err, &missing) || missing.ResourceType != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

func TestPollTokens(t *testing.T) {
	w := newWorld(t, example(t))
	dead, err := w.session(t, "demo/prod/flags", nil)
	if err != nil {
		t.Fatal(err)
	}
	early, err := w.session(t, "demo/prod/flags", aws.Int32(15))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.poll(t, &early); err != nil {
		t.Fatalf("the first poll of a session: %v", err)
	}
	broken := aws.String(*dead + "x")
	for _, tt := range []struct {
		outcome, fault string
		token          *string
		want           string
	}{
		{"sooner than the session's own interval", "", early, "PollIntervalNotSatisfied"},
		{"changed on the way", "", broken, "Corrupted"},
		{"as after a day", "tokens-dead", dead, "Expired"},
		{"still dead after the fault", "", dead, "Expired"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			w.fault(t, tt.fault)
			if _, err := w.poll(t, &tt.token); problemOf(err) != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	w.fault(t, "tokens-dead")
	w.fault(t, "tokens-dead") // the same fault again kills nothing more
	again, err := w.session(t, "demo/prod/flags", nil)
	if err != nil {
		t.Fatal(err)
	}
	w.fault(t, "tokens-dead")
	if got, err := w.poll(t, &again); err != nil || got.Label != "v2" {
		t.Errorf("a session begun after the fault: %v %v", got, err)
	}
}

func TestPollIntervalBounds(t *testing.T) {
	w := newWorld(t, example(t))
	for seconds, ok := range map[int32]bool{14: false, 15: true, 86400: true, 86401: false} {
		if _, err := w.session(t, "demo/prod/flags", &seconds); (err == nil) != ok {
			t.Errorf("%d s: %v", seconds, err)
		}
	}
}

func TestFaultsOfAppConfig(t *testing.T) {
	w := newWorld(t, example(t))
	for fault, want := range map[string]string{"throttled": "ThrottlingException", "denied": "AccessDeniedException", "error-500": "InternalServerException"} {
		w.fault(t, fault)
		if _, err := w.session(t, "demo/prod/flags", nil); code(err) != want {
			t.Errorf("%s: got %v", fault, err)
		}
	}
	w.fault(t, "")
	token, err := w.session(t, "demo/prod/flags", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.poll(t, &token); err != nil {
		t.Fatal(err)
	}
	want := []awsemu.Count{
		{Operation: "appconfig:GetLatestConfiguration", Calls: 1, Names: map[string]int{"demo/prod/flags": 1}},
		{Operation: "appconfig:StartConfigurationSession", Calls: 4, Failed: 3, Names: map[string]int{"demo/prod/flags": 4}},
	}
	if diff := cmp.Diff(want, w.server.Counts()); diff != "" {
		t.Error(diff)
	}
}

// The bytes of a refusal, which a generated client hides.
func TestAppConfigRefusalBytes(t *testing.T) {
	w := newWorld(t, example(t))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/configuration?configuration_token=nonsense", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", as("appconfig"))
	resp, body := send(t, req)
	const want = `{"Details":{"InvalidParameters":{"ConfigurationToken":{"Problem":"Corrupted"}}},"Message":"Request token is corrupted","Reason":"InvalidParameters"}`
	if resp.StatusCode != 400 || resp.Header.Get("x-amzn-ErrorType") != "BadRequestException" || body != want {
		t.Errorf("%d %q %s", resp.StatusCode, resp.Header.Get("x-amzn-ErrorType"), body)
	}
}

func TestThrottleLetsSomeThrough(t *testing.T) {
	w := newWorld(t, example(t))
	w.fault(t, "throttled:3")
	passed := func() int {
		for {
			n, began := 0, time.Now()
			for range 5 {
				if _, err := w.session(t, "demo/prod/flags", nil); err == nil {
					n++
				}
			}
			if time.Since(began) < time.Second {
				return n
			}
			time.Sleep(time.Second) // a busy machine: they were not in one second
		}
	}
	if n := passed(); n != 3 {
		t.Errorf("%d of 5 calls passed, want 3", n)
	}
	time.Sleep(time.Second) // the second in which three passed is over
	if n := passed(); n != 3 {
		t.Errorf("a second later %d of 5 calls passed, want 3", n)
	}
}
