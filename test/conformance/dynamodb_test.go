package conformance

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"powertools-extension/test/harness"
)

// tables makes a table without and one with a sort key, in Powertools' layout,
// with a value of every type.
func tables(ctx context.Context, client *dynamodb.Client, suffix string) error {
	text := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
	}
	id := types.KeySchemaElement{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}
	sk := types.KeySchemaElement{AttributeName: aws.String("sk"), KeyType: types.KeyTypeRange}
	for _, in := range []dynamodb.CreateTableInput{
		{TableName: aws.String("plain" + suffix), KeySchema: []types.KeySchemaElement{id}, AttributeDefinitions: []types.AttributeDefinition{text("id")}},
		{TableName: aws.String("sorted" + suffix), KeySchema: []types.KeySchemaElement{id, sk}, AttributeDefinitions: []types.AttributeDefinition{text("id"), text("sk")}},
	} {
		in.BillingMode = types.BillingModePayPerRequest
		if _, err := client.CreateTable(ctx, &in); err != nil {
			return err
		}
	}
	for key, value := range map[string]types.AttributeValue{
		"text":   &types.AttributeValueMemberS{Value: "Grüße"},
		"number": &types.AttributeValueMemberN{Value: "12345678901234567890.5"},
		"bool":   &types.AttributeValueMemberBOOL{Value: true},
		"null":   &types.AttributeValueMemberNULL{Value: true},
		"list":   &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberN{Value: "1"}, &types.AttributeValueMemberS{Value: "a"}}},
		"map":    &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"deep": &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberBOOL{Value: false}}}}},
		"binary": &types.AttributeValueMemberB{Value: []byte{0, 255}},
		"set":    &types.AttributeValueMemberSS{Value: []string{"a", "b"}},
	} {
		item := map[string]types.AttributeValue{"id": &types.AttributeValueMemberS{Value: key}, "value": value}
		if _, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("plain" + suffix), Item: item}); err != nil {
			return err
		}
	}
	// More than one page: Query gives a megabyte at once.
	for _, sort := range strings.Fields("a b c d") {
		item := map[string]types.AttributeValue{
			"id": &types.AttributeValueMemberS{Value: "group"}, "sk": &types.AttributeValueMemberS{Value: sort},
			"value": &types.AttributeValueMemberS{Value: strings.Repeat(sort, 300_000)},
		}
		if _, err := client.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String("sorted" + suffix), Item: item}); err != nil {
			return err
		}
	}
	return nil
}

// Both emulators: moto is Python's reading of DynamoDB, DynamoDB Local is AWS's own.
func TestDynamoDB(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"moto": harness.Moto, "DynamoDB Local": harness.DynamoDBLocal} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := url(t)
			client := dynamodb.NewFromConfig(sdk(at))
			t.Cleanup(func() {
				for _, name := range []string{"plain-c", "sorted-c"} {
					_, _ = client.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name})
				}
			})
			if err := tables(t.Context(), client, "-c"); err != nil {
				t.Fatal(err)
			}
			s := awake(t, at)
			checkTypes(t, s)
			checkSorts(t, s)
			for path, want := range map[string]int{"/parameters/dynamodb/plain-c/none": 404, "/parameters/dynamodb/none-c/text": 404} {
				if status, _, body := s.Get(path); status != want {
					t.Errorf("%s: %d %s", path, status, body)
				}
			}
			s.Shutdown()
		})
	}
}

func checkTypes(t *testing.T, s *harness.Sandbox) {
	t.Helper()
	for key, want := range map[string]string{
		"text": `"Grüße"`, "number": `12345678901234567890.5`, "bool": `true`, "null": `null`,
		"list": `[1,"a"]`, "map": `{"deep":[false]}`, "binary": `"AP8="`, "set": `["a","b"]`,
	} {
		status, _, body := s.Get("/parameters/dynamodb/plain-c/" + key)
		body = strings.Replace(body, `["b","a"]`, `["a","b"]`, 1) // a set has no order
		if status != 200 || !strings.Contains(body, `"value":`+want) {
			t.Errorf("%s: %d %s, want the value %s", key, status, body, want)
		}
	}
	status, _, body := s.Get("/parameters/dynamodb/plain-c/number?item=true")
	if status != 200 || !strings.Contains(body, `12345678901234567890.5`) || !strings.Contains(body, `"id":"number"`) {
		t.Errorf("the whole item: %d %s", status, body)
	}
	if status, _, body := s.Get("/parameters/dynamodb/plain-c/map?key=deep.0&format=text&consistent=true"); status != 200 || body != "false" {
		t.Errorf("one member: %d %s", status, body)
	}
}

func checkSorts(t *testing.T, s *harness.Sandbox) {
	t.Helper()
	status, _, body := s.Get("/parameters/dynamodb/sorted-c/group?sort=b&format=text")
	if status != 200 || body != strings.Repeat("b", 300_000) {
		t.Errorf("one sort key: %d, %d bytes", status, len(body))
	}
	status, _, body = s.Get("/parameters/dynamodb/sorted-c?key=group")
	if status != 200 {
		t.Fatalf("all sort keys: %d %.300s", status, body)
	}
	got := object(t, body)
	for _, sort := range strings.Fields("a b c d") {
		if got[sort] != strings.Repeat(sort, 300_000) {
			t.Errorf("all sort keys: %s is missing or cut", sort)
		}
	}
}
