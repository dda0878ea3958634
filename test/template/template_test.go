// Package template_test holds template.yml, which people copy, against
// AWS's own linter.
package template_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const template = "../../template.yml"

// linter finds cfn-lint: the one that test/runtimes installed, else any.
func linter(t *testing.T) string {
	t.Helper()
	if path, err := filepath.Abs("../../.cache/python/bin/cfn-lint"); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath("cfn-lint")
	if err == nil {
		return path
	}
	const cure = "pip install -r test/template/requirements.txt, or test/runtimes/prepare.sh"
	if os.Getenv("CI") == "true" {
		t.Fatal("no cfn-lint, and CI may not skip: " + cure)
	}
	t.Skip("\n\n!!! SKIPPED: no cfn-lint, so nobody looks at template.yml\n!!! cure: " + cure + "\n")
	return ""
}

// lint returns what the linter says; a finding is an *exec.ExitError.
func lint(t *testing.T, file string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), linter(t), "--format", "parseable", "--include-checks", "I", "--", file)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestTemplateIsClean(t *testing.T) {
	if out, err := lint(t, template); err != nil || strings.TrimSpace(out) != "" {
		t.Errorf("cfn-lint: %v\n%s", err, out)
	}
}

// TestLinterLooksInside breaks the template at places that only a linter
// that has expanded it can see.
func TestLinterLooksInside(t *testing.T) {
	text, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"layer that does not exist": {"[IsArm64, !Ref LayerArm64,", "[IsArm64, !Ref LayerArm65,"},
		"runtime unknown":           {"provided.al2023", "provided.al2022"},
		"policy without its name":   {"ParameterName: !Sub ${AWS::StackName}/greeting", "Parameter: x"},
		"retention of 15 days":      {"RetentionInDays: 14", "RetentionInDays: 15"},
	} {
		t.Run(name, func(t *testing.T) {
			broken := strings.Replace(string(text), change[0], change[1], 1)
			if broken == string(text) {
				t.Fatalf("the template has no %q", change[0])
			}
			file := filepath.Join(t.TempDir(), "template.yml")
			if err := os.WriteFile(file, []byte(broken), 0o644); err != nil {
				t.Fatal(err)
			}
			out, err := lint(t, file)
			var exit *exec.ExitError
			if !errors.As(err, &exit) {
				t.Errorf("cfn-lint found nothing: %v\n%s", err, out)
			}
		})
	}
}

// TestLayersNameWhatMakeLayerBuilds: the linter does not look at local files.
func TestLayersNameWhatMakeLayerBuilds(t *testing.T) {
	text, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Parameters map[string]struct {
			AllowedValues []string `yaml:"AllowedValues"`
		} `yaml:"Parameters"`
		Resources map[string]struct {
			Type       string    `yaml:"Type"`
			Properties yaml.Node `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	built := map[string]string{"x86_64": "dist/powertools-extension-x86_64.zip", "arm64": "dist/powertools-extension-arm64.zip"}
	var found []string
	for name, r := range doc.Resources {
		if r.Type != "AWS::Serverless::LayerVersion" {
			continue
		}
		var p struct {
			ContentURI              string   `yaml:"ContentUri"`
			CompatibleArchitectures []string `yaml:"CompatibleArchitectures"`
			LicenseInfo             string   `yaml:"LicenseInfo"`
			RetentionPolicy         string   `yaml:"RetentionPolicy"`
		}
		if err := r.Properties.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if len(p.CompatibleArchitectures) != 1 || built[p.CompatibleArchitectures[0]] != p.ContentURI {
			t.Errorf("%s: %s for %v", name, p.ContentURI, p.CompatibleArchitectures)
			continue
		}
		if p.LicenseInfo != "Apache-2.0" || p.RetentionPolicy != "Retain" {
			t.Errorf("%s: licence %q, retention %q", name, p.LicenseInfo, p.RetentionPolicy)
		}
		found = append(found, p.CompatibleArchitectures[0])
	}
	slices.Sort(found)
	if want := doc.Parameters["Architecture"].AllowedValues; !slices.Equal(found, want) {
		t.Errorf("layers for %v, the parameter allows %v", found, want)
	}
}

// TestOneVersionOfTheLinter: it is pinned here for those who want only this,
// and in test/runtimes with everything else.
func TestOneVersionOfTheLinter(t *testing.T) {
	pin := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "cfn-lint==") {
				return strings.TrimSpace(line)
			}
		}
		return ""
	}
	here, there := pin("requirements.txt"), pin("../runtimes/requirements.txt")
	if here == "" || here != there {
		t.Errorf("pinned as %q here and as %q in test/runtimes", here, there)
	}
}
