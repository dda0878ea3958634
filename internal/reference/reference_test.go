package reference_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/config"
	"powertools-extension/internal/reference"
	"powertools-extension/internal/reference/apidoc"
)

var update = flag.Bool("update", false, "write the pages instead of comparing them")

func TestPages(t *testing.T) {
	const dir = "../../docs/reference"
	pages := reference.Pages()
	for name, want := range pages {
		path := filepath.Join(dir, name)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("%v: run make generate", err)
			continue
		}
		if d := cmp.Diff(string(got), want); d != "" {
			t.Errorf("%s is old: run make generate (-file +code):\n%s", path, d)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := pages[f.Name()]; !ok {
			t.Errorf("%s is printed by nobody", filepath.Join(dir, f.Name()))
		}
	}
}

// TestPagesInBinary holds what GET /openapi.json and GET /schemas/NAME.json
// serve, which is embedded compressed, against the pages.
func TestPagesInBinary(t *testing.T) {
	schemas, err := json.Marshal(reference.Schemas())
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range map[string][]byte{"openapi": apidoc.OpenAPI(), "schemas": schemas} {
		path := "../localhttp/" + map[string]string{"schemas": "lineschema/"}[name] + name + ".json.gz"
		var want bytes.Buffer
		if err := json.Compact(&want, page); err != nil {
			t.Fatal(err)
		}
		if *update {
			var packed bytes.Buffer
			w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
			_, _ = w.Write(want.Bytes())
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, packed.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		packed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is old: run make generate", path)
		}
	}
}

// TestEveryVariableIsOnThePage: a feature without a section would hide its
// variables.
func TestEveryVariableIsOnThePage(t *testing.T) {
	page := reference.Pages()["configuration.md"]
	for _, v := range config.Vars() {
		if !strings.Contains(page, "| `"+v.Name+"` |") {
			t.Errorf("%s, feature %q, is not on the page", v.Name, v.Feature)
		}
	}
}
