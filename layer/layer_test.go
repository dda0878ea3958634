package main

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"debug/elf"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

const (
	extension = "../cmd/extension"
	wrapper   = "../cmd/wrapper"
)

// stub writes a module whose main prints its version, so that the form of the
// layer is tested whatever state the extension is in.
func stub(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":  "module stub\n\ngo 1.26\n",
		"LICENSE": "free\n",
		"NOTICE":  "nothing else\n",
		"main.go": "package main\n\nimport \"os\"\n\nvar version = \"unset\"\n\nfunc main() { os.Stdout.WriteString(version) }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// pack builds one layer and returns the zip and the programs in it, the
// extension and the wrapper.
func pack(t *testing.T, source, wrapper string, arch architecture) (packed []byte, binaries [2][]byte) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dist", "layer.zip")
	texts := ".." // of this repository
	if source == "." {
		texts = "." // of a stub
	}
	if err := layer(path, programs(source, wrapper), documents(texts), "v1.2.3-test", arch); err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range r.File {
		names = append(names, f.Name)
	}
	if got := strings.Join(names, " "); got != "extensions/powertools-extension powertools-wrapper powertools-extension/LICENSE powertools-extension/NOTICE" {
		t.Fatalf("entries %s", got)
	}
	for _, f := range r.File[2:] {
		if f.Mode() != 0o644 {
			t.Errorf("%s: mode %v", f.Name, f.Mode())
		}
	}
	for i, f := range r.File[:2] {
		if mode := f.Mode(); mode != 0o755 {
			t.Errorf("%s: mode %v, want 0755: Lambda fails the function's init over a file it cannot execute", f.Name, mode)
		}
		if f.Method != zip.Deflate || f.Modified.UTC().Year() != 1980 {
			t.Errorf("%s: method %d, time %v", f.Name, f.Method, f.Modified)
		}
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer content.Close()
		if binaries[i], err = io.ReadAll(content); err != nil {
			t.Fatal(err)
		}
	}
	return packed, binaries
}

// checkELF fails the test unless the binary runs on the architecture without
// a loader, and carries no symbols.
func checkELF(t *testing.T, binary []byte, arch architecture) {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	machine := map[string]elf.Machine{"x86_64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[arch.lambda]
	if f.Machine != machine || f.Type != elf.ET_EXEC {
		t.Errorf("machine %v, type %v", f.Machine, f.Type)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("not static: has %v", p.Type)
		}
	}
	for _, s := range f.Sections {
		if s.Type == elf.SHT_SYMTAB || strings.Contains(s.Name, "debug") {
			t.Errorf("not stripped: has section %s", s.Name)
		}
	}
}

func TestLayer(t *testing.T) {
	// Two copies in two folders: what depends on the place would differ.
	first, second := stub(t), stub(t)
	for _, arch := range architectures() {
		t.Run(arch.lambda, func(t *testing.T) {
			t.Chdir(first)
			packed, binaries := pack(t, ".", ".", arch)
			checkELF(t, binaries[0], arch)
			checkELF(t, binaries[1], arch)
			t.Chdir(second)
			t.Setenv("GOFLAGS", "-tags=other")
			t.Setenv("GOAMD64", "v3")
			again, _ := pack(t, ".", ".", arch)
			if sha256.Sum256(packed) != sha256.Sum256(again) {
				t.Error("two builds gave different zips")
			}
			if arch.goarch == runtime.GOARCH {
				checkVersion(t, binaries[0])
			}
		})
	}
}

func checkVersion(t *testing.T, binary []byte, args ...string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "powertools-extension")
	if err := os.WriteFile(path, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(path, args...).Output()
	if first, _, _ := strings.Cut(string(out), "\n"); err != nil || first != "v1.2.3-test" {
		t.Errorf("version %q, error %v", out, err)
	}
}

func TestVersionThatTheLinkerCannotHold(t *testing.T) {
	if err := build("unused", program{source: "."}, "v1 -X main.other=1", architectures()[0]); err == nil || !strings.Contains(err.Error(), "version") {
		t.Errorf("error %v", err)
	}
}

// TestSize holds the true extension at its size: every byte is read from disk
// at a cold start, and downloaded before it. The bars of 8 MB and 3.1 MB are
// not reached with all features in one binary (docs/adr/0005-size.md); these
// limits are what it is, with a little room, so that growth is a decision.
func TestSize(t *testing.T) {
	if _, err := os.Stat(extension); os.IsNotExist(err) {
		t.Skip("\n\n!!! SKIPPED: there is no cmd/extension, so nobody looks at the size of the layer\n")
	}
	const binaryBar, wrapperBar, zipBar = 11_700_000, 1_530_000, 5_400_000
	for _, arch := range architectures() {
		t.Run(arch.lambda, func(t *testing.T) {
			packed, binaries := pack(t, extension, wrapper, arch)
			binary, second := binaries[0], binaries[1]
			checkELF(t, binary, arch)
			checkELF(t, second, arch)
			if len(binary) > binaryBar || len(second) > wrapperBar || len(packed) > zipBar {
				t.Errorf("binary %d bytes of at most %d, wrapper %d of at most %d, zip %d of at most %d",
					len(binary), binaryBar, len(second), wrapperBar, len(packed), zipBar)
			}
			t.Logf("binary %.2f MB, wrapper %.2f MB, zip %.2f MB", float64(len(binary))/1e6, float64(len(second))/1e6, float64(len(packed))/1e6)
			if arch.goarch == runtime.GOARCH {
				checkVersion(t, binary, "-version")
			}
		})
	}
}
