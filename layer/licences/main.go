// Command licences prints NOTICE: what is linked into the layer's programs, with
// the licence of each, read from the module cache.
//
//	go run ./layer/licences > NOTICE
//
// The rule a reader could break: nothing is listed by hand. A module without a
// licence file is an error, because nobody may ship it.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	if err := notice(os.Stdout, "."); err != nil {
		log.Fatal(err)
	}
}

// linked is one module in a program of the layer, or Go itself.
type linked struct {
	name, version, dir string
	folders            []string // of its packages that are linked, and those above them
}

// programs are what the layer ships.
func programs() []string { return []string{"./cmd/extension", "./cmd/wrapper"} }

// notice writes the whole file for the module in root.
func notice(w io.Writer, root string) error {
	modules, err := modules(root)
	if err != nil {
		return err
	}
	goroot, err := goRoot()
	if err != nil {
		return err
	}
	modules = append(modules, linked{name: "The Go standard library", dir: goroot, folders: []string{goroot}})
	fmt.Fprint(w, "Powertools extension\n\nLicensed under the Apache License, Version 2.0; see LICENSE.\n\nThe programs of the layer contain:\n\n")
	for _, m := range modules {
		fmt.Fprintf(w, "  %s\n", strings.TrimSpace(m.name+" "+m.version))
	}
	for _, m := range modules {
		texts, err := licences(m)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "\n%s\n%s\n", strings.Repeat("=", 78), strings.TrimSpace(m.name+" "+m.version))
		for _, text := range texts {
			fmt.Fprintf(w, "%s\n%s\n", strings.Repeat("-", 78), text)
		}
	}
	return nil
}

// modules lists what the programs link, for both architectures of Lambda.
func modules(root string) ([]linked, error) {
	byName := map[string]*linked{}
	for _, arch := range []string{"amd64", "arm64"} {
		cmd := exec.Command("go", append([]string{"list", "-deps", "-json=Dir,Module", "-tags", "nethttpomithttp2"}, programs()...)...)
		cmd.Dir, cmd.Stderr = root, os.Stderr
		cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH="+arch, "CGO_ENABLED=0")
		text, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		for dec := json.NewDecoder(bytes.NewReader(text)); ; {
			var p struct {
				Dir    string
				Module *struct {
					Path, Version, Dir string
					Main               bool
				}
			}
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			if p.Module == nil || p.Module.Main {
				continue
			}
			m := byName[p.Module.Path]
			if m == nil {
				m = &linked{name: p.Module.Path, version: p.Module.Version, dir: p.Module.Dir}
				byName[m.name] = m
			}
			for dir := p.Dir; strings.HasPrefix(dir, m.dir) && !slices.Contains(m.folders, dir); dir = filepath.Dir(dir) {
				m.folders = append(m.folders, dir)
			}
		}
	}
	var out []linked
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		slices.Sort(byName[name].folders)
		out = append(out, *byName[name])
	}
	return out, nil
}

func goRoot() (string, error) {
	text, err := exec.Command("go", "env", "GOROOT").Output()
	return strings.TrimSpace(string(text)), err
}

// licences returns the texts of a module's licence and notice files, and of those
// beside packages that came from elsewhere.
func licences(m linked) ([]string, error) {
	var out []string
	licensed := false
	for _, dir := range m.folders {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			name := strings.ToUpper(strings.TrimSuffix(e.Name(), filepath.Ext(e.Name())))
			if e.IsDir() || name != "LICENSE" && name != "LICENCE" && name != "COPYING" && name != "NOTICE" {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				return nil, err
			}
			licensed = licensed || name != "NOTICE" && dir == m.dir
			if one := lines(string(text)); !slices.Contains(out, one) {
				out = append(out, one)
			}
		}
	}
	if !licensed {
		return nil, fmt.Errorf("%s %s has no licence file in %s: it cannot be shipped", m.name, m.version, m.dir)
	}
	return out, nil
}

// lines takes away what differs between systems: ends of lines and spaces there.
func lines(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		out = append(out, strings.TrimRight(line, " \t\r\n"))
	}
	return strings.Trim(strings.Join(out, "\n"), "\n")
}
