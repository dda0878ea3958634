package ref

import (
	"fmt"
	"strings"
	"testing"
)

// account1 is the function's own account in these tests.
const account1 = "111122223333"

func atHome() Home {
	return Home{Region: "eu-west-1", Account: func() string { return account1 }, KeyAttr: "id", SortAttr: "sk", ValueAttr: "value"}
}

func ssmRef(name string) Ref { return Ref{Source: SSM, Name: name} }

func TestKeys(t *testing.T) {
	own := atHome()
	nowhere := Home{}
	const arn = "arn:aws:ssm:eu-west-1:111122223333:parameter"
	const secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:"
	tests := []struct {
		name string
		home Home
		a, b Ref
		same bool
	}{
		{"a name twice", own, ssmRef("/app/db"), ssmRef("/app/db"), true},
		{"name and ARN", own, ssmRef("/app/db"), ssmRef(arn + "/app/db"), true},
		{"ARN without region and account", own, ssmRef("/app/db"), ssmRef("arn:aws:ssm:::parameter/app/db"), true},
		{"own region spelled out", own, ssmRef("/app/db"), Ref{Source: SSM, Name: "/app/db", Region: "eu-west-1"}, true},
		{"another region", own, ssmRef("/app/db"), Ref{Source: SSM, Name: "/app/db", Region: "us-east-1"}, false},
		{"another region, two ways", own, Ref{Source: SSM, Name: "/app/db", Region: "us-east-1"}, ssmRef("arn:aws:ssm:us-east-1:111122223333:parameter/app/db"), true},
		{"another account", own, ssmRef("/app/db"), ssmRef("arn:aws:ssm:eu-west-1:999999999999:parameter/app/db"), false},
		{"two foreign accounts", nowhere, ssmRef("arn:aws:ssm:eu-west-1:999999999999:parameter/app/db"), ssmRef(arn + "/app/db"), false},
		{"unknown account: an ARN may be anybody's", nowhere, ssmRef("/app/db"), ssmRef(arn + "/app/db"), false},
		{"China", own, ssmRef("arn:aws-cn:ssm:cn-north-1:1:parameter/a/b"), Ref{Source: SSM, Name: "arn:aws-cn:ssm:cn-north-1:1:parameter/a/b", Region: "cn-north-1"}, true},
		{"the ARN contradicts the region", own, Ref{Source: SSM, Name: arn + "/app/db", Region: "us-east-1"}, ssmRef("/app/db"), false},
		{"one level, with and without slash", own, ssmRef("db"), ssmRef("/db"), false},
		{"one level's ARN could be either: db", own, ssmRef("db"), ssmRef(arn + "/db"), false},
		{"one level's ARN could be either: /db", own, ssmRef("/db"), ssmRef(arn + "/db"), false},
		{"ARN of something else", own, ssmRef("arn:aws:ssm:eu-west-1:111122223333:document/app/db"), ssmRef("/app/db"), false},
		{"ARN of another service", own, ssmRef("arn:aws:s3:eu-west-1:111122223333:parameter/app/db"), ssmRef("/app/db"), false},
		{"selector in the name", own, ssmRef("/app/db:3"), Ref{Source: SSM, Name: "/app/db", Version: "3"}, true},
		{"selector in the ARN", own, ssmRef(arn + "/app/db:prod"), Ref{Source: SSM, Name: "/app/db", Label: "prod"}, true},
		{"selector and version", own, ssmRef("/app/db:3"), Ref{Source: SSM, Name: "/app/db:3", Version: "4"}, false},
		{"version and none", own, ssmRef("/app/db"), ssmRef("/app/db:3"), false},
		{"decrypted or not", own, ssmRef("/app/db"), Ref{Source: SSM, Name: "/app/db", Decrypt: true}, false},
		{"case counts", own, ssmRef("/app/db"), ssmRef("/app/DB"), false},
		{"sources never meet", own, ssmRef("db"), Ref{Source: Secrets, Name: "db"}, false},
		{"secret: name and ARN wait for the answer", own, Ref{Source: Secrets, Name: "db-AbCdEf"}, Ref{Source: Secrets, Name: secret + "db-AbCdEf"}, false},
		{"secret: ARN with and without the region", own, Ref{Source: Secrets, Name: secret + "db"}, Ref{Source: Secrets, Name: secret + "db", Region: "eu-west-1"}, true},
		{"secret: AWSCURRENT is the default", own, Ref{Source: Secrets, Name: "db"}, Ref{Source: Secrets, Name: "db", Label: "AWSCURRENT"}, true},
		{"secret: AWSPREVIOUS is not", own, Ref{Source: Secrets, Name: "db"}, Ref{Source: Secrets, Name: "db", Label: "AWSPREVIOUS"}, false},
		{"secret: a version with a stage", own, Ref{Source: Secrets, Name: "db", Version: "1"}, Ref{Source: Secrets, Name: "db", Version: "1", Label: "AWSCURRENT"}, false},
		{"table: name and ARN", own, Ref{Source: DynamoDB, Name: "T", Key: "k"}, Ref{Source: DynamoDB, Name: "arn:aws:dynamodb:eu-west-1:111122223333:table/T", Key: "k"}, true},
		{"table: key and sort key", own, Ref{Source: DynamoDB, Name: "T", Key: "ab"}, Ref{Source: DynamoDB, Name: "T", Key: "a", Sort: "b"}, false},
		{"table: item or value", own, Ref{Source: DynamoDB, Name: "T", Key: "k"}, Ref{Source: DynamoDB, Name: "T", Key: "k", Item: true}, false},
		{"table: consistent", own, Ref{Source: DynamoDB, Name: "T", Key: "k"}, Ref{Source: DynamoDB, Name: "T", Key: "k", Consistent: true}, false},
		{"path and parameter", own, Ref{Source: SSM, Name: "/app", Path: true}, ssmRef("/app"), false},
		{"path with and without slash", own, Ref{Source: SSM, Name: "/app", Path: true}, Ref{Source: SSM, Name: "/app/", Path: true}, true},
		{"the root path", own, Ref{Source: SSM, Name: "/", Path: true}, Ref{Source: SSM, Name: "", Path: true}, false},
		{"path, recursive or not", own, Ref{Source: SSM, Name: "/app", Path: true}, Ref{Source: SSM, Name: "/app", Path: true, Recursive: true}, false},
		{"path, decrypted or not", own, Ref{Source: SSM, Name: "/app", Path: true}, Ref{Source: SSM, Name: "/app", Path: true, Decrypt: true}, false},
		{"a path has no selector", own, Ref{Source: SSM, Name: "/app:3", Path: true}, Ref{Source: SSM, Name: "/app", Version: "3", Path: true}, false},
		{"all sort keys or the item without one", own, Ref{Source: DynamoDB, Name: "T", Key: "k", AllSorts: true}, Ref{Source: DynamoDB, Name: "T", Key: "k"}, false},
		{"role or none", own, ssmRef("/app/db"), Ref{Source: SSM, Name: "/app/db", RoleARN: "arn:aws:iam::999999999999:role/r"}, false},
		{"two roles", own, Ref{Source: SSM, Name: "/app/db", RoleARN: "arn:aws:iam::999999999999:role/a"}, Ref{Source: SSM, Name: "/app/db", RoleARN: "arn:aws:iam::999999999999:role/b"}, false},
		{"a role's own account", own, Ref{Source: SSM, Name: "/app/db", RoleARN: "arn:aws:iam::999999999999:role/r"}, Ref{Source: SSM, Name: "arn:aws:ssm:eu-west-1:999999999999:parameter/app/db", RoleARN: "arn:aws:iam::999999999999:role/r"}, true},
		{"a role that reads the function's account", own, Ref{Source: SSM, Name: "/app/db", RoleARN: "arn:aws:iam::999999999999:role/r"}, Ref{Source: SSM, Name: arn + "/app/db", RoleARN: "arn:aws:iam::999999999999:role/r"}, false},
		{"no attribute is taken for a role", own, Ref{Source: DynamoDB, Name: "T", RoleARN: "k"}, Ref{Source: DynamoDB, Name: "T", Key: "k"}, false},
		{"no boundary can be imitated", own, Ref{Source: SSM, Name: "a", Version: "1", Label: "b"}, Ref{Source: SSM, Name: "a\x011", Label: "b"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if same := test.home.Key(test.a) == test.home.Key(test.b); same != test.same {
				t.Errorf("one entry: %v, want %v\n%+v\n%+v", same, test.same, test.home.target(test.a), test.home.target(test.b))
			}
		})
	}
}

