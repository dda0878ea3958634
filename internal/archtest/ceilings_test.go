package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ceilings are the packages and types that are larger than the house wants:
// 1,800 lines and 36 methods. They may shrink, and whoever shrinks one lowers
// its row; a new row needs a reason that stands in a decision (docs/adr).
var (
	lineCeilings = map[string]int{
		"internal/awsemu": 5420, "lambdaemu": 5130, "internal/localhttp": 4800, "internal/pipeline": 3790, "internal/app": 3100,
		"cmd/lambdaemu": 2690, "cmd/lambdaemu/show": 2590, "internal/runtimeapi": 2600, "internal/paramcache": 2300, "internal/awsapi": 2115,
		"internal/jmes": 2020, "internal/config": 1900, "internal/emf": 1810,
	}
	methodCeilings = map[string]int{
		"internal/app.App": 74, "internal/localhttp.Server": 63, "internal/paramcache.Cache": 62, "internal/awsemu.Server": 50,
		"internal/invocation.Tracker": 39, "internal/schema.keywords": 37, "internal/awsemu.parser": 37, "internal/flush.Scheduler": 37,
	}
)

const (
	mostLines   = 1800
	mostMethods = 36
)

func TestCeilings(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range list(t, "./internal/...", "./cmd/...", "./lambdaemu/...", "./layer/...") {
		name, _ := within(p.ImportPath)
		lines, methods := 0, map[string]int{}
		for _, file := range p.GoFiles {
			path := filepath.Join(p.Dir, file)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			lines += strings.Count(string(text), "\n")
			countMethods(t, path, methods)
		}
		seen[name] = true
		hold(t, name, "lines", lines, mostLines, lineCeilings)
		for typ, n := range methods {
			seen[name+"."+typ] = true
			hold(t, name+"."+typ, "methods", n, mostMethods, methodCeilings)
		}
	}
	for _, rows := range []map[string]int{lineCeilings, methodCeilings} {
		for name := range rows {
			if !seen[name] {
				t.Errorf("%s has a ceiling and is not there any more", name)
			}
		}
	}
}

// hold compares with the ceiling, and wants a row to go that is needed no
// longer.
func hold(t *testing.T, name, what string, n, most int, rows map[string]int) {
	t.Helper()
	ceiling, has := rows[name]
	switch {
	case has && n <= most:
		t.Errorf("%s has %d %s: its ceiling of %d is needed no longer", name, n, what, ceiling)
	case has && n > ceiling:
		t.Errorf("%s has %d %s, its ceiling is %d: it may only shrink", name, n, what, ceiling)
	case !has && n > most:
		t.Errorf("%s has %d %s, the house wants at most %d", name, n, what, most)
	}
}

func countMethods(t *testing.T, path string, methods map[string]int) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range f.Decls {
		fn, ok := decl.(*ast.FuncDecl)
		if !ok || fn.Recv == nil {
			continue
		}
		typ := fn.Recv.List[0].Type
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		if index, ok := typ.(*ast.IndexExpr); ok {
			typ = index.X
		}
		if name, ok := typ.(*ast.Ident); ok {
			methods[name.Name]++
		}
	}
}
