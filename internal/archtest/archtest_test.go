package archtest_test

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "powertools-extension"

// floors: a package imports only packages of lower floors. A new package
// needs a line here, which is the moment to think about where it belongs.
var floors = map[string]int{
	"internal/nearest":                 0,
	"internal/cors":                    0,
	"internal/bind":                    0,
	"internal/ref":                     0,
	"internal/jsonbytes":               0,
	"internal/logtime":                 0,
	"internal/fingerprint":             0,
	"internal/taskfile":                0,
	"internal/loglevel":                1,
	"internal/redact":                  1,
	"internal/jmes":                    1,
	"internal/awsdecode":               2,
	"internal/schemaref":               3,
	"internal/variants":                2,
	"internal/flags":                   2,
	"internal/correlation":             2,
	"internal/eventlog":                2,
	"internal/schema":                  2,
	"internal/idempotency":             2,
	"internal/batch":                   1,
	"internal/batch/mapping":           2,
	"internal/batch/items":             2,
	"internal/idempotency/dynamostore": 3,
	"internal/idempotency/watch":       3,
	"internal/config":                  1,
	"internal/extapi":                  1,
	"internal/telemetry":               1,
	"internal/emf":                     1,
	"internal/flush":                   1,
	"internal/procstat":                1,
	"internal/sink":                    1,
	"internal/spool":                   1,
	"internal/awsapi":                  1,

	"internal/localhttp/loopback": 1,
	"internal/paramcache":         1,

	"internal/logpipe":              1,
	"internal/invocation":           2,
	"internal/runtimeapi":           2,
	"internal/runtimeapi/pieces":    1,
	"internal/awsevent":             1,
	"internal/middleware":           3,
	"internal/paramcache/awsparams": 2,
	"internal/localhttp/lineschema": 2,
	"internal/localhttp/wire":       2,

	"internal/sink/jsonline":   1,
	"internal/sink/httppost":   2,
	"internal/sink/awsout":     2,
	"internal/sink/cloudwatch": 3,
	"internal/sink/firehose":   3,
	"internal/sink/ndjson":     3,
	"internal/sink/otlp":       3,
	"internal/remote":          2,

	"internal/tracing":      1,
	"internal/tracing/xray": 1,
	"internal/spans":        3,
	"internal/tracer":       4,

	"internal/canonical": 3,
	"internal/localhttp": 3,

	"internal/pipeline": 4,

	"internal/app": 5,

	"cmd/extension": 6,
	"cmd/wrapper":   6,
}

