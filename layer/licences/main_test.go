package main

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write NOTICE anew")

// NOTICE says what is linked now. Go's own licence is that of the installed Go.
func TestNotice(t *testing.T) {
	var got bytes.Buffer
	if err := notice(&got, "../.."); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("../../NOTICE", got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("../../NOTICE")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("NOTICE is old (go test ./layer/licences -update):\n%s", diff)
	}
	for _, name := range []string{"github.com/aws/aws-sdk-go-v2 v", "go.uber.org/zap v", "The Go standard library", "Apache License", "Permission is hereby granted"} {
		if !strings.Contains(got.String(), name) {
			t.Errorf("NOTICE misses %q", name)
		}
	}
}

func TestModuleWithoutLicence(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/NOTICE.txt", []byte("a notice is no licence"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := licences(linked{name: "example.com/x", version: "v1.0.0", dir: dir, folders: []string{dir}})
	if err == nil || !strings.Contains(err.Error(), "example.com/x v1.0.0 has no licence file") {
		t.Errorf("got %v", err)
	}
	if err := os.WriteFile(dir+"/LICENSE.md", []byte("free \r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	texts, err := licences(linked{dir: dir, folders: []string{dir}})
	if diff := cmp.Diff([]string{"free", "a notice is no licence"}, texts); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}
