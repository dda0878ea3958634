package idempotency

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/idempotency/memstore"
	"powertools-extension/internal/jmes"
	"powertools-extension/test/harness"
)

// question is what a library is asked; side.py says how.
type question struct {
	Event      string `json:"event"`
	Result     string `json:"result,omitempty"`
	Key        string `json:"key,omitempty"`
	Validation string `json:"validation,omitempty"`
	Prefix     string `json:"prefix,omitempty"`
	Expires    int    `json:"expires,omitempty"`
	Fail       bool   `json:"fail,omitempty"`
	Digest     bool   `json:"digest,omitempty"` // of the whole event, and nothing else
}

type reply struct {
	Result, Error, Detail string
	Ran                   bool
}

// side is a library in a process of its own.
type side struct {
	t      testing.TB
	format idempotency.Format
	in     io.Writer
	out    *bufio.Scanner
}

func newSide(t testing.TB, format idempotency.Format, url, table string) *side {
	t.Helper()
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	libraries := harness.Need(t, "powertools/node_modules")
	cmd := exec.Command(harness.Tool(t, "node"), filepath.Join(here, "node/side.mjs"))
	if format == idempotency.Python {
		cmd = exec.Command(harness.Need(t, "python/bin/python"), filepath.Join(here, "python/side.py"))
	}
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+url, "TABLE="+table, "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI-K7MDENG", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_LAMBDA_FUNCTION_NAME=fn", "LIBRARIES="+libraries, "PYTHONPATH="+harness.Need(t, "powertools/python"), "PYTHONDONTWRITEBYTECODE=1", "POWERTOOLS_DEV=true")
	s := &side{t: t, format: format}
	if s.in, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = nil // warnings of what the libraries think of our keys
	s.out = bufio.NewScanner(stdout)
	s.out.Buffer(nil, 1<<20)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return s
}

func (s *side) ask(q question) (r reply) {
	s.t.Helper()
	line, err := json.Marshal(q)
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := fmt.Fprintf(s.in, "%s\n", line); err != nil || !s.out.Scan() {
		s.t.Fatalf("%s: the library does not answer: %v", s.format, err)
	}
	if err := json.Unmarshal(s.out.Bytes(), &r); err != nil {
		s.t.Fatalf("%s: %v", s.out.Text(), err)
	}
	return r
}

// shared is one table that both libraries and we use.
type shared struct {
	t     testing.TB
	sdk   *dynamodb.Client
	url   string
	table string
}

func newShared(t testing.TB, url string) *shared {
	t.Helper()
	s := &shared{t: t, url: url, table: "idem", sdk: dynamodb.NewFromConfig(aws.Config{
		Region: "us-east-1", BaseEndpoint: &url,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI-K7MDENG"}, nil
		}),
	})}
	_, err := s.sdk.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName: &s.table, BillingMode: ddb.BillingModePayPerRequest,
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: ddb.ScalarAttributeTypeS}},
		KeySchema:            []ddb.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: ddb.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = s.sdk.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &s.table})
	})
	return s
}

// items reads all items, by what stands before # in their keys, with the
// SDK's own client.
func (s *shared) items() map[string][]map[string]ddb.AttributeValue {
	s.t.Helper()
	found := map[string][]map[string]ddb.AttributeValue{}
	pages := dynamodb.NewScanPaginator(s.sdk, &dynamodb.ScanInput{TableName: &s.table, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(s.t.Context())
		if err != nil {
			s.t.Fatal(err)
		}
		for _, item := range out.Items {
			prefix, _, _ := strings.Cut(item["id"].(*ddb.AttributeValueMemberS).Value, "#")
			found[prefix] = append(found[prefix], item)
		}
	}
	return found
}

func emulators() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{"DynamoDB Local": harness.DynamoDBLocal, "moto": harness.Moto}
}

// both are the tables of DynamoDB Local and of moto.
func both(t *testing.T, test func(t *testing.T, s *shared)) {
	for name, start := range emulators() {
		t.Run(name, func(t *testing.T) { test(t, newShared(t, start(t))) })
	}
}

func (s *shared) engine(q question, format idempotency.Format) *idempotency.Engine {
	opt := idempotency.Options{Prefix: q.Prefix, Format: format, Hash: "md5", ExpiresAfter: time.Hour, Timeout: 10 * time.Second, Key: expression(s.t, q.Key), Validation: expression(s.t, q.Validation)}
	return idempotency.New(store(client(s.url), format), opt)
}

