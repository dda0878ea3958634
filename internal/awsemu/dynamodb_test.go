package awsemu_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const tables = `
tables:
  types:
    items:
      - {id: all, s: text, n: 1.50, yes: true, nothing: null, list: [a, 1], map: {k: v}, set: !ss [x, y], nums: !ns [1, 2.5], raw: !!binary AAEC}
  group:
    sort: sk
    items:
      - {id: app, sk: b, value: 2}
      - {id: app, sk: a, value: 1}
      - {id: app, sk: c/1, value: 3}
      - {id: app, sk: c/2, value: 4}
      - {id: other, sk: a, value: 9}
  numbers:
    sort: n
    items:
      - {id: x, n: 10}
      - {id: x, n: 9}
      - {id: x, n: -1.5}
`

type av = map[string]types.AttributeValue

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

var ignoreInternal = cmpopts.IgnoreUnexported(
	types.AttributeValueMemberS{}, types.AttributeValueMemberN{}, types.AttributeValueMemberBOOL{}, types.AttributeValueMemberNULL{},
	types.AttributeValueMemberL{}, types.AttributeValueMemberM{}, types.AttributeValueMemberSS{}, types.AttributeValueMemberNS{}, types.AttributeValueMemberB{})

func TestGetItemCarriesAllTypes(t *testing.T) {
	w := newWorld(t, tables)
	out, err := w.dynamo.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: ptr("types"), Key: av{"id": str("all")}})
	if err != nil {
		t.Fatal(err)
	}
	want := av{
		"id": str("all"), "s": str("text"), "n": &types.AttributeValueMemberN{Value: "1.50"}, "yes": &types.AttributeValueMemberBOOL{Value: true},
		"nothing": &types.AttributeValueMemberNULL{Value: true},
		"list":    &types.AttributeValueMemberL{Value: []types.AttributeValue{str("a"), &types.AttributeValueMemberN{Value: "1"}}},
		"map":     &types.AttributeValueMemberM{Value: av{"k": str("v")}},
		"set":     &types.AttributeValueMemberSS{Value: []string{"x", "y"}},
		"nums":    &types.AttributeValueMemberNS{Value: []string{"1", "2.5"}},
		"raw":     &types.AttributeValueMemberB{Value: []byte{0, 1, 2}},
	}
	if diff := cmp.Diff(want, out.Item, ignoreInternal); diff != "" {
		t.Error(diff)
	}
}

func TestGetItem(t *testing.T) {
	w := newWorld(t, tables)
	for _, tt := range []struct {
		outcome string
		in      dynamodb.GetItemInput
		want    string // names of the item's attributes
		code    string
		message string
	}{
		{outcome: "with sort key", in: dynamodb.GetItemInput{TableName: ptr("group"), Key: av{"id": str("app"), "sk": str("a")}}, want: "id sk value"},
		{outcome: "table by ARN", in: dynamodb.GetItemInput{TableName: ptr("arn:aws:dynamodb:us-east-1:123456789012:table/group"), Key: av{"id": str("app"), "sk": str("a")}}, want: "id sk value"},
		{outcome: "projected", in: dynamodb.GetItemInput{TableName: ptr("group"), Key: av{"id": str("app"), "sk": str("a")}, ProjectionExpression: ptr("#v"), ExpressionAttributeNames: map[string]string{"#v": "value"}}, want: "value"},
		{outcome: "nothing there", in: dynamodb.GetItemInput{TableName: ptr("group"), Key: av{"id": str("app"), "sk": str("z")}}},
		{outcome: "no such table", in: dynamodb.GetItemInput{TableName: ptr("none"), Key: av{"id": str("a")}}, code: "ResourceNotFoundException", message: "Requested resource not found"},
		{outcome: "missing sort key", in: dynamodb.GetItemInput{TableName: ptr("group"), Key: av{"id": str("app")}}, code: "ValidationException", message: "The provided key element does not match the schema"},
		{outcome: "key of another type", in: dynamodb.GetItemInput{TableName: ptr("types"), Key: av{"id": &types.AttributeValueMemberN{Value: "1"}}}, code: "ValidationException", message: "does not match the schema"},
		{outcome: "reserved word", in: dynamodb.GetItemInput{TableName: ptr("types"), Key: av{"id": str("all")}, ProjectionExpression: ptr("value")}, code: "ValidationException", message: "reserved keyword: value"},
		{outcome: "unused placeholder", in: dynamodb.GetItemInput{TableName: ptr("types"), Key: av{"id": str("all")}, ExpressionAttributeNames: map[string]string{"#v": "value"}}, code: "ValidationException", message: "unused in expressions: keys: {#v}"},
		{outcome: "undefined placeholder", in: dynamodb.GetItemInput{TableName: ptr("types"), Key: av{"id": str("all")}, ProjectionExpression: ptr("#v")}, code: "ValidationException", message: "attribute name: #v"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			out, err := w.dynamo.GetItem(t.Context(), &tt.in)
			if code(err) != tt.code {
				t.Fatalf("code %q, want %q (%v)", code(err), tt.code, err)
			}
			if err != nil {
				if !strings.Contains(err.Error(), tt.message) {
					t.Errorf("%q misses %q", err, tt.message)
				}
				return
			}
			var names []string
			for _, n := range []string{"id", "sk", "value"} {
				if _, ok := out.Item[n]; ok {
					names = append(names, n)
				}
			}
			if got := strings.Join(names, " "); got != tt.want {
				t.Errorf("attributes %q, want %q", got, tt.want)
			}
		})
	}
}

