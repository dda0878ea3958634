package awsparams_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/paramcache/awsparams"
)

// members is name=content of each member.
func members(v paramcache.Value) []string {
	got := []string{}
	for _, m := range v.Members {
		content := m.Text.Reveal()
		if !m.IsText {
			content = "binary " + string(m.Binary)
		}
		if m.JSON {
			content = "JSON " + content
		}
		got = append(got, m.Name+"="+content)
	}
	return got
}

func TestPath(t *testing.T) {
	pages := map[string]string{
		"":   `{"Parameters":[` + parameterJSON("/app/z") + `],"NextToken":"p2"}`,
		"p2": `{"Parameters":[],"NextToken":"p3"}`, // a page may be empty
		"p3": `{"Parameters":[` + parameterJSON("/app/a") + `,` + parameterJSON("/app/b/c") + `]}`,
	}
	s := &script{answers: map[string]func(string) (string, error){}}
	s.answers["GetParametersByPath"] = func(in string) (string, error) {
		token := ""
		if _, rest, ok := strings.Cut(in, `"NextToken":"`); ok {
			token, _, _ = strings.Cut(rest, `"`)
		}
		return pages[token], nil
	}
	p := awsparams.New(s, awsparams.Options{})
	v, err := p.Fetch(t.Context(), paramcache.Ref{Source: "ssm", Name: "/app/", Path: true, Recursive: true, Decrypt: true, Label: "Prod", Region: "us-east-2", RoleARN: "arn:aws:iam::123456789012:role/r"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/app/a=value of /app/a", "/app/b/c=value of /app/b/c", "/app/z=value of /app/z"}
	if diff := cmp.Diff(want, members(v)); diff != "" || v.Name != "/app/" || v.IsText {
		t.Errorf("%s, name %q, text %t", diff, v.Name, v.IsText)
	}
	const request = `GetParametersByPath {"Path":"/app/","Recursive":true,"WithDecryption":true,"MaxResults":10,%s"ParameterFilters":[{"Key":"Label","Option":"Equals","Values":["Prod"]}]}`
	wantCalls := []string{fmt.Sprintf(request, ""), fmt.Sprintf(request, `"NextToken":"p2",`), fmt.Sprintf(request, `"NextToken":"p3",`)}
	if diff := cmp.Diff(wantCalls, s.calls); diff != "" {
		t.Error(diff)
	}
	if op := s.ops[2]; op.Region != "us-east-2" || op.RoleARN != "arn:aws:iam::123456789012:role/r" {
		t.Errorf("called %+v", op)
	}
}

func TestEmptyGroupsAreValues(t *testing.T) {
	s := &script{answers: map[string]func(string) (string, error){
		"GetParametersByPath": always(`{"Parameters":[]}`, nil), "Query": always(`{"Items":[],"Count":0,"LastEvaluatedKey":null}`, nil)}}
	for _, ref := range []paramcache.Ref{{Source: "ssm", Name: "/app", Path: true}, {Source: "dynamodb", Name: "t", Key: "k", AllSorts: true}} {
		v, err := awsparams.New(s, awsparams.Options{}).Fetch(t.Context(), ref)
		if err != nil || v.Members == nil || len(v.Members) != 0 {
			t.Errorf("%s: %d members, nil %t, %v", ref, len(v.Members), v.Members == nil, err)
		}
	}
}

// What a path or a key holds must not fill the memory.
func TestGroupsAreBounded(t *testing.T) {
	calls := 0
	s := &script{answers: map[string]func(string) (string, error){"GetParametersByPath": func(string) (string, error) {
		calls++
		return fmt.Sprintf(`{"Parameters":[{"Name":"/a","Value":%q}],"NextToken":"%d"}`, strings.Repeat("x", 1<<20), calls), nil
	}}}
	_, err := awsparams.New(s, awsparams.Options{}).Fetch(t.Context(), paramcache.Ref{Source: "ssm", Name: "/a", Path: true})
	if err == nil || err.Error() != "read ssm-path:/a: its values are more than 8 MiB; ask for less at once" || calls > 9 {
		t.Errorf("%v after %d pages", err, calls)
	}
	stuck := &script{answers: map[string]func(string) (string, error){"GetParametersByPath": always(`{"Parameters":[],"NextToken":"same"}`, nil)}}
	if _, err := awsparams.New(stuck, awsparams.Options{}).Fetch(t.Context(), paramcache.Ref{Source: "ssm", Name: "/a", Path: true}); err != nil || len(stuck.calls) != 2 {
		t.Errorf("%v after %d pages", err, len(stuck.calls))
	}
}

func TestAllSortKeys(t *testing.T) {
	const first = `{"Items":[{"sk":{"S":"a"},"value":{"S":"text"}},{"sk":{"S":"b"},"value":{"N":"12345678901234567890"}},{"sk":{"S":"without"}}],
		"LastEvaluatedKey":{"id":{"S":"k"},"sk":{"S":"without"}}}`
	const second = `{"Items":[{"sk":{"N":"7"},"value":{"B":"AP8="}},{"sk":{"B":"AQ=="},"value":{"M":{"x":{"L":[{"BOOL":true}]}}}},{"sk":{"S":"s"},"value":{"SS":["b","a"]}}]}`
	for _, tc := range []struct {
		name  string
		ref   paramcache.Ref
		want  []string
		calls []string
	}{
		{"values", paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k", AllSorts: true},
			[]string{"a=text", "b=JSON 12345678901234567890", "7=binary \x00\xff", `AQ===JSON {"x":[true]}`, `s=JSON ["b","a"]`},
			[]string{
				`Query {"TableName":"t","KeyConditionExpression":"#k = :k","ExpressionAttributeNames":{"#k":"id","#s":"sk","#v":"value"},"ExpressionAttributeValues":{":k":{"S":"k"}},"ProjectionExpression":"#s, #v"}`,
				`Query {"TableName":"t","KeyConditionExpression":"#k = :k","ExpressionAttributeNames":{"#k":"id","#s":"sk","#v":"value"},"ExpressionAttributeValues":{":k":{"S":"k"}},"ProjectionExpression":"#s, #v","ExclusiveStartKey":{"id":{"S":"k"},"sk":{"S":"without"}}}`,
			}},
		{"items, consistent", paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k", KeyAttr: "pk", AllSorts: true, Item: true, Consistent: true},
			[]string{`a=JSON {"sk":"a","value":"text"}`, `b=JSON {"sk":"b","value":12345678901234567890}`, `without=JSON {"sk":"without"}`,
				`7=JSON {"sk":7,"value":"AP8="}`, `AQ===JSON {"sk":"AQ==","value":{"x":[true]}}`, `s=JSON {"sk":"s","value":["b","a"]}`},
			[]string{
				`Query {"TableName":"t","KeyConditionExpression":"#k = :k","ExpressionAttributeNames":{"#k":"pk"},"ExpressionAttributeValues":{":k":{"S":"k"}},"ConsistentRead":true}`,
				`Query {"TableName":"t","KeyConditionExpression":"#k = :k","ExpressionAttributeNames":{"#k":"pk"},"ExpressionAttributeValues":{":k":{"S":"k"}},"ConsistentRead":true,"ExclusiveStartKey":{"id":{"S":"k"},"sk":{"S":"without"}}}`,
			}},
		{"the sort key is the value", paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k", AllSorts: true, ValueAttr: "sk"},
			[]string{"a=a", "b=b", "without=without", "7=JSON 7", "AQ===binary \x01", "s=s"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &script{answers: map[string]func(string) (string, error){"Query": func(in string) (string, error) {
				if strings.Contains(in, "ExclusiveStartKey") {
					return second, nil
				}
				return first, nil
			}}}
			v, err := awsparams.New(s, awsparams.Options{}).Fetch(t.Context(), tc.ref)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, members(v)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tc.calls, s.calls); tc.calls != nil && diff != "" {
				t.Error(diff)
			}
		})
	}
	s := &script{answers: map[string]func(string) (string, error){"Query": always(`{"Items":[{"value":{"S":"x"}}]}`, nil)}}
	_, err := awsparams.New(s, awsparams.Options{}).Fetch(t.Context(), paramcache.Ref{Source: "dynamodb", Name: "t", Key: "k", AllSorts: true})
	if err == nil || err.Error() != "read dynamodb:t/k/*: the items have no sort key sk; name the table's sort attribute" {
		t.Error(err)
	}
}
