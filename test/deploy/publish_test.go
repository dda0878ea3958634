// Package deploy_test tries what people paste to ship and attach the layer:
// make publish against moto's Lambda, and the files of examples/deploy under
// the tools they are written for.
package deploy_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"powertools-extension/test/harness"
)

const root = "../.."

var builds harness.Builds

func TestMain(m *testing.M) {
	code := harness.Main(m, map[string]func(){busy: busyFunction}, &builds)
	_ = os.RemoveAll(here.dist) // none, if no layer was built
	os.Exit(code)
}

// copied is the checkout in another directory: what git knows, as it is now.
func copied(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "go.mod", "go.sum", "cmd", "internal", "layer", "LICENSE", "NOTICE")
	list.Dir = root
	names, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(names), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// zips builds the layers in a directory into dist, and returns their sums.
func zips(t *testing.T, dir, dist string) (sums map[string]string) {
	t.Helper()
	cmd := exec.Command("go", "run", "./layer", "-version", "v1.2.3", "-out", dist)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sums = map[string]string{}
	for _, arch := range []string{"arm64", "x86_64"} {
		text, err := os.ReadFile(filepath.Join(dist, "powertools-extension-"+arch+".zip"))
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(text)
		sums[arch] = base64.StdEncoding.EncodeToString(sum[:])
	}
	return sums
}

// here are the layers of this checkout, built once.
var here struct {
	once sync.Once
	dist string
	sums map[string]string
}

func zipsHere(t *testing.T) (dist string, sums map[string]string) {
	t.Helper()
	here.once.Do(func() {
		var err error
		if here.dist, err = os.MkdirTemp("", "deploy"); err != nil {
			t.Fatal(err)
		}
		here.sums = zips(t, root, here.dist)
	})
	return here.dist, here.sums
}

// publisher is the built command and the aws CLI pointed at moto.
type publisher struct {
	command, aws string
	env          []string
}

func newPublisher(t *testing.T) publisher {
	t.Helper()
	p := publisher{command: filepath.Join(t.TempDir(), "publish"), aws: harness.Need(t, "deploy/python/bin/aws")}
	build := exec.Command("go", "build", "-o", p.command, "./layer/publish")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p.env = append(os.Environ(), "AWS_ENDPOINT_URL="+harness.Moto(t), "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=example",
		"AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent")
	return p
}

func (p publisher) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.command, append([]string{"-aws", p.aws}, args...)...)
	cmd.Env = p.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (p publisher) lambda(t *testing.T, region string, answer any, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), p.aws, append([]string{"lambda", "--region", region, "--output", "json"}, args...)...)
	cmd.Env = p.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("aws lambda %s: %v: %s", args[0], err, stderr.String())
	}
	if answer != nil {
		if err := json.Unmarshal(out, answer); err != nil {
			t.Fatal(err)
		}
	}
}

type listed struct {
	LayerVersions []struct {
		Version                 int
		Description             string
		LicenseInfo             string
		CompatibleArchitectures []string
	}
}

