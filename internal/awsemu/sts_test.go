package awsemu_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

func send(t *testing.T, req *http.Request) (*http.Response, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func (w *world) assume(t *testing.T, role, session string) (int, string) {
	t.Helper()
	form := url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"}, "RoleArn": {role}, "RoleSessionName": {session}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	req.Header.Set("Authorization", as("sts"))
	resp, body := send(t, req)
	if kind := resp.Header.Get("Content-Type"); kind != "text/xml" {
		t.Errorf("Content-Type %q", kind)
	}
	return resp.StatusCode, body
}

const shared = "arn:aws:iam::210987654321:role/shared-config"

func TestAssumeRoleBytes(t *testing.T) {
	w := newWorld(t, example(t))
	hide := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ|(ASIA|AROA)[0-9A-F]{16}`)
	for _, tt := range []struct {
		outcome, role, session string
		status                 int
		want                   string
	}{
		{"credentials", shared, "extension", 200, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <AssumedRoleUser>
      <Arn>arn:aws:sts::210987654321:assumed-role/shared-config/extension</Arn>
      <AssumedRoleId>~:extension</AssumedRoleId>
    </AssumedRoleUser>
    <Credentials>
      <AccessKeyId>~</AccessKeyId>
      <SecretAccessKey>secret-of-~</SecretAccessKey>
      <SessionToken>session-of-~//+==</SessionToken>
      <Expiration>~</Expiration>
    </Credentials>
  </AssumeRoleResult>
  <ResponseMetadata>
    <RequestId>~</RequestId>
  </ResponseMetadata>
</AssumeRoleResponse>`},
		{"role nobody may assume", "arn:aws:iam::210987654321:role/none", "extension", 403, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error>
    <Type>Sender</Type>
    <Code>AccessDenied</Code>
    <Message>User: arn:aws:sts::123456789012:assumed-role/function-role/function is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::210987654321:role/none</Message>
  </Error>
  <RequestId>~</RequestId>
</ErrorResponse>`},
		{"no role", "shared-config", "extension", 400, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error>
    <Type>Sender</Type>
    <Code>ValidationError</Code>
    <Message>shared-config is invalid</Message>
  </Error>
  <RequestId>~</RequestId>
</ErrorResponse>`},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			status, body := w.assume(t, tt.role, tt.session)
			if body = hide.ReplaceAllString(body, "~"); status != tt.status || body != tt.want {
				t.Errorf("%d\n%s", status, body)
			}
		})
	}
	if status, body := w.assume(t, shared, "two words"); status != 400 || !strings.Contains(body, "ValidationError") {
		t.Errorf("session name with a blank: %d %s", status, body)
	}
}

// as uses the credentials that AssumeRole gave.
func (w *world) as(t *testing.T, role string) (*ssm.Client, *secretsmanager.Client) {
	t.Helper()
	status, body := w.assume(t, role, "extension")
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	field := func(name string) string {
		_, rest, _ := strings.Cut(body, "<"+name+">")
		value, _, _ := strings.Cut(rest, "</")
		return value
	}
	cfg := w.aws.Copy()
	cfg.Credentials = credentials.NewStaticCredentialsProvider(field("AccessKeyId"), field("SecretAccessKey"), field("SessionToken"))
	return ssm.NewFromConfig(cfg), secretsmanager.NewFromConfig(cfg)
}

func TestRolesSeeTheirOwn(t *testing.T) {
	w := newWorld(t, example(t))
	name := ptr("/demo/greeting")
	parameters, secrets := w.as(t, shared)
	out, err := parameters.GetParameter(t.Context(), &ssm.GetParameterInput{Name: name})
	if err != nil || *out.Parameter.Value != "Hello from another account" || !strings.Contains(*out.Parameter.ARN, ":210987654321:") {
		t.Errorf("other account: %v %v", out, err)
	}
	_, err = secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: ptr("demo/api-key")})
	if code(err) != "ResourceNotFoundException" {
		t.Errorf("a secret of our account: %v", err)
	}
	parameters, _ = w.as(t, "arn:aws:iam::123456789012:role/may-read-nothing")
	if _, err = parameters.GetParameter(t.Context(), &ssm.GetParameterInput{Name: name}); code(err) != "AccessDeniedException" {
		t.Errorf("role without permissions: %v", err)
	}
	cfg := w.aws.Copy()
	creds, err := parameters.Options().Credentials.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider(creds.AccessKeyID, creds.SecretAccessKey, "another token")
	if _, err = ssm.NewFromConfig(cfg).GetParameter(t.Context(), &ssm.GetParameterInput{Name: name}); code(err) != "UnrecognizedClientException" {
		t.Errorf("a role's key with a token that is not its own: %v", err)
	}
}