// Keys are equal exactly when the targets and the attributes are; refs of
// different sources never meet; and writing out what is implied changes
// nothing.
func FuzzKey(f *testing.F) {
	const arn = "arn:aws:ssm:eu-west-1:111122223333:parameter/app/db"
	f.Add("/app/db", "", "", arn, "", "", "", false, uint8(0))
	f.Add("/app/db:3", "", "", "/app/db", "3", "", "eu-west-1", true, uint8(0))
	f.Add("db", "", "AWSCURRENT", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf", "", "", "", false, uint8(1))
	f.Add("T", "k", "s", "arn:aws:dynamodb:::table/T", "k", "s", "us-east-1", false, uint8(2))
	f.Add("/:/", "", "", "0", "0", "", "0", true, uint8(0))
	f.Add("a\x00b", "\x01", "", "a", "b\x01", "", "", false, uint8(3))
	f.Fuzz(func(t *testing.T, name1, version1, label1, name2, version2, label2, region string, decrypt bool, source uint8) {
		sources := []Source{SSM, Secrets, DynamoDB, AppConfig}
		own := atHome()
		a := Ref{Source: sources[source%4], Name: name1, Version: version1, Label: label1, Region: region, Decrypt: decrypt}
		b := Ref{Source: sources[source%4], Name: name2, Version: version2, Label: label2, Region: region}
		if source&16 != 0 {
			a.Path, a.Recursive = true, decrypt
		}
		if source&32 != 0 {
			b.RoleARN, b.AllSorts = label1, true
		}
		if a.Source == DynamoDB {
			a.Key, a.Sort, b.Key, b.Sort = version1, label1, version2, label2
		}
		same := own.Key(a) == own.Key(b)
		slowly := slowKey(own, a) == slowKey(own, b)
		if same != slowly {
			t.Fatalf("equal keys: %v; equal targets and attributes: %v\n%+v\n%+v", same, slowly, a, b)
		}
		if a == b && !same {
			t.Fatalf("equal refs, different keys: %+v", a)
		}
		other := a
		other.Source = sources[(source+1)%4]
		if own.Key(a) == own.Key(other) {
			t.Fatalf("sources meet: %+v and %+v", a, other)
		}
		if region == "" && !strings.HasPrefix(name1, "arn:") {
			spelled := a
			spelled.Region = own.Region
			if own.Key(a) != own.Key(spelled) {
				t.Fatalf("the function's own region changes the key of %+v", a)
			}
		}
		// A name of one level has an ARN that might be another's, whatever its
		// selector holds.
		plain, _, _ := cutSelector(name1)
		if a.Source == SSM && !a.Path && !strings.Contains(region, ":") && strings.HasPrefix(plain, "/") && strings.Count(plain, "/") > 1 {
			full := a
			full.Name = "arn:aws:ssm:" + region + ":" + account1 + ":parameter" + name1
			if own.Key(a) != own.Key(full) {
				t.Fatalf("%+v and its ARN are two entries", a)
			}
		}
		names, _ := own.Names(a, Answer{Name: name2, ARN: name2, Plain: decrypt})
		if len(names) == 0 || !strings.Contains(strings.Join(names, "\x00\x00"), own.Key(a)) {
			t.Fatalf("the answer is not filed under the key it was asked by: %q", names)
		}
	})
}

func slowKey(h Home, r Ref) string {
	target := h.target(r)
	r.Name, r.Version, r.Label, r.Region = "", "", "", ""
	return fmt.Sprintf("%#v %#v", target, r)
}

func BenchmarkKey(b *testing.B) {
	own := atHome()
	for name, r := range map[string]Ref{"name": ssmRef("/service/production/database/password"),
		"ARN": ssmRef("arn:aws:ssm:eu-west-1:111122223333:parameter/service/production/database/password")} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				own.Key(r)
			}
		})
	}
}
