package awsemu_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
)

// code returns the service's error code, "" for no error.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	if err != nil {
		return "not an API error: " + err.Error()
	}
	return ""
}

func TestGetParameter(t *testing.T) {
	w := newWorld(t, example(t))
	const arn = "arn:aws:ssm:us-east-1:123456789012:parameter/"
	for _, tt := range []struct {
		outcome, name string
		decrypt       bool
		want          string // value, version, selector
		code          string
	}{
		{outcome: "a String", name: "/demo/greeting", want: "Hello from Parameter Store 1 "},
		{outcome: "a number stays text", name: "/demo/retries", want: "3 1 "},
		{outcome: "a list is joined", name: "/demo/regions", want: "eu-central-1,us-east-1,ap-southeast-2 1 "},
		{outcome: "a mapping is JSON in the file's order", name: "/demo/config.json", want: `{"feature":{"dark_mode":true,"beta":false},"limits":{"requests_per_second":25,"burst":50}} 1 `},
		{outcome: "decrypted", name: "/demo/db-password", decrypt: true, want: "correct-horse-battery-staple 1 "},
		{outcome: "by ARN", name: arn + "demo/greeting", want: "Hello from Parameter Store 1 "},
		{outcome: "newest without selector", name: "/demo/rollout", want: "50 3 "},
		{outcome: "by version", name: "/demo/rollout:1", want: "10 1 :1"},
		{outcome: "by label", name: "/demo/rollout:stable", want: "25 2 :stable"},
		{outcome: "by ARN and label", name: arn + "demo/rollout:stable", want: "25 2 :stable"},
		{outcome: "secret behind the reference path", name: "/aws/reference/secretsmanager/demo/api-key", decrypt: true, want: "key-4f9a-example 0 "},
		{outcome: "secret's stage as selector", name: "/aws/reference/secretsmanager/demo/rotated:AWSPREVIOUS", decrypt: true, want: "password-of-last-month 0 :AWSPREVIOUS"},
		{outcome: "reference needs decryption", name: "/aws/reference/secretsmanager/demo/api-key", code: "ValidationException"},
		{outcome: "reference to nothing", name: "/aws/reference/secretsmanager/demo/none", decrypt: true, code: "ParameterNotFound"},
		{outcome: "unknown name", name: "/demo/none", code: "ParameterNotFound"},
		{outcome: "another account's ARN", name: "arn:aws:ssm:us-east-1:999999999999:parameter/demo/greeting", code: "ParameterNotFound"},
		{outcome: "unknown version", name: "/demo/rollout:4", code: "ParameterVersionNotFound"},
		{outcome: "unknown label", name: "/demo/rollout:blue", code: "ParameterVersionNotFound"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			out, err := w.ssm.GetParameter(t.Context(), &ssm.GetParameterInput{Name: &tt.name, WithDecryption: &tt.decrypt})
			if got := code(err); got != tt.code {
				t.Fatalf("code %q, want %q (%v)", got, tt.code, err)
			}
			if err != nil {
				return
			}
			p := out.Parameter
			selector := ""
			if p.Selector != nil {
				selector = *p.Selector
			}
			if got := fmt.Sprint(*p.Value, " ", p.Version, " ", selector); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if p.LastModifiedDate == nil || p.LastModifiedDate.Year() < 2025 {
				t.Errorf("last modified %v", p.LastModifiedDate)
			}
		})
	}
}

func TestSecureStringWithoutDecryptionHidesTheValue(t *testing.T) {
	w := newWorld(t, example(t))
	out, err := w.ssm.GetParameter(t.Context(), &ssm.GetParameterInput{Name: ptr("/demo/db-password")})
	if err != nil {
		t.Fatal(err)
	}
	if v := *out.Parameter.Value; strings.Contains(v, "horse") || !strings.HasPrefix(v, "AQICAH") {
		t.Errorf("value %q is not a KMS blob", v)
	}
	if out.Parameter.Type != types.ParameterTypeSecureString {
		t.Errorf("type %s", out.Parameter.Type)
	}
}

func TestSecretReferenceDescribesTheSecret(t *testing.T) {
	w := newWorld(t, example(t))
	out, err := w.ssm.GetParameter(t.Context(), &ssm.GetParameterInput{Name: ptr("/aws/reference/secretsmanager/demo/certificate"), WithDecryption: ptr(true)})
	if err != nil {
		t.Fatal(err)
	}
	p := out.Parameter
	if !strings.HasPrefix(*p.ARN, "arn:aws:secretsmanager:us-east-1:123456789012:secret:demo/certificate-") || p.DataType != nil {
		t.Errorf("ARN %s, data type %v", *p.ARN, p.DataType)
	}
	if !strings.Contains(*p.SourceResult, `"secretBinary":{"hb":[104,101,108,108,111,`) {
		t.Errorf("source result %s", *p.SourceResult)
	}
}

