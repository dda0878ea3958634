package ref

import (
	"strings"
	"testing"
)

const (
	ownSSM    = "arn:aws:ssm:eu-west-1:" + account1 + ":parameter"
	ownSecret = "arn:aws:secretsmanager:eu-west-1:" + account1 + ":secret:"
	ownTable  = "arn:aws:dynamodb:eu-west-1:" + account1 + ":table/"
	aRole     = "arn:aws:iam::999999999999:role/reader"
)

func secretRef(id string) Ref { return Ref{Source: Secrets, Name: id} }

func pathRef(path string) Ref { return Ref{Source: SSM, Name: path, Path: true} }

func itemRef(key string) Ref { return Ref{Source: DynamoDB, Name: "T", Key: key} }

func with(r Ref, change func(*Ref)) Ref { change(&r); return r }

func inUS(r *Ref)     { r.Region = "us-east-1" }
func asReader(r *Ref) { r.RoleARN = aRole }

// What an entry is meant to allow.
func TestAllowed(t *testing.T) {
	for _, tc := range []struct {
		entry string
		ref   Ref
	}{
		{"ssm:/app/*", ssmRef("/app/db")},
		{"ssm:/app/*", ssmRef("/app/a/b")},
		{"ssm:/app/*", ssmRef("app/db")},
		{"ssm:/app/*", ssmRef(ownSSM + "/app/db")},
		{"ssm:/app/*", ssmRef("arn:aws:ssm:::parameter/app/db")},
		{"ssm:/app/*", with(ssmRef("/app/db"), func(r *Ref) { r.Region, r.Decrypt = "eu-west-1", true })},
		{"ssm:/app/*", ssmRef("/app/db:3")},
		{"ssm:/app/d?", ssmRef("/app/db")},
		{"ssm:/app/d?region=us-east-1", with(ssmRef("/app/d"), inUS)},
		{"ssm:/app/db:3", ssmRef("/app/db:3")},
		{"ssm:/app/db:3", with(ssmRef("/app/db"), func(r *Ref) { r.Version = "3" })},
		{"ssm:/app/db?label=prod", ssmRef("/app/db:prod")},
		{"ssm:" + ownSSM + "/app/*", ssmRef("/app/db")},
		{"ssm:" + ownSSM + "/db", ssmRef("db")},
		{"ssm:" + ownSSM + "/db", ssmRef(ownSSM + "/db")},
		{"ssm:" + ownSSM + "/*", ssmRef("db")},
		{"ssm:" + ownSSM + "/*", ssmRef("/app/db")},
		{"ssm:*", ssmRef("db")},
		{"ssm:*", ssmRef(ownSSM + "/db")},
		{"ssm:*ab", ssmRef("aab")},
		{"ssm:a**b", ssmRef("ab")},
		{"*", ssmRef("anything")},
		{"*", pathRef("/app")},
		{"*b*", secretRef("db")},
		{"ssm:/app/*?region=*", with(ssmRef("/app/db"), inUS)},
		{"ssm:/app/*?region=us-*-1", ssmRef("arn:aws:ssm:us-east-1:" + account1 + ":parameter/app/db")},
		{"ssm:/app/*?role_arn=" + aRole, with(ssmRef("/app/db"), asReader)},
		{"ssm:/app/*?role_arn=arn:aws:iam::999999999999:role/*", with(ssmRef("/app/db"), asReader)},
		{"ssm:arn:aws:ssm:*:999999999999:parameter/app/*", ssmRef("arn:aws:ssm:us-east-1:999999999999:parameter/app/db")},
		{"secret:db-*", secretRef("db-main")},
		{"secrets:db-*", secretRef("db-main")},
		{"secret:db*", secretRef(ownSecret + "db-AbCdEf")},
		{"secret:" + ownSecret + "db-AbCdEf", secretRef(ownSecret + "db-AbCdEf")},
		{"secret:" + ownSecret + "db-??????", secretRef(ownSecret + "db-AbCdEf")},
		{"secret:" + ownSecret + "db-??????", secretRef("db")},
		{"secret:" + ownSecret + "db", secretRef("db")},
		{"secret:" + ownSecret + "app/*", secretRef("app/db")},
		{"secret:db", with(secretRef("db"), func(r *Ref) { r.Label = "AWSCURRENT" })},
		{"secret:db", with(secretRef("db"), func(r *Ref) { r.Label = "AWSPREVIOUS" })},
		{"secret:db?version_stage=AWSPREVIOUS", with(secretRef("db"), func(r *Ref) { r.Label = "AWSPREVIOUS" })},
		{"dynamodb:T/k", itemRef("k")},
		{"dynamodb:T/k", with(itemRef("k"), func(r *Ref) { r.KeyAttr, r.SortAttr, r.ValueAttr = "id", "sk", "value" })},
		{"dynamodb:T/k", with(itemRef("k"), func(r *Ref) { r.Name, r.Consistent = ownTable+"T", true })},
		{"dynamodb:T/k/s", with(itemRef("k"), func(r *Ref) { r.Sort = "s" })},
		{"dynamodb:T/k?sort=s", with(itemRef("k"), func(r *Ref) { r.Sort = "s" })},
		{"dynamodb:T/k?item=true", with(itemRef("k"), func(r *Ref) { r.Item = true })},
		{"dynamodb:T/k?value_attr=other", with(itemRef("k"), func(r *Ref) { r.ValueAttr = "other" })},
		{"dynamodb:T/k?value_attr=*", itemRef("k")},
		{"dynamodb:T/k?key_attr=pk", with(itemRef("k"), func(r *Ref) { r.KeyAttr = "pk" })},
		{"dynamodb:T/*", with(itemRef("k"), func(r *Ref) { r.AllSorts = true })},
		{"dynamodb:T/k/*", with(itemRef("k"), func(r *Ref) { r.AllSorts = true })},
		{"dynamodb:T/a b", itemRef("a b")},
		{"dynamodb:" + ownTable + "T/k", itemRef("k")},
		{"appconfig:shop/prod/*", Ref{Source: AppConfig, Name: "shop/prod/main"}},
		// Groups: everything they might hold must be allowed.
		{"ssm:/app/*", pathRef("/app")},
		{"ssm:/app/*", pathRef("/app/sub/")},
		{"ssm:*", pathRef("/")},
		{"ssm-path:/app", pathRef("/app/")},
		{"ssm-path:/app/", pathRef("/app")},
		{"ssm-path:/app/*", pathRef("/app")},
		{"ssm-path:/app/*", pathRef("/app/sub")},
	} {
		if err := CheckEntry(tc.entry); err != nil {
			t.Errorf("%s: %v", tc.entry, err)
		}
		if !NewAllow([]string{tc.entry}, atHome()).Permits(tc.ref) {
			t.Errorf("%s refuses %+v", tc.entry, tc.ref)
		}
	}
}

