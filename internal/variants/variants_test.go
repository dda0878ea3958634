package variants

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOperators: every operator of the documented language, with a context
// that meets it and one that does not.
func TestOperators(t *testing.T) {
	for _, c := range []struct {
		rule    string
		yes, no Context
	}{
		{`(eq $state "Virginia")`, Context{"state": "Virginia"}, Context{"state": "virginia"}},
		{`(eq $state "Virginia")`, Context{"state": "Virginia"}, Context{}},
		{`(eq $age 65)`, Context{"age": "65.0"}, Context{"age": "66"}},
		{`(eq $id 9007199254740993)`, Context{"id": "9007199254740993"}, Context{"id": "9007199254740992"}},
		{`(eq $beta true)`, Context{"beta": "true"}, Context{"beta": "false"}},
		{`(eq $at 2012-03-04T05:06:07-08:00)`, Context{"at": "2012-03-04T13:06:07Z"}, Context{"at": "2012-03-04T13:06:08Z"}},
		{`(eq $a $b)`, Context{"a": "1", "b": "1.0"}, Context{"a": "x", "b": "y"}},
		{`(eq "Ḽơᶉëᶆ \"q\"" $s)`, Context{"s": `Ḽơᶉëᶆ "q"`}, Context{"s": "Ḽơᶉëᶆ"}},
		{`(gt $age 65)`, Context{"age": "66"}, Context{"age": "65"}},
		{`(gt $age 65)`, Context{"age": "65.5"}, Context{"age": "old"}},
		{`(gt $age 65)`, Context{"age": "100"}, Context{"age": "9"}},
		{`(gt $age 65)`, Context{"age": "1e2"}, Context{"age": "Infinity"}},
		{`(gt $age 65)`, Context{"age": "66"}, Context{"age": "inf"}},
		{`(gt $age 65)`, Context{"age": "66"}, Context{"age": "0x1p9"}},
		{`(not (lt $age 65))`, Context{"age": "-inf"}, Context{"age": "-1"}},
		{`(in $n [$m, 2])`, Context{"n": "7", "m": "7"}, Context{"n": "7"}},
		{`(gte $age 65)`, Context{"age": "65"}, Context{"age": "64.9"}},
		{`(lt $age 65)`, Context{"age": "64"}, Context{"age": "65"}},
		{`(lt $score -7)`, Context{"score": "-8"}, Context{"score": "-7"}},
		{`(lt $state "b")`, Context{"state": "a"}, Context{}},
		{`(lte $score 1.234e-5)`, Context{"score": "0.00001234"}, Context{"score": "0.00002"}},
		{`(gt $joined 2024-01)`, Context{"joined": "2024-02-01"}, Context{"joined": "2023-12-31"}},
		{`(lt $joined 2024-01-15)`, Context{"joined": "2024-01-14T23:59:59Z"}, Context{"joined": "2024-01-15"}},
		{`(gte $joined 2024-01T)`, Context{"joined": "2024-01-01"}, Context{"joined": "yesterday"}},
		{`(and (eq $state "Virginia") (gt $age 65))`, Context{"state": "Virginia", "age": "70"}, Context{"state": "Virginia", "age": "60"}},
		{`(or (eq $state "Virginia") (gt $age 65))`, Context{"age": "70"}, Context{"state": "Ohio", "age": "60"}},
		{`(not (eq $state "Virginia"))`, Context{"state": "Ohio"}, Context{"state": "Virginia"}},
		{`(begins_with $state "A")`, Context{"state": "Alaska"}, Context{"state": "Utah"}},
		{`(ends_with $email "amazon.com")`, Context{"email": "a@amazon.com"}, Context{"email": "a@amazon.com.evil"}},
		{`(contains $promoCode "WIN")`, Context{"promoCode": "xWINx"}, Context{"promoCode": "win"}},
		{`(in $userId ["123", "456"])`, Context{"userId": "456"}, Context{"userId": "45"}},
		{`(in $n [1, 2, 3])`, Context{"n": "2.0"}, Context{"n": "4"}},
		{`(matches in::$greeting pattern::"h.*y")`, Context{"greeting": "oh howdy"}, Context{"greeting": "hello"}},
		{`(matches pattern::"^\\d+$" in::$id)`, Context{"id": "123"}, Context{"id": "12a"}},
		{`(exists key::"country")`, Context{"country": ""}, Context{}},
		{`(split pct::100 by::$userId)`, Context{"userId": "u"}, Context{}},
		{`(split pct::50 by::$userId seed::"abc")`, Context{"userId": "user-0"}, Context{"userId": "user-1"}},
		{" ( and // why\n (exists key::\"a\") /* or not */ (not (exists key::\"b\")) ) ", Context{"a": "1"}, Context{"a": "1", "b": "2"}},
	} {
		rule, err := compile(c.rule)
		if err != nil {
			t.Errorf("%s: %v", c.rule, err)
			continue
		}
		if strings.Contains(c.rule, "pct::50") {
			continue // which keys are in is the next test's matter
		}
		if !rule.true(c.yes, "f") || rule.true(c.no, "f") {
			t.Errorf("%s: %v with %v, %v with %v", c.rule, rule.true(c.yes, "f"), c.yes, rule.true(c.no, "f"), c.no)
		}
	}
}

