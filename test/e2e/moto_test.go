package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"powertools-extension/test/harness"
)

var filled struct {
	once sync.Once
	err  error
}

// realAWS is moto with what the functions read.
func realAWS(t *testing.T) string {
	t.Helper()
	url := harness.Moto(t)
	filled.once.Do(func() { filled.err = fill(url) })
	if filled.err != nil {
		t.Fatal(filled.err)
	}
	return url
}

// sdk configures the SDK's generated clients, with which tests fill emulators.
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
