package lambdaemu

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func replaceOnce(s, old, new string) string { return strings.Replace(s, old, new, 1) }

func TestOptionDefaults(t *testing.T) {
	got, err := Options{Command: []string{"/bin/true"}}.resolve()
	if err != nil {
		t.Fatal(err)
	}
	want := Options{
		Command: []string{"/bin/true"}, Dir: got.Dir, Inherit: []string{"PATH", "HOME", "LANG"}, Layers: []string{},
		FunctionName: "function", Version: "$LATEST", Handler: "app.handler", Region: "us-east-1", AccountID: "123456789012",
		Runtime: "provided.al2023", LogDescriptor: "off", MemoryMB: 128, Timeout: 3 * time.Second, InitTimeout: 10 * time.Second, LogFormat: "Text", InitType: "on-demand",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Start refuses what cannot work, in words that name the cure.
func TestBadOptions(t *testing.T) {
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "sub"), 0o700)
	os.Mkdir(filepath.Join(dir, "other"), 0o700)
	for _, name := range []string{"ext", "sub/ext"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ok := []string{"/bin/true"}
	tests := []struct {
		name string
		opt  Options
		want string
	}{
		{"no command", Options{}, "no command: say how the function starts"},
		{"missing command", Options{Command: []string{"./bootstrap"}, Dir: dir}, dir + "/bootstrap: no such file"},
		{"missing directory", Options{Command: ok, Dir: dir + "/x"}, "is not a directory"},
		{"missing extension", Options{Command: ok, Layers: []string{dir + "/none"}}, "none: no such file"},
		{"extension directory", Options{Command: ok, Layers: []string{dir + "/other"}}, "is a directory: name the executables in it"},
		{"same name", Options{Command: ok, Layers: []string{dir + "/ext", dir + "/sub/ext"}}, "have the same name"},
		{"log format", Options{Command: ok, LogFormat: "json"}, `log format "json": use Text or JSON`},
		{"managed instances", Options{Command: ok, InitType: "lambda-managed-instances", LogFormat: "Text"}, "managed instances have JSON only"},
		{"concurrency", Options{Command: ok, Concurrency: 2}, "only init type lambda-managed-instances runs several invocations in one sandbox"},
		{"negative concurrency", Options{Command: ok, Concurrency: -1}, "use 1 to 1000"},
		{"init type", Options{Command: ok, InitType: "warm"}, "unknown init type"},
		{"log descriptor", Options{Command: ok, LogDescriptor: "file"}, `log descriptor "file": use pipe, socket or off`},
		{"managed log descriptor", Options{Command: ok, LogDescriptor: "pipe", InitType: "lambda-managed-instances"}, "managed instances have none"},
		{"runtime", Options{Command: ok, Runtime: "cobol"}, `runtime "cobol": use Lambda's identifier, e.g. python3.13`},
		{"memory", Options{Command: ok, MemoryMB: 64}, "Lambda allows 128 to 10240"},
		{"timeout", Options{Command: ok, Timeout: time.Hour}, "Lambda allows up to 15m"},
		{"reserved", Options{Command: ok, Env: map[string]string{"AWS_REGION": "x"}}, "AWS_REGION is reserved by Lambda"},
		{"fault", Options{Command: ok, Faults: []Fault{{Name: "nope"}}}, `unknown fault "nope": the names are telemetry-202,`},
		{"fault argument", Options{Command: ok, Faults: []Fault{{Name: "schema-old", Arg: "1"}}}, "takes no argument"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Start(t.Context(), tt.opt)
			if err == nil || !strings.HasPrefix(err.Error(), "start emulator: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Every fault of the table is read somewhere, and its words are complete.
func TestFaultTable(t *testing.T) {
	var sources strings.Builder
	files, _ := filepath.Glob("*.go")
	more, _ := filepath.Glob("internal/*/*.go")
	files = append(files, more...)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources.Write(text)
	}
	for _, info := range FaultNames() {
		if info.Meaning == "" || !strings.Contains(sources.String(), `"`+info.Name+`"`) {
			t.Errorf("fault %s has no effect or no meaning", info.Name)
		}
	}
}
