// Package openapi_test holds the API description against the tools that people
// use it with: two checkers accept it, and three generators make clients, which
// are called against the true binary.
package openapi_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

var builds harness.Builds

func TestMain(m *testing.M) { os.Exit(harness.Main(m, nil, &builds)) }

// description is the document as it is published.
func description(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../../docs/reference/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// run runs a command in a directory and returns what it printed.
func run(t *testing.T, dir string, env []string, command ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", command, err, out, stderr.String())
	}
	return string(out)
}

func TestCheckers(t *testing.T) {
	for name, command := range map[string][]string{
		"openapi-spec-validator": {harness.Need(t, "openapi/python/bin/python"), "-m", "openapi_spec_validator"},
		"redocly":                {harness.Need(t, "openapi/node_modules/.bin/redocly"), "lint"},
	} {
		t.Run(name, func(t *testing.T) {
			run(t, t.TempDir(), []string{"REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true"}, append(command, description(t))...)
		})
	}
}

// generator makes a client in a directory of its own and returns the command
// that calls it.
type generator func(t *testing.T, dir string) []string

func generators() map[string]generator {
	return map[string]generator{
		"oapi-codegen": func(t *testing.T, dir string) []string {
			copyFiles(t, "testdata/go", dir)
			if err := os.Mkdir(filepath.Join(dir, "api"), 0o700); err != nil {
				t.Fatal(err)
			}
			run(t, "../..", nil, harness.Tool(t, "go"), "tool", "-modfile=tools/go.mod", "oapi-codegen", "-generate", "types,client", "-package", "api",
				"-o", filepath.Join(dir, "api", "api.go"), description(t))
			return []string{"go", "run", "."}
		},
		"openapi-python-client": func(t *testing.T, dir string) []string {
			bin := filepath.Dir(harness.Need(t, "openapi/python/bin/python"))
			copyFiles(t, "testdata/python", dir)
			run(t, dir, []string{"PATH=" + bin + ":" + os.Getenv("PATH")}, filepath.Join(bin, "openapi-python-client"), "generate", "--meta", "none",
				"--path", description(t), "--output-path", filepath.Join(dir, "api"))
			return []string{filepath.Join(bin, "python"), "call.py"}
		},
		"openapi-typescript": func(t *testing.T, dir string) []string {
			modules := harness.Need(t, "openapi/node_modules")
			copyFiles(t, "testdata/typescript", dir)
			if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
				t.Fatal(err)
			}
			run(t, dir, nil, filepath.Join(modules, ".bin", "openapi-typescript"), description(t), "-o", "api.d.ts")
			run(t, dir, nil, filepath.Join(modules, ".bin", "tsc"))
			return []string{harness.Tool(t, "node"), "call.js"}
		},
	}
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

const data = `
parameters:
  /app/db: {value: 'p&<w>''d'}
secrets:
  app/key: {value: key-4f9a}
`

// What every client prints: a value with its version, a member of a secret,
// the code of an error, what became of metrics, a purge, a ping.
const want = `/app/db p&<w>'d 1 ssm
key-4f9a
not_found 404
accepted 1
purged true
healthy
`

func TestGeneratedClients(t *testing.T) {
	for name, generate := range generators() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			command := generate(t, dir)
			s := harness.Start(t, builds, lambdaemu.Options{NoFreeze: true, Env: map[string]string{"AWS_ENDPOINT_URL": harness.FakeAWSWith(t, data).URL}})
			got := run(t, dir, []string{"API=http://127.0.0.1:" + s.Port, "AWS_SESSION_TOKEN=" + harness.Token, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1"}, command...)
			if got != want {
				t.Errorf("printed %q, want %q", got, want)
			}
		})
	}
}
