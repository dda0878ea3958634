package awsparams_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/paramcache/awsparams"
)

// motoServer finds the emulator: the repository's own environment first, then
// PATH. Its absence is a loud skip, and a failure where CI promises it.
func motoServer(t *testing.T) string {
	t.Helper()
	path := filepath.Join("..", "..", "..", ".cache", "python", "bin", "moto_server")
	if abs, err := filepath.Abs(path); err == nil {
		if _, err := os.Stat(abs); err == nil {
			return abs
		}
	}
	if found, err := exec.LookPath("moto_server"); err == nil {
		return found
	}
	const missing = "no moto_server in .cache/python/bin nor on PATH: nothing is read from a real AWS emulator; install moto[server]"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// startMoto runs the emulator on a port of its own choice and returns its URL.
func startMoto(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	cmd := exec.CommandContext(ctx, motoServer(t), "-H", "127.0.0.1", "-p", "0")
	// In-memory only; nothing may reach out or read the machine's AWS files.
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=testing", "AWS_SECRET_ACCESS_KEY=testing", "AWS_DEFAULT_REGION=eu-central-1", "PYTHONUNBUFFERED=1")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	drained := make(chan struct{})
	t.Cleanup(func() {
		cancel()
		<-drained
		cmd.Wait()
	})
	url := make(chan string, 1)
	go func() {
		defer close(drained)
		defer close(url)
		announceURL(stderr, url)
	}()
	got, ok := <-url
	if !ok {
		t.Fatal("the emulator ended before it listened")
	}
	return got
}

// announceURL passes on the address werkzeug prints, and then reads on so that
// the emulator never blocks on a full pipe.
func announceURL(r io.Reader, url chan<- string) {
	running := regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)
	sent := false
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if m := running.FindStringSubmatch(lines.Text()); m != nil && !sent {
			url <- m[1]
			sent = true
		}
	}
	io.Copy(io.Discard, r)
}

// read is what one Fetch gave, in words a table can hold. The selector is not
// among them: the emulator does not send it.
type read struct {
	text, binary, version, typ string
	json                       bool
}

func fetch(t *testing.T, p *awsparams.Provider, ref paramcache.Ref) read {
	t.Helper()
	v, err := p.Fetch(t.Context(), ref)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if ref.Source != paramcache.DynamoDB && (v.ARN == "" || time.Since(v.Modified).Abs() > 10*time.Minute) {
		t.Errorf("%v: ARN %q, modified %v", ref, v.ARN, v.Modified)
	}
	return read{text: v.Text.Reveal(), binary: string(v.Binary), version: v.Version, typ: v.Type, json: v.JSON}
}

// expect reads each ref and compares.
func expect(t *testing.T, p *awsparams.Provider, cases map[string]struct {
	ref  paramcache.Ref
	want read
}) {
	t.Helper()
	for name, tc := range cases {
		if got := fetch(t, p, tc.ref); got != tc.want {
			t.Errorf("%s: %+v, want %+v", name, got, tc.want)
		}
	}
}

func expectKind(t *testing.T, p *awsparams.Provider, ref paramcache.Ref, kind paramcache.Kind) {
	t.Helper()
	_, err := p.Fetch(t.Context(), ref)
	var got *paramcache.Error
	if !errors.As(err, &got) || got.Kind != kind {
		t.Errorf("%v: error %v, want kind %d", ref, err, kind)
	}
}

