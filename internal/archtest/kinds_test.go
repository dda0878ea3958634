package archtest_test

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// kind is one of the three kinds of code (ARCHITECTURE.md).
type kind string

const (
	edge     kind = "edge"     // speaks one protocol, knows no rules of ours
	core     kind = "core"     // holds rules, does no I/O
	assembly kind = "assembly" // puts edges and cores together
)

// kinds says of every room what it is.
var kinds = map[string]kind{
	"internal/bind": edge, "internal/extapi": edge, "internal/telemetry": edge, "internal/procstat": edge, "internal/spool": edge,
	"internal/awsapi": edge, "internal/paramcache/awsparams": edge, "internal/idempotency/dynamostore": edge,
	"internal/localhttp": edge, "internal/localhttp/loopback": edge, "internal/runtimeapi": edge, "internal/logpipe": edge, "internal/batch/mapping": edge,
	"internal/sink": edge, "internal/sink/httppost": edge, "internal/sink/awsout": edge,
	"internal/sink/cloudwatch": edge, "internal/sink/firehose": edge, "internal/sink/ndjson": edge, "internal/sink/otlp": edge,
	"internal/tracing/xray": edge, "internal/taskfile": edge,

	"internal/nearest": core, "internal/cors": core, "internal/ref": core, "internal/jsonbytes": core, "internal/logtime": core, "internal/loglevel": core,
	"internal/fingerprint": core, "internal/redact": core, "internal/jmes": core, "internal/flags": core, "internal/correlation": core, "internal/eventlog": core, "internal/schema": core,
	"internal/idempotency": core, "internal/idempotency/watch": core, "internal/config": core, "internal/emf": core, "internal/flush": core, "internal/paramcache": core,
	"internal/batch": core, "internal/batch/items": core, "internal/runtimeapi/pieces": core,
	"internal/invocation": core, "internal/awsevent": core, "internal/middleware": core, "internal/canonical": core,
	"internal/pipeline": core, "internal/localhttp/wire": core, "internal/sink/jsonline": core,
	"internal/tracing": core, "internal/spans": core, "internal/awsdecode": core, "internal/schemaref": core, "internal/variants": core, "internal/localhttp/lineschema": core,

	"internal/remote": assembly, "internal/tracer": assembly, "internal/app": assembly, "cmd/extension": assembly, "cmd/wrapper": assembly,
}

// outside are the packages a core may not import: with them a rule could not be
// tested as a function of what it is given. A name that ends with a slash stands
// for all below it.
var outside = []struct{ name, why string }{
	{"net", "connections; to take an address apart there are net/netip and net/url"},
	{"net/http", "connections: what a status or a header means is said by the edge"},
	{"net/http/", "connections"},
	{"crypto/tls", "connections"},
	{"os", "files, variables and processes: the assembly reads them and hands values on"},
	{"os/", "processes, signals and users"},
	{"io/fs", "files"},
	{"io/ioutil", "files"},
	{"path/filepath", "the paths of this machine; package path is for names"},
	{"syscall", "the system"},
	{"golang.org/x/sys/", "the system"},
	{"unsafe", "memory of others"},
	{"log", "a line of ours goes through the logger that is handed in"},
	{"log/", "a line of ours goes through the logger that is handed in"},
	{"github.com/aws/", "AWS is an edge's business"},
}

// words are cores that hold no rule of ours: how JSON, refs, times and levels
// are written. An edge may know them.
var words = []string{"internal/nearest", "internal/ref", "internal/jsonbytes", "internal/logtime", "internal/loglevel"}