// aside are the packages beside the product: they may import what is listed,
// and nothing that is shipped may import them.
var aside = map[string][]string{
	"lambdaemu":                      {"lambdaemu/fault", "lambdaemu/internal/child", "lambdaemu/internal/relay", "lambdaemu/internal/sink", "lambdaemu/internal/wire", "lambdaemu/transcript"},
	"lambdaemu/internal/wire":        {"lambdaemu/internal/relay"},
	"lambdaemu/internal/relay":       {"lambdaemu/fault", "lambdaemu/transcript"},
	"lambdaemu/internal/sink":        {"lambdaemu/fault", "lambdaemu/transcript"},
	"lambdaemu/fault":                {},
	"lambdaemu/transcript":           {},
	"lambdaemu/internal/child":       {},
	"internal/awsemu":                {"internal/awsemu/decimal"},
	"internal/awsemu/decimal":        {},
	"cmd/lambdaemu":                  {"cmd/lambdaemu/layers", "cmd/lambdaemu/page", "cmd/lambdaemu/ports", "cmd/lambdaemu/serve", "cmd/lambdaemu/show", "lambdaemu", "lambdaemu/transcript", "internal/awsemu", "internal/eventsource", "internal/nearest", "internal/redact"},
	"cmd/lambdaemu/layers":           {},
	"cmd/lambdaemu/page":             {"lambdaemu/transcript"},
	"cmd/lambdaemu/ports":            {},
	"cmd/lambdaemu/serve":            {"lambdaemu"},
	"cmd/lambdaemu/show":             {"lambdaemu", "lambdaemu/transcript", "internal/awsemu", "internal/eventsource"},
	"internal/eventsource":           {},
	"internal/idempotency/memstore":  {"internal/idempotency"},
	"internal/reference":             {"internal/config", "internal/localhttp", "internal/reference/apidoc", "internal/canonical", "internal/emf", "lambdaemu"},
	"internal/archtest":              {},
	"internal/reference/apidoc":      {"internal/localhttp", "internal/localhttp/wire"},
	"examples/go":                    {},
	"examples/env":                   {},
	"examples/snippets/go":           {},
	"examples/snippets/once":         {},
	"examples/clients/go":            {"examples/clients/go/powertools"},
	"examples/clients/go/powertools": {},
	"layer":                          {},
	"layer/licences":                 {},
	"layer/awscli":                   {},
	"layer/publish":                  {"layer/awscli"},
	"test/arm64":                     {"lambdaemu", "test/harness"},
	"test/awsemu":                    {"test/harness"},
	"test/bench":                     {},
	"test/bench/bare":                {},
	"test/clients":                   {"lambdaemu", "test/harness"},
	"test/conformance":               {"lambdaemu", "internal/awsemu", "test/harness"},
	"test/conformance/go":            {},
	"test/e2e":                       {"lambdaemu", "internal/awsemu", "internal/eventsource", "test/harness"},
	"test/differential":              {"internal/flags", "internal/jmes", "internal/schema", "test/harness"},
	"test/foreign":                   {"lambdaemu", "internal/awsemu", "test/harness"},
	"test/idempotency":               {"internal/awsemu", "internal/idempotency/memstore", "test/harness"},
	"test/harness":                   {"lambdaemu", "internal/awsemu"},
	"test/mutants":                   {},
	"test/openapi":                   {"lambdaemu", "test/harness"},
	"test/ontime":                    {},
	"test/stress":                    {},
	"test/template":                  {},
	"test/verifyaws":                 {"layer/awscli", "lambdaemu", "test/harness"},
	"test/verifyaws/probe":           {},
	"test/deploy":                    {"internal/canonical", "lambdaemu", "test/harness"},
}

// pkg is what `go list -json` says of one package.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	Deps       []string

	TestImports, XTestImports []string
}

func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,GoFiles,Imports,Deps,TestImports,XTestImports"}, args...)...)
	cmd.Dir = root(t)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func within(path string) (string, bool) { return strings.CutPrefix(path, module+"/") }

func TestFloors(t *testing.T) {
	for _, p := range list(t, "./...") {
		name, _ := within(p.ImportPath)
		allowed, isAside := aside[name]
		floor, isRoom := floors[name]
		if !isAside && !isRoom {
			t.Errorf("%s stands in no floor: add it to this test, and to ARCHITECTURE.md", name)
			continue
		}
		for _, imp := range p.Imports {
			imported, ours := within(imp)
			switch {
			case !ours:
			case isAside && !slices.Contains(allowed, imported):
				t.Errorf("%s imports %s, which this package beside the product may not", name, imported)
			case isRoom && aside[imported] != nil:
				t.Errorf("%s imports %s, which is beside the product", name, imported)
			case isRoom && floors[imported] >= floor:
				t.Errorf("%s (floor %d) imports %s (floor %d)", name, floor, imported, floors[imported])
			}
		}
	}
}

// The local Lambda is imported by other people's modules: it brings the standard
// library and nothing else, and none of the extension's packages, so that both
// sides of a test cannot share one misreading.
func TestLambdaemuStandsAlone(t *testing.T) {
	for _, p := range list(t, "./lambdaemu/...") {
		for _, dep := range p.Deps {
			first, _, _ := strings.Cut(dep, "/")
			name, ours := within(dep)
			if ours && name != "lambdaemu" && !strings.HasPrefix(name, "lambdaemu/") || !ours && strings.Contains(first, ".") {
				t.Errorf("%s depends on %s", p.ImportPath, dep)
			}
		}
	}
}

