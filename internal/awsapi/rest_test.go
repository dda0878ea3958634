package awsapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/appconfigdata"
	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsapi"
)

// The generated client for AppConfig's data is the other side: what it puts into
// a request, we put into ours, and what a server answers it, we read as well.
func TestAppConfigDataAgreesWithTheGeneratedClient(t *testing.T) {
	const token = "AYADe/+ =&?#%2F"
	f := newFake(t,
		ok(`{"InitialConfigurationToken":"t0"}`), ok(`{"InitialConfigurationToken":"t0"}`),
		answer{status: 200, header: map[string]string{"Next-Poll-Configuration-Token": "t1", "Next-Poll-Interval-In-Seconds": "60", "Content-Type": "text/plain", "Version-Label": "v7"}, body: "\x00raw"},
	)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	sdk := appconfigdata.NewFromConfig(aws.Config{Region: "eu-central-1", BaseEndpoint: &f.URL, HTTPClient: &http.Client{Transport: transport},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey, SessionToken: "st"}, nil
		})})
	c := newClient(t, envFor(f.URL).with("AWS_SESSION_TOKEN", "st"))

	if _, err := sdk.StartConfigurationSession(t.Context(), &appconfigdata.StartConfigurationSessionInput{
		ApplicationIdentifier: aws.String("a b"), EnvironmentIdentifier: aws.String("e"), ConfigurationProfileIdentifier: aws.String("p"), RequiredMinimumPollIntervalInSeconds: aws.Int32(15)}); err != nil {
		t.Fatal(err)
	}
	var begun struct{ InitialConfigurationToken string }
	err := c.Call(t.Context(), awsapi.Operation{Service: "appconfigdata", Name: "StartConfigurationSession"}, awsapi.REST{Method: "POST", Path: "/configurationsessions",
		Body: map[string]any{"ApplicationIdentifier": "a b", "EnvironmentIdentifier": "e", "ConfigurationProfileIdentifier": "p", "RequiredMinimumPollIntervalInSeconds": 15}}, &begun)
	if err != nil || begun.InitialConfigurationToken != "t0" {
		t.Fatalf("%+v, %v", begun, err)
	}
	want, err := sdk.GetLatestConfiguration(t.Context(), &appconfigdata.GetLatestConfigurationInput{ConfigurationToken: aws.String(token)})
	if err != nil {
		t.Fatal(err)
	}
	var got awsapi.Raw
	if err := c.Call(t.Context(), awsapi.Operation{Service: "appconfigdata", Name: "GetLatestConfiguration"},
		awsapi.REST{Method: "GET", Path: "/configuration", Query: url.Values{"configuration_token": {token}}}, &got); err != nil {
		t.Fatal(err)
	}
	if string(got.Body) != string(want.Configuration) || got.Header.Get("Next-Poll-Configuration-Token") != *want.NextPollConfigurationToken ||
		got.Header.Get("Content-Type") != *want.ContentType || got.Header.Get("Version-Label") != *want.VersionLabel || got.Header.Get("Next-Poll-Interval-In-Seconds") != "60" {
		t.Errorf("read %q with %v", got.Body, got.Header)
	}

	type parts struct {
		Method, Path, Type, Token, Scope string
		Query                            url.Values
		Body                             any
	}
	read := func(r seen) parts {
		scope, _ := checkSignature(t, r, secretKey)
		p := parts{Method: r.Method, Path: r.Path, Type: r.Header.Get("Content-Type"), Token: r.Header.Get("X-Amz-Security-Token"), Scope: scope}
		p.Query, _ = url.ParseQuery(r.Query)
		if r.Body != "" {
			if err := json.Unmarshal([]byte(r.Body), &p.Body); err != nil {
				t.Fatal(err)
			}
		}
		return p
	}
	all := f.seen()
	for i := 0; i < len(all); i += 2 {
		if diff := cmp.Diff(read(all[i]), read(all[i+1])); diff != "" {
			t.Errorf("-sdk +ours\n%s", diff)
		}
	}
	if r := all[3]; r.Method != "GET" || r.Path != "/configuration" || r.Body != "" || r.Query != "configuration_token=AYADe%2F%2B%20%3D%26%3F%23%252F" {
		t.Errorf("asked %s %s?%s", r.Method, r.Path, r.Query)
	}
}

func TestAppConfigDataErrors(t *testing.T) {
	f := newFake(t, answer{status: 400, header: map[string]string{"X-Amzn-Errortype": "BadRequestException"},
		body: `{"Message":"Request contained an invalid token","Reason":"InvalidParameters","Details":{"InvalidParameters":{"ConfigurationToken":{"Problem":"Expired"}}}}`})
	var got awsapi.Raw
	err := newClient(t, envFor(f.URL)).Call(t.Context(), awsapi.Operation{Service: "appconfigdata", Name: "GetLatestConfiguration"}, awsapi.REST{Method: "GET", Path: "/configuration"}, &got)
	service, is := errors.AsType[*awsapi.ServiceError](err)
	if !is || service.Code != "BadRequestException" || service.Message != "Request contained an invalid token" || service.Status != 400 || got.Body != nil {
		t.Errorf("%v, %q", err, got.Body)
	}
}

func TestRequestsThatDoNotFitTheProtocol(t *testing.T) {
	c := newClient(t, envFor("http://127.0.0.1:1"))
	for _, tc := range []struct {
		service string
		in      any
	}{
		{"appconfigdata", nil}, {"appconfigdata", map[string]string{}}, {"appconfigdata", awsapi.REST{Method: "GET"}}, {"sts", nil}, {"sts", awsapi.REST{}},
	} {
		if err := c.Call(t.Context(), awsapi.Operation{Service: tc.service, Name: "X"}, tc.in, nil); !errors.As(err, new(*awsapi.RequestError)) {
			t.Errorf("%s with %T: %v", tc.service, tc.in, err)
		}
	}
}
