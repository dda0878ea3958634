package awsemu

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"powertools-extension/test/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.StopEmulators()
	os.Exit(code)
}

type (
	av    = map[string]types.AttributeValue
	names = map[string]string
)

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }
func yes(b bool) types.AttributeValue   { return &types.AttributeValueMemberBOOL{Value: b} }
func list(v ...types.AttributeValue) types.AttributeValue {
	return &types.AttributeValueMemberL{Value: v}
}
func object(v av) types.AttributeValue      { return &types.AttributeValueMemberM{Value: v} }
func set(v ...string) types.AttributeValue  { return &types.AttributeValueMemberSS{Value: v} }
func nums(v ...string) types.AttributeValue { return &types.AttributeValueMemberNS{Value: v} }

// client speaks to one of the servers; the tables are there.
func client(t *testing.T, url string) *dynamodb.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return dynamodb.NewFromConfig(aws.Config{
		Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		BaseEndpoint: &url, HTTPClient: &http.Client{Transport: transport}, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	})
}

const tables = `
tables:
  plain: {}
  sorted: {sort: sk, sort_type: N}
`

func embedded(t *testing.T) *dynamodb.Client { return client(t, harness.FakeAWSWith(t, tables).URL) }

// other is a foreign emulator with the same tables.
func other(t *testing.T, url string) *dynamodb.Client {
	t.Helper()
	c := client(t, url)
	for _, in := range []dynamodb.CreateTableInput{
		{TableName: aws.String("plain"), AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: "S"}},
			KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: "HASH"}}},
		{TableName: aws.String("sorted"), AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: "S"}, {AttributeName: aws.String("sk"), AttributeType: "N"}},
			KeySchema: []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: "HASH"}, {AttributeName: aws.String("sk"), KeyType: "RANGE"}}},
	} {
		in.BillingMode = types.BillingModePayPerRequest
		if _, err := c.CreateTable(t.Context(), &in); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_, _ = c.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: in.TableName})
		})
	}
	return c
}

// call is one write over an item that may be there already.
type call struct {
	outcome string
	before  av // nil: no item
	table   string
	key     av // default {id: "k"}
	put     *dynamodb.PutItemInput
	update  *dynamodb.UpdateItemInput
	remove  *dynamodb.DeleteItemInput

	ownWords bool // of the emulator: of a refusal only its code is compared
}

// run makes the call and tells what it answered and what is stored afterwards.
func (c call) run(t *testing.T, d *dynamodb.Client) string {
	t.Helper()
	ctx, table := t.Context(), aws.String("plain")
	if c.table != "" {
		table = &c.table
	}
	key := c.key
	if key == nil {
		key = av{"id": str("k")}
	}
	clean := func() { _, _ = d.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: table, Key: key}) }
	clean()
	defer clean()
	if c.before != nil {
		item := maps.Clone(c.before)
		maps.Copy(item, key)
		if _, err := d.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: item}); err != nil {
			t.Fatalf("before: %v", err)
		}
	}
	var attributes av
	var err error
	switch {
	case c.put != nil:
		in := *c.put
		in.TableName = table
		var out *dynamodb.PutItemOutput
		if out, err = d.PutItem(ctx, &in); err == nil {
			attributes = out.Attributes
		}
	case c.update != nil:
		in := *c.update
		in.TableName = table
		if in.Key == nil {
			in.Key = key
		}
		var out *dynamodb.UpdateItemOutput
		if out, err = d.UpdateItem(ctx, &in); err == nil {
			attributes = out.Attributes
		}
	default:
		in := *c.remove
		in.TableName = table
		if in.Key == nil {
			in.Key = key
		}
		var out *dynamodb.DeleteItemOutput
		if out, err = d.DeleteItem(ctx, &in); err == nil {
			attributes = out.Attributes
		}
	}
	got, errGet := d.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: key, ConsistentRead: aws.Bool(true)})
	if errGet != nil {
		t.Fatal(errGet)
	}
	answer := said(attributes, err)
	if c.ownWords && err != nil {
		answer, _, _ = strings.Cut(answer, ":")
	}
	return answer + " → " + text(got.Item)
}