type readCase = struct {
	ref  paramcache.Ref
	want read
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// What the generated clients write, the provider reads, through an AWS emulator
// that knows neither.
func TestAgainstMoto(t *testing.T) {
	url := startMoto(t)
	cfg := sdkConfig(t, url)
	p := provider(t, url)
	t.Run("ssm", func(t *testing.T) { motoSSM(t, ssm.NewFromConfig(cfg), p) })
	t.Run("secretsmanager", func(t *testing.T) { motoSecrets(t, secretsmanager.NewFromConfig(cfg), p) })
	t.Run("dynamodb", func(t *testing.T) { motoItems(t, dynamodb.NewFromConfig(cfg), p) })
	t.Run("keys of other types", func(t *testing.T) { keysOfOtherTypes(t, dynamodb.NewFromConfig(cfg), p) })
	t.Run("many", func(t *testing.T) { motoMany(t, ssm.NewFromConfig(cfg), secretsmanager.NewFromConfig(cfg), p) })
	t.Run("path", func(t *testing.T) { motoPath(t, ssm.NewFromConfig(cfg), p) })
	t.Run("sort keys", func(t *testing.T) { motoSortKeys(t, dynamodb.NewFromConfig(cfg), p) })
	t.Run("store", func(t *testing.T) { motoStore(t, ssm.NewFromConfig(cfg), secretsmanager.NewFromConfig(cfg), p) })
	t.Run("role", func(t *testing.T) { motoRole(t, p) })
}

func motoSSM(t *testing.T, client *ssm.Client, p *awsparams.Provider) {
	put := func(name, value string, typ ssmtypes.ParameterType) {
		t.Helper()
		must[*ssm.PutParameterOutput](t)(client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: &name, Value: &value, Type: typ, Overwrite: aws.Bool(true)}))
	}
	put("/app/db", "old", ssmtypes.ParameterTypeString)
	put("/app/db", "näu <&> \"x\"", ssmtypes.ParameterTypeString)
	put("/app/list", "a,b", ssmtypes.ParameterTypeStringList)
	put("/app/pass", "s3cret", ssmtypes.ParameterTypeSecureString)
	must[*ssm.LabelParameterVersionOutput](t)(client.LabelParameterVersion(t.Context(), &ssm.LabelParameterVersionInput{
		Name: aws.String("/app/db"), ParameterVersion: aws.Int64(1), Labels: []string{"Prod"}}))

	db := paramcache.Ref{Source: "ssm", Name: "/app/db"}
	byVersion, byLabel, byBoth, noVersion := db, db, db, db
	byVersion.Version, byLabel.Label, byBoth.Name, noVersion.Version = "1", "Prod", "/app/db:1", "99"
	v, err := p.Fetch(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	pass := paramcache.Ref{Source: "ssm", Name: "/app/pass"}
	clear := pass
	clear.Decrypt = true
	expect(t, p, map[string]readCase{
		"latest":       {db, read{text: "näu <&> \"x\"", version: "2", typ: "String"}},
		"by ARN":       {paramcache.Ref{Source: "ssm", Name: v.ARN}, read{text: "näu <&> \"x\"", version: "2", typ: "String"}},
		"version":      {byVersion, read{text: "old", version: "1", typ: "String"}},
		"label":        {byLabel, read{text: "old", version: "1", typ: "String"}},
		"name:version": {byBoth, read{text: "old", version: "1", typ: "String"}},
		"list":         {paramcache.Ref{Source: "ssm", Name: "/app/list"}, read{text: "a,b", version: "1", typ: "StringList"}},
		"decrypted":    {clear, read{text: "s3cret", version: "1", typ: "SecureString"}},
	})
	if got := fetch(t, p, pass); got.text == "s3cret" || got.text == "" || got.typ != "SecureString" {
		t.Errorf("undecrypted SecureString is %+v", got)
	}
	expectKind(t, p, paramcache.Ref{Source: "ssm", Name: "/app/none"}, paramcache.KindNotFound)
	expectKind(t, p, noVersion, paramcache.KindNotFound)
}

func motoSecrets(t *testing.T, client *secretsmanager.Client, p *awsparams.Provider) {
	created := must[*secretsmanager.CreateSecretOutput](t)(client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("db"), SecretString: aws.String(`{"pw":"one"}`)}))
	changed := must[*secretsmanager.PutSecretValueOutput](t)(client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: aws.String("db"), SecretString: aws.String(`{"pw":"two"}`)}))
	blob := must[*secretsmanager.CreateSecretOutput](t)(client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("app/blob"), SecretBinary: []byte{0, 1, 0xff}}))

	db := paramcache.Ref{Source: "secrets", Name: "db"}
	byARN, previous, first, wrong := db, db, db, db
	byARN.Name, previous.Label, first.Version, wrong.Label = *created.ARN, "AWSPREVIOUS", *created.VersionId, "NOSUCHSTAGE"
	expect(t, p, map[string]readCase{
		"current":  {db, read{text: `{"pw":"two"}`, version: *changed.VersionId}},
		"by ARN":   {byARN, read{text: `{"pw":"two"}`, version: *changed.VersionId}},
		"previous": {previous, read{text: `{"pw":"one"}`, version: *created.VersionId}},
		"by id":    {first, read{text: `{"pw":"one"}`, version: *created.VersionId}},
		"binary":   {paramcache.Ref{Source: "secrets", Name: "app/blob"}, read{binary: "\x00\x01\xff", version: *blob.VersionId}},
	})
	v, err := p.Fetch(t.Context(), db)
	if err != nil || strings.Join(v.Stages, ",") != "AWSCURRENT" || v.Name != "db" {
		t.Errorf("stages %v of %q, %v", v.Stages, v.Name, err)
	}
	expectKind(t, p, wrong, paramcache.KindNotFound)
	expectKind(t, p, paramcache.Ref{Source: "secrets", Name: "none"}, paramcache.KindNotFound)
}