// ours runs a request through our engine, as a function that answers with q's
// result.
func (s *shared) ours(q question, format idempotency.Format) (r reply) {
	s.t.Helper()
	e := s.engine(q, format)
	x, old, err := e.Begin(s.t.Context(), idempotency.Request{Event: parse(s.t, q.Event), Deadline: time.Now().Add(30 * time.Second)})
	switch {
	case err != nil:
		r.Error, r.Detail = string(err.(*idempotency.Error).Kind), err.Error()
		return r
	case old != nil:
		body, _ := old.Answer()
		return reply{Result: string(body)}
	case x == nil:
		return reply{Result: q.Result, Ran: true}
	}
	if q.Fail {
		if err := e.Fail(s.t.Context(), x); err != nil {
			s.t.Fatal(err)
		}
		return reply{Error: "asked", Ran: true}
	}
	if _, err := e.Complete(s.t.Context(), x, idempotency.Result{Body: []byte(q.Result)}); err != nil {
		s.t.Fatalf("%s: %v", q.Result, err)
	}
	return reply{Result: q.Result, Ran: true}
}

// values are events' keys and results whose text, order or type the languages
// treat in ways of their own.
func values() []string {
	return []string{
		`{"a":1,"b":"x"}`, `{"b":"x","a":1}`, `{"B":1,"a":2,"A":3,"b":4}`, `{"10":1,"9":2,"x":3,"01":4}`, `{"é":1,"É":2,"z":{"y":[],"x":{}}}`,
		`"text"`, `"21"`, `"true"`, `"null"`, `"{\"a\": 1}"`, `"[1]"`, `"\"quoted\""`, `"1e5"`, `" padded "`,
		`"ünïcode 😀 \u2028 \u007f / < \u0001"`, `"tab\tand\nline"`, `1`, `-1`, `0.1`, `1.5e3`, `100`, `1e2`, `1.0`, `1e21`, `1e-7`, `123456789.125`, `1.7976931348623157e20`,
		`9007199254740991`, `true`, `false`, `[1,"a",null,true,{"x":[[]]}]`, `[[1,2],[3,[4]]]`, `[0,""]`, `{"statusCode":200,"body":"{\"id\": 1}","headers":{"x":"y"}}`,
	}
}

// TestTheOtherSide: each library reads what we wrote, and we replay what it
// wrote, in one table with records of both. Keys agree, because otherwise both
// would run.
func TestTheOtherSide(t *testing.T) {
	both(t, func(t *testing.T, s *shared) {
		for _, format := range []idempotency.Format{idempotency.Python, idempotency.TypeScript} {
			library, pairs := newSide(t, format, s.url, s.table), [][3]string{}
			for i, v := range values() {
				for at, other := range []string{v, `{"ok":true}`} { // as the key, and as the result
					key, result := v, other
					if at == 0 {
						key, result = strconv.Itoa(i), v
					}
					// The library cannot write numbers beyond 2^53, nor read them.
					if n, err := strconv.ParseFloat(result, 64); format == idempotency.TypeScript && err == nil && n > 1<<53 {
						continue
					}
					q := question{Event: `{"id":` + key + `,"at":1}`, Key: "id", Result: result}
					name := fmt.Sprintf("%s, key %s, result %s", format, key, result)
					for _, first := range []string{"library", "ours"} {
						q.Prefix = fmt.Sprint(format, first, i, at)
						order := []func() reply{func() reply { return library.ask(q) }, func() reply { return s.ours(q, format) }}
						if first == "ours" {
							order[0], order[1] = order[1], order[0]
						}
						one, two := order[0](), order[1]()
						if format == idempotency.Python && first == "ours" && falsy(result) && two.Result == "null" {
							two.Result = result // as the library replays its own
						}
						if !one.Ran || two.Ran || one.Error+two.Error != "" || !equal(t, one.Result, two.Result) || !equal(t, one.Result, result) {
							t.Errorf("%s, %s first: %+v, then %+v", name, first, one, two)
						}
					}
					pairs = append(pairs, [3]string{name, fmt.Sprint(format, "library", i, at), fmt.Sprint(format, "ours", i, at)})
				}
			}
			items := s.items()
			for _, p := range pairs {
				alike(t, items, p[0], p[1], p[2])
			}
		}
	})
}

// falsy is what the Python library replays as None, whoever stored it.
func falsy(result string) bool {
	return slices.Contains([]string{`false`, `0`, `0.0`, `""`, `[]`, `{}`}, result)
}

// equal compares JSON texts as values.
func equal(t testing.TB, a, b string) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	return cmp.Equal(x, y)
}