func said(attributes av, err error) string {
	var failed *types.ConditionalCheckFailedException
	var api smithy.APIError
	switch {
	case err == nil:
		return text(attributes)
	case errors.As(err, &failed):
		return fmt.Sprintf("%s: %s %s", failed.ErrorCode(), failed.ErrorMessage(), text(failed.Item))
	case errors.As(err, &api):
		return api.ErrorCode() + ": " + withoutNear(api.ErrorMessage())
	}
	return err.Error()
}

// withoutNear cuts what is quoted of the expression around a mistake, and a
// set that is printed in any order.
func withoutNear(message string) string {
	return regexp.MustCompile(`(token|valid types): .*`).ReplaceAllString(message, "$1")
}

// text is an item with its names in order; sets have none of their own.
func text(item av) string {
	if item == nil {
		return "-"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(item)) {
		parts = append(parts, name+"="+value(item[name]))
	}
	return "{" + strings.Join(parts, " ") + "}"
}

func value(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return fmt.Sprintf("%q", v.Value)
	case *types.AttributeValueMemberN:
		// By value: of the emulators neither drops the zeros at the end, as the service does.
		n, ok := new(big.Rat).SetString(v.Value)
		if !ok {
			return "not a number: " + v.Value
		}
		return n.RatString()
	case *types.AttributeValueMemberM:
		return text(v.Value)
	case *types.AttributeValueMemberL:
		var parts []string
		for _, e := range v.Value {
			parts = append(parts, value(e))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case *types.AttributeValueMemberSS:
		return "set" + fmt.Sprint(slices.Sorted(slices.Values(v.Value)))
	case *types.AttributeValueMemberNS:
		return "nums" + fmt.Sprint(slices.Sorted(slices.Values(v.Value)))
	}
	b, _ := json.Marshal(v)
	return string(b)
}

const condition = "attribute_not_exists(#id) OR #expiry < :now OR (#status = :inprogress AND attribute_exists(#in_progress_expiry) AND #in_progress_expiry < :now_in_millis)"

// record is an item of an idempotency table.
func record(status, expires, inProgress string) av {
	out := av{"status": str(status), "expiration": num(expires), "data": str(`{"a":1}`)}
	if inProgress != "" {
		out["in_progress_expiration"] = num(inProgress)
	}
	return out
}

// begin is the conditional put by which one execution of many starts.
func begin(outcome string, before av) call {
	item := record("INPROGRESS", "2000", "1500000")
	item["id"] = str("k")
	return call{outcome: outcome, before: before, put: &dynamodb.PutItemInput{
		Item: item, ConditionExpression: aws.String(condition),
		ExpressionAttributeNames:            names{"#id": "id", "#expiry": "expiration", "#status": "status", "#in_progress_expiry": "in_progress_expiration"},
		ExpressionAttributeValues:           av{":now": num("1000"), ":now_in_millis": num("1000000"), ":inprogress": str("INPROGRESS")},
		ReturnValuesOnConditionCheckFailure: "ALL_OLD",
	}}
}

