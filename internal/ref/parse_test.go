package ref

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/reader"
	for text, want := range map[string]Ref{
		"ssm:/app/db":              {Source: SSM, Name: "/app/db"},
		"ssm:app/db":               {Source: SSM, Name: "/app/db"},
		"ssm:db":                   {Source: SSM, Name: "db"},
		"ssm:/app/db?decrypt=true": {Source: SSM, Name: "/app/db", Decrypt: true},
		"ssm:/app/db?version=3":    {Source: SSM, Name: "/app/db", Version: "3"},
		"ssm:/app/db:3":            {Source: SSM, Name: "/app/db:3"},
		"ssm-path:/app/":           {Source: SSM, Name: "/app", Path: true},
		"ssm-path:/":               {Source: SSM, Name: "/", Path: true},
		"ssm-path:app?recursive=true&decrypt=true": {Source: SSM, Name: "/app", Path: true, Recursive: true, Decrypt: true},
		"secret:app/db": {Source: Secrets, Name: "app/db"},
		"secrets:app/db?version_stage=AWSPREVIOUS&region=us-east-1":             {Source: Secrets, Name: "app/db", Label: "AWSPREVIOUS", Region: "us-east-1"},
		"secret:db?role_arn=" + role:                                            {Source: Secrets, Name: "db", RoleARN: role},
		"secret:arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf": {Source: Secrets, Name: "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"},
		"dynamodb:config/a/b":                                                   {Source: DynamoDB, Name: "config", Key: "a/b"},
		"dynamodb:config/a?sort=b":                                              {Source: DynamoDB, Name: "config", Key: "a", Sort: "b"},
		"dynamodb:config/a/*":                                                   {Source: DynamoDB, Name: "config", Key: "a", AllSorts: true},
		"dynamodb:config/a%3F%25":                                               {Source: DynamoDB, Name: "config", Key: "a?%"},
		"dynamodb:config/a?value_attr=v&item=true&consistent=true&key_attr=k&sort_attr=s": {Source: DynamoDB, Name: "config", Key: "a",
			KeyAttr: "k", SortAttr: "s", ValueAttr: "v", Item: true, Consistent: true},
		"dynamodb:arn:aws:dynamodb:us-east-1:123456789012:table/config/a/b": {Source: DynamoDB, Name: "arn:aws:dynamodb:us-east-1:123456789012:table/config", Key: "a/b"},
		"appconfig:shop/prod/main":  {Source: AppConfig, Name: "shop/prod/main"},
		FromAgent("shop:prod:main"): {Source: AppConfig, Name: "shop/prod/main"},
		FromAgent("/applications/shop/environments/prod/configurations/main"): {Source: AppConfig, Name: "shop/prod/main"},
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

// A text that is no ref is told what is allowed, and is not repeated: it may be
// something secret in the wrong place.
func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"": "use ssm:", "ssm:": "use ssm:", "/app/db": "use ssm:", "s3:bucket": "use ssm:", "ssm-path:": "use ssm:",
		"ssm-path:arn:aws:ssm:eu-west-1:1:parameter/app": "use ssm:",
		"dynamodb:table":                  "use ssm:",
		"dynamodb:/key":                   "use ssm:",
		"dynamodb:t/":                     "use ssm:",
		"dynamodb:arn:aws:dynamodb:::t/k": "use ssm:",
		"appconfig:a/b":                   "use ssm:",
		"appconfig:a//b":                  "use ssm:",
		FromAgent("a:b"):                  "use ssm:",
		"ssm:/a%":                         "%25",
		"ssm:/a?decrypt=yes":              "true or false",
		"ssm:/a?decrypt=":                 "empty",
		"ssm:/a?hunter2":                  "empty",
		"ssm:/a?hunter2=x":                "version=",
		"ssm:/a?version=1&label=b":        "exclude",
		"secret:a?decrypt=true":           "version_stage=",
		"ssm:/a?region=evil.example":      "a region",
		"secret:a?role_arn=reader":        "a role",
		"dynamodb:t/k/*?sort=s":           "every sort key",
	} {
		got, err := Parse(text)
		if err == nil || got != (Ref{}) {
			t.Errorf("%q is taken for %+v", text, got)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "evil") {
			t.Errorf("%q: %v; want a word about %q", text, err, want)
		}
	}
}

