package reference_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/config"
	"powertools-extension/internal/localhttp"
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

// TestPagesInBinary holds the API description that GET /openapi.json serves,
// which is embedded compressed, against the page.
func TestPagesInBinary(t *testing.T) {
	const path = "../localhttp/openapi.json.gz"
	var want bytes.Buffer
	if err := json.Compact(&want, apidoc.OpenAPI()); err != nil {
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
		return
	}
	got, err := localhttp.Document("")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Errorf("%s is old: run make generate", path)
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
