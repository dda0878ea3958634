package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/config"
)

func TestDestinations(t *testing.T) {
	stdout := config.Destination{Kind: config.Stdout}
	const words = "not one of none, stdout, cloudwatch:GROUP[:STREAM], firehose:STREAM, otlp+http(s)://HOST/PATH, http(s)://HOST/PATH"
	for _, tt := range []struct {
		name, text string
		want       []config.Destination
		problems   []string // behind the variable's name
	}{
		{"nothing", "none", nil, nil},
		{"several", "stdout, firehose:to-s3 ,,", []config.Destination{stdout, {Kind: "firehose", Stream: "to-s3"}}, nil},
		{"none adds nothing", "none,stdout", []config.Destination{stdout}, nil},
		{"twice is once", "stdout,STDOUT", []config.Destination{stdout}, nil},
		{"group with slashes", "cloudwatch:/aws/lambda/orders", []config.Destination{{Kind: "cloudwatch", Group: "/aws/lambda/orders"}}, nil},
		{"group and stream", "cloudwatch:/app/orders:all/of [it]", []config.Destination{{Kind: "cloudwatch", Group: "/app/orders", Stream: "all/of [it]"}}, nil},
		{"http", "https://logs.example/in?key=1", []config.Destination{{Kind: "http", URL: "https://logs.example/in?key=1"}}, nil},
		{"otlp", "OTLP+HTTP://127.0.0.1:4318/v1/logs", []config.Destination{{Kind: "otlp", URL: "http://127.0.0.1:4318/v1/logs"}}, nil},
		{"one bad entry costs itself", "stdout,kafka:x,firehose:a b", []config.Destination{stdout}, []string{
			"entry 2: " + words + "; using the other entries",
			"entry 3: the delivery stream must be 1 to 64 of letters, digits and `_.-`; using the other entries",
		}},
		{"only bad entries", "cloudwatch:,https://", []config.Destination{stdout}, []string{
			"entry 1: the log group must be 1 to 512 of letters, digits and `_-/.#`; using stdout",
			"entry 2: not a URL with a host; using stdout",
		}},
		{"stream with a star", "cloudwatch:g:*", []config.Destination{stdout}, []string{"entry 1: the log stream must be 1 to 512 printable characters without `:` and `*`; using stdout"}},
		{"password", "https://user:pw@logs.example/", []config.Destination{stdout}, []string{"entry 1: a URL must not carry a user or password: use POWERTOOLS_LOGS_HTTP_HEADERS with a secret reference; using stdout"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, problems := load(t, "POWERTOOLS_LOGS_DESTINATION="+tt.text)
			if d := cmp.Diff(tt.want, got.LogsDestinations); d != "" {
				t.Errorf("destinations (-want +got):\n%s", d)
			}
			var want []string
			for _, p := range tt.problems {
				want = append(want, "POWERTOOLS_LOGS_DESTINATION: "+p)
			}
			if d := cmp.Diff(want, problems); d != "" {
				t.Errorf("problems (-want +got):\n%s", d)
			}
		})
	}
}

// What an entry is printed as says where lines go, and not what may be a key.
func TestDestinationText(t *testing.T) {
	for text, want := range map[string]string{
		"stdout": "stdout", "cloudwatch:g": "cloudwatch:g", "cloudwatch:g:s": "cloudwatch:g:s", "firehose:f": "firehose:f",
		"https://h":                      "https://h",
		"https://h:8443/":                "https://h:8443/",
		"https://h/in/c4n4ry":            "https://h/…",
		"http://h?key=c4n4ry":            "http://h/…",
		"otlp+http://h:4318/v1/logs?k=1": "otlp+http://h:4318/…",
	} {
		c, _ := load(t, "POWERTOOLS_LOGS_DESTINATION="+text)
		if len(c.LogsDestinations) != 1 || c.LogsDestinations[0].String() != want {
			t.Errorf("%s is shown as %v, want %s", text, c.LogsDestinations, want)
		}
	}
}

func TestHeaders(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []config.Header
		problems   int
	}{
		{"plain", "X-Team: pay, Accept:a, b", []config.Header{{Name: "X-Team", Text: "pay"}, {Name: "Accept", Text: "a, b"}}, 0},
		{"secret", "Authorization: secret:prod/logs#token", []config.Header{{Name: "Authorization", Secret: "prod/logs", Key: "token"}}, 0},
		{"word before the secret", "Authorization: Bearer secret:prod/logs", []config.Header{{Name: "Authorization", Text: "Bearer ", Secret: "prod/logs"}}, 0},
		{"secret by ARN", "X: secret:arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf#k",
			[]config.Header{{Name: "X", Secret: "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf", Key: "k"}}, 0},
		{"a bad one costs itself", "X-Team: pay, Bad Name: x", []config.Header{{Name: "X-Team", Text: "pay"}}, 1},
		{"no name", ": x", nil, 1},
		{"no secret", "A: secret:#k", nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, problems := load(t, "POWERTOOLS_LOGS_HTTP_HEADERS="+tt.text)
			if d := cmp.Diff(tt.want, got.LogsHTTPHeaders); d != "" {
				t.Errorf("headers (-want +got):\n%s", d)
			}
			if len(problems) != tt.problems {
				t.Errorf("problems %q, want %d", problems, tt.problems)
			}
		})
	}
}

// A token that was written into the variable is printed nowhere.
func TestHeadersAreNotPrinted(t *testing.T) {
	env := []string{quiet, "POWERTOOLS_LOGS_HTTP_HEADERS=Authorization: Bearer c4n4ry, X: secret:id#key"}
	c, _ := config.Load(env)
	settings := config.Effective(env).Settings
	text := fmt.Sprintf("%v %+v %#v", c.LogsHTTPHeaders, c.LogsHTTPHeaders, c.LogsHTTPHeaders)
	found := false
	for _, s := range settings {
		text += s.Value
		found = found || s.Name == "POWERTOOLS_LOGS_HTTP_HEADERS" && s.Value == "Authorization: [redacted], X: secret:id#key"
	}
	if strings.Contains(text, "c4n4ry") {
		t.Errorf("printed: %s", text)
	}
	if !found {
		t.Error("the effective configuration does not show the headers' names and references")
	}
}
