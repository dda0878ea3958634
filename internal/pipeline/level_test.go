package pipeline

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"powertools-extension/internal/invocation"
)

type levelVectors struct {
	Cases []struct {
		Env         map[string]string `json:"env"`
		Constructor *string           `json:"constructor_level"`
		Effective   string            `json:"effective"`
		Warning     bool              `json:"alc_warning"`
	} `json:"cases"`
}

func readVectors(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		t.Fatal(err)
	}
}

// TestLevelVectors runs what Powertools itself answered. An extension has no
// constructor, so those cases are not ours. Where the two languages differ,
// every name counts in any case and an unknown one is INFO.
func TestLevelVectors(t *testing.T) {
	differs := map[string]string{ // variable and value → our answer
		"log_level_typescript.json POWERTOOLS_LOG_LEVEL=debug": "DEBUG",    // TypeScript: upper case only
		"log_level_typescript.json POWERTOOLS_LOG_LEVEL=FATAL": "CRITICAL", // TypeScript: not a name
		"log_level_python.json POWERTOOLS_LOG_LEVEL=TRACE":     "TRACE",    // Python: raises
		"log_level_python.json POWERTOOLS_LOG_LEVEL=bogus":     "INFO",     // Python: raises
		"log_level_python.json AWS_LAMBDA_LOG_LEVEL=TRACE":     "TRACE",    // Python: NOTSET
	}
	used := 0
	for _, file := range []string{"log_level_typescript.json", "log_level_python.json"} {
		var v levelVectors
		readVectors(t, file, &v)
		for _, c := range v.Cases {
			if c.Constructor != nil {
				continue
			}
			used++
			want := strings.Replace(c.Effective, "WARNING", "WARN", 1)
			if len(c.Env) == 1 {
				for name, value := range c.Env {
					if own, ok := differs[file+" "+name+"="+value]; ok {
						want = own
					}
				}
			}
			level, warning := ResolveLevel(c.Env["AWS_LAMBDA_LOG_LEVEL"], c.Env["POWERTOOLS_LOG_LEVEL"], c.Env["LOG_LEVEL"])
			if level.String() != want {
				t.Errorf("%s %v: level %v, want %s", file, c.Env, level, want)
			}
			if got := strings.Contains(warning, "AWS_LAMBDA_LOG_LEVEL"); got != c.Warning {
				t.Errorf("%s %v: warning %q, want one: %v", file, c.Env, warning, c.Warning)
			}
		}
	}
	if used != 20 {
		t.Errorf("%d vectors used, want 20", used)
	}
}

func TestResolveLevel(t *testing.T) {
	for _, tc := range []struct {
		lambda, own, legacy string
		want                string
		warning             string
	}{
		{"", "", "", "INFO", ""},
		{"", "", "warning", "WARN", ""},
		{"", "Information", "ERROR", "INFO", ""},
		{"", "silent", "", "SILENT", ""},
		{"", "", "loud", "INFO", "LOG_LEVEL: not a level"},
		{"ERROR", "loud", "", "ERROR", "POWERTOOLS_LOG_LEVEL: not a level"},
		{"ERROR", "INFO", "", "ERROR", "POWERTOOLS_LOG_LEVEL is INFO but AWS_LAMBDA_LOG_LEVEL is ERROR"},
		{"INFO", "", "", "INFO", ""},
		{"CRITICAL", "WARN", "", "WARN", ""}, // not one of Lambda's words
	} {
		level, warning := ResolveLevel(tc.lambda, tc.own, tc.legacy)
		if level.String() != tc.want || !strings.Contains(warning, tc.warning) || (warning == "") != (tc.warning == "") {
			t.Errorf("%q %q %q: %v, %q; want %s, %q", tc.lambda, tc.own, tc.legacy, level, warning, tc.want, tc.warning)
		}
	}
}

// I10: as members, and as numbers.
//
// TestObjectLevels: the keys and values that loggers of all runtimes write.
func TestObjectLevels(t *testing.T) {
	for line, want := range map[string]invocation.Level{
		`{"level":"WARN"}`:                            levelWarn,
		`{"level":"Information"}`:                     levelInfo,
		`{"level":10}`:                                levelTrace,
		`{"level":20}`:                                levelDebug,
		`{"level":30,"msg":"pino"}`:                   levelInfo,
		`{"level":40}`:                                levelWarn,
		`{"level":50}`:                                levelError,
		`{"level":60}`:                                levelCritical,
		`{"level":35}`:                                levelUnknown,
		`{"level":3}`:                                 levelUnknown,
		`{"level":null,"severity":"error"}`:           levelError,
		`{"severity":"WARNING","level":"info"}`:       levelInfo,
		`{"log.level":"debug"}`:                       levelDebug,
		`{"lvl":"eror"}`:                              levelError,
		`{"lvl":"err"}`:                               levelError,
		`{"LogLevel":"Critical"}`:                     levelCritical,
		`{"@l":"Warning"}`:                            levelWarn,
		`{"l\u0065vel":"ERROR"}`:                      levelError,
		`{"message":"level","x":{"level":"ERROR"}}`:   levelUnknown,
		`{"errorMessage":"boom","errorType":"Error"}`: levelError,
		`{"errorType":"none"}`:                        levelUnknown,
	} {
		var p parser
		ev := objectLine(line)
		if got := p.parse(&ev).facts.Level; got != want {
			t.Errorf("%s: %v, want %v", line, got, want)
		}
	}
}