// TestPublish: the zips of two directories are the same bytes, a dry run
// changes nothing, and after publishing each region has those bytes under the
// same number, also where there were fewer versions before.
func TestPublish(t *testing.T) {
	p := newPublisher(t)
	dist, sums := zipsHere(t)
	again := zips(t, copied(t), t.TempDir())
	for arch, sum := range sums {
		if again[arch] != sum {
			t.Errorf("%s: built in two directories: %s and %s", arch, sum, again[arch])
		}
	}
	regions := []string{"eu-north-1", "us-east-1"}
	args := []string{"-version", "v1.2.3", "-dist", dist, "-name", "two-directories", "-regions", strings.Join(regions, ",")}
	for range 3 { // one region is ahead with one architecture
		p.lambda(t, "us-east-1", nil, "publish-layer-version", "--layer-name", "two-directories-arm64", "--zip-file", "fileb://"+filepath.Join(dist, "powertools-extension-arm64.zip"))
	}

	out, err := p.run(t, args...)
	if err != nil || !strings.Contains(out, "Nothing was changed") || !strings.Contains(out, "two-directories-x86_64:4  (published 4 times: the newest there is 0)") {
		t.Fatalf("dry run: %v\n%s", err, out)
	}
	var list listed
	p.lambda(t, "eu-north-1", &list, "list-layer-versions", "--layer-name", "two-directories-arm64")
	if len(list.LayerVersions) != 0 {
		t.Errorf("the dry run published: %+v", list)
	}

	out, err = p.run(t, append(args, "-do")...)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dist, "layers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var written struct {
		Version string
		Layers  map[string]struct{ ARNs map[string]string }
	}
	if err := json.Unmarshal(text, &written); err != nil || written.Version != "v1.2.3" {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, region := range regions {
		for arch, sum := range sums {
			arn := written.Layers[arch].ARNs[region]
			if want := fmt.Sprintf("arn:aws:lambda:%s:123456789012:layer:two-directories-%s:4", region, arch); arn != want {
				t.Errorf("layers.json says %q, want %q", arn, want)
				continue
			}
			var got struct {
				Content     struct{ CodeSha256 string }
				Description string
				LicenseInfo string
			}
			p.lambda(t, region, &got, "get-layer-version", "--layer-name", "two-directories-"+arch, "--version-number", "4")
			if got.Content.CodeSha256 != sum || got.Description != "Powertools extension v1.2.3" || got.LicenseInfo != "Apache-2.0" {
				t.Errorf("%s: %+v, want the sum %s", arn, got, sum)
			}
		}
	}
	var behind listed
	p.lambda(t, "eu-north-1", &behind, "list-layer-versions", "--layer-name", "two-directories-x86_64")
	if len(behind.LayerVersions) != 1 {
		t.Errorf("versions on the way to the number were left: %+v", behind)
	}
}

// TestPublishSaysWhatIsMissing: each mistake has an error that names the cure,
// and nothing is published.
func TestPublishSaysWhatIsMissing(t *testing.T) {
	p := newPublisher(t)
	empty := t.TempDir()
	dist := t.TempDir()
	for _, arch := range []string{"arm64", "x86_64"} {
		if err := os.WriteFile(filepath.Join(dist, "powertools-extension-"+arch+".zip"), []byte("no zip"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no region":  {[]string{"-version", "v1"}, "make publish REGION="},
		"no version": {[]string{"-regions", "us-east-1"}, "-version v0.1.0"},
		"no zips":    {[]string{"-version", "v1", "-regions", "us-east-1", "-dist", empty}, "make layer"},
		"no aws":     {[]string{"-aws", "no-such-command", "-version", "v1", "-regions", "us-east-1", "-dist", dist}, "install the AWS CLI"},
	} {
		t.Run(name, func(t *testing.T) {
			if out, err := p.run(t, c.args...); err == nil || !strings.Contains(out, c.want) {
				t.Errorf("%v, without %q:\n%s", err, c.want, out)
			}
		})
	}
}

// fakeCLI answers as the script says: cases that no emulator has.
func fakeCLI(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "aws")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPublishStopsWhenTheAnswerIsNotWhatWasSent: other bytes, or a number that
// cannot be had, are an error and no row of layers.json.
func TestPublishStopsWhenTheAnswerIsNotWhatWasSent(t *testing.T) {
	p := newPublisher(t)
	dist := t.TempDir()
	for _, arch := range []string{"arm64", "x86_64"} {
		if err := os.WriteFile(filepath.Join(dist, "powertools-extension-"+arch+".zip"), []byte("zip"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256([]byte("zip"))
	right := base64.StdEncoding.EncodeToString(sum[:])
	for name, c := range map[string]struct{ answer, want string }{
		"other bytes":  {`{"LayerVersionArn":"arn","Version":1,"Content":{"CodeSha256":"other"}}`, "has the sum other"},
		"deleted ones": {`{"LayerVersionArn":"arn","Version":9,"Content":{"CodeSha256":"` + right + `"}}`, "became version 9, not 1"},
	} {
		t.Run(name, func(t *testing.T) {
			cli := fakeCLI(t, `case "$2" in list-layer-versions) echo '{"LayerVersions":[]}';; *) echo '`+c.answer+`';; esac`)
			out, err := p.run(t, "-aws", cli, "-version", "v1", "-regions", "us-east-1", "-dist", dist, "-do")
			if err == nil || !strings.Contains(out, c.want) {
				t.Errorf("%v, without %q:\n%s", err, c.want, out)
			}
			if _, err := os.Stat(filepath.Join(dist, "layers.json")); err == nil {
				t.Error("layers.json was written")
			}
		})
	}
}
