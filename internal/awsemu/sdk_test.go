package awsemu_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/appconfigdata"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"go.uber.org/goleak"

	"powertools-extension/internal/awsemu"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is one embedded AWS with the SDK's generated clients in front: they
// know AWS's wire format and nothing of ours.
type world struct {
	server  *awsemu.Server
	url     string
	ssm     *ssm.Client
	secrets *secretsmanager.Client
	dynamo  *dynamodb.Client
	config  *appconfigdata.Client
	aws     aws.Config
}

func newWorld(t *testing.T, yaml string) *world {
	t.Helper()
	data, err := awsemu.Parse([]byte(yaml))
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	server := awsemu.New(data)
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	cfg := aws.Config{
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "token"),
		BaseEndpoint: aws.String(web.URL),
		HTTPClient:   &http.Client{Transport: transport},
		Retryer:      func() aws.Retryer { return aws.NopRetryer{} },
	}
	return &world{
		server: server, url: web.URL,
		ssm: ssm.NewFromConfig(cfg), secrets: secretsmanager.NewFromConfig(cfg), dynamo: dynamodb.NewFromConfig(cfg),
		config: appconfigdata.NewFromConfig(cfg), aws: cfg,
	}
}

func example(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../examples/params.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func ptr[T any](v T) *T { return &v }
