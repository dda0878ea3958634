package awsparams_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/paramcache/awsparams"
)

func putParameter(t *testing.T, client *ssm.Client, name, value string, typ ssmtypes.ParameterType) {
	t.Helper()
	must[*ssm.PutParameterOutput](t)(client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: &value, Type: typ, Overwrite: aws.Bool(true)}))
}

func motoMany(t *testing.T, client *ssm.Client, secrets *secretsmanager.Client, p *awsparams.Provider) {
	var refs []paramcache.Ref
	var want []string
	for i := range 25 {
		name := fmt.Sprintf("/many/%d", i)
		refs = append(refs, paramcache.Ref{Source: "ssm", Name: name})
		if i == 13 {
			want = append(want, "not found ParameterNotFound")
			continue
		}
		putParameter(t, client, name, "v"+name, ssmtypes.ParameterTypeString)
		want = append(want, "v"+name)
	}
	putParameter(t, client, "/many/0", "second", ssmtypes.ParameterTypeString)
	refs = append(refs, paramcache.Ref{Source: "ssm", Name: "/many/0", Version: "1"}, paramcache.Ref{Source: "ssm", Name: "/many/1", Version: "9"})
	want[0], want = "second", append(want, "v/many/0", "not found ParameterNotFound")
	if diff := cmp.Diff(want, outcome(p.FetchMany(t.Context(), refs))); diff != "" {
		t.Error(diff)
	}

	refs, want = nil, nil
	for i := range 23 {
		name := fmt.Sprintf("many/%d", i)
		in := &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String("v" + name)}
		if i == 1 {
			in.SecretString, in.SecretBinary = nil, []byte{0, 1}
		}
		created := must[*secretsmanager.CreateSecretOutput](t)(secrets.CreateSecret(t.Context(), in))
		ref := paramcache.Ref{Source: "secrets", Name: name}
		if i == 2 {
			ref.Name = *created.ARN
		}
		refs, want = append(refs, ref), append(want, "v"+name)
	}
	want[1] = "binary \x00\x01"
	refs = append(refs, paramcache.Ref{Source: "secrets", Name: "many/none"})
	want = append(want, "not found ResourceNotFoundException")
	if diff := cmp.Diff(want, outcome(p.FetchMany(t.Context(), refs))); diff != "" {
		t.Error(diff)
	}
}

func motoPath(t *testing.T, client *ssm.Client, p *awsparams.Provider) {
	var want []string
	for i := range 23 { // three pages
		name := fmt.Sprintf("/tree/%02d", i)
		putParameter(t, client, name, "v"+name, ssmtypes.ParameterTypeString)
		want = append(want, name+"=v"+name)
	}
	putParameter(t, client, "/tree/sub/leaf", "deep", ssmtypes.ParameterTypeSecureString)
	tree := paramcache.Ref{Source: "ssm", Name: "/tree/", Path: true}
	v := must[paramcache.Value](t)(p.Fetch(t.Context(), tree))
	if diff := cmp.Diff(want, members(v)); diff != "" {
		t.Error(diff)
	}
	tree.Recursive, tree.Decrypt = true, true
	v = must[paramcache.Value](t)(p.Fetch(t.Context(), tree))
	if diff := cmp.Diff(append(want, "/tree/sub/leaf=deep"), members(v)); diff != "" {
		t.Error(diff)
	}
	if m := v.Members[0]; m.Version != "1" || m.Type != "String" || !strings.HasSuffix(m.ARN, ":parameter/tree/00") {
		t.Errorf("member %+v of type %s", m, m.Type)
	}
	v = must[paramcache.Value](t)(p.Fetch(t.Context(), paramcache.Ref{Source: "ssm", Name: "/bare", Path: true}))
	if v.Members == nil || len(v.Members) != 0 {
		t.Errorf("%d members under a path with nothing", len(v.Members))
	}
}