// known are the cores, beside words, whose terms an edge speaks, and why.
var known = map[string]struct {
	cores []string
	why   string
}{
	"internal/paramcache/awsparams":    {[]string{"internal/paramcache"}, "it is the cache's Provider"},
	"internal/idempotency/dynamostore": {[]string{"internal/idempotency", "internal/jmes"}, "it is a Store of records"},
	"internal/localhttp": {
		[]string{
			"internal/awsdecode", "internal/config", "internal/emf", "internal/flags", "internal/idempotency", "internal/jmes", "internal/paramcache", "internal/schema",
			"internal/localhttp/lineschema", "internal/localhttp/wire", "internal/variants",
		},
		"its routes answer with what these say",
	},
	"internal/runtimeapi":      {[]string{"internal/runtimeapi/pieces"}, "which piece of a split event a runtime has"},
	"internal/sink/cloudwatch": {[]string{"internal/sink/jsonline"}, "a line's own time"},
	"internal/sink/otlp":       {[]string{"internal/sink/jsonline"}, "a line's own time"},
}

// carriers are the edges that another edge stands on: a narrower protocol on a
// wider one.
var carriers = map[string][]string{
	"internal/telemetry":               {"internal/bind"},
	"internal/localhttp/loopback":      {"internal/bind"},
	"internal/localhttp":               {"internal/localhttp/loopback", "internal/taskfile"},
	"internal/paramcache/awsparams":    {"internal/awsapi"},
	"internal/idempotency/dynamostore": {"internal/awsapi"},
	"internal/batch/mapping":           {"internal/awsapi"},
	"internal/sink/httppost":           {"internal/sink"},
	"internal/sink/awsout":             {"internal/awsapi", "internal/sink"},
	"internal/sink/cloudwatch":         {"internal/awsapi", "internal/sink", "internal/sink/awsout"},
	"internal/sink/firehose":           {"internal/awsapi", "internal/sink", "internal/sink/awsout"},
	"internal/sink/ndjson":             {"internal/sink", "internal/sink/httppost"},
	"internal/sink/otlp":               {"internal/sink", "internal/sink/httppost"},
}

// TestKinds: every room is of one kind and keeps to it. What a core may use of
// an edge is the next test.
func TestKinds(t *testing.T) {
	for name := range floors {
		if kinds[name] == "" {
			t.Errorf("%s is of no kind: say in kinds_test.go whether it is an edge, a core or assembly", name)
		}
	}
	for name := range kinds {
		if _, there := floors[name]; !there {
			t.Errorf("%s has a kind and no floor", name)
		}
	}
	for _, p := range list(t, "./internal/...", "./cmd/extension", "./cmd/wrapper") {
		name, _ := within(p.ImportPath)
		for _, problem := range misplaced(name, p.Imports) {
			t.Error(problem)
		}
	}
}

// misplaced returns what is wrong with the imports of a room.
func misplaced(name string, imports []string) (problems []string) {
	for _, imp := range imports {
		imported, ours := within(imp)
		switch kinds[name] {
		case core:
			if why := isOutside(imp); why != "" {
				problems = append(problems, name+" is a core and imports "+imp+": "+why)
			}
			if ours && kinds[imported] == assembly {
				problems = append(problems, name+" is a core and imports "+imported+", which puts it together with others")
			}
		case edge:
			allowed := slices.Concat(words, known[name].cores, carriers[name])
			if ours && !slices.Contains(allowed, imported) {
				problems = append(problems, name+" is an edge and imports "+imported+": it stands on no other edge and knows no rules but those listed in kinds_test.go")
			}
		}
	}
	return problems
}

func isOutside(imp string) (why string) {
	for _, o := range outside {
		if imp == o.name || strings.HasSuffix(o.name, "/") && strings.HasPrefix(imp, o.name) {
			return o.name + ": " + o.why
		}
	}
	return ""
}

