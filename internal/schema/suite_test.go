package schema

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"powertools-extension/internal/jmes"
)

// suiteModule carries JSON-Schema-Test-Suite under jsonschema/testdata.
const suiteModule = "github.com/google/jsonschema-go@v0.4.3"

func suite(t *testing.T, dir string) []string {
	t.Helper()
	out, err := exec.Command("go", "mod", "download", "-json", suiteModule).Output()
	if err != nil {
		t.Fatalf("the suite's module: %v", err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(module.Dir, "jsonschema", "testdata", dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no suite in %s (%v)", module.Dir, err)
	}
	return files
}

func parse(t testing.TB, text string) jmes.Value {
	t.Helper()
	v, err := jmes.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// TestSuite: every required test of the official suite. Documents on a server
// are refused by design: those tests must fail to compile, and are counted.
func TestSuite(t *testing.T) {
	for _, c := range []struct {
		dir, dialect   string
		tests, refused int
	}{
		{"draft7", "http://json-schema.org/draft-07/schema#", 890, 23},
		{"draft2020-12", "https://json-schema.org/draft/2020-12/schema", 1055, 44},
	} {
		tests, refused := 0, 0
		for _, file := range suite(t, c.dir) {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var groups []struct {
				Description string
				Schema      json.RawMessage
				Tests       []struct {
					Description string
					Data        json.RawMessage
					Valid       bool
				}
			}
			if err := json.Unmarshal(b, &groups); err != nil {
				t.Fatal(err)
			}
			for _, g := range groups {
				text := string(g.Schema)
				if strings.HasPrefix(text, "{") && !strings.Contains(text, `"$schema"`) {
					text = strings.Replace(text, "{", `{"$schema":"`+c.dialect+`",`, 1)
					text = strings.Replace(text, ",}", "}", 1)
				}
				s, err := Compile(parse(t, text), Options{})
				name := filepath.Base(file) + ": " + g.Description
				if strings.Contains(text, "http://localhost:1234/") && err != nil {
					refused += len(g.Tests)
					continue
				}
				if err != nil {
					t.Errorf("%s: %v", name, err)
					continue
				}
				for _, test := range g.Tests {
					tests++
					failures, _ := s.Validate(parse(t, string(test.Data)))
					if (len(failures) == 0) != test.Valid {
						t.Errorf("%s: %s: %v, want valid=%v", name, test.Description, failures, test.Valid)
					}
				}
			}
		}
		t.Logf("%s: %d tests, %d with remote documents refused", c.dir, tests, refused)
		if tests != c.tests || refused != c.refused {
			t.Errorf("%s: %d tests (want %d), %d refused (want %d)", c.dir, tests, c.tests, refused, c.refused)
		}
	}
}