func TestQuery(t *testing.T) {
	w := newWorld(t, tables)
	sk := map[string]string{"#sk": "sk"}
	for _, tt := range []struct {
		outcome, table, condition string
		names                     map[string]string
		values                    av
		backward                  bool
		want                      string // sort keys in order
		message                   string // of a ValidationException
	}{
		{outcome: "all of a partition, in order", table: "group", condition: "id = :id", values: av{":id": str("app")}, want: "a b c/1 c/2"},
		{outcome: "backward", table: "group", condition: "id = :id", values: av{":id": str("app")}, backward: true, want: "c/2 c/1 b a"},
		{outcome: "no such partition", table: "group", condition: "id = :id", values: av{":id": str("x")}},
		{outcome: "prefix", table: "group", condition: "id = :id AND begins_with(#sk, :p)", names: sk, values: av{":id": str("app"), ":p": str("c/")}, want: "c/1 c/2"},
		{outcome: "range", table: "group", condition: "id=:id and sk BETWEEN :a AND :b", values: av{":id": str("app"), ":a": str("b"), ":b": str("c/1")}, want: "b c/1"},
		{outcome: "less", table: "group", condition: "id = :id AND sk<:a", values: av{":id": str("app"), ":a": str("b")}, want: "a"},
		{outcome: "at least, sort key first", table: "group", condition: "sk >= :a AND id = :id", values: av{":id": str("app"), ":a": str("c/2")}, want: "c/2"},
		{outcome: "numbers by value", table: "numbers", condition: "id = :id AND n <= :n", values: av{":id": str("x"), ":n": &types.AttributeValueMemberN{Value: "9.0"}}, want: "-1.5 9"},
		{outcome: "no partition key", table: "group", condition: "sk = :a", values: av{":a": str("b")}, message: "missed key schema element: id"},
		{outcome: "partition key not equal", table: "group", condition: "id > :a", values: av{":a": str("b")}, message: "missed key schema element: id"},
		{outcome: "other attribute", table: "group", condition: "id = :a AND v = :a", values: av{":a": str("b")}, message: "Query key condition not supported"},
		{outcome: "undefined value", table: "group", condition: "id = :a", message: "attribute value: :a"},
		{outcome: "unused value", table: "group", condition: "id = :a", values: av{":a": str("app"), ":b": str("b")}, message: "unused in expressions: keys: {:b}"},
		{outcome: "broken", table: "group", condition: "id = ", values: av{":a": str("app")}, message: "Syntax error"},
		{outcome: "left over", table: "group", condition: "id = :a )", values: av{":a": str("app")}, message: "Syntax error"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			out, err := w.dynamo.Query(t.Context(), &dynamodb.QueryInput{TableName: &tt.table, KeyConditionExpression: &tt.condition,
				ExpressionAttributeNames: tt.names, ExpressionAttributeValues: tt.values, ScanIndexForward: ptr(!tt.backward)})
			if tt.message != "" {
				if code(err) != "ValidationException" || !strings.Contains(err.Error(), tt.message) {
					t.Errorf("got %v, want %q", err, tt.message)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := sortKeys(out.Items); got != tt.want || int(out.Count) != len(out.Items) {
				t.Errorf("got %q (count %d), want %q", got, out.Count, tt.want)
			}
		})
	}
}

func sortKeys(items []map[string]types.AttributeValue) string {
	var keys []string
	for _, item := range items {
		for _, name := range []string{"sk", "n"} {
			switch v := item[name].(type) {
			case *types.AttributeValueMemberS:
				keys = append(keys, v.Value)
			case *types.AttributeValueMemberN:
				keys = append(keys, v.Value)
			}
		}
	}
	return strings.Join(keys, " ")
}

func TestQueryPages(t *testing.T) {
	w := newWorld(t, tables)
	pages := dynamodb.NewQueryPaginator(w.dynamo, &dynamodb.QueryInput{TableName: ptr("group"), KeyConditionExpression: ptr("id = :id"),
		ExpressionAttributeValues: av{":id": str("app")}, Limit: ptr(int32(3))})
	var got []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, sortKeys(page.Items))
	}
	if diff := cmp.Diff([]string{"a b c/1", "c/2"}, got); diff != "" {
		t.Error(diff)
	}
}

// A page also ends at 1 MB, whatever the limit.
func TestQueryPageEndsAtOneMegabyte(t *testing.T) {
	yaml := "tables:\n  big:\n    sort: sk\n    items:\n"
	for i := range 4 {
		yaml += fmt.Sprintf("      - {id: a, sk: s%d, blob: %s}\n", i, strings.Repeat("x", 400_000))
	}
	w := newWorld(t, yaml)
	out, err := w.dynamo.Query(t.Context(), &dynamodb.QueryInput{TableName: ptr("big"), KeyConditionExpression: ptr("id = :id"), ExpressionAttributeValues: av{":id": str("a")}})
	if err != nil {
		t.Fatal(err)
	}
	if out.Count != 3 || out.LastEvaluatedKey == nil {
		t.Errorf("%d items, last key %v", out.Count, out.LastEvaluatedKey)
	}
}
