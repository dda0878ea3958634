package deploy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"powertools-extension/internal/canonical"
	"powertools-extension/test/harness"
)

const dashboard = root + "/examples/deploy/dashboard.yaml"

// stack is a template as far as these tests read it.
type stack struct {
	Resources map[string]struct {
		Type       string `yaml:"Type"`
		Properties struct {
			DashboardBody yaml.Node `yaml:"DashboardBody"`
			QueryString   string    `yaml:"QueryString"`
			MetricName    string    `yaml:"MetricName"`
		} `yaml:"Properties"`
	} `yaml:"Resources"`
}

func dashboardStack(t *testing.T) stack {
	t.Helper()
	text, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var s stack
	if err := yaml.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDashboardIsClean(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), harness.Need(t, "python/bin/cfn-lint"), "--include-checks", "I", "--", dashboard).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "" {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}

// widget is one of the dashboard's body.
type widget struct {
	Type          string
	Width, Height int
	Properties    struct {
		Title, Query, View, Stat string
		Metrics                  [][]any
	}
}

// widgets are those of the body, filled in with the names of the parameters.
func widgets(t *testing.T) []widget {
	t.Helper()
	body := dashboardStack(t).Resources["Dashboard"].Properties.DashboardBody.Content[0].Value
	filled := regexp.MustCompile(`\$\{[^}]*\}`).ReplaceAllStringFunc(body, func(name string) string {
		if name == "${TimeoutMs}" {
			return "3000"
		}
		return strings.Trim(name, "${}")
	})
	var d struct{ Widgets []widget }
	if err := json.Unmarshal([]byte(filled), &d); err != nil {
		t.Fatalf("the body is no JSON: %v\n%s", err, filled)
	}
	return d.Widgets
}

// defaultMetrics are the metrics that the extension lists without being asked.
func defaultMetrics() map[string]bool {
	names := map[string]bool{}
	for _, m := range canonical.Metrics() {
		if m.Preset == canonical.PresetDefault {
			names[m.Name] = true
		}
	}
	return names
}

// TestDashboardNamesWhatExists: the body is JSON once it is filled in, and each
// metric of ours in it is listed by the default preset, with our dimensions.
// Otherwise a widget stays empty, and nobody knows why.
func TestDashboardNamesWhatExists(t *testing.T) {
	s := dashboardStack(t)
	known, seen := defaultMetrics(), map[string]bool{}
	for _, w := range widgets(t) {
		for _, m := range w.Properties.Metrics {
			if len(m) < 6 || m[0] != "Namespace" {
				continue
			}
			name := fmt.Sprint(m[1])
			seen[name] = true
			if !known[name] {
				t.Errorf("%s: %s is no metric of the default preset", w.Properties.Title, name)
			}
			if got := m[2:6]; !slices.Equal(got, []any{"service", "Service", "function_name", "FunctionName"}) {
				t.Errorf("%s: %s has the dimensions %v", w.Properties.Title, name, got)
			}
		}
		if w.Properties.Query != "" {
			checkQuery(t, w.Properties.Title, w.Properties.Query)
		}
		if w.Width == 0 || w.Height == 0 {
			t.Errorf("%s has no size", w.Properties.Title)
		}
	}
	for name := range known {
		if !seen[name] {
			t.Errorf("the default preset is billed for %s, and the dashboard does not show it", name)
		}
	}
	if a := s.Resources["OutOfMemory"].Properties; !known[a.MetricName] {
		t.Errorf("an alarm is on %s, which is no metric of the default preset", a.MetricName)
	}
}

// TestQueries: each name in a saved query, in a widget, and in docs/queries.md
// is one that our lines have. What is saved stands in the page, too.
func TestQueries(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/queries.md"))
	if err != nil {
		t.Fatal(err)
	}
	var inPage []string
	for _, m := range regexp.MustCompile("(?s)```logs\n(.*?)```").FindAllSubmatch(page, -1) {
		checkQuery(t, "docs/queries.md", string(m[1]))
		inPage = append(inPage, strings.Join(strings.Fields(string(m[1])), " "))
	}
	if len(inPage) < 8 {
		t.Errorf("%d queries in docs/queries.md", len(inPage))
	}
	for name, r := range dashboardStack(t).Resources {
		if r.Type != "AWS::Logs::QueryDefinition" {
			continue
		}
		checkQuery(t, name, r.Properties.QueryString)
		if !slices.Contains(inPage, strings.Join(strings.Fields(r.Properties.QueryString), " ")) {
			t.Errorf("%s does not stand in docs/queries.md", name)
		}
	}
}

// checkQuery reads the names in a query: what is neither Insights' own, nor made
// by the query, has to be a member of the lines.
func checkQuery(t *testing.T, where, query string) {
	t.Helper()
	known := map[string]bool{}
	for _, m := range canonical.Metrics() {
		known[m.Name] = true
	}
	for _, p := range canonical.Properties() {
		known[p.Name] = true
	}
	for name := range strings.FieldsSeq(`level message service function_request_id correlation_id
		parameter_hits parameter_misses parameter_stale parameter_errors`) { // of lines; and a group of members
		known[name] = true
	}
	for name := range strings.FieldsSeq(`fields filter stats sort limit by as asc desc and or not in like count sum min max avg pct
		latest bin ispresent coalesce strlen h m SOURCE Logs`) {
		known[name] = true
	}
	query = regexp.MustCompile(`"[^"]*"|'[^']*'`).ReplaceAllString(query, "")
	for _, m := range regexp.MustCompile(`\bas\s+(\w+)`).FindAllStringSubmatch(query, -1) {
		known[m[1]] = true
	}
	for _, word := range regexp.MustCompile(`@?[A-Za-z_]\w*`).FindAllString(query, -1) {
		if !known[word] && !slices.Contains([]string{"@timestamp", "@message", "@requestId"}, word) {
			t.Errorf("%s: no line has %s:\n%s", where, word, query)
		}
	}
}