// TestBadRules: what is no rule says where.
func TestBadRules(t *testing.T) {
	for rule, want := range map[string]string{
		``: "position 0", `(`: "position 1", `(eq $a`: "ends too early", `(eq $a "b`: "a text has no end", `eq $a "b"`: "more behind", `eq`: "want an expression", `("eq" $a "b")`: "want an expression",
		`(eq $a)`: "two operands", `(like $a "b")`: `there is no operator "like"`, `(not (eq $a "b") (eq $a "c"))`: "one expression", `(and)`: "needs expressions",
		`(and $a $b)`: "want an expression", `(eq $a (eq $b "c"))`: "want a constant", `(in $a "b")`: "a list", `(matches in::$a pattern::"(")`: "RE2", `(exists)`: "exists takes", `(split by::$a)`: "pct::",
		`(split by::$a pct::101)`: "0 to 100", `(split pct::10)`: "by::", `(eq $a "b") x`: "more behind", `(eq $a 12x)`: "neither a number nor a time", `(eq $a state)`: "want a constant", `(eq $a "\q")`: "escape",
		`(eq $a ["b"])`: "want a constant", `(contains ["b"] $a)`: "want a constant", `(in $a [b, c])`: "want a constant", `(in $a ["b", ["c"]])`: "want a constant", `(in [$a] ["b"])`: "want a constant",
		`(matches in::(eq $a "b") pattern::"^$")`: "want a constant", `(matches in::a pattern::"^$")`: "want a constant", `(split pct::10 by::(eq $a "b"))`: "want a constant", `(split pct::10 by::userId)`: "want a constant",
		`(gt $a 0x1p4)`: "neither a number nor a time", `(gt $a +inf)`: "neither a number nor a time",
		strings.Repeat("(not ", 100): "64 levels",
	} {
		if _, err := compile(rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", rule, err, want)
		}
	}
}

const authored = `{"version":"1","flags":{"pay":{"name":"Pay"},"dark":{"name":"Dark"}},"values":{
"pay":{"_variants":[
 {"name":"beta","enabled":true,"attributeValues":{"limit":9007199254740993,"list":["a"]},"rule":"(and (exists key::\"userId\") (eq $tier \"gold\"))"},
 {"name":"off","enabled":false,"attributeValues":{"limit":1},"rule":"(eq $country \"DK\")"},
 {"name":"default","enabled":true,"attributeValues":{"limit":10}}]},
"dark":{"enabled":true,"hue":1.0}}}`

