package layers

import (
	"archive/zip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// zipFile is one member of a test archive.
type zipFile struct {
	name, content string
	mode          os.FileMode
}

func writeZip(t *testing.T, files ...zipFile) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "layer.zip")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for _, file := range files {
		h := &zip.FileHeader{Name: file.name, Method: zip.Deflate}
		h.SetMode(file.mode)
		part, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := part.Write([]byte(file.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLayerZip(t *testing.T) {
	path := writeZip(t,
		zipFile{"extensions/", "", os.ModeDir | 0o755},
		zipFile{"extensions/one", "#!/bin/sh\n", 0o755},
		zipFile{"extensions/two", "lib/real", os.ModeSymlink | 0o777},
		zipFile{"extensions/lib/real", "#!/bin/sh\n", 0o755},
		zipFile{"lib/data.txt", "x", 0o644},
	)
	dir := t.TempDir()
	got, err := Resolve([]string{path}, dir)
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(dir, "layer0")
	if diff := cmp.Diff([]string{root + "/extensions/one", root + "/extensions/two"}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(root + "/lib/data.txt"); err != nil {
		t.Error(err)
	}
}

func TestLayerZipRefuses(t *testing.T) {
	program := zipFile{"extensions/one", "#!/bin/sh\n", 0o755}
	for _, tt := range []struct {
		outcome string
		files   []zipFile
		want    string
	}{
		{"name that climbs out", []zipFile{program, {"../evil", "x", 0o644}}, "../evil: its name leads out of the layer"},
		{"name in the middle that climbs out", []zipFile{program, {"a/../../evil", "x", 0o644}}, "leads out of the layer"},
		{"absolute name", []zipFile{program, {"/tmp/evil", "x", 0o644}}, "leads out of the layer"},
		{"link that climbs out", []zipFile{program, {"extensions/l", "../../etc/passwd", os.ModeSymlink | 0o777}}, "is a link that leads out of the layer"},
		{"absolute link", []zipFile{program, {"extensions/l", "/etc/passwd", os.ModeSymlink | 0o777}}, "is a link that leads out of the layer"},
		{"the same name twice", []zipFile{program, program}, "file exists"},
		{"device", []zipFile{program, {"dev", "", os.ModeDevice | 0o644}}, "neither file, folder nor link"},
		{"no extensions", []zipFile{{"python/x.py", "x", 0o644}}, "it has no extensions/ folder"},
		{"extension that is not executable", []zipFile{{"extensions/one", "x", 0o644}}, "is not executable"},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			dir := t.TempDir()
			_, err := Resolve([]string{writeZip(t, tt.files...)}, filepath.Join(dir, "inner"))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if _, err := os.Stat(filepath.Join(dir, "evil")); err == nil {
				t.Error("a file outside was written")
			}
		})
	}
}

func TestDirectoryOfExtensions(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/b", "#!/bin/sh\n", 0o755)
	write(t, dir+"/a", "#!/bin/sh\n", 0o755)
	got, err := Resolve([]string{dir}, "")
	if err != nil || len(got) != 2 || got[0] != dir+"/a" {
		t.Errorf("flat directory: %v %v", got, err)
	}
	if err := os.Mkdir(dir+"/extensions", 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/extensions/c", "#!/bin/sh\n", 0o755)
	got, err = Resolve([]string{dir}, "")
	if err != nil || len(got) != 1 || got[0] != dir+"/extensions/c" {
		t.Errorf("unpacked layer: %v %v", got, err)
	}
}

func TestOtherArchitecture(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if got := otherArchitecture(self); got != "" {
		t.Errorf("this test binary is for %s", got)
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	machine := map[string]byte{"amd64": 183, "arm64": 62}[runtime.GOARCH] // EM_AARCH64, EM_X86_64
	if machine == 0 {
		t.Skip("only amd64 and arm64 are told apart")
	}
	content[18], content[19] = machine, 0
	path := filepath.Join(t.TempDir(), "other")
	write(t, path, string(content), 0o755)
	if err := runnable(path); err == nil || !strings.Contains(err.Error(), "this machine is "+runtime.GOARCH) {
		t.Errorf("got %v", err)
	}
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}
