package awsapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsapi"
)

var getParameter = awsapi.Operation{Service: "ssm", Name: "GetParameter"}

func TestCallSendsWhatTheServiceExpects(t *testing.T) {
	f := newFake(t, ok(`{"Parameter":{"Value":"v"}}`))
	c := awsapi.New(awsapi.Options{Lookup: envFor(f.URL).lookup, UserAgent: "powertools-extension/1.2.3"})
	t.Cleanup(c.CloseIdle)
	var out struct{ Parameter struct{ Value string } }
	if err := c.Call(t.Context(), getParameter, map[string]any{"Name": "/a <b>"}, &out); err != nil {
		t.Fatal(err)
	}
	if out.Parameter.Value != "v" {
		t.Errorf("decoded %+v", out)
	}
	r := f.seen()[0]
	scope, signed := checkSignature(t, r, secretKey)
	if !strings.HasSuffix(scope, "/eu-central-1/ssm/aws4_request") {
		t.Errorf("scope %q", scope)
	}
	for _, name := range []string{"host", "x-amz-date", "x-amz-security-token", "x-amz-target", "content-type"} {
		if !slices.Contains(signed, name) {
			t.Errorf("%s is not signed: %v", name, signed)
		}
	}
	got := []string{r.Method, r.Path, r.Header.Get("Content-Type"), r.Header.Get("X-Amz-Target"), r.Header.Get("User-Agent"), r.Header.Get("X-Amz-Security-Token"), r.Header.Get("Accept-Encoding")}
	want := []string{"POST", "/", "application/x-amz-json-1.1", "AmazonSSM.GetParameter", "powertools-extension/1.2.3", token, ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRegionOfTheOperationIsSigned(t *testing.T) {
	f := newFake(t, ok(`{}`))
	c := newClient(t, envFor(f.URL))
	op := getParameter
	op.Region = "us-gov-west-1"
	if err := c.Call(t.Context(), op, nil, nil); err != nil {
		t.Fatal(err)
	}
	r := f.seen()[0]
	if scope, _ := checkSignature(t, r, secretKey); !strings.Contains(scope, "/us-gov-west-1/ssm/") {
		t.Errorf("scope %q", scope)
	}
	if r.Body != "{}" {
		t.Errorf("body %q", r.Body)
	}
}

// The generated clients are the other side: what they put into a request, we
// put into ours.
func TestAgreesWithGeneratedClients(t *testing.T) {
	creds := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey, SessionToken: token}, nil
	})
	f := newFake(t, ok(`{}`))
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	cfg := aws.Config{Region: "eu-central-1", Credentials: creds, BaseEndpoint: &f.URL, HTTPClient: &http.Client{Transport: transport}}
	name := func(s string) *string { return &s }

	for _, tc := range []struct {
		name string
		op   awsapi.Operation
		in   any
		sdk  func(context.Context) error
	}{
		{"ssm", getParameter, map[string]any{"Name": "/app/db", "WithDecryption": true}, func(ctx context.Context) error {
			_, err := ssm.NewFromConfig(cfg).GetParameter(ctx, &ssm.GetParameterInput{Name: name("/app/db"), WithDecryption: aws.Bool(true)})
			return err
		}},
		{"secretsmanager", awsapi.Operation{Service: "secretsmanager", Name: "GetSecretValue"}, map[string]any{"SecretId": "db", "VersionStage": "AWSPREVIOUS"}, func(ctx context.Context) error {
			_, err := secretsmanager.NewFromConfig(cfg).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: name("db"), VersionStage: name("AWSPREVIOUS")})
			return err
		}},
		{"dynamodb", awsapi.Operation{Service: "dynamodb", Name: "GetItem"}, map[string]any{"TableName": "t", "Key": map[string]any{"id": map[string]any{"S": "k"}}}, func(ctx context.Context) error {
			client := dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.DisableValidateResponseChecksum = true })
			_, err := client.GetItem(ctx, &dynamodb.GetItemInput{TableName: name("t"), Key: map[string]ddbtypes.AttributeValue{"id": &ddbtypes.AttributeValueMemberS{Value: "k"}}})
			return err
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			first := len(f.seen())
			if err := newClient(t, envFor(f.URL)).Call(t.Context(), tc.op, tc.in, nil); err != nil {
				t.Fatal(err)
			}
			if err := tc.sdk(t.Context()); err != nil {
				t.Fatal(err)
			}
			type parts struct {
				Method, Path, Type, Target, Token, Scope string
				Body                                     any
			}
			read := func(r seen) parts {
				scope, _ := checkSignature(t, r, secretKey)
				var body any
				if err := json.Unmarshal([]byte(r.Body), &body); err != nil {
					t.Fatal(err)
				}
				return parts{r.Method, r.Path, r.Header.Get("Content-Type"), r.Header.Get("X-Amz-Target"), r.Header.Get("X-Amz-Security-Token"), scope, body}
			}
			requests := f.seen()[first:]
			if len(requests) != 2 {
				t.Fatalf("%d requests", len(requests))
			}
			if diff := cmp.Diff(read(requests[1]), read(requests[0])); diff != "" {
				t.Errorf("-sdk +ours\n%s", diff)
			}
		})
	}
}

