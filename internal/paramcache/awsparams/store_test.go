package awsparams_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/paramcache/awsparams"
)

func TestStoreRequests(t *testing.T) {
	missing := refused("ResourceNotFoundException", "")
	for _, tc := range []struct {
		name    string
		ref     paramcache.Ref
		setting paramcache.Setting
		answers map[string]func(string) (string, error)
		calls   []string // with TOKEN for the request's token
		version string
	}{
		{"parameter, new", paramcache.Ref{Source: "ssm", Name: "/a"}, paramcache.Setting{Value: `v<"`},
			map[string]func(string) (string, error){"PutParameter": always(`{"Version":1,"Tier":"Standard"}`, nil)},
			[]string{`PutParameter {"Name":"/a","Value":"v\u003c\"","Type":"String","Overwrite":false}`}, "1"},
		{"parameter, everything said", paramcache.Ref{Source: "ssm", Name: "/a"}, paramcache.Setting{Value: "v", Overwrite: true, Type: "SecureString", Tier: "Advanced", KMSKey: "alias/k"},
			map[string]func(string) (string, error){"PutParameter": always(`{"Version":12}`, nil)},
			[]string{`PutParameter {"Name":"/a","Value":"v","Type":"SecureString","KeyId":"alias/k","Overwrite":true,"Tier":"Advanced"}`}, "12"},
		{"parameter, overwritten: its type stays", paramcache.Ref{Source: "ssm", Name: "/a"}, paramcache.Setting{Value: "v", Overwrite: true},
			map[string]func(string) (string, error){"PutParameter": always(`{"Version":2}`, nil)},
			[]string{`PutParameter {"Name":"/a","Value":"v","Overwrite":true}`}, "2"},
		{"parameter, overwritten but missing", paramcache.Ref{Source: "ssm", Name: "/a"}, paramcache.Setting{Value: "v", Overwrite: true},
			map[string]func(string) (string, error){"PutParameter": func(in string) (string, error) {
				if !strings.Contains(in, `"Type"`) {
					return "", refused("ValidationException", "A parameter type is required when you create a parameter.")
				}
				return `{"Version":1}`, nil
			}},
			[]string{`PutParameter {"Name":"/a","Value":"v","Overwrite":true}`, `PutParameter {"Name":"/a","Value":"v","Type":"String","Overwrite":true}`}, "1"},
		{"secret", paramcache.Ref{Source: "secrets", Name: "db"}, paramcache.Setting{Value: "pw"},
			map[string]func(string) (string, error){"PutSecretValue": always(`{"VersionId":"v-2"}`, nil)},
			[]string{`PutSecretValue {"SecretId":"db","ClientRequestToken":"TOKEN","SecretString":"pw"}`}, "v-2"},
		{"secret, binary, staged", paramcache.Ref{Source: "secrets", Name: "db", Label: "AWSPENDING"}, paramcache.Setting{Binary: []byte{0, 255}},
			map[string]func(string) (string, error){"PutSecretValue": always(`{"VersionId":"v-2"}`, nil)},
			[]string{`PutSecretValue {"SecretId":"db","ClientRequestToken":"TOKEN","SecretBinary":"AP8=","VersionStages":["AWSPENDING"]}`}, "v-2"},
		{"secret, missing", paramcache.Ref{Source: "secrets", Name: "db"}, paramcache.Setting{Value: "", KMSKey: "alias/k"},
			map[string]func(string) (string, error){"PutSecretValue": always("", missing), "CreateSecret": always(`{"VersionId":"v-1"}`, nil)},
			[]string{`PutSecretValue {"SecretId":"db","ClientRequestToken":"TOKEN","SecretString":""}`,
				`CreateSecret {"Name":"db","ClientRequestToken":"TOKEN","SecretString":"","KmsKeyId":"alias/k"}`}, "v-1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &script{answers: tc.answers}
			version, err := awsparams.New(s, awsparams.Options{}).Store(t.Context(), tc.ref, tc.setting)
			if err != nil || version != tc.version {
				t.Errorf("version %q, %v; want %q", version, err, tc.version)
			}
			uuid := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)
			tokens := map[string]bool{}
			for i := range s.calls {
				for _, token := range uuid.FindAllString(s.calls[i], -1) {
					tokens[token] = true
				}
				s.calls[i] = uuid.ReplaceAllString(s.calls[i], "TOKEN")
			}
			if diff := cmp.Diff(tc.calls, s.calls); diff != "" || len(tokens) > 1 {
				t.Errorf("%d tokens\n%s", len(tokens), diff)
			}
		})
	}
}

func TestStoreRefusals(t *testing.T) {
	nothing := map[string]func(string) (string, error){"PutSecretValue": always("", refused("ResourceNotFoundException", "")),
		"PutParameter": always("", refused("ParameterAlreadyExists", "The parameter already exists."))}
	for _, tc := range []struct {
		name    string
		ref     paramcache.Ref
		setting paramcache.Setting
		want    string
		calls   int
	}{
		{"version", paramcache.Ref{Source: "ssm", Name: "/a", Version: "1"}, paramcache.Setting{}, "read ssm:/a?version=1: a version cannot be written; leave it out: the service numbers it", 0},
		{"label", paramcache.Ref{Source: "ssm", Name: "/a", Label: "l"}, paramcache.Setting{}, "read ssm:/a?label=l: a parameter is text and is written without a label", 0},
		{"bytes", paramcache.Ref{Source: "ssm", Name: "/a"}, paramcache.Setting{Binary: []byte{0}}, "read ssm:/a: a parameter is text and is written without a label", 0},
		{"no name", paramcache.Ref{Source: "ssm"}, paramcache.Setting{}, "read ssm:: no name", 0},
		{"item", paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k"}, paramcache.Setting{}, "read dynamodb:t/k: only parameters and secrets can be written; use ssm or secrets", 0},
		{"there already", paramcache.Ref{Source: "ssm", Name: "/a"}, paramcache.Setting{}, "read ssm:/a: ParameterAlreadyExists: The parameter already exists.; overwrite it, or choose another name", 1},
		{"no secret of that ARN", paramcache.Ref{Source: "secrets", Name: secretARN + "x-AbCdEf"}, paramcache.Setting{}, "read secrets:" + secretARN + "x-AbCdEf: ResourceNotFoundException: not found; check the name and the region eu-central-1", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &script{answers: nothing}
			_, err := awsparams.New(s, awsparams.Options{}).Store(t.Context(), tc.ref, tc.setting)
			failed, ok := errors.AsType[*paramcache.Error](err)
			if !ok || failed.Error() != tc.want || len(s.calls) != tc.calls {
				t.Errorf("%v after %v", err, s.calls)
			}
		})
	}
}

// A setting is on its way out through encoding/json, and nowhere else.
func TestSettingIsRedacted(t *testing.T) {
	s := paramcache.Setting{Value: "CANARY", Binary: []byte("CANARY")}
	b, err := json.Marshal(s)
	for _, text := range []string{string(b), fmt.Sprintf("%v %+v %#v %x %s", s, s, s, s, &s)} {
		if err != nil || strings.Contains(text, "CANARY") || strings.Contains(text, "43414e415259") {
			t.Errorf("printed as %s, %v", text, err)
		}
	}
}