func TestParseWithDefaults(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/reader"
	defaults := Ref{Decrypt: true, Region: "us-east-1", RoleARN: role}
	for text, want := range map[string]Ref{
		"ssm:/a":                    {Source: SSM, Name: "/a", Decrypt: true, Region: "us-east-1", RoleARN: role},
		"ssm:/a?decrypt=false":      {Source: SSM, Name: "/a", Region: "us-east-1", RoleARN: role},
		"secret:a?region=eu-west-1": {Source: Secrets, Name: "a", Region: "eu-west-1", RoleARN: role},
	} {
		if got, err := ParseWith(text, defaults); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

// What is written is read as the same.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"ssm:/app/db:3?decrypt=true", "ssm-path:/a?recursive=true&label=l", "secret:a b,c?version_id=%26", "dynamodb:t/k/*?key_attr=%2A",
		"dynamodb:a%2Fb/k?sort=%2F%2A", "dynamodb:arn:aws:dynamodb:eu-west-1:1:table/t/k", "appconfig:/a/b/c/?region=us-east-1", "dynamodb:arn%3Ax/k"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			if r != (Ref{}) {
				t.Fatalf("an error and %+v", r)
			}
			return
		}
		again, err := Parse(r.String())
		if err != nil || again != r {
			t.Fatalf("%q is %+v, written %q and read as %+v, %v", text, r, r.String(), again, err)
		}
		if strings.ContainsAny(r.String(), ", \n") {
			t.Fatalf("%q does not fit into a comma list", r.String())
		}
	})
}

// Refs that are made elsewhere are written so that they can be read, too.
func FuzzString(f *testing.F) {
	f.Add("/app/db", "3", "", "k", "s", uint8(0))
	f.Add("arn:aws:dynamodb:eu-west-1:1:table/t", "v", "l", "a/*", "*", uint8(7))
	f.Fuzz(func(t *testing.T, name, version, label, key, sort string, kind uint8) {
		r := Ref{Source: []Source{SSM, Secrets, DynamoDB}[kind%3], Name: name}
		switch r.Source {
		case SSM:
			if r.Decrypt = kind&8 != 0; kind&16 != 0 {
				r.Version = version
			} else {
				r.Label = label
			}
			if name != ParameterName(name) {
				return
			}
		case Secrets:
			r.Version, r.Label = version, label
		case DynamoDB:
			r.Key, r.Item, r.ValueAttr = key, kind&16 != 0, version
			if r.AllSorts = kind&8 != 0; !r.AllSorts {
				r.Sort = sort
			}
			if key == "" {
				return
			}
		}
		if name == "" {
			return
		}
		again, err := Parse(r.String())
		if err != nil || again != r {
			t.Fatalf("%+v is written %q and read as %+v, %v", r, r.String(), again, err)
		}
	})
}

// Name, partial ARN and full ARN of one thing are one key as soon as an answer
// has told that they are; and never are two things one.
func FuzzForms(f *testing.F) {
	f.Add("app/db", uint8(0))
	f.Add("db-AbCdEf", uint8(1))
	f.Fuzz(func(t *testing.T, name string, kind uint8) {
		if name == "" || strings.Contains(name, ":") || strings.HasPrefix(name, "/") {
			return
		}
		own := atHome()
		const secret = "arn:aws:secretsmanager:eu-west-1:" + account1 + ":secret:"
		ask := Ref{Source: Secrets, Name: name}
		answer := Answer{Name: name, ARN: secret + name + "-GhIjKl"}
		forms := []Ref{ask, {Source: Secrets, Name: answer.ARN}, {Source: Secrets, Name: name, Region: "eu-west-1", Label: "AWSCURRENT"}}
		if _, looksFull := cutSuffix(name); !looksFull {
			forms = append(forms, Ref{Source: Secrets, Name: secret + name})
		}
		if kind&1 != 0 { // hierarchical parameters
			ask = Ref{Source: SSM, Name: "/p/" + name}
			answer = Answer{Name: ask.Name, ARN: "arn:aws:ssm:eu-west-1:" + account1 + ":parameter/p/" + name}
			forms = []Ref{ask, {Source: SSM, Name: answer.ARN}, {Source: SSM, Name: answer.ARN, Region: "eu-west-1"}}
		}
		for _, asked := range forms {
			keys, _ := own.Names(asked, answer)
			filed := map[string]bool{}
			for _, key := range keys {
				filed[key] = true
			}
			for _, other := range forms {
				if !filed[own.Key(other)] {
					t.Fatalf("asked as %s, the answer is not found as %s", asked, other)
				}
			}
			if filed[own.Key(Ref{Source: ask.Source, Name: ask.Name + "x"})] || filed[own.Key(Ref{Source: ask.Source, Name: ask.Name, Region: "us-east-1"})] {
				t.Fatalf("asked as %s, another thing is taken for it", asked)
			}
		}
	})
}
