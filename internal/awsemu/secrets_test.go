package awsemu_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"
)

const twoVersions = `
secrets:
  app/db:
    versions:
      - {id: 11111111-1111-1111-1111-111111111111, value: old, stages: [AWSPREVIOUS]}
      - {id: 22222222-2222-2222-2222-222222222222, value: new, stages: [AWSCURRENT, blue]}
  app/cert: {binary: AAECAw==}
  app/text: plain
`

func TestGetSecretValue(t *testing.T) {
	w := newWorld(t, twoVersions)
	full := describe(t, w, "app/db")
	for _, tt := range []struct {
		outcome, id, version, stage string
		want                        string
		code                        string
	}{
		{outcome: "current by name", id: "app/db", want: "new"},
		{outcome: "by full ARN", id: full, want: "new"},
		{outcome: "by ARN without suffix", id: full[:len(full)-7], want: "new"},
		{outcome: "previous by stage", id: "app/db", stage: "AWSPREVIOUS", want: "old"},
		{outcome: "own stage", id: "app/db", stage: "blue", want: "new"},
		{outcome: "by version", id: "app/db", version: "11111111-1111-1111-1111-111111111111", want: "old"},
		{outcome: "version and stage agree", id: "app/db", version: "22222222-2222-2222-2222-222222222222", stage: "blue", want: "new"},
		{outcome: "version and stage disagree", id: "app/db", version: "11111111-1111-1111-1111-111111111111", stage: "blue", code: "InvalidRequestException"},
		{outcome: "unknown secret", id: "app/none", code: "ResourceNotFoundException"},
		{outcome: "unknown stage", id: "app/db", stage: "green", code: "ResourceNotFoundException"},
		{outcome: "unknown version", id: "app/db", version: "33333333-1111-1111-1111-111111111111", code: "ResourceNotFoundException"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			in := &secretsmanager.GetSecretValueInput{SecretId: &tt.id}
			if tt.version != "" {
				in.VersionId = &tt.version
			}
			if tt.stage != "" {
				in.VersionStage = &tt.stage
			}
			out, err := w.secrets.GetSecretValue(t.Context(), in)
			if code(err) != tt.code {
				t.Fatalf("code %q, want %q (%v)", code(err), tt.code, err)
			}
			if err != nil {
				if strings.HasSuffix(err.Error(), ": ") {
					t.Errorf("the message is lost: %v", err)
				}
				return
			}
			if *out.SecretString != tt.want || out.SecretBinary != nil || out.CreatedDate == nil {
				t.Errorf("got %q, want %q", *out.SecretString, tt.want)
			}
		})
	}
}

func describe(t *testing.T, w *world, id string) string {
	t.Helper()
	out, err := w.secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &id})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ARN
}

func TestBinarySecret(t *testing.T) {
	w := newWorld(t, twoVersions)
	out, err := w.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: ptr("app/cert")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]byte{0, 1, 2, 3}, out.SecretBinary); diff != "" || out.SecretString != nil {
		t.Errorf("%s string %v", diff, out.SecretString)
	}
}

func TestDescribeSecretListsStages(t *testing.T) {
	w := newWorld(t, twoVersions)
	out, err := w.secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: ptr("app/db")})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"11111111-1111-1111-1111-111111111111": {"AWSPREVIOUS"},
		"22222222-2222-2222-2222-222222222222": {"AWSCURRENT", "blue"},
	}
	if diff := cmp.Diff(want, out.VersionIdsToStages); diff != "" {
		t.Error(diff)
	}
}

func TestBatchGetSecretValue(t *testing.T) {
	w := newWorld(t, twoVersions)
	for _, tt := range []struct {
		outcome string
		in      secretsmanager.BatchGetSecretValueInput
		values  []string
		errors  []string
		code    string
	}{
		{outcome: "by id, with a missing one", in: secretsmanager.BatchGetSecretValueInput{SecretIdList: []string{"app/text", "app/none", "app/db"}},
			values: []string{"app/text", "app/db"}, errors: []string{"app/none ResourceNotFoundException"}},
		{outcome: "by name prefix", in: secretsmanager.BatchGetSecretValueInput{Filters: []types.Filter{{Key: "name", Values: []string{"app/"}}}},
			values: []string{"app/db", "app/cert", "app/text"}},
		{outcome: "neither", code: "InvalidParameterException"},
		{outcome: "more than 20", in: secretsmanager.BatchGetSecretValueInput{SecretIdList: slices.Repeat([]string{"x"}, 21)}, code: "InvalidParameterException"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			out, err := w.secrets.BatchGetSecretValue(t.Context(), &tt.in)
			if code(err) != tt.code {
				t.Fatalf("code %q, want %q", code(err), tt.code)
			}
			if err != nil {
				return
			}
			var values, failed []string
			for _, v := range out.SecretValues {
				values = append(values, *v.Name)
			}
			for _, e := range out.Errors {
				failed = append(failed, *e.SecretId+" "+*e.ErrorCode)
			}
			if diff := cmp.Diff(tt.values, values) + cmp.Diff(tt.errors, failed); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPutSecretValueMovesTheStages(t *testing.T) {
	w := newWorld(t, twoVersions)
	put := func(token, value string) error {
		_, err := w.secrets.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: ptr("app/db"), ClientRequestToken: &token, SecretString: &value})
		return err
	}
	const token = "44444444-4444-4444-4444-444444444444"
	if err := put(token, "newest"); err != nil {
		t.Fatal(err)
	}
	if err := put(token, "newest"); err != nil {
		t.Errorf("the same call again: %v", err)
	}
	if got := code(put(token, "other")); got != "ResourceExistsException" {
		t.Errorf("same token, other value: %q", got)
	}
	out, err := w.secrets.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: ptr("app/db")})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{token: {"AWSCURRENT"}, "22222222-2222-2222-2222-222222222222": {"blue", "AWSPREVIOUS"}}
	if diff := cmp.Diff(want, out.VersionIdsToStages); diff != "" {
		t.Error(diff)
	}
}

func TestPutSecretValueRefusals(t *testing.T) {
	w := newWorld(t, twoVersions)
	for _, tt := range []struct {
		outcome string
		in      secretsmanager.PutSecretValueInput
		code    string
	}{
		{"no value", secretsmanager.PutSecretValueInput{SecretId: ptr("app/db")}, "InvalidRequestException"},
		{"both values", secretsmanager.PutSecretValueInput{SecretId: ptr("app/db"), SecretString: ptr("a"), SecretBinary: []byte("a")}, "InvalidRequestException"},
		{"unknown secret", secretsmanager.PutSecretValueInput{SecretId: ptr("none"), SecretString: ptr("a")}, "ResourceNotFoundException"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			if _, err := w.secrets.PutSecretValue(t.Context(), &tt.in); code(err) != tt.code {
				t.Errorf("code %q, want %q", code(err), tt.code)
			}
		})
	}
}

func TestCreateSecret(t *testing.T) {
	w := newWorld(t, "secrets: {old: v}")
	if _, err := w.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: ptr("new/one"), SecretString: ptr("first")}); err != nil {
		t.Fatal(err)
	}
	out, err := w.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: ptr("new/one")})
	if err != nil || *out.SecretString != "first" || len(out.VersionStages) != 1 || out.VersionStages[0] != "AWSCURRENT" {
		t.Errorf("%+v %v", out, err)
	}
	for name, want := range map[string]string{"old": "ResourceExistsException", "two words": "ValidationException"} {
		if _, err := w.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: ptr("v")}); code(err) != want {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