func TestServiceErrors(t *testing.T) {
	for _, tc := range []struct {
		name   string
		answer answer
		want   awsapi.ServiceError
		text   string
	}{
		{"bare type",
			answer{400, map[string]string{"X-Amzn-Requestid": "r-1"}, `{"__type":"ParameterNotFound"}`, nil},
			awsapi.ServiceError{Code: "ParameterNotFound", Status: 400, RequestID: "r-1"},
			"ssm GetParameter: ParameterNotFound (request r-1)"},
		{"namespace and capital Message",
			answer{400, nil, `{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","Message":"Requested resource not found"}`, nil},
			awsapi.ServiceError{Code: "ResourceNotFoundException", Message: "Requested resource not found", Status: 400},
			"ssm GetParameter: ResourceNotFoundException: Requested resource not found"},
		{"header with URL wins",
			answer{403, map[string]string{"x-amzn-ErrorType": "AccessDeniedException:http://internal.amazon.com/coral/com.amazon.coral.service/", "x-amz-request-id": "r-2"}, `{"__type":"Other","message":"no"}`, nil},
			awsapi.ServiceError{Code: "AccessDeniedException", Message: "no", Status: 403, RequestID: "r-2"},
			"ssm GetParameter: AccessDeniedException: no (request r-2)"},
		{"code member",
			answer{400, nil, `{"code":"ValidationException","message":"bad"}`, nil},
			awsapi.ServiceError{Code: "ValidationException", Message: "bad", Status: 400},
			"ssm GetParameter: ValidationException: bad"},
		{"code is a number",
			answer{404, nil, `{"code":42,"message":"bad"}`, nil},
			awsapi.ServiceError{Message: "bad", Status: 404},
			"ssm GetParameter: HTTP 404: bad"},
		{"a proxy's page",
			answer{403, nil, `<html>squid says no</html>`, nil},
			awsapi.ServiceError{Status: 403},
			"ssm GetParameter: HTTP 403"},
		{"nothing at all", answer{403, nil, ``, nil}, awsapi.ServiceError{Status: 403}, "ssm GetParameter: HTTP 403"},
		{"a redirect is not followed", answer{302, map[string]string{"Location": "/elsewhere"}, ``, nil}, awsapi.ServiceError{Status: 302}, "ssm GetParameter: HTTP 302"},
		{"the recital of signed headers is cut off",
			answer{400, map[string]string{"Date": time.Now().UTC().Format(http.TimeFormat)}, `{"__type":"InvalidSignatureException","message":"The request signature we calculated does not match.\n\nThe Canonical String was\n'POST\nx-amz-security-token:` + token + `'"}`, nil},
			awsapi.ServiceError{Code: "InvalidSignatureException", Message: "The request signature we calculated does not match.", Status: 400},
			"ssm GetParameter: InvalidSignatureException: The request signature we calculated does not match."},
		{"credentials are blanked",
			answer{403, nil, `{"__type":"IncompleteSignature","message":"` + token + ` and ` + accessKey + `"}`, nil},
			awsapi.ServiceError{Code: "IncompleteSignature", Message: "[redacted] and [redacted]", Status: 403},
			"ssm GetParameter: IncompleteSignature: [redacted] and [redacted]"},
		{"long texts are cut",
			answer{400, nil, `{"__type":"X","message":"x` + strings.Repeat("ü", 1000) + `"}`, nil},
			awsapi.ServiceError{Code: "X", Message: "x" + strings.Repeat("ü", 255) + "…", Status: 400},
			"ssm GetParameter: X: x" + strings.Repeat("ü", 255) + "…"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t, tc.answer)
			err := newClient(t, envFor(f.URL)).Call(t.Context(), getParameter, map[string]string{"Name": "CANARY"}, nil)
			var got *awsapi.ServiceError
			if !errors.As(err, &got) {
				t.Fatalf("error %v", err)
			}
			if len(f.seen()) != 1 {
				t.Errorf("%d requests, want 1", len(f.seen()))
			}
			if got.Error() != tc.text {
				t.Errorf("text %q, want %q", got.Error(), tc.text)
			}
			tc.want.Service, tc.want.Operation = "ssm", "GetParameter"
			bare := awsapi.ServiceError{Service: got.Service, Operation: got.Operation, Code: got.Code, Message: got.Message, Status: got.Status, RequestID: got.RequestID}
			if bare != tc.want {
				t.Errorf("got %+v, want %+v", bare, tc.want)
			}
		})
	}
}

