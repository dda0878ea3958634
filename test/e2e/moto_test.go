package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// need returns the path of something prepared under .cache, or skips loudly;
// in CI nothing may be missing.
func need(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(filepath.Join("../../.cache", path))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(full); err != nil {
		const cure = "run make runtimes"
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is missing: %s", path, cure)
		}
		t.Skipf("SKIPPED, NOT TESTED: %s is missing: %s", path, cure)
	}
	return full
}

// moto is the one AWS emulator of the run. It is somebody else's, which is
// why it proves something.
var moto struct {
	once sync.Once
	cmd  *exec.Cmd
	url  string
	err  error
}

// realAWS starts moto on first use, fills it with the SDK's own clients, and
// returns its URL.
func realAWS(t *testing.T) string {
	t.Helper()
	server := need(t, "python/bin/moto_server")
	moto.once.Do(func() {
		port := freePort(t)
		moto.url = "http://127.0.0.1:" + port
		moto.cmd = exec.Command(server, "-H", "127.0.0.1", "-p", port)
		if moto.err = moto.cmd.Start(); moto.err != nil {
			return
		}
		if moto.err = answers(moto.url+"/moto-api/", 30*time.Second); moto.err != nil {
			return
		}
		moto.err = fill(moto.url)
	})
	if moto.err != nil {
		t.Fatal(moto.err)
	}
	return moto.url
}

func stopMoto() {
	if moto.cmd != nil && moto.cmd.Process != nil {
		_ = moto.cmd.Process.Kill()
		_ = moto.cmd.Wait()
	}
}

// answers waits until something listens.
func answers(url string, limit time.Duration) error {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if res, err := http.Get(url); err == nil { //nolint:gosec // loopback
			return res.Body.Close()
		}
	}
	return fmt.Errorf("%s does not answer", url)
}

func sdk(url string) aws.Config {
	return aws.Config{
		Region:       "us-east-1",
		BaseEndpoint: aws.String(url),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI-K7MDENG"}, nil
		}),
	}
}

// fill writes, with the SDK's clients, what the functions read.
func fill(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	parameters := ssm.NewFromConfig(sdk(url))
	for name, p := range map[string]struct {
		value string
		kind  ssmtypes.ParameterType
	}{
		"/demo/greeting":    {"Hello from Parameter Store", ssmtypes.ParameterTypeString},
		"/demo/db-password": {canary, ssmtypes.ParameterTypeSecureString},
		"/demo/größe 1":     {"unicode", ssmtypes.ParameterTypeString},
	} {
		if _, err := parameters.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Value: &p.value, Type: p.kind}); err != nil && name != "/demo/größe 1" {
			return fmt.Errorf("put parameter %s: %w", name, err)
		}
	}
	secrets := secretsmanager.NewFromConfig(sdk(url))
	if _, err := secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
		Name: aws.String("demo/database"), SecretString: aws.String(`{"username":"demo","password":"` + canary + `"}`),
	}); err != nil {
		return fmt.Errorf("create secret: %w", err)
	}
	tables := dynamodb.NewFromConfig(sdk(url))
	if _, err := tables.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:            aws.String("demo-config"),
		KeySchema:            []ddb.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: ddb.KeyTypeHash}},
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: ddb.ScalarAttributeTypeS}},
		BillingMode:          ddb.BillingModePayPerRequest,
	}); err != nil {
		return fmt.Errorf("create table: %w", err)
	}
	_, err := tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("demo-config"), Item: map[string]ddb.AttributeValue{
		"id": &ddb.AttributeValueMemberS{Value: "retries"}, "value": &ddb.AttributeValueMemberN{Value: "3"},
	}})
	return err
}

// canary is a secret value. It must never be seen in any output.
const canary = "c4n4ry-0f-the-c0al-mine"
