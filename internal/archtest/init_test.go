package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// TestNoInitialisation asserts that what is shipped does nothing before main:
// no init function, and no package variable that is built at start, except
// error sentinels, embedded files and the version.
func TestNoInitialisation(t *testing.T) {
	for _, p := range list(t, "./...") {
		name, _ := within(p.ImportPath)
		if _, shipped := floors[name]; !shipped {
			continue
		}
		for _, file := range p.GoFiles {
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, file), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range f.Decls {
				switch d := decl.(type) {
				case *ast.FuncDecl:
					if d.Name.Name == "init" && d.Recv == nil {
						t.Errorf("%s: func init", fset.Position(d.Pos()))
					}
				case *ast.GenDecl:
					if d.Tok == token.VAR {
						checkVars(t, fset, d)
					}
				}
			}
		}
	}
}

func checkVars(t *testing.T, fset *token.FileSet, d *ast.GenDecl) {
	for _, spec := range d.Specs {
		v := spec.(*ast.ValueSpec)
		for _, value := range v.Values {
			if costly(value) {
				t.Errorf("%s: package variable %s is built before main; build it where it is first needed", fset.Position(v.Pos()), v.Names[0].Name)
			}
		}
	}
}

// costly reports whether an initialiser runs code: a call other than
// errors.New, sync.OnceValue and conversions, or a map, which is filled at
// start entry by entry.
func costly(value ast.Expr) bool {
	found := false
	ast.Inspect(value, func(n ast.Node) bool {
		switch e := n.(type) {
		case *ast.FuncLit:
			return false // runs later, when called
		case *ast.CompositeLit:
			if _, isMap := e.Type.(*ast.MapType); isMap {
				found = true
			}
		case *ast.CallExpr:
			if !cheapCall(e) {
				found = true
			}
		}
		return true
	})
	return found
}

func cheapCall(call *ast.CallExpr) bool {
	switch fn := call.Fun.(type) {
	case *ast.SelectorExpr:
		pkg, _ := fn.X.(*ast.Ident)
		if pkg == nil {
			return false
		}
		switch pkg.Name + "." + fn.Sel.Name {
		case "errors.New", "sync.OnceValue", "sync.OnceValues", "sync.OnceFunc":
			return true
		}
		return false
	case *ast.ArrayType, *ast.ParenExpr:
		return true // a conversion
	case *ast.Ident:
		return fn.Name == "len" || fn.Name == "string" || fn.Name == "byte"
	}
	return false
}
