// Command mutants asks whether the tests see: it changes one thing of the
// product at a time, for the Go commands only (-overlay: no file is touched),
// and runs the test that should fail. A change that survives is a hole in the
// tests; one whose text is not found any more is a stale row.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// mutant is one row of the list.
type mutant struct {
	name     string
	file     string // below the repository's root
	old, new string // the text that stands there once, and what takes its place
	pkg      string // package of the test that must fail
	run      string // pattern of the tests to run
}

func main() {
	sample := flag.Int("sample", 0, "run this many, drawn by the seed; 0: all")
	seed := flag.String("seed", "1", "draws the sample; CI passes the commit")
	only := flag.String("only", "", "run those whose name contains this")
	flag.Parse()
	survived, err := run(os.Stdout, draw(mutants(), *sample, *seed, *only))
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(2)
	}
	if survived > 0 {
		os.Exit(1)
	}
}

// draw picks a sample that changes with the seed and nothing else.
func draw(list []mutant, n int, seed, only string) []mutant {
	list = slices.DeleteFunc(list, func(m mutant) bool { return !strings.Contains(m.name, only) })
	if n <= 0 || n >= len(list) {
		return list
	}
	rank := func(m mutant) uint64 {
		h := fnv.New64a()
		fmt.Fprintln(h, seed, m.name)
		return h.Sum64()
	}
	slices.SortFunc(list, func(a, b mutant) int { return cmp.Compare(rank(a), rank(b)) })
	return list[:n]
}

func run(out *os.File, list []mutant) (survived int, err error) {
	dir, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(out, "%-9s %6s  %-44s %s\n", "result", "s", "change", "test")
	for _, m := range list {
		began := time.Now()
		result, detail, err := try(dir, m)
		if err != nil {
			return survived, fmt.Errorf("%s: %w", m.name, err)
		}
		if result != "killed" {
			survived++
		}
		fmt.Fprintf(out, "%-9s %6.1f  %-44s %s %s\n%s", result, time.Since(began).Seconds(), m.name, m.pkg, m.run, detail)
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", len(list)-survived, survived)
	return survived, nil
}

// try runs the test of one mutant. The test must pass to compile and then
// fail; detail is what it said if that went wrong.
func try(dir string, m mutant) (result, detail string, err error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return "", "", err
	}
	if n := strings.Count(string(text), m.old); n != 1 {
		return "", "", fmt.Errorf("the text stands %d times in %s, want once: write the row anew", n, m.file)
	}
	changed := filepath.Join(dir, "changed.go")
	if err := os.WriteFile(changed, []byte(strings.Replace(string(text), m.old, m.new, 1)), 0o600); err != nil {
		return "", "", err
	}
	original, err := filepath.Abs(m.file)
	if err != nil {
		return "", "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: changed}})
	if err != nil {
		return "", "", err
	}
	config := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(config, overlay, 0o600); err != nil {
		return "", "", err
	}
	// In the environment, because suites build the product themselves.
	environment := append(os.Environ(), "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+config))
	goCommand := func(args ...string) ([]byte, error) {
		cmd := exec.Command("go", args...)
		cmd.Env = environment
		return cmd.CombinedOutput()
	}
	if said, err := goCommand("vet", "./"+filepath.Dir(m.file)); err != nil {
		return "", "", fmt.Errorf("the change does not compile: %s", said)
	}
	said, err := goCommand("test", "-count=1", "-timeout=5m", "-run", m.run, "./"+m.pkg)
	switch {
	case err == nil:
		return "SURVIVED", indent(said), nil
	case !errors.As(err, new(*exec.ExitError)):
		return "", "", err
	case strings.Contains(string(said), "[no tests to run]") || strings.Contains(string(said), "[setup failed]"):
		return "", "", fmt.Errorf("no test ran: %s", said)
	}
	return "killed", "", nil
}

func indent(said []byte) string {
	lines := strings.Split(strings.TrimSpace(string(said)), "\n")
	return "    " + strings.Join(lines[max(0, len(lines)-5):], "\n    ") + "\n"
}
