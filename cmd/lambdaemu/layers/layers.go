// Package layers finds the executables that Lambda would start as extensions: in a
// file, a directory or a layer zip.
//
// The rule a reader could break: what cannot run is found here, with its cure,
// before anything is started.
package layers

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// Resolve turns the --extension paths into executables. Layer zips
// are unpacked below temp.
func Resolve(paths []string, temp string) ([]string, error) {
	var out []string
	for i, path := range paths {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("extension %s: no such file or directory", path)
		case err != nil:
			return nil, fmt.Errorf("extension %s: %w", path, err)
		}
		var found []string
		switch {
		case info.IsDir():
			found, err = inDirectory(path)
		case isZip(path):
			found, err = inZip(path, filepath.Join(temp, fmt.Sprintf("layer%d", i)))
		default:
			found = []string{path}
		}
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	for _, path := range out {
		if err := runnable(path); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// inDirectory lists the extensions of a directory: its regular files, or
// those of extensions/ when the directory is an unpacked layer.
func inDirectory(dir string) ([]string, error) {
	if info, err := os.Stat(filepath.Join(dir, "extensions")); err == nil && info.IsDir() {
		dir = filepath.Join(dir, "extensions")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("extensions in %s: %w", dir, err)
	}
	var out []string
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			out = append(out, path)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("extensions in %s: no file there", dir)
	}
	return out, nil
}

// runnable finds out before Lambda's own, terse "Extension.LaunchError" does.
func runnable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("extension %s: %w", path, err)
	}
	if info.Mode()&0o111 == 0 {
		return fmt.Errorf("extension %s is not executable: chmod +x %s", path, path)
	}
	if arch := otherArchitecture(path); arch != "" {
		return fmt.Errorf("extension %s is built for %s, this machine is %s", path, arch, runtime.GOARCH)
	}
	return nil
}

// otherArchitecture names the architecture of a binary that cannot run here,
// "" when it can or is no ELF file (a script).
func otherArchitecture(path string) string {
	f, err := elf.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	native := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[runtime.GOARCH]
	if native == 0 || f.Machine == native {
		return ""
	}
	switch f.Machine {
	case elf.EM_X86_64:
		return "amd64"
	case elf.EM_AARCH64:
		return "arm64"
	}
	return strings.ToLower(strings.TrimPrefix(f.Machine.String(), "EM_"))
}
