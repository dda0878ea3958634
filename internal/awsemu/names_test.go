package awsemu_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"powertools-extension/internal/awsemu"
)

// Names follow each service's own grammar, so that a file can hold whatever an
// account holds: what the services made themselves, too.
func TestNames(t *testing.T) {
	long := strings.Repeat("a", 1011)
	for _, tt := range []struct {
		section string
		good    []string
		bad     []string
	}{
		{"parameters", []string{"/a/b.c-d_E1", "plain", "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64", "/aws/service/global-infrastructure/regions/eu-central-1/longName", long, "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15"},
			[]string{"a b", "aws-thing", "SSM/x", "/ssmthing", "a/b", long + "a", "/ä", "/aws", "/aws/reference/secretsmanager/x", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "/a!b", "/a:b"}},
		{"secrets", []string{"rds!db-1b2c3d4e-0000-4000-8000-000000000000", "rds!cluster-9f", "redshift!ns-user", "events!connection/orders/9f-1", "prod/db_1+x=y@z.w-v", strings.Repeat("a", 512)},
			[]string{"a b", "a:b", "a#b", "ä", "a?b", strings.Repeat("a", 513)}},
		{"tables", []string{"abc", "My.Table_1-x", strings.Repeat("t", 255)}, []string{"ab", "my table", "t/able", "töble", strings.Repeat("t", 256)}},
		{"appconfig", []string{"my app/prod/flags", "a/b/" + strings.Repeat("p", 128)}, []string{"a/b", "a//c", "a/b/" + strings.Repeat("p", 129), strings.Repeat("a", 65) + "/b/c"}},
	} {
		content := "x"
		if tt.section == "tables" {
			content = "{}"
		}
		for _, name := range append(tt.good, tt.bad...) {
			_, err := awsemu.Parse(fmt.Appendf(nil, "%s:\n  ? %q\n  : %s\n", tt.section, name, content))
			if good := strings.Contains("\x00"+strings.Join(tt.good, "\x00")+"\x00", "\x00"+name+"\x00"); good != (err == nil) {
				t.Errorf("%s %.80s: %v, want it to be good: %v", tt.section, name, err, good)
			}
		}
	}
}

// What AWS keeps for itself can be read, and not written.
func TestReservedNames(t *testing.T) {
	const public = "/aws/service/global-infrastructure/regions/eu-central-1/longName"
	w := newWorld(t, "parameters: {"+public+": Europe (Frankfurt)}\nsecrets: {'rds!db-1': x}")
	got, err := w.ssm.GetParameter(t.Context(), &ssm.GetParameterInput{Name: ptr(public)})
	if err != nil || *got.Parameter.Value != "Europe (Frankfurt)" || *got.Parameter.ARN != "arn:aws:ssm:us-east-1::parameter"+public {
		t.Errorf("a public parameter: %+v, %v", got, err)
	}
	_, err = w.ssm.PutParameter(t.Context(), &ssm.PutParameterInput{Name: ptr(public), Value: ptr("x"), Type: types.ParameterTypeString, Overwrite: ptr(true)})
	if code(err) != "AccessDeniedException" {
		t.Errorf("writing it: %v", err)
	}
	for _, id := range []string{"rds!db-1", "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!db-1"} {
		secret, err := w.secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id})
		if err != nil || *secret.SecretString != "x" || *secret.Name != "rds!db-1" {
			t.Errorf("%s: %+v, %v", id, secret, err)
		}
	}
	through, err := w.ssm.GetParameter(t.Context(), &ssm.GetParameterInput{Name: ptr("/aws/reference/secretsmanager/rds!db-1"), WithDecryption: ptr(true)})
	if err != nil || *through.Parameter.Value != "x" {
		t.Errorf("through Parameter Store: %+v, %v", through, err)
	}
}

func TestLabels(t *testing.T) {
	for label, good := range map[string]bool{"stable": true, "v1.2-x_y": true, "1st": false, "aws-x": false, "a b": false, strings.Repeat("l", 101): false} {
		_, err := awsemu.Parse(fmt.Appendf(nil, "parameters: {/a: {value: x, labels: [%q]}}", label))
		if good != (err == nil) {
			t.Errorf("%.20s: %v", label, err)
		}
	}
}