const ion = `$ion_1_0
'pay'::[
  beta::[ (and (exists key::"userId") (eq $tier "gold")), '''{"_variant": "beta", "enabled": true,''' ''' "limit": 9007199254740993, "list": ["a"]}''' ],
  [ (eq $country "DK"), '''{"_variant": "off", "enabled": false}''', ],
  "{\"_variant\": \"default\", \"enabled\": true, \"limit\": 10}",
]
'dark'::'''{"enabled": true, "hue": 1.0}'''
`

// TestForms: the same flags as they are written and as Ion, and one flag,
// several and all.
func TestForms(t *testing.T) {
	const gold, off, standard = `{"_variant":"beta","enabled":true,"limit":9007199254740993,"list":["a"]}`, `{"_variant":"off","enabled":false}`, `{"_variant":"default","enabled":true,"limit":10}`
	for name, doc := range map[string]string{"authored": authored, "ion": ion} {
		f, err := Parse(doc)
		if err != nil {
			t.Fatal(name, err)
		}
		for _, c := range []struct {
			names   []string
			context Context
			want    string
		}{
			{[]string{"pay"}, Context{"userId": "1", "tier": "gold"}, gold},
			{[]string{"pay"}, Context{"userId": "1", "tier": "gold", "country": "DK"}, gold},
			{[]string{"pay"}, Context{"tier": "gold", "country": "DK"}, off},
			{[]string{"pay"}, nil, standard},
			{[]string{"dark"}, nil, `{"enabled":true,"hue":1.0}`},
			{[]string{"dark", "pay"}, nil, `{"dark":{"enabled":true,"hue":1.0},"pay":` + standard + `}`},
			{nil, Context{"country": "DK"}, `{"pay":` + off + `,"dark":{"enabled":true,"hue":1.0}}`},
		} {
			got, err := f.Answer(c.names, c.context)
			if err != nil || string(got) != c.want {
				t.Errorf("%s, %v with %v: %s, %v\nwant %s", name, c.names, c.context, got, err, c.want)
			}
		}
		if _, err := f.Answer([]string{"none"}, nil); !errors.As(err, new(*UnknownError)) {
			t.Errorf("%s: a flag that is not there: %v", name, err)
		}
		if diff := cmp.Diff([]string{"pay", "dark"}, f.Names()); diff != "" {
			t.Error(diff)
		}
		if !Has(doc) {
			t.Errorf("%s: no variants seen", name)
		}
	}
	if Has(`{"dark":{"enabled":true}}`) || Has("text") || Has("") {
		t.Error("variants seen where there are none")
	}
}

// TestBadFlags: one bad flag costs itself alone; what holds no flags at all
// says so.
func TestBadFlags(t *testing.T) {
	f, err := Parse(`{"version":"1","values":{"bad":{"_variants":[{"name":"a","enabled":true,"rule":"(eq $a"},{"name":"d","enabled":true}]},"good":{"enabled":true},
"open":{"_variants":[{"name":"a","enabled":true,"rule":"(eq $a \"b\")"}]},"early":{"_variants":[{"name":"d","enabled":true},{"name":"a","enabled":true,"rule":"(eq $a \"b\")"}]},"empty":{"_variants":[]}}}`)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"bad": "flag bad, variant a, position 6 of the rule: it ends too early", "open": "the last variant", "early": "the last variant", "empty": "there is no variant"} {
		if _, err := f.Answer([]string{name}, nil); !errors.As(err, new(*RuleError)) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if got, err := f.Answer([]string{"good"}, nil); err != nil || string(got) != `{"enabled":true}` {
		t.Errorf("the good one: %s, %v", got, err)
	}
	for _, doc := range []string{"", "[]", `{"a":1}`, "text", `'a'::1`, `'a'::'''text'''`, `'a'::[[1,2,3]`, "'a'", strings.Repeat("[", 10_000)} {
		if _, err := Parse(doc); !errors.Is(err, ErrNotFlags) {
			t.Errorf("%.20q: %v", doc, err)
		}
	}
	if _, err := Parse("\xe0\x01\x00\xea\x81\x83"); !errors.Is(err, ErrBinary) {
		t.Errorf("binary: %v", err)
	}
}