func motoItems(t *testing.T, client *dynamodb.Client, p *awsparams.Provider) {
	table := func(name string, keys ...string) {
		t.Helper()
		in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: ddb.BillingModePayPerRequest}
		for i, key := range keys {
			kind := []ddb.KeyType{ddb.KeyTypeHash, ddb.KeyTypeRange}[i]
			in.AttributeDefinitions = append(in.AttributeDefinitions, ddb.AttributeDefinition{AttributeName: &key, AttributeType: ddb.ScalarAttributeTypeS})
			in.KeySchema = append(in.KeySchema, ddb.KeySchemaElement{AttributeName: &key, KeyType: kind})
		}
		must[*dynamodb.CreateTableOutput](t)(client.CreateTable(t.Context(), in))
	}
	put := func(table string, item map[string]ddb.AttributeValue) {
		t.Helper()
		must[*dynamodb.PutItemOutput](t)(client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: item}))
	}
	str := func(s string) ddb.AttributeValue { return &ddb.AttributeValueMemberS{Value: s} }
	num := func(s string) ddb.AttributeValue { return &ddb.AttributeValueMemberN{Value: s} }
	table("plain", "id")
	table("pairs", "id", "sk")
	table("odd", "pk", "range")

	cases := map[string]readCase{}
	for key, tc := range map[string]struct {
		value ddb.AttributeValue
		want  read
	}{
		"string": {str("näu <&>"), read{text: "näu <&>"}},
		"number": {num("12345678901234567890.123456789"), read{text: "12345678901234567890.123456789", json: true}},
		"bool":   {&ddb.AttributeValueMemberBOOL{Value: false}, read{text: "false", json: true}},
		"null":   {&ddb.AttributeValueMemberNULL{Value: true}, read{text: "null", json: true}},
		"binary": {&ddb.AttributeValueMemberB{Value: []byte{0, 0xff}}, read{binary: "\x00\xff"}},
		"list":   {&ddb.AttributeValueMemberL{Value: []ddb.AttributeValue{str("a"), num("2"), &ddb.AttributeValueMemberB{Value: []byte{1}}}}, read{text: `["a",2,"AQ=="]`, json: true}},
		"map":    {&ddb.AttributeValueMemberM{Value: map[string]ddb.AttributeValue{"z": num("1"), "a": &ddb.AttributeValueMemberL{}}}, read{text: `{"a":[],"z":1}`, json: true}},
		"ss":     {&ddb.AttributeValueMemberSS{Value: []string{"only"}}, read{text: `["only"]`, json: true}},
		"ns":     {&ddb.AttributeValueMemberNS{Value: []string{"42"}}, read{text: `[42]`, json: true}},
		"bs":     {&ddb.AttributeValueMemberBS{Value: [][]byte{{2}}}, read{text: `["Ag=="]`, json: true}},
	} {
		put("plain", map[string]ddb.AttributeValue{"id": str(key), "value": tc.value})
		cases[key] = readCase{paramcache.Ref{Source: "dynamodb", Name: "plain", Key: key}, tc.want}
	}
	put("plain", map[string]ddb.AttributeValue{"id": str("bare")})
	put("pairs", map[string]ddb.AttributeValue{"id": str("k"), "sk": str("s"), "value": str("sorted"), "n": num("7")})
	put("odd", map[string]ddb.AttributeValue{"pk": str("k/1"), "range": str("r"), "a.b": str("dotted")})
	pair := paramcache.Ref{Source: "dynamodb", Name: "pairs", Key: "k", Sort: "s", Consistent: true}
	whole := pair
	whole.Item = true
	cases["sort key"] = readCase{pair, read{text: "sorted"}}
	cases["whole item"] = readCase{whole, read{text: `{"id":"k","n":7,"sk":"s","value":"sorted"}`, json: true}}
	cases["own attributes"] = readCase{
		paramcache.Ref{Source: "dynamodb", Name: "odd", Key: "k/1", Sort: "r", KeyAttr: "pk", SortAttr: "range", ValueAttr: "a.b"}, read{text: "dotted"}}
	expect(t, p, cases)

	expectKind(t, p, paramcache.Ref{Source: "dynamodb", Name: "plain", Key: "none"}, paramcache.KindNotFound)
	expectKind(t, p, paramcache.Ref{Source: "dynamodb", Name: "plain", Key: "bare"}, paramcache.KindNotFound)
	expectKind(t, p, paramcache.Ref{Source: "dynamodb", Name: "none", Key: "k"}, paramcache.KindNotFound)
	expectKind(t, p, paramcache.Ref{Source: "dynamodb", Name: "pairs", Key: "k"}, paramcache.KindBadRequest) // the sort key is missing
}