// alike: our item is the library's, less what is ours alone and the times.
func alike(t *testing.T, items map[string][]map[string]ddb.AttributeValue, name, theirs, ours string) {
	t.Helper()
	plain := func(prefix string) map[string]ddb.AttributeValue {
		if len(items[prefix]) != 1 {
			t.Fatalf("%s: %d items of %s", name, len(items[prefix]), prefix)
		}
		item := maps.Clone(items[prefix][0])
		if text, ok := item["data"].(*ddb.AttributeValueMemberS); ok && strings.HasPrefix(prefix, "python") {
			v, err := jmes.Parse([]byte(text.Value)) // the library sorts keys, we keep the handler's bytes
			if err != nil {
				t.Fatalf("%s: data %s", name, text.Value)
			}
			item["data"] = &ddb.AttributeValueMemberS{Value: string(idempotency.Python.Serialize(nil, v))}
		}
		for _, attr := range []string{"expiration", "in_progress_expiration"} {
			if _, ok := item[attr].(*ddb.AttributeValueMemberN); !ok {
				t.Errorf("%s: %s has no %s", name, prefix, attr)
			}
			delete(item, attr)
		}
		if owner, ok := item["powertools_owner"].(*ddb.AttributeValueMemberS); ok != (prefix == ours) || ok && len(owner.Value) != 32 {
			t.Errorf("%s: owner of %s: %v", name, prefix, item["powertools_owner"])
		}
		delete(item, "powertools_owner")
		item["id"] = &ddb.AttributeValueMemberS{Value: strings.TrimPrefix(item["id"].(*ddb.AttributeValueMemberS).Value, prefix)}
		return item
	}
	if diff := cmp.Diff(plain(theirs), plain(ours), cmp.AllowUnexported(
		ddb.AttributeValueMemberS{}, ddb.AttributeValueMemberN{}, ddb.AttributeValueMemberBOOL{}, ddb.AttributeValueMemberNULL{}, ddb.AttributeValueMemberL{}, ddb.AttributeValueMemberM{}),
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".noSmithyDocumentSerde" }, cmp.Ignore())); diff != "" {
		t.Errorf("%s (-library +ours):\n%s", name, diff)
	}
}

// TestDigests: keys of random events are the libraries' own. A difference is a
// request that both sides run.
func TestDigests(t *testing.T) {
	for _, format := range []idempotency.Format{idempotency.Python, idempotency.TypeScript} {
		library := newSide(t, format, "http://127.0.0.1:1", "none")
		e := idempotency.New(&memstore.Store{}, idempotency.Options{Prefix: "p", Format: format, Hash: "md5", ExpiresAfter: time.Hour})
		for seed := range uint64(1500) {
			event := random(rand.New(rand.NewPCG(seed, 3)), 4)
			x, _, err := e.Begin(t.Context(), idempotency.Request{Event: parse(t, event)})
			if err != nil {
				t.Fatal(err)
			}
			if x == nil {
				continue // no key: nothing is stored
			}
			if want := library.ask(question{Event: event, Digest: true}).Result; x.Key() != "p#"+want {
				t.Fatalf("%s, seed %d: key %s, want %s of\n%s\n%s", format, seed, x.Key(), want, event, format.Serialize(nil, parse(t, event)))
			}
			if err := e.Fail(t.Context(), x); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// random writes a JSON value of the kinds that serialisers differ in.
func random(rng *rand.Rand, depth int) string {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	text := func() string {
		var b strings.Builder
		for range rng.IntN(5) {
			b.WriteString(pick("a", "A", "b", "Z", "_", "-", "0", "1", "10", "é", "É", "ß", "İ", "ı", "Σ", "σ", "ς", "ǅ", "K", "Ω", "Å", "ﬀ", "Ა", "ა", "Ꭰ", "ꭰ", "😀", "𐐀", "𐐨",
				"\u007f", "\u0080", "\u00ad", "\u200b", "\u2028", "\ufeff", "\uffff", `\n`, `\t`, `\b`, `\f`, `\r`, `\u0000`, `\u001f`, `\"`, `\\`, `\/`, "/", "<", "&", "'", `\ud83d\ude00`, `\ud800`, `\udc00`, " "))
		}
		return `"` + b.String() + `"`
	}
	if depth == 0 {
		depth = 1
	}
	switch rng.IntN(3 + depth) {
	case 0:
		return text()
	case 1:
		if rng.IntN(2) == 0 {
			return strconv.FormatFloat(math.Float64frombits(rng.Uint64()&^(1<<62)|uint64(rng.IntN(2))<<61), 'g', -1, 64)
		}
		return pick("0", "-0", "1", "-1", "0.0", "-0.0", "1.0", "1e2", "1E+2", "100", "1e15", "1e16", "1e17", "1e20", "1e21", "1e22", "123456789012345680", "9007199254740993", "1234567890123456789012", "0.1", "0.00001",
			"0.0001", "1e-5", "1e-6", "1e-7", "0.000001234", "5e-324", "1.7976931348623157e308", "1e400", "-1e400", "4.35", "2.675", "0.30000000000000004", "1.5e300")
	case 2:
		return pick("null", "true", "false", "[]", "{}", `""`, "17")
	}
	open, shut := "[", "]"
	object := rng.IntN(2) == 0
	if object {
		open, shut = "{", "}"
	}
	parts := []string{}
	for range rng.IntN(6) {
		part := random(rng, depth-1)
		if object {
			name := text()
			if rng.IntN(4) == 0 {
				name = pick(`"0"`, `"1"`, `"9"`, `"10"`, `"01"`, `"-1"`, `"4294967294"`, `"4294967295"`, `"__proto__"`, `"constructor"`, `""`)
			}
			part = name + pick(":", ": ", " : ") + part
		}
		parts = append(parts, part)
	}
	return open + strings.Join(parts, pick(",", ", ")) + shut
}