// TestSplit: shares over 10,000 keys are within 1 % of what was asked for, and
// a key is on the same side each time, and on the side of a larger share too.
func TestSplit(t *testing.T) {
	for _, keys := range []string{"user-%d", "%d", "customer_%05d@example.com"} {
		sides := map[string]bool{}
		for _, pct := range []float64{0, 0.5, 1, 5, 10, 20, 25, 50, 75, 90, 100} {
			rule, err := compile(fmt.Sprintf(`(split by::$userId pct::%v seed::"2025.01.01")`, pct))
			if err != nil {
				t.Fatal(err)
			}
			again, _ := compile(fmt.Sprintf(`(split seed::"2025.01.01" pct::%v by::$userId)`, pct))
			in := 0
			for i := range 10_000 {
				key := fmt.Sprintf(keys, i)
				c := Context{"userId": key}
				side := rule.true(c, "a")
				if side != again.true(c, "b") {
					t.Fatalf("%s is on both sides: a seed is for all flags", key)
				}
				if sides[key] && !side {
					t.Fatalf("%s left when the share grew to %v", key, pct)
				}
				if sides[key] = side; side {
					in++
				}
			}
			if got := float64(in) / 100; got < pct-1 || got > pct+1 {
				t.Errorf("%s: %v %% of %v %%", keys, got, pct)
			}
		}
	}
	rule, _ := compile(`(split by::$userId pct::50)`)
	same := 0
	for i := range 10_000 {
		c := Context{"userId": fmt.Sprint("user-", i)}
		if rule.true(c, "a") == rule.true(c, "b") {
			same++
		}
	}
	if same < 4000 || same > 6000 {
		t.Errorf("without a seed two flags agree on %d of 10000 keys, want about half", same)
	}
}

// TestDocuments: each version is read once, and of many documents the oldest
// goes.
func TestDocuments(t *testing.T) {
	var d Documents
	for i := range 40 {
		for _, limit := range []string{"1", "2", "2"} {
			got, err := d.Answer(fmt.Sprint(i), `{"f":{"_variants":[{"name":"d","enabled":true,"attributeValues":{"n":`+limit+`}}]}}`, []string{"f"}, nil)
			if want := `{"_variant":"d","enabled":true,"n":` + limit + `}`; err != nil || string(got) != want {
				t.Fatalf("%s, %v", got, err)
			}
		}
	}
	if len(d.kept) != maxDocuments || len(d.order) != maxDocuments {
		t.Errorf("%d are kept", len(d.kept))
	}
	if _, err := d.Answer("bad", "text::", nil, nil); !errors.Is(err, ErrNotFlags) {
		t.Error(err)
	}
}

func TestHeader(t *testing.T) {
	got := FromHeader([]string{"country=US, userId = 42", "empty=", "none", "a=b=c"})
	if diff := cmp.Diff(Context{"country": "US", "userId": "42", "empty": "", "a": "b=c"}, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, doc := range []string{authored, ion, `{"a":{"enabled":true}}`, "'a'::[[(split by::$x pct::1),'''{}'''],'''{}''']", `a::"{}"`} {
		f.Add(doc, "user")
	}
	f.Fuzz(func(t *testing.T, doc, key string) {
		flags, err := Parse(doc)
		if err != nil {
			return
		}
		for _, name := range flags.Names() {
			got, err := flags.Answer([]string{name}, Context{"userId": key})
			if err == nil && !json.Valid(got) {
				t.Fatalf("%s: %s", name, got)
			}
		}
	})
}

func BenchmarkAnswer(b *testing.B) {
	flags, err := Parse(authored)
	if err != nil {
		b.Fatal(err)
	}
	c := Context{"userId": "1", "country": "DK"}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = flags.Answer([]string{"pay"}, c)
	}
}