func TestUnusableAnswers(t *testing.T) {
	for _, tc := range []struct {
		name, body, want string
	}{
		{"nothing", ``, "ssm GetParameter: answer is not the JSON this operation has"},
		{"not JSON", `<html>SECRET</html>`, "ssm GetParameter: answer is not the JSON this operation has"},
		// encoding/json would quote the number, which is the value.
		{"wrong type", `{"Version":"x","Value":12345.678}`, "ssm GetParameter: answer is not the JSON this operation has"},
		{"too large", `{"Value":"` + strings.Repeat("x", 4<<20) + `"}`, "ssm GetParameter: answer is larger than 4 MiB"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFake(t, ok(tc.body))
			var out struct {
				Version int
				Value   int
			}
			err := newClient(t, envFor(f.URL)).Call(t.Context(), getParameter, nil, &out)
			var got *awsapi.TransportError
			if !errors.As(err, &got) || got.Error() != tc.want || got.Timeout {
				t.Errorf("error %v", err)
			}
			if n := len(f.seen()); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

// An answer that announces its size is refused before a byte of it is read.
func TestAnnouncedSizeIsBounded(t *testing.T) {
	f := newFake(t, answer{status: 200, header: map[string]string{"Content-Length": "5000000"}, body: "{"})
	err := newClient(t, envFor(f.URL)).Call(t.Context(), getParameter, nil, nil)
	if err == nil || err.Error() != "ssm GetParameter: answer is larger than 4 MiB" {
		t.Errorf("error %v", err)
	}
}

func TestRequestErrors(t *testing.T) {
	base := env{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
	for _, tc := range []struct {
		name string
		env  env
		op   awsapi.Operation
		in   any
		want string
	}{
		{"unknown service", base, awsapi.Operation{Service: "s3", Name: "GetObject"}, nil, "s3 GetObject: unknown service; use one of the package's services"},
		{"no region", base, getParameter, nil, "ssm GetParameter: no region; set AWS_REGION"},
		{"region escapes the host name", base, awsapi.Operation{Service: "ssm", Name: "GetParameter", Region: "evil.example/#"}, nil, "ssm GetParameter: not a region name; use a name like eu-central-1"},
		{"endpoint is no URL", base.with("AWS_REGION", "eu-west-1").with("AWS_ENDPOINT_URL_SSM", "localhost:4566"), getParameter, nil, "ssm GetParameter: AWS_ENDPOINT_URL_SSM is not an http or https URL; correct or unset it"},
		{"request is not JSON", base.with("AWS_REGION", "eu-west-1"), getParameter, func() {}, "ssm GetParameter: request cannot be written as JSON; correct the caller"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := newClient(t, tc.env).Call(t.Context(), tc.op, tc.in, nil)
			var got *awsapi.RequestError
			if !errors.As(err, &got) || got.Error() != tc.want {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestNewTouchesNothing(t *testing.T) {
	asked := 0
	awsapi.New(awsapi.Options{Lookup: func(string) (string, bool) { asked++; return "", false }})
	if asked != 0 {
		t.Errorf("New read the environment %d times", asked)
	}
}