// attempts are ways to read what the entry does not name.
var attempts = []struct {
	how   string
	entry string
	ref   Ref
}{
	{"another name", "ssm:/app/*", ssmRef("/application")},
	{"one level above", "ssm:/app/*", ssmRef("/app")},
	{"a shorter name", "ssm:/app/d?", ssmRef("/app/d")},
	{"another case", "ssm:/app/db", ssmRef("/app/DB")},
	{"another source", "ssm:*", secretRef("ssm:")},
	{"another source of that name", "secret:db", ssmRef("db")},
	{"a name that repeats the source", "ssm:/app/*", ssmRef("ssm:/app/db")},
	{"no name", "*", ssmRef("")},
	{"an empty entry", "", ssmRef("")},
	{"an empty entry, something", "", ssmRef("/app/db")},
	// Region.
	{"region", "ssm:/app/*", with(ssmRef("/app/db"), inUS)},
	{"region, everything allowed here", "ssm:*", with(ssmRef("/app/db"), inUS)},
	{"region, everything allowed", "*", with(ssmRef("/app/db"), inUS)},
	{"region in the ARN", "ssm:/app/*", ssmRef("arn:aws:ssm:us-east-1:" + account1 + ":parameter/app/db")},
	{"region in the ARN, everything allowed here", "ssm:*", ssmRef("arn:aws:ssm:us-east-1:" + account1 + ":parameter/app/db")},
	{"region in a secret's ARN", "secret:*", secretRef("arn:aws:secretsmanager:us-east-1:" + account1 + ":secret:db-AbCdEf")},
	{"region in a table's ARN", "dynamodb:*", with(itemRef("k"), func(r *Ref) { r.Name = "arn:aws:dynamodb:us-east-1:" + account1 + ":table/T" })},
	{"region of a path", "ssm:*", with(pathRef("/app"), inUS)},
	{"region of AppConfig", "appconfig:*", with(Ref{Source: AppConfig, Name: "a/b/c"}, inUS)},
	{"an ARN that contradicts the region", "ssm:*", with(ssmRef(ownSSM+"/app/db"), inUS)},
	{"a third region", "ssm:/app/*?region=us-east-1", with(ssmRef("/app/db"), func(r *Ref) { r.Region = "us-west-2" })},
	{"at home, where another region is named", "ssm:/app/*?region=us-east-1", ssmRef("/app/db")},
	// Account and partition.
	{"another account", "ssm:/app/*", ssmRef("arn:aws:ssm:eu-west-1:999999999999:parameter/app/db")},
	{"another account, everything allowed here", "ssm:*", ssmRef("arn:aws:ssm:eu-west-1:999999999999:parameter/app/db")},
	{"another account's secret", "secret:*", secretRef("arn:aws:secretsmanager:eu-west-1:999999999999:secret:db-AbCdEf")},
	{"a partition that there is not", "ssm:*", ssmRef("arn:foo:ssm:us-east-1:" + account1 + ":parameter/app/db")},
	{"ARN of another service", "ssm:*", ssmRef("arn:aws:s3:us-east-1:" + account1 + ":parameter/app/db")},
	{"ARN of another resource", "ssm:*", ssmRef("arn:aws:ssm:us-east-1:" + account1 + ":document/app/db")},
	{"half an ARN", "ssm:*", ssmRef("arn:aws:ssm:us-east-1")},
	{"ARN in capitals", "ssm:*", ssmRef("ARN:aws:ssm:us-east-1:" + account1 + ":parameter/app/db")},
	// Role.
	{"role", "ssm:/app/*", with(ssmRef("/app/db"), asReader)},
	{"role, everything allowed", "*", with(ssmRef("/app/db"), asReader)},
	{"role for a secret", "secret:*", with(secretRef("db"), asReader)},
	{"role for a path", "ssm:*", with(pathRef("/app"), asReader)},
	{"role for AppConfig", "appconfig:*", with(Ref{Source: AppConfig, Name: "a/b/c"}, asReader)},
	{"another role", "ssm:/app/*?role_arn=" + aRole, with(ssmRef("/app/db"), func(r *Ref) { r.RoleARN = aRole + "2" })},
	{"no role, where one is named", "ssm:/app/*?role_arn=" + aRole, ssmRef("/app/db")},
	{"role and region, where the role is named", "ssm:/app/*?role_arn=" + aRole, with(with(ssmRef("/app/db"), asReader), inUS)},
	{"the function's account as the role", "ssm:/app/*?role_arn=" + aRole, with(ssmRef(ownSSM+"/app/db"), asReader)},
	// A secret through Parameter Store.
	{"secret as a parameter", "ssm:*", ssmRef("/aws/reference/secretsmanager/db")},
	{"secret as a parameter, of all sources but its own", "ssm:/aws/*", ssmRef("/aws/reference/secretsmanager/db")},
	{"secret as a parameter, by its ARN", "ssm:*", ssmRef(ownSSM + "/aws/reference/secretsmanager/db")},
	{"secret as a parameter, in capitals", "ssm:*", ssmRef("/AWS/Reference/SecretsManager/db")},
	{"secret as a parameter, without the first slash", "ssm:*", ssmRef("aws/reference/secretsmanager/db")},
	{"secret as a parameter, with slashes twice", "ssm:*", ssmRef("/aws//reference/secretsmanager/db")},
	{"secret as a parameter, an older stage", "ssm:*", ssmRef("/aws/reference/secretsmanager/db:AWSPREVIOUS")},
	{"secret as a parameter, named by its own ARN", "ssm:*", ssmRef("/aws/reference/secretsmanager/" + ownSecret + "db-AbCdEf")},
	{"secret as a parameter, only the secret allowed", "secret:db", ssmRef("/aws/reference/secretsmanager/db")},
	{"secrets as a path", "ssm:*", pathRef("/aws/reference/secretsmanager")},
	{"secrets as a path, below", "ssm:*", pathRef("/aws/reference/secretsmanager/app/")},
	{"secrets as a path that is allowed as such", "ssm-path:/aws/*", pathRef("/aws/reference/secretsmanager/app")},
	// Versions and labels.
	{"selector that looks like the end of a glob", "ssm:/app/*:public", ssmRef("/app/private")},
	{"selector that a glob on names would match", "ssm:/app/*-public", ssmRef("/app/private:x-public")},
	{"another version", "ssm:/app/db:3", ssmRef("/app/db:4")},
	{"no version, where one is named", "ssm:/app/db:3", ssmRef("/app/db")},
	{"a label, where a version is named", "ssm:/app/db:3", ssmRef("/app/db:prod")},
	{"two selectors", "ssm:/app/*", ssmRef("/app/db:3:4")},
	{"another stage", "secret:db?version_stage=AWSCURRENT", with(secretRef("db"), func(r *Ref) { r.Label = "AWSPREVIOUS" })},
	{"a version id, where a stage is named", "secret:db?version_stage=AWSPREVIOUS", with(secretRef("db"), func(r *Ref) { r.Version = "1" })},
	// What an ARN's end may mean.
	{"one level's ARN, which may be /db", "ssm:db", ssmRef(ownSSM + "/db")},
	{"one level's ARN, which may be db", "ssm:/db", ssmRef(ownSSM + "/db")},
	{"secret whose name ends like an ARN", "secret:db", secretRef(ownSecret + "db-backup")},
	{"a secret's ARN, which may be a name", "secret:db-AbCdEf", secretRef(ownSecret + "db-AbCdEf")},
	{"a name, where an ARN is allowed that may be another's", "secret:" + ownSecret + "db-AbCdEf", secretRef("db")},
	{"a secret's name with a colon", "secret:*", secretRef("db:password")},
	// Paths.
	{"path above", "ssm:/app/*", with(pathRef("/"), func(r *Ref) { r.Recursive = true })},
	{"path beside", "ssm:/app/*", pathRef("/application")},
	{"path, where one parameter is allowed", "ssm:/app", pathRef("/app")},
	{"path, where some of it is allowed", "ssm:/app/?*", pathRef("/app")},
	{"path, where parts of its names are allowed", "ssm:/*/public", pathRef("/x/public")},
	{"root, where all hierarchies are allowed", "ssm:/*", pathRef("/")},
	{"path beside an allowed path", "ssm-path:/app/*", pathRef("/apple")},
	{"path, where versions are named", "ssm:/app/*?version=1", pathRef("/app")},
	{"path with slashes twice", "ssm-path:/app", pathRef("/app//sub")},
	{"parameter, where the path is allowed", "ssm-path:/app/*", ssmRef("/app/db")},
	{"path as an ARN", "ssm:*", pathRef(ownSSM + "/app")},
	// Tables.
	{"another key", "dynamodb:T/k", itemRef("k2")},
	{"another table", "dynamodb:T/*", with(itemRef("k"), func(r *Ref) { r.Name = "T2" })},
	{"a table's name with the key in it", "dynamodb:T/k", with(itemRef("x"), func(r *Ref) { r.Name = "T/k" })},
	{"a sort key", "dynamodb:T/k", with(itemRef("k"), func(r *Ref) { r.Sort = "s" })},
	{"another sort key", "dynamodb:T/k/s", with(itemRef("k"), func(r *Ref) { r.Sort = "s2" })},
	{"all sort keys", "dynamodb:T/k", with(itemRef("k"), func(r *Ref) { r.AllSorts = true })},
	{"all sort keys, where some are allowed", "dynamodb:T/k/?", with(itemRef("k"), func(r *Ref) { r.AllSorts = true })},
	{"another value attribute", "dynamodb:T/k", with(itemRef("k"), func(r *Ref) { r.ValueAttr = "password" })},
	{"another value attribute, whole table allowed", "dynamodb:T/*", with(itemRef("k"), func(r *Ref) { r.ValueAttr = "password" })},
	{"another value attribute, everything allowed", "*", with(itemRef("k"), func(r *Ref) { r.ValueAttr = "password" })},
	{"another value attribute of all sort keys", "dynamodb:T/k/*", with(itemRef("k"), func(r *Ref) { r.AllSorts, r.ValueAttr = true, "password" })},
	{"the whole item", "dynamodb:T/k", with(itemRef("k"), func(r *Ref) { r.Item = true })},
	{"the whole items of all sort keys", "dynamodb:T/*", with(itemRef("k"), func(r *Ref) { r.AllSorts, r.Item = true, true })},
	{"the whole item, where another attribute is named", "dynamodb:T/k?value_attr=other", with(itemRef("k"), func(r *Ref) { r.Item = true })},
	{"another key attribute", "dynamodb:T/k", with(itemRef("k"), func(r *Ref) { r.KeyAttr = "email" })},
	{"another sort attribute", "dynamodb:T/k/s", with(itemRef("k"), func(r *Ref) { r.Sort, r.SortAttr = "s", "other" })},
	{"another sort attribute, whose values are the answer's keys", "dynamodb:T/k/*", with(itemRef("k"), func(r *Ref) { r.AllSorts, r.SortAttr = true, "password" })},
	{"a key that is a wildcard", "dynamodb:T/%2A", itemRef("k")},
	{"no key", "dynamodb:T/*", with(itemRef(""), func(*Ref) {})},
	// AppConfig.
	{"another profile", "appconfig:shop/prod/main", Ref{Source: AppConfig, Name: "shop/prod/other"}},
	{"another environment", "appconfig:shop/prod/*", Ref{Source: AppConfig, Name: "shop/dev/main"}},
	// Time.
	{"a glob that would take years", "ssm:*a*a*a*a*a*a*a*b", ssmRef(strings.Repeat("a", 1000))},
}