// testImports are what tests of rooms import beside rooms. The harness brings
// whole sandboxes: it is for suites under test/, and for these.
var testImports = map[string][]string{
	"internal/app":             {"test/harness", "test/ontime", "internal/eventsource"},
	"internal/sink/cloudwatch": {"test/harness"}, // moto
	"internal/sink/firehose":   {"test/harness"}, // moto
	"internal/sink/ndjson":     {"test/ontime"},
	"internal/awsapi":          {"test/ontime"},
	"internal/idempotency":     {"internal/idempotency/memstore"},
	"internal/localhttp":       {"internal/idempotency/memstore"},
	"internal/middleware":      {"internal/idempotency/memstore"},
}

// TestTestImports: the tests of a room are about the room, and need no
// sandbox around it.
func TestTestImports(t *testing.T) {
	for _, p := range list(t, "./internal/...", "./cmd/extension", "./cmd/wrapper") {
		name, _ := within(p.ImportPath)
		if _, isRoom := floors[name]; !isRoom {
			continue
		}
		for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
			imported, ours := within(imp)
			if _, beside := aside[imported]; ours && beside && !slices.Contains(testImports[name], imported) {
				t.Errorf("a test of %s imports %s", name, imported)
			}
		}
	}
}

// forbidden are packages that must not be linked into the extension, each
// with its reason.
var forbidden = []struct{ prefix, why string }{
	{"github.com/aws/aws-sdk-go-v2/service/", "a generated client costs milliseconds of package initialisation at every cold start (docs/adr/0001)"},
	{"github.com/aws/aws-sdk-go-v2/config", "drags in sso, sts and imds: 3 MB and a millisecond (docs/adr/0001)"},
	{"github.com/aws/aws-lambda-go", "the runtime side; examples and tests only"},
	{"go.yaml.in/yaml", "local Lambda only"},
	{"text/template", "slow to initialise; nothing here needs it"},
	{"html/template", "slow to initialise; nothing here needs it"},
	{"testing", "test code in the product"},
	{"expvar", "registers on the default mux"},
	{"net/http/pprof", "registers on the default mux"},
}

func TestForbiddenDependencies(t *testing.T) {
	for _, p := range list(t, "./cmd/extension") {
		for _, dep := range p.Deps {
			for _, f := range forbidden {
				if strings.HasPrefix(dep, f.prefix) {
					t.Errorf("the extension links %s: %s", dep, f.why)
				}
			}
			if strings.Contains(dep, "/schemas") {
				t.Errorf("the extension links %s: 1.8 ms of package initialisation", dep)
			}
		}
	}
}

// TestWrapperIsSmall: it runs before every runtime that starts, and package
// net would double what it adds.
func TestWrapperIsSmall(t *testing.T) {
	for _, p := range list(t, "./cmd/wrapper") {
		for _, dep := range p.Deps {
			if dep == "net" || strings.HasPrefix(dep, "net/") || dep == "fmt" || dep == "reflect" || strings.HasPrefix(dep, module) {
				t.Errorf("cmd/wrapper links %s", dep)
			}
		}
	}
}

func TestSDKHasOneHome(t *testing.T) {
	for _, p := range list(t, "./...") {
		name, _ := within(p.ImportPath)
		for _, imp := range p.Imports {
			if strings.HasPrefix(imp, "github.com/aws/aws-sdk-go-v2") && name != "internal/awsapi" {
				t.Errorf("%s imports %s: only internal/awsapi may", name, imp)
			}
		}
	}
}

func TestPackageComments(t *testing.T) {
	for _, p := range list(t, "./...") {
		docs := 0
		for _, file := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil {
				docs++
			}
		}
		if len(p.GoFiles) > 0 && docs != 1 {
			t.Errorf("%s has %d package comments, want exactly one", p.ImportPath, docs)
		}
	}
}

func TestPackageNames(t *testing.T) {
	for _, p := range list(t, "./...") {
		switch base := filepath.Base(p.ImportPath); base {
		case "util", "utils", "common", "helpers", "types", "misc", "shared":
			t.Errorf("%s: a drawer, not a room; name it after what it does", p.ImportPath)
		}
	}
}
