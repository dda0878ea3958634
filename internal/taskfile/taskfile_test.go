package taskfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "task")
	for name, text := range map[string]string{
		"task/schemas/order.json": "order", "secret.json": "secret", "task/large": strings.Repeat("x", MaxSize+1), "task/full": strings.Repeat("x", MaxSize),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for to, from := range map[string]string{"inside": "schemas/order.json", "outside": "../secret.json", "absolute": filepath.Join(dir, "secret.json")} {
		if err := os.Symlink(from, filepath.Join(root, to)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"schemas/order.json": "order", "./schemas/order.json": "order", "schemas/../schemas/order.json": "order", root + "/schemas/order.json": "order", "inside": "order",
		"../secret.json": "", "outside": "", "absolute": "", "/etc/passwd": "", filepath.Join(dir, "secret.json"): "", root + "/../secret.json": "",
		"schemas": "", "none": "", "": "", "large": "", "a\x00b": "",
	} {
		got, err := Read(root, name)
		if string(got) != want || (want == "") != errors.Is(err, ErrNone) {
			t.Errorf("%q: %.20q, %v", name, got, err)
		}
	}
	if got, err := Read(root, "full"); err != nil || len(got) != MaxSize {
		t.Errorf("a full file: %d bytes, %v", len(got), err)
	}
	if _, err := Read(filepath.Join(dir, "none"), "x"); !errors.Is(err, ErrNone) {
		t.Errorf("no root: %v", err)
	}
}
