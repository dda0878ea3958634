package awsemu_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/awsemu"
)

func TestParseReadsTheShortForms(t *testing.T) {
	data, err := awsemu.Parse([]byte(`
parameters:
  /port: 0080
  /on: yes
  /obj: {value: [1, {a: 0x10, b: null, c: "<"}]}
secrets:
  s: {value: {n: 1.50}}
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range data.Parameters {
		got = append(got, p.Type+" "+p.Versions[0].Value)
	}
	want := []string{"String 0080", "String yes", `String [1,{"a":16,"b":null,"c":"<"}]`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if v := data.Secrets[0].Versions[0]; v.Text != `{"n":1.50}` || v.Stages[0] != "AWSCURRENT" {
		t.Errorf("secret %+v", v)
	}
}

func TestParseNamesLineAndField(t *testing.T) {
	for _, tt := range []struct{ outcome, yaml, want string }{
		{"not YAML", "a: [", "parse YAML: line 1: did not find expected"},
		{"not a mapping", "[]", "line 1: the file: is not a mapping"},
		{"unknown section", "params:\n  a: b", "line 1: params: is unknown here; known: region, account, parameters, secrets, tables"},
		{"unknown field", "parameters:\n  /a:\n    valeu: x", "line 3: parameters./a.valeu: is unknown here; known: type, value"},
		{"unknown type", "parameters:\n  /a: {type: Secure, value: x}", `line 2: parameters./a.type: "Secure" is not one of String, StringList, SecureString`},
		{"no value", "parameters:\n  /a: {type: String}", "line 2: parameters./a: has no value"},
		{"null", "parameters:\n  /a:", `line 2: parameters./a: has no value; write "" for an empty one`},
		{"both forms", "parameters:\n  /a: {value: x, versions: [y]}", "has both value and versions"},
		{"twice", "parameters:\n  /a: x\n  /a: y", "line 3: parameters./a: is there twice"},
		{"bad name", "parameters:\n  a/b: x", "line 2: parameters.a/b: must be a fully qualified name"},
		{"comma in a list item", "parameters:\n  /a: {type: StringList, value: ['a,b']}", "has a comma"},
		{"label twice", "parameters:\n  /a: {versions: [{value: x, labels: [l]}, {value: y, labels: [l]}]}", `label "l" is on two versions`},
		{"bad date", "parameters:\n  /a: {value: x, modified: yesterday}", `parameters./a.modified: "yesterday" is not a date`},
		{"bad account", "account: 12", `line 1: account: "12" is not 12 digits`},
		{"bad base64", "secrets:\n  s: {binary: '*'}", "line 2: secrets.s.binary: is not base64"},
		{"short version id", "secrets:\n  s: {value: x, id: abc}", "a version id has 32 to 64"},
		{"no current stage", "secrets:\n  s: {value: x, stages: [blue]}", "no version has the stage AWSCURRENT"},
		{"item without key", "tables:\n  t: {items: [{value: x}]}", `line 2: tables.t.items[0]: has no key attribute "id"`},
		{"two items, one key", "tables:\n  t:\n    items:\n      - {id: a}\n      - {id: a}", "line 5: tables.t.items[1]: has the key of an earlier item"},
		{"keys of two types", "tables:\n  t: {items: [{id: a}, {id: 1}]}", `key attribute "id" is N, in the items before it is S`},
		{"infinite number", "tables:\n  t: {items: [{id: a, v: .inf}]}", ".inf is not a number"},
		{"configuration without profile", "appconfig:\n  a/b: x", "line 2: appconfig.a/b: is not APPLICATION/ENVIRONMENT/PROFILE"},
		{"configuration without content", "appconfig:\n  a/b/c: {label: v1}", "appconfig.a/b/c: has no value and no binary"},
		{"configuration in both forms", "appconfig:\n  a/b/c: {value: x, versions: [{value: y}]}", "has both a value and versions"},
		{"unknown field of a configuration", "appconfig:\n  a/b/c: {vlaue: x}", "appconfig.a/b/c.vlaue: is unknown here; known: value, binary, content_type"},
		{"poll interval too short", "appconfig:\n  a/b/c: {value: x, poll_interval: 10ms}", "is not a duration of at least 1s"},
		{"role without ARN", "roles:\n  reader: {}", "line 2: roles.reader: is not the ARN of an IAM role"},
		{"unknown field of a role", "roles:\n  arn:aws:iam::123456789012:role/r: {allow: all}", "is unknown here; known: denied, parameters"},
		{"merge key", "x: &x {value: a}\nparameters:\n  /a: {<<: *x}", "uses a merge key"},
		{"alias of itself", "parameters:\n  /a: {value: &x [*x]}", "line 2: the file: nests more than 50 levels"},
		{"aliases of aliases", bomb(), "the file: expands to more than 262144 nodes"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			_, err := awsemu.Parse([]byte(tt.yaml))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v\nwant %s", err, tt.want)
			}
		})
	}
}

// bomb is a small file whose aliases expand to nine million nodes.
func bomb() string {
	yaml := "tables:\n  t:\n    items:\n      - id: a\n        l0: &l0 [x]\n"
	for i := range 7 {
		alias := fmt.Sprintf("*l%d", i)
		yaml += fmt.Sprintf("        l%d: &l%d [%s]\n", i+1, i+1, strings.Join(slices.Repeat([]string{alias}, 10), ", "))
	}
	return yaml
}

func TestParseReportsAllMistakes(t *testing.T) {
	_, err := awsemu.Parse([]byte("parameters:\n  /a: {type: X, value: x}\n  b/c: y\nsecrets:\n  s: {}\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v, want three lines", err)
	}
}

func TestParseExample(t *testing.T) {
	data, err := awsemu.Parse([]byte(example(t)))
	if err != nil {
		t.Fatal(err)
	}
	if len(data.Parameters) != 6 || len(data.Secrets) != 4 || len(data.Tables) != 3 || len(data.Configurations) != 4 || len(data.Roles) != 2 {
		t.Errorf("%d parameters, %d secrets, %d tables, %d configurations, %d roles",
			len(data.Parameters), len(data.Secrets), len(data.Tables), len(data.Configurations), len(data.Roles))
	}
}

// What parses must also be served without a panic.
func FuzzParse(f *testing.F) {
	f.Add("parameters:\n  /a: {type: StringList, value: [a, b]}\nsecrets: {s: !!binary AAEC}\ntables: {t: {sort: n, items: [{id: a, n: 1e3, x: !ss [a]}]}}")
	f.Add("a: &a [*a]")
	f.Add("appconfig: {a/b/c: {versions: [{binary: AAEC, label: l}]}}\nroles: {'arn:aws:iam::1:role/r': {tables: {}}}")
	f.Add("parameters: &p {/a: {value: *p}}")
	f.Fuzz(func(t *testing.T, text string) {
		if data, err := awsemu.Parse([]byte(text)); err == nil {
			awsemu.New(data)
		}
	})
}