func TestAttemptsToGetRound(t *testing.T) {
	for _, tc := range attempts {
		allow := NewAllow([]string{tc.entry}, atHome())
		if allow.Permits(tc.ref) {
			t.Errorf("%s: %s permits %+v", tc.how, tc.entry, tc.ref)
		}
	}
	t.Logf("%d attempts", len(attempts))
}

// A secret that is read as a parameter needs both entries.
func TestReferencedSecret(t *testing.T) {
	asked := ssmRef("/aws/reference/secretsmanager/app/db:AWSPREVIOUS")
	for _, tc := range []struct {
		entries string
		ok      bool
	}{
		{"ssm:/aws/reference/*,secret:app/db", true},
		{"*", true},
		{"ssm:*,secret:app/*", true},
		{"ssm:*,secret:app/db?version_stage=AWSPREVIOUS", true},
		{"ssm:*,secret:app/db?version_stage=AWSCURRENT", false},
		{"ssm:*,secret:app", false},
	} {
		if got := NewAllow(strings.Split(tc.entries, ","), atHome()).Permits(asked); got != tc.ok {
			t.Errorf("%s: permitted %v", tc.entries, got)
		}
	}
	allow := NewAllow([]string{"ssm:*"}, atHome())
	if got := allow.Missing(asked); got != "secret:app/db" {
		t.Errorf("missing: %s", got)
	}
}

