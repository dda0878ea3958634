package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Builds says where the binaries of this run are. They are made once, as they ship.
type Builds struct{ Extension, Function, Wrapper string }

// Main is a package's TestMain: it becomes one of the functions when the test
// binary was started with that name as its only argument, and otherwise
// builds, runs the tests, stops what was started, and returns the exit code.
func Main(m *testing.M, functions map[string]func(), builds *Builds) int {
	if len(os.Args) == 2 && functions[os.Args[1]] != nil {
		functions[os.Args[1]]() // serves until it is killed
		return 0
	}
	dir, err := os.MkdirTemp("", "harness")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	defer StopEmulators()
	*builds = Builds{Extension: filepath.Join(dir, "powertools-extension"), Function: filepath.Join(dir, "bootstrap"), Wrapper: filepath.Join(dir, "powertools-wrapper")}
	for path, pkg := range map[string]string{builds.Extension: "./cmd/extension", builds.Function: "./examples/go", builds.Wrapper: "./cmd/wrapper"} {
		build := exec.Command("go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-ldflags", "-s -w -X main.version=e2e", "-o", path, pkg)
		build.Dir = root()
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			fmt.Fprintln(os.Stderr, "build", pkg, err)
			return 1
		}
	}
	return m.Run()
}

// root is the repository's directory: tests run in their package's.
func root() string {
	dir, err := os.Getwd()
	for err == nil && dir != "/" {
		if _, missing := os.Stat(filepath.Join(dir, "go.mod")); missing == nil {
			return dir
		}
		dir = filepath.Dir(dir)
	}
	return "."
}

// Self is the command of one of the functions given to Main.
func Self(t testing.TB, function string) []string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{path, function}
}

// Need returns the path of something prepared under .cache, or skips loudly;
// in CI nothing may be missing.
func Need(t testing.TB, path string) string {
	t.Helper()
	full := filepath.Join(root(), ".cache", path)
	if _, err := os.Stat(full); err != nil {
		missing(t, path+" is missing: run make runtimes")
	}
	return full
}

// Tool returns the path of a program of this machine, or skips loudly.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		missing(t, err.Error())
	}
	return path
}

func missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip("SKIPPED, NOT TESTED: " + why)
}
