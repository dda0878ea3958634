package idempotency

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/awsemu"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/idempotency/dynamostore"
	"powertools-extension/internal/jmes"
	"powertools-extension/test/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.StopEmulators()
	os.Exit(code)
}

func expression(t testing.TB, text string) *jmes.Expression {
	t.Helper()
	if text == "" {
		return nil
	}
	e, err := jmes.Compile(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return e
}

func parse(t testing.TB, text string) jmes.Value {
	t.Helper()
	v, err := jmes.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// direct calls the embedded AWS in this process, without a network.
type direct struct {
	server *awsemu.Server
	fail   func(operation string) error // instead of the call; nil: none
}

func newDirect(t testing.TB) *direct {
	t.Helper()
	data, err := awsemu.Parse([]byte("tables:\n  idem: {}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return &direct{server: awsemu.New(data)}
}

// Call implements dynamostore.Caller.
func (d *direct) Call(ctx context.Context, op awsapi.Operation, in, out any) error {
	if d.fail != nil {
		if err := d.fail(op.Name); err != nil {
			return err
		}
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req := httptest.NewRequestWithContext(ctx, "POST", "/", strings.NewReader(string(body)))
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+op.Name)
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature="+strings.Repeat("0", 64))
	res := httptest.NewRecorder()
	d.server.ServeHTTP(res, req)
	if res.Code != 200 {
		var refused struct {
			Type    string `json:"__type"`
			Message string `json:"message"`
			Item    json.RawMessage
		}
		_ = json.Unmarshal(res.Body.Bytes(), &refused)
		_, code, _ := strings.Cut(refused.Type, "#")
		if code == "" {
			code = refused.Type
		}
		return &awsapi.ServiceError{Service: op.Service, Operation: op.Name, Code: code, Message: refused.Message, Status: res.Code, Item: string(refused.Item)}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(res.Body.Bytes(), out)
}

// store is a table in DynamoDB's terms, for engines of one format.
func store(c dynamostore.Caller, format idempotency.Format) *dynamostore.Store {
	return dynamostore.New(c, dynamostore.Layout{Table: "idem"}, format)
}

// client makes signed calls to an emulator.
func client(url string) *awsapi.Client {
	return awsapi.New(awsapi.Options{Region: "us-east-1", Timeout: 20 * time.Second, MaxConnections: 64, Lookup: func(name string) (string, bool) {
		v, ok := map[string]string{"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI-K7MDENG"}[name]
		return v, ok
	}})
}