func TestGetParameters(t *testing.T) {
	w := newWorld(t, example(t))
	out, err := w.ssm.GetParameters(t.Context(), &ssm.GetParametersInput{Names: []string{"/demo/retries", "/none", "/demo/rollout:stable", "/demo/rollout:9"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range out.Parameters {
		got = append(got, *p.Name+"="+*p.Value)
	}
	if diff := cmp.Diff([]string{"/demo/retries=3", "/demo/rollout=25"}, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/demo/rollout:9", "/none"}, out.InvalidParameters); diff != "" {
		t.Error(diff)
	}
}

func TestGetParametersTakesTenNames(t *testing.T) {
	w := newWorld(t, example(t))
	names := make([]string, 11)
	for i := range names {
		names[i] = fmt.Sprint("/n", i)
	}
	_, err := w.ssm.GetParameters(t.Context(), &ssm.GetParametersInput{Names: names})
	if code(err) != "ValidationException" || !strings.Contains(err.Error(), "less than or equal to 10") {
		t.Errorf("got %v", err)
	}
}

func TestGetParametersByPathPages(t *testing.T) {
	yaml := "parameters:\n"
	for i := range 23 {
		yaml += fmt.Sprintf("  /app/p%02d: v%d\n", i, i)
	}
	yaml += "  /app/deep/x: x\n  /application: no\n"
	w := newWorld(t, yaml)
	for _, tt := range []struct {
		outcome   string
		recursive bool
		want      int
	}{{"one level", false, 23}, {"all levels", true, 24}} {
		t.Run(tt.outcome, func(t *testing.T) {
			pages := ssm.NewGetParametersByPathPaginator(w.ssm, &ssm.GetParametersByPathInput{Path: ptr("/app/"), Recursive: &tt.recursive})
			seen := map[string]bool{}
			n := 0
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				n++
				for _, p := range page.Parameters {
					seen[*p.Name] = true
				}
			}
			if len(seen) != tt.want || n != 3 || seen["/application"] {
				t.Errorf("%d parameters on %d pages, want %d on 3", len(seen), n, tt.want)
			}
		})
	}
}

func TestGetParametersByPathFilters(t *testing.T) {
	w := newWorld(t, example(t))
	for _, tt := range []struct {
		outcome, path, key, value, token string
		want                             []string
		code                             string
	}{
		{outcome: "by type", path: "/demo", key: "Type", value: "SecureString", want: []string{"/demo/db-password:1"}},
		{outcome: "by label gives the labelled version", path: "/demo", key: "Label", value: "stable", want: []string{"/demo/rollout:2"}},
		{outcome: "nothing below", path: "/other"},
		{outcome: "relative path", path: "demo", code: "ValidationException"},
		{outcome: "unknown filter", path: "/demo", key: "KeyId", value: "x", code: "InvalidFilterKey"},
		{outcome: "made-up token", path: "/demo", token: "abc", code: "InvalidNextToken"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			in := &ssm.GetParametersByPathInput{Path: &tt.path}
			if tt.key != "" {
				in.ParameterFilters = []types.ParameterStringFilter{{Key: &tt.key, Values: []string{tt.value}}}
			}
			if tt.token != "" {
				in.NextToken = &tt.token
			}
			out, err := w.ssm.GetParametersByPath(t.Context(), in)
			if code(err) != tt.code {
				t.Fatalf("code %q, want %q", code(err), tt.code)
			}
			var got []string
			if err != nil {
				return
			}
			for _, p := range out.Parameters {
				got = append(got, fmt.Sprintf("%s:%d", *p.Name, p.Version))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPutParameter(t *testing.T) {
	w := newWorld(t, example(t))
	for _, tt := range []struct {
		outcome string
		in      ssm.PutParameterInput
		version int64
		code    string
	}{
		{outcome: "creates", in: ssm.PutParameterInput{Name: ptr("/new/one"), Value: ptr("a"), Type: "String"}, version: 1},
		{outcome: "refuses what exists", in: ssm.PutParameterInput{Name: ptr("/new/one"), Value: ptr("b"), Type: "String"}, code: "ParameterAlreadyExists"},
		{outcome: "overwrites", in: ssm.PutParameterInput{Name: ptr("/new/one"), Value: ptr("b"), Overwrite: ptr(true)}, version: 2},
		{outcome: "needs a type", in: ssm.PutParameterInput{Name: ptr("/new/two"), Value: ptr("b")}, code: "ValidationException"},
		{outcome: "refuses reserved names", in: ssm.PutParameterInput{Name: ptr("/aws/x"), Value: ptr("b"), Type: "String"}, code: "AccessDeniedException"},
		{outcome: "refuses reserved prefixes", in: ssm.PutParameterInput{Name: ptr("/ssmx"), Value: ptr("b"), Type: "String"}, code: "ValidationException"},
		{outcome: "refuses levels without a leading slash", in: ssm.PutParameterInput{Name: ptr("a/b"), Value: ptr("b"), Type: "String"}, code: "ValidationException"},
		{outcome: "refuses 4097 characters in the standard tier", in: ssm.PutParameterInput{Name: ptr("/new/big"), Value: ptr(strings.Repeat("x", 4097)), Type: "String"}, code: "ValidationException"},
		{outcome: "takes them in the advanced tier", in: ssm.PutParameterInput{Name: ptr("/new/big"), Value: ptr(strings.Repeat("x", 4097)), Type: "String", Tier: "Advanced"}, version: 1},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			out, err := w.ssm.PutParameter(t.Context(), &tt.in)
			if code(err) != tt.code {
				t.Fatalf("code %q, want %q (%v)", code(err), tt.code, err)
			}
			if err == nil && out.Version != tt.version {
				t.Errorf("version %d, want %d", out.Version, tt.version)
			}
		})
	}
	out, err := w.ssm.GetParameter(t.Context(), &ssm.GetParameterInput{Name: ptr("/new/one:1")})
	if err != nil || *out.Parameter.Value != "a" {
		t.Errorf("version 1 after the overwrite: %v %v", out, err)
	}
}
