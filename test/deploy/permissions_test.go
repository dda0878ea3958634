package deploy_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPermissions: the policies of docs/permissions.md allow what the product
// calls, no more and no less.
func TestPermissions(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/permissions.md"))
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{}
	for _, m := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllSubmatch(page, -1) {
		var statement struct {
			Effect   string
			Action   []string
			Resource any
		}
		if err := json.Unmarshal(m[1], &statement); err != nil || statement.Effect != "Allow" || len(statement.Action) == 0 || statement.Resource == nil {
			t.Errorf("no statement: %v\n%s", err, m[1])
		}
		for _, action := range statement.Action {
			_, name, ok := strings.Cut(action, ":")
			if !ok {
				t.Errorf("%q is no action", action)
			}
			allowed[name] = true
		}
	}
	delete(allowed, "Decrypt") // KMS is called by SSM and Secrets Manager
	if diff := cmp.Diff(slices.Sorted(maps.Keys(called(t))), slices.Sorted(maps.Keys(allowed))); diff != "" {
		t.Errorf("the product calls (-), the page allows (+):\n%s", diff)
	}
}

// called are the names of AWS operations in the product's code: string constants
// of their form, where calls are made.
func called(t *testing.T) map[string]bool {
	t.Helper()
	form := regexp.MustCompile(`^((Get|Put|BatchGet|Update|Delete|Create|Start|Assume|List)[A-Z][A-Za-z]+|Query)$`)
	names := map[string]bool{}
	err := filepath.WalkDir(filepath.Join(root, "internal"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains([]string{"awsemu", "reference", "archtest", "eventsource", "testdata"}, d.Name()) {
			return fs.SkipDir // not the product
		}
		if d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && form.MatchString(text) {
					names[text] = true
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