// Set, but with nothing usable in it: nothing may be read. Not set: everything.
func TestAllowNothing(t *testing.T) {
	for _, list := range [][]string{{}, {""}, {"/app/*"}, {"sms:/app/*"}} {
		if NewAllow(list, atHome()).Permits(ssmRef("/app/db")) {
			t.Errorf("%q permits", list)
		}
	}
	if !NewAllow(nil, atHome()).Permits(ssmRef("/app/db")) {
		t.Error("no list refuses")
	}
}

// An ARN of an account is nobody's own before the function's is known.
func TestAllowWithoutAccount(t *testing.T) {
	home := atHome()
	home.Account = func() string { return "" }
	if NewAllow([]string{"ssm:*"}, home).Permits(ssmRef(ownSSM + "/app/db")) {
		t.Error("permitted")
	}
	if !NewAllow([]string{"ssm:" + ownSSM + "/app/*"}, home).Permits(ssmRef(ownSSM + "/app/db")) {
		t.Error("refused although named")
	}
}

func TestCheckEntry(t *testing.T) {
	for entry, want := range map[string]string{
		"":                         "not the source",
		"nothing":                  "not the source",
		"/app/db":                  "did you mean ssm:/app/db?",
		"ssm:app/db":               "did you mean ssm:/app/db?",
		"SSM:/app/db":              "did you mean ssm:/app/db?",
		"parameter:app/db":         "did you mean ssm:/app/db?",
		"secretsmanager:db":        "did you mean secret:db?",
		"ssm_path:app/":            "did you mean ssm-path:/app?",
		"ddb:T/k":                  "did you mean dynamodb:T/k?",
		"dynamodb:T":               "did you mean dynamodb:T/*?",
		"appconfig:a:b:c":          "did you mean appconfig:a/b/c?",
		"appconfig:a/b":            "APP/ENV/PROFILE",
		ownSSM + "/app/*":          "did you mean ssm:" + ownSSM + "/app/*?",
		ownSecret + "db-??????":    "did you mean secret:" + ownSecret + "db-??????",
		"ssm:" + ownSecret + "db":  "did you mean secret:arn",
		"secret:" + ownSSM + "/db": "did you mean ssm:arn",
		"ssm:":                     "has no name",
		"secret:":                  "has no name",
		"secret:db:password":       "no colon",
		"ssm:/a:1:2":               "one colon",
		"ssm-path:":                "no ARN",
		"ssm:/a?region=home":       "not a region",
		"ssm:/a?role_arn=reader":   "not a role",
		"ssm:/a?value_attr=x":      "unknown",
		"ssm:/a?region=":           "empty",
		"dynamodb:T/k?item=yes":    "unknown",
	} {
		if err := CheckEntry(entry); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v; want a word about %q", entry, err, want)
		}
	}
}