// TestKindsSeesEveryForm is the counterpart: each way out of a kind is found.
func TestKindsSeesEveryForm(t *testing.T) {
	for imp, want := range map[string][3]int{ // by a core, an edge, the assembly
		"os":                               {1, 0, 0},
		"net":                              {1, 0, 0},
		"net/http":                         {1, 0, 0},
		"net/http/httptrace":               {1, 0, 0},
		"os/exec":                          {1, 0, 0},
		"syscall":                          {1, 0, 0},
		"path/filepath":                    {1, 0, 0},
		"github.com/aws/aws-sdk-go-v2/aws": {1, 0, 0},
		"net/url":                          {0, 0, 0},
		"net/netip":                        {0, 0, 0},
		"strings":                          {0, 0, 0},
		module + "/internal/app":           {1, 1, 0},
		module + "/internal/pipeline":      {0, 1, 0},
		module + "/internal/awsapi":        {0, 1, 0},
		module + "/internal/jsonbytes":     {0, 0, 0},
	} {
		for i, name := range []string{"internal/emf", "internal/extapi", "internal/app"} {
			if got := misplaced(name, []string{imp}); len(got) != want[i] {
				t.Errorf("%s by %s: %q, want %d", imp, name, got, want[i])
			}
		}
	}
}

// lent are the functions of edges that a core calls: they take bytes or values
// and give values.
var lent = map[string][]string{"internal/telemetry": {"Num"}} // a figure that was given

// TestCoresUseOnlyValuesOfEdges: a core may know what an edge's values look like,
// and may not have the edge do something.
func TestCoresUseOnlyValuesOfEdges(t *testing.T) {
	used := map[string]bool{}
	for _, p := range list(t, "./internal/...") {
		name, _ := within(p.ImportPath)
		if kinds[name] != core {
			continue
		}
		for _, file := range p.GoFiles {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for call, pos := range edgeFunctions(t, f) {
				from, function, _ := strings.Cut(call, ".")
				if used[call] = true; !slices.Contains(lent[from], function) {
					t.Errorf("%s: a core uses the function %s", fset.Position(pos), call)
				}
			}
		}
	}
	for from, functions := range lent {
		for _, function := range functions {
			if !used[from+"."+function] {
				t.Errorf("%s.%s is lent to nobody", from, function)
			}
		}
	}
}

// edgeFunctions are the functions of edges that a file names, as room.Function.
func edgeFunctions(t *testing.T, f *ast.File) map[string]token.Pos {
	t.Helper()
	edges := map[string]string{} // by the name in this file
	for _, imp := range f.Imports {
		room, ours := within(strings.Trim(imp.Path.Value, `"`))
		if !ours || kinds[room] != edge {
			continue
		}
		local := filepath.Base(room)
		if imp.Name != nil {
			local = imp.Name.Name
		}
		edges[local] = room
	}
	found := map[string]token.Pos{}
	ast.Inspect(f, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && edges[x.Name] != "" && slices.Contains(functions(t, edges[x.Name]), sel.Sel.Name) {
			found[edges[x.Name]+"."+sel.Sel.Name] = sel.Pos()
		}
		return true
	})
	return found
}

// functions are the names of a room's exported functions, methods apart.
func functions(t *testing.T, room string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), room, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range f.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.IsExported() {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}

// TestKindsAreDescribed: what ARCHITECTURE.md says of a room's kind is so.
func TestKindsAreDescribed(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\n## Three kinds of code\n")
	section, _, _ = strings.Cut(section, "\nA package imports only lower floors")
	described := map[kind]int{}
	for paragraph := range strings.SplitSeq(section, "\n- ") {
		for _, k := range []kind{edge, core, assembly} {
			if !strings.HasPrefix(strings.ToLower(paragraph), "**"+string(k)) {
				continue
			}
			for i, room := range strings.Split(paragraph, "`") {
				if i%2 == 0 {
					continue
				}
				if got := cmp.Or(kinds[room], kinds["internal/"+room]); got != k {
					t.Errorf("ARCHITECTURE.md says that %s is %s; it is %q", room, k, got)
				}
				described[k]++
			}
		}
	}
	if len(described) != 3 {
		t.Errorf("%v: rooms of three kinds are to be named", described)
	}
}