func motoSortKeys(t *testing.T, client *dynamodb.Client, p *awsparams.Provider) {
	str := func(s string) ddb.AttributeValue { return &ddb.AttributeValueMemberS{Value: s} }
	must[*dynamodb.CreateTableOutput](t)(client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: aws.String("conf"), BillingMode: ddb.BillingModePayPerRequest,
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: "S"}, {AttributeName: aws.String("sk"), AttributeType: "S"}},
		KeySchema:            []ddb.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: "HASH"}, {AttributeName: aws.String("sk"), KeyType: "RANGE"}},
	}))
	var want []string
	pad := strings.Repeat("x", 350_000) // four such items are more than a page of 1 MB
	for i := range 8 {
		sort := fmt.Sprintf("s%d", i)
		must[*dynamodb.PutItemOutput](t)(client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("conf"),
			Item: map[string]ddb.AttributeValue{"id": str("k"), "sk": str(sort), "pad": str(pad), "value": &ddb.AttributeValueMemberN{Value: fmt.Sprint(i)}}}))
		want = append(want, fmt.Sprintf("%s=JSON %d", sort, i))
	}
	must[*dynamodb.PutItemOutput](t)(client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("conf"), Item: map[string]ddb.AttributeValue{"id": str("other"), "sk": str("s"), "value": str("x")}}))
	v := must[paramcache.Value](t)(p.Fetch(t.Context(), paramcache.Ref{Source: "dynamodb", Name: "conf", Key: "k", AllSorts: true}))
	if diff := cmp.Diff(want, members(v)); diff != "" || v.Name != "conf/k" {
		t.Errorf("%s: %s", v.Name, diff)
	}
	v = must[paramcache.Value](t)(p.Fetch(t.Context(), paramcache.Ref{Source: "dynamodb", Name: "conf", Key: "other", AllSorts: true, Item: true}))
	if diff := cmp.Diff([]string{`s=JSON {"id":"other","sk":"s","value":"x"}`}, members(v)); diff != "" {
		t.Error(diff)
	}
}

func motoStore(t *testing.T, client *ssm.Client, secrets *secretsmanager.Client, p *awsparams.Provider) {
	store := must[string](t)
	parameter := paramcache.Ref{Source: "ssm", Name: "/set/a"}
	if v := store(p.Store(t.Context(), parameter, paramcache.Setting{Value: "one", Type: "SecureString"})); v != "1" {
		t.Errorf("version %q", v)
	}
	if _, err := p.Store(t.Context(), parameter, paramcache.Setting{Value: "two"}); err == nil || !strings.Contains(err.Error(), "ParameterAlreadyExists") {
		t.Error(err)
	}
	if v := store(p.Store(t.Context(), parameter, paramcache.Setting{Value: "two <&>", Overwrite: true})); v != "2" {
		t.Errorf("version %q", v)
	}
	got := must[*ssm.GetParameterOutput](t)(client.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/set/a"), WithDecryption: aws.Bool(true)}))
	if *got.Parameter.Value != "two <&>" || got.Parameter.Type != "SecureString" {
		t.Errorf("stored %q as %s", *got.Parameter.Value, got.Parameter.Type)
	}
	if v := store(p.Store(t.Context(), paramcache.Ref{Source: "ssm", Name: "/set/new"}, paramcache.Setting{Value: "v", Overwrite: true})); v != "1" {
		t.Errorf("version %q", v)
	}

	secret := paramcache.Ref{Source: "secrets", Name: "set/db"}
	first := store(p.Store(t.Context(), secret, paramcache.Setting{Value: "one"}))
	second := store(p.Store(t.Context(), secret, paramcache.Setting{Binary: []byte{0, 255}}))
	value := must[*secretsmanager.GetSecretValueOutput](t)(secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("set/db")}))
	if *value.VersionId != second || string(value.SecretBinary) != "\x00\xff" {
		t.Errorf("current is %s %q, stored %s", *value.VersionId, value.SecretBinary, second)
	}
	value = must[*secretsmanager.GetSecretValueOutput](t)(secrets.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: aws.String("set/db"), VersionId: &first}))
	if *value.SecretString != "one" {
		t.Errorf("first is %q", *value.SecretString)
	}
}

// The emulator keeps accounts apart, and knows whose a role is.
func motoRole(t *testing.T, p *awsparams.Provider) {
	const role = "arn:aws:iam::210987654321:role/Reader"
	own, theirs := paramcache.Ref{Source: "ssm", Name: "/whose"}, paramcache.Ref{Source: "ssm", Name: "/whose", RoleARN: role}
	must[string](t)(p.Store(t.Context(), own, paramcache.Setting{Value: "ours"}))
	must[string](t)(p.Store(t.Context(), theirs, paramcache.Setting{Value: "theirs"}))
	for ref, want := range map[paramcache.Ref]string{own: "ours", theirs: "theirs"} {
		v := must[paramcache.Value](t)(p.Fetch(t.Context(), ref))
		if v.Text.Reveal() != want || strings.Contains(v.ARN, ":210987654321:") != (want == "theirs") {
			t.Errorf("%q of %s, want %q", v.Text.Reveal(), v.ARN, want)
		}
	}
}