// idempotency are the writes of an idempotency record and what they meet.
func idempotency() []call {
	complete := func(owner string) *dynamodb.UpdateItemInput {
		return &dynamodb.UpdateItemInput{
			UpdateExpression:          aws.String("SET #response_data = :response_data, #expiry = :expiry, #status = :status"),
			ConditionExpression:       aws.String("#owner = :owner"),
			ExpressionAttributeNames:  names{"#response_data": "data", "#expiry": "expiration", "#status": "status", "#owner": "powertools_owner"},
			ExpressionAttributeValues: av{":response_data": str(`{"b":2}`), ":expiry": num("2000"), ":status": str("COMPLETED"), ":owner": str(owner)},
		}
	}
	owned := record("INPROGRESS", "2000", "1")
	owned["powertools_owner"] = str("me")
	return []call{
		begin("nothing there", nil),
		begin("completed", record("COMPLETED", "2000", "")),
		begin("completed and expired", record("COMPLETED", "999", "")),
		begin("expires now", record("COMPLETED", "1000", "")),
		begin("in progress", record("INPROGRESS", "2000", "1000001")),
		begin("in progress, its time is over", record("INPROGRESS", "2000", "999999")),
		begin("in progress without an end", record("INPROGRESS", "2000", "")),
		begin("status missing", av{"expiration": num("2000")}),
		begin("expiration is a text", av{"expiration": str("1"), "status": str("COMPLETED")}),
		{outcome: "completed by its owner", before: owned, update: complete("me")},
		{outcome: "completed by another", before: owned, update: complete("you")},
		{outcome: "completed when gone", update: complete("me")},
		{outcome: "deleted by its owner", before: owned, remove: &dynamodb.DeleteItemInput{ConditionExpression: aws.String("powertools_owner = :o"), ExpressionAttributeValues: av{":o": str("me")}}},
		{outcome: "deleted by another", before: owned, remove: &dynamodb.DeleteItemInput{ConditionExpression: aws.String("powertools_owner = :o"), ExpressionAttributeValues: av{":o": str("you")}, ReturnValuesOnConditionCheckFailure: "ALL_OLD"}},
		{outcome: "deleted when gone", remove: &dynamodb.DeleteItemInput{}},
		{outcome: "deleted, old answered", before: owned, remove: &dynamodb.DeleteItemInput{ReturnValues: "ALL_OLD"}},
		{outcome: "put over, old answered", before: owned, put: &dynamodb.PutItemInput{Item: av{"id": str("k"), "n": num("01.50E1")}, ReturnValues: "ALL_OLD"}},
	}
}

// TestIdempotencyWrites: what decides whether a function runs twice, three ways.
func TestIdempotencyWrites(t *testing.T) {
	ours := embedded(t)
	for name, url := range map[string]func(testing.TB) string{"moto": harness.Moto, "DynamoDB Local": harness.DynamoDBLocal} {
		theirs := other(t, url(t))
		for _, c := range idempotency() {
			t.Run(name+"/"+c.outcome, func(t *testing.T) {
				if name == "moto" && c.outcome == "expiration is a text" {
					return // it answers a page of HTML, status 500
				}
				if got, want := c.run(t, ours), c.run(t, theirs); got != want {
					t.Errorf("embedded: %s\n%s: %s", got, name, want)
				}
			})
		}
	}
}

// TestWrites: expressions, refusals and their words, as AWS's own emulator has them.
func TestWrites(t *testing.T) {
	ours, theirs := embedded(t), other(t, harness.DynamoDBLocal(t))
	for _, c := range slices.Concat(conditions(), updates(), refusals()) {
		t.Run(c.outcome, func(t *testing.T) {
			if got, want := c.run(t, ours), c.run(t, theirs); got != want {
				t.Errorf("embedded:       %s\nDynamoDB Local: %s", got, want)
			}
		})
	}
}

// TestRandomWrites compares random conditions and updates on random items.
func TestRandomWrites(t *testing.T) {
	ours, theirs := embedded(t), other(t, harness.DynamoDBLocal(t))
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := generator{rand.New(rand.NewPCG(seed, 0))}
	for range 600 {
		c := random.call()
		if got, want := oneReason(c.run(t, ours)), oneReason(c.run(t, theirs)); got != want {
			t.Errorf("%s\non %s\nembedded:       %s\nDynamoDB Local: %s", c.outcome, text(c.before), got, want)
		}
	}
}

// oneReason makes one of the refusals of an update that an item does not allow:
// which comes first when several are right is nowhere written.
func oneReason(answer string) string {
	for _, reason := range []string{
		"The document path provided in the update expression is invalid for update",
		"The provided expression refers to an attribute that does not exist in the item",
		"An operand in the update expression has an incorrect data type",
	} {
		answer = strings.Replace(answer, reason, "cannot be updated", 1)
	}
	return answer
}
