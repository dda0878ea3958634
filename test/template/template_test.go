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
		"queue that does not exist": {"!GetAtt OrdersDead.Arn", "!GetAtt OrdersDied.Arn"},
		"key that is not declared":  {"{AttributeName: id, KeyType: HASH}", "{AttributeName: key, KeyType: HASH}"},
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

// lossless says what of a template would lose messages of batches, or run a
// request twice: no linter knows it.
func lossless(text string) (wrong []string) {
	var doc struct {
		Resources map[string]struct {
			Type       string `yaml:"Type"`
			Properties struct {
				Timeout     int `yaml:"Timeout"`
				Environment struct {
					Variables map[string]yaml.Node `yaml:"Variables"`
				} `yaml:"Environment"`
				Events map[string]struct {
					Type       string `yaml:"Type"`
					Properties struct {
						Queue                 string   `yaml:"Queue"`
						FunctionResponseTypes []string `yaml:"FunctionResponseTypes"`
					} `yaml:"Properties"`
				} `yaml:"Events"`
				VisibilityTimeout       int                  `yaml:"VisibilityTimeout"`
				RedrivePolicy           map[string]yaml.Node `yaml:"RedrivePolicy"`
				TimeToLiveSpecification struct {
					AttributeName string `yaml:"AttributeName"`
					Enabled       bool   `yaml:"Enabled"`
				} `yaml:"TimeToLiveSpecification"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return []string{err.Error()}
	}
	found := false
	for name, f := range doc.Resources {
		v := f.Properties.Environment.Variables
		if table, ok := v["POWERTOOLS_IDEMPOTENCY_TABLE"]; ok {
			if ttl := doc.Resources[table.Value].Properties.TimeToLiveSpecification; !ttl.Enabled || ttl.AttributeName != "expiration" {
				wrong = append(wrong, name+": records in "+table.Value+" never go away")
			}
		}
		if _, ok := v["POWERTOOLS_BATCH"]; !ok {
			continue
		}
		for event, e := range f.Properties.Events {
			found = true
			if !slices.Contains(e.Properties.FunctionResponseTypes, "ReportBatchItemFailures") {
				wrong = append(wrong, name+"."+event+" has no FunctionResponseTypes: [ReportBatchItemFailures]: failed records would be deleted")
			}
			queue := doc.Resources[strings.TrimSuffix(e.Properties.Queue, ".Arn")].Properties
			if queue.VisibilityTimeout < 6*f.Properties.Timeout {
				wrong = append(wrong, name+"."+event+": messages come again while they are worked on")
			}
			if len(queue.RedrivePolicy) == 0 {
				wrong = append(wrong, name+"."+event+": a poisoned message comes for ever")
			}
		}
	}
	if !found {
		wrong = append(wrong, "no function with POWERTOOLS_BATCH and an event")
	}
	return wrong
}

// TestQueueLosesNothing: the example is what people copy.
func TestQueueLosesNothing(t *testing.T) {
	text, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	if wrong := lossless(string(text)); len(wrong) > 0 {
		t.Error(strings.Join(wrong, "\n"))
	}
	for _, change := range [][2]string{
		{"            FunctionResponseTypes: [ReportBatchItemFailures]\n", ""},
		{"VisibilityTimeout: 60", "VisibilityTimeout: 30"},
		{"      TimeToLiveSpecification: {AttributeName: expiration, Enabled: true}\n", ""},
		{"AttributeName: expiration", "AttributeName: expires"},
		{"      RedrivePolicy:\n        deadLetterTargetArn: !GetAtt OrdersDead.Arn\n        maxReceiveCount: 5\n", ""},
	} {
		broken := strings.Replace(string(text), change[0], change[1], 1)
		if broken == string(text) {
			t.Errorf("the template has no %q", change[0])
		} else if len(lossless(broken)) != 1 {
			t.Errorf("without %q: %v", change[0], lossless(broken))
		}
	}
}

// TestLeastPrivilege: of the table's actions the four that records
// need, on this table.
func TestLeastPrivilege(t *testing.T) {
	text, err := os.ReadFile(template)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "dynamodb:"); n != 4 || !strings.Contains(string(text),
		"Action: [dynamodb:PutItem, dynamodb:UpdateItem, dynamodb:DeleteItem, dynamodb:GetItem]\n              Resource: !GetAtt OrdersDone.Arn") {
		t.Errorf("%d actions of DynamoDB, want the four of docs/idempotency.md on the one table", n)
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
