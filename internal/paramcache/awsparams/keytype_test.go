package awsparams_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/paramcache/awsparams"
)

// keysOfOtherTypes: tables whose keys are numbers and bytes, written by the
// generated client.
func keysOfOtherTypes(t *testing.T, client *dynamodb.Client, p *awsparams.Provider) {
	values := map[string]ddb.AttributeValue{
		"S": &ddb.AttributeValueMemberS{Value: "42"}, "N": &ddb.AttributeValueMemberN{Value: "42"}, "B": &ddb.AttributeValueMemberB{Value: []byte{0, 1, 2}},
	}
	texts := map[string]string{"S": "42", "N": "42", "B": "AAEC"}
	cases := map[string]readCase{}
	for _, hash := range []string{"S", "N"} {
		for _, sort := range []string{"S", "N"} {
			name := "types" + hash + sort
			must[*dynamodb.CreateTableOutput](t)(client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
				TableName: &name, BillingMode: ddb.BillingModePayPerRequest,
				AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: ddb.ScalarAttributeType(hash)}, {AttributeName: aws.String("sk"), AttributeType: ddb.ScalarAttributeType(sort)}},
				KeySchema:            []ddb.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: "HASH"}, {AttributeName: aws.String("sk"), KeyType: "RANGE"}},
			}))
			must[*dynamodb.PutItemOutput](t)(client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &name,
				Item: map[string]ddb.AttributeValue{"id": values[hash], "sk": values[sort], "value": &ddb.AttributeValueMemberS{Value: name}}}))
			cases[name] = readCase{paramcache.Ref{Source: "dynamodb", Name: name, Key: texts[hash], Sort: texts[sort]}, read{text: name}}
			v := must[paramcache.Value](t)(p.Fetch(t.Context(), paramcache.Ref{Source: "dynamodb", Name: name, Key: texts[hash], AllSorts: true}))
			if diff := cmp.Diff([]string{texts[sort] + "=" + name}, members(v)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
	expect(t, p, cases)
	expectKind(t, p, paramcache.Ref{Source: "dynamodb", Name: "typesNN", Key: "43", Sort: "42"}, paramcache.KindNotFound)
}

// strictTable answers GetItem as the service does: a key of another type than
// the table's is refused.
func strictTable(kind string) *script {
	return &script{answers: map[string]func(string) (string, error){"GetItem": func(in string) (string, error) {
		var asked struct{ Key map[string]map[string]string }
		if json.Unmarshal([]byte(in), &asked) != nil || asked.Key["id"][kind] == "" {
			return "", refused("ValidationException", "The provided key element does not match the schema")
		}
		if asked.Key["id"][kind] == "0" {
			return "{}", nil
		}
		return `{"Item":{"value":{"S":"found"}}}`, nil
	}}}
}

// The type is found out by what the table refuses, once, and remembered.
func TestKeyTypes(t *testing.T) {
	for _, tc := range []struct {
		kind, key string
		calls     int // of the first read
		found     bool
	}{
		{"S", "42", 1, true}, {"S", "name", 1, true}, {"N", "42", 2, true}, {"N", "-1.5e3", 2, true}, {"N", "name", 2, false}, {"N", "nam", 1, false},
		{"B", "AAEC", 2, true}, {"B", "1234", 3, true}, {"B", "?", 1, false},
	} {
		t.Run(fmt.Sprint(tc.kind, " ", tc.key), func(t *testing.T) {
			s := strictTable(tc.kind)
			p := awsparams.New(s, awsparams.Options{})
			ref := paramcache.Ref{Source: "dynamodb", Name: "t", Key: tc.key}
			v, err := p.Fetch(t.Context(), ref)
			if (err == nil) != tc.found || tc.found && v.Text.Reveal() != "found" || len(s.calls) != tc.calls {
				t.Errorf("%v, %v after %q", v, err, s.calls)
			}
			if !tc.found && !strings.Contains(err.Error(), "does not match the schema") {
				t.Errorf("%v", err)
			}
			if _, err := p.Fetch(t.Context(), ref); tc.found && (err != nil || len(s.calls) != tc.calls+1) {
				t.Errorf("%v; the second read made %d calls", err, len(s.calls)-tc.calls)
			}
		})
	}
	s := strictTable("N")
	p := awsparams.New(s, awsparams.Options{})
	if _, err := p.Fetch(t.Context(), paramcache.Ref{Source: "dynamodb", Name: "t", Key: "0"}); err == nil || !strings.Contains(err.Error(), "no such item") {
		t.Errorf("a number that is not there: %v", err)
	}
}