// What an error says would help, helps, and helps nobody else.
func FuzzMissing(f *testing.F) {
	f.Add("/app/db", "", "", "us-east-1", "", uint8(0))
	f.Add(ownSecret+"db-AbCdEf", "", "", "", "", uint8(1))
	f.Add("T", "k*", "s?", "", "a,b", uint8(2))
	f.Fuzz(func(t *testing.T, name, key, sort, region, attr string, kind uint8) {
		r := Ref{Source: []Source{SSM, Secrets, DynamoDB}[kind%3], Name: name}
		if IsRegion(region) {
			r.Region = region
		}
		if kind&16 != 0 {
			r.RoleARN = aRole
		}
		if r.Source == DynamoDB {
			r.Key, r.Sort, r.ValueAttr, r.Item = key, sort, attr, kind&8 != 0
		}
		if r.Source == SSM && kind&8 != 0 {
			r.Path = true
		}
		if r.Source == SSM && strings.Contains(name, ":") {
			return // versions and labels of one name come with it
		}
		home := atHome()
		nothing := NewAllow([]string{}, home)
		if len(home.views(r)) == 0 {
			if NewAllow([]string{"*"}, home).Permits(r) {
				t.Fatalf("%+v means nothing and is permitted", r)
			}
			return
		}
		first := nothing.Missing(r)
		allow := NewAllow([]string{first}, home)
		list := []string{first}
		if _, refers := home.referenced(r); refers {
			list = append(list, allow.Missing(r))
			allow = NewAllow(list, home)
		}
		if !allow.Permits(r) {
			t.Fatalf("%q do not permit %+v (%v)", list, r, CheckEntry(first))
		}
		other := r
		other.Name += "x"
		if kind%3 == 2 {
			other = r
			other.Key += "x"
		}
		if allow.Permits(other) {
			t.Fatalf("%q permits %+v as well", list, other)
		}
	})
}
