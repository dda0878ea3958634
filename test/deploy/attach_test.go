package deploy_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"powertools-extension/test/harness"
)

// attached is what a deployment tool makes of a snippet: what a user would see
// in Lambda's console.
type attached struct {
	Runtime, Handler, Architecture string
	Layer                          string
	Env                            map[string]string
	Reads                          string // the action that the function's role allows
}

var update = flag.Bool("update", false, "write the files into the pages that show them")

const layerARN = "arn:aws:lambda:eu-north-1:123456789012:layer:powertools-extension-arm64:1"

// want is the same for all tools, because it is the same function.
func want() attached {
	return attached{
		Runtime: "python3.13", Handler: "app.handler", Architecture: "arm64", Layer: layerARN,
		Env: map[string]string{
			"POWERTOOLS_SERVICE_NAME":      "orders",
			"POWERTOOLS_METRICS_NAMESPACE": "Shop",
			"AWS_LAMBDA_EXEC_WRAPPER":      "/opt/powertools-wrapper",
			"DB_PASSWORD":                  "powertools+secret:orders/database#password",
		},
		Reads: "secretsmanager:GetSecretValue",
	}
}

// TestAttach runs each snippet through the tool it is written for.
func TestAttach(t *testing.T) {
	for tool, read := range map[string]func(*testing.T) attached{
		"sam": sam, "cdk": cdk, "terraform": terraform, "serverless": serverless, "pulumi": pulumi,
	} {
		t.Run(tool, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(want(), read(t)); diff != "" {
				t.Errorf("not what the others make (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTemplateUnderSAM: template.yml at the root is valid as SAM reads it, the
// nested dashboard and the repository's metadata included.
func TestTemplateUnderSAM(t *testing.T) {
	output(t, root, nil, harness.Need(t, "deploy/python/bin/sam"), "validate", "--lint", "--template", "template.yml", "--region", "eu-north-1")
}

// snippet is the folder of a tool's files, copied: tools write beside them.
func snippet(t *testing.T, tool string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "deploy")
	for _, name := range []string{"src", tool} {
		if err := os.CopyFS(filepath.Join(to, name), os.DirFS(filepath.Join(root, "examples/deploy", name))); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(to, tool)
}

// output runs a command without AWS's variables of whoever runs the tests.
func output(t *testing.T, dir string, env []string, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "AWS_REGION=eu-north-1", "AWS_DEFAULT_REGION=eu-north-1", "AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent",
		"AWS_EC2_METADATA_DISABLED=true", "SAM_CLI_TELEMETRY=0", "CI=true", "HOME="+t.TempDir())
	cmd.Env = append(cmd.Env, env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s\n%s", filepath.Base(name), strings.Join(args, " "), err, stderr.String(), out)
	}
	return out
}

// tree is decoded YAML or JSON.
type tree struct{ v any }

func (n tree) at(keys ...string) tree {
	for _, key := range keys {
		m, _ := n.v.(map[string]any)
		n = tree{m[key]}
	}
	return n
}

func (n tree) text() string { s, _ := n.v.(string); return s }

// one is the only element of a list; for Terraform's blocks and roles.
func (n tree) one() tree {
	if list, ok := n.v.([]any); ok && len(list) == 1 {
		return tree{list[0]}
	}
	return tree{}
}

func (n tree) texts() map[string]string {
	m, _ := n.v.(map[string]any)
	out := map[string]string{}
	for key, v := range m {
		out[key], _ = v.(string)
	}
	return out
}

// either is the text, or the only one of a list.
func (n tree) either() string {
	if s := n.text(); s != "" {
		return s
	}
	return n.one().text()
}

func parse(t *testing.T, text []byte) tree {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return tree{v}
}

// sam validates the template with SAM's and CloudFormation's linters, and reads it.
func sam(t *testing.T) attached {
	dir := snippet(t, "sam")
	output(t, dir, nil, harness.Need(t, "deploy/python/bin/sam"), "validate", "--lint", "--template", "template.yaml", "--region", "eu-north-1")
	text, err := os.ReadFile(filepath.Join(dir, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	f := parse(t, text).at("Resources", "Orders", "Properties")
	a := attached{Runtime: f.at("Runtime").text(), Handler: f.at("Handler").text(), Architecture: f.at("Architectures").one().text(),
		Env: f.at("Environment", "Variables").texts(), Reads: f.at("Policies").one().at("Statement").one().at("Action").text()}
	if f.at("Layers").one().text() == "LayerArn" { // !Ref of the parameter
		a.Layer = layerARN
	}
	return a
}

// cdk compiles the program with TypeScript's checks and synthesises it.
func cdk(t *testing.T) attached {
	modules := harness.Need(t, "deploy/node/node_modules")
	dir := snippet(t, "cdk")
	if err := os.Symlink(modules, filepath.Join(filepath.Dir(dir), "node_modules")); err != nil {
		t.Fatal(err)
	}
	node := harness.Tool(t, "node")
	output(t, dir, nil, node, filepath.Join(modules, "typescript/bin/tsc"), "--strict", "--skipLibCheck", "--module", "commonjs", "--target", "es2022", "--outDir", "out", "app.ts")
	output(t, dir, []string{"CDK_OUTDIR=" + filepath.Join(dir, "cdk.out"), `CDK_CONTEXT_JSON={"layerArn":"` + layerARN + `"}`}, node, "out/app.js")
	text, err := os.ReadFile(filepath.Join(dir, "cdk.out/Orders.template.json"))
	if err != nil {
		t.Fatal(err)
	}
	var a attached
	resources, _ := parse(t, text).at("Resources").v.(map[string]any)
	for _, r := range resources {
		r := tree{r}
		switch p := r.at("Properties"); r.at("Type").text() {
		case "AWS::Lambda::Function":
			a.Runtime, a.Handler, a.Architecture = p.at("Runtime").text(), p.at("Handler").text(), p.at("Architectures").one().text()
			a.Layer, a.Env = p.at("Layers").one().text(), p.at("Environment", "Variables").texts()
		case "AWS::IAM::Policy":
			actions, _ := p.at("PolicyDocument", "Statement").one().at("Action").v.([]any)
			for _, action := range actions {
				if action == want().Reads {
					a.Reads = want().Reads
				}
			}
		}
	}
	return a
}

// terraform parses the configuration: no provider can be had here, so that its
// own checks of the arguments are not run.
func terraform(t *testing.T) attached {
	dir := snippet(t, "terraform")
	// A quoted text keeps its quotes, or not, by the version of the parser.
	config := tree{unquoted(parse(t, output(t, dir, nil, harness.Need(t, "deploy/python/bin/hcl2tojson"), "main.tf")).v)}
	resource := func(kind, name string) tree {
		list, _ := config.at("resource").v.([]any)
		for _, r := range list {
			if found := (tree{r}).at(kind, name); found.v != nil {
				return found
			}
		}
		t.Fatalf("no resource %s %s", kind, name)
		return tree{}
	}
	f := resource("aws_lambda_function", "orders")
	a := attached{Runtime: f.at("runtime").text(), Handler: f.at("handler").text(), Architecture: f.at("architectures").one().text(),
		Env: f.at("environment").one().at("variables").texts()}
	if strings.Contains(f.at("layers").one().text(), "var.layer_arn") {
		a.Layer = layerARN
	}
	if strings.Contains(resource("aws_iam_role_policy", "database").at("policy").text(), want().Reads) {
		a.Reads = want().Reads
	}
	return a
}

// unquoted takes the parser's quotes from keys and texts.
func unquoted(v any) any {
	switch v := v.(type) {
	case string:
		return strings.Trim(v, `"`)
	case []any:
		for i := range v {
			v[i] = unquoted(v[i])
		}
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			out[strings.Trim(key, `"`)] = unquoted(value)
		}
		return out
	}
	return v
}

// serverless prints what the framework makes of its file.
func serverless(t *testing.T) attached {
	dir := snippet(t, "serverless")
	cli := harness.Need(t, "deploy/node/node_modules/osls/bin/serverless.js")
	printed := parse(t, output(t, dir, []string{"LAYER_ARN=" + layerARN}, harness.Tool(t, "node"), cli, "print"))
	p := printed.at("provider")
	return attached{Runtime: p.at("runtime").text(), Handler: printed.at("functions", "orders", "handler").text(), Architecture: p.at("architecture").text(),
		Layer: p.at("layers").one().text(), Env: p.at("environment").texts(), Reads: p.at("iam", "role", "statements").one().at("Action").either()}
}

// pulumi runs the program with the engine replaced by mocks, as Pulumi's own
// unit tests do, and prints what it registers.
func pulumi(t *testing.T) attached {
	dir := snippet(t, "pulumi")
	program := `
import json, sys, runpy, pulumi
seen = []
class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        seen.append({"type": args.typ, "inputs": args.inputs})
        return args.name + "_id", args.inputs
    def call(self, args):
        return {"arn": "arn:aws:secretsmanager:eu-north-1:123456789012:secret:" + args.args["name"] + "-AbCdEf"}
pulumi.runtime.set_mocks(Mocks(), preview=False)
pulumi.runtime.set_all_config({"project:layerArn": sys.argv[1]})
@pulumi.runtime.test
def run():
    runpy.run_path("__main__.py")
run()
print(json.dumps(seen, default=lambda o: type(o).__name__))
`
	var seen []any
	if err := json.Unmarshal(output(t, dir, nil, harness.Need(t, "deploy/python/bin/python"), "-c", program, layerARN), &seen); err != nil {
		t.Fatal(err)
	}
	var a attached
	for _, r := range seen {
		r := tree{r}
		in := r.at("inputs")
		switch r.at("type").text() {
		case "aws:lambda/function:Function":
			a.Runtime, a.Handler, a.Architecture = in.at("runtime").text(), in.at("handler").text(), in.at("architectures").one().text()
			a.Layer, a.Env = in.at("layers").one().text(), in.at("environment", "variables").texts()
		case "aws:iam/rolePolicy:RolePolicy":
			a.Reads = parse(t, []byte(in.at("policy").text())).at("Statement").one().at("Action").text()
		}
	}
	return a
}

// TestImage follows the Dockerfile without a container: what its COPY lines
// bring to /opt is where Lambda and the entry point look.
func TestImage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "examples/deploy/image/Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	dist, _ := zipsHere(t)
	env := map[string]string{}
	var entry []string
	unpacked := map[string]bool{} // path in the image: executable
	for line := range strings.Lines(string(text)) {
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word {
		case "ENV":
			name, value, _ := strings.Cut(rest, "=")
			env[name] = value
		case "ENTRYPOINT":
			if err := json.Unmarshal([]byte(rest), &entry); err != nil {
				t.Fatal(err)
			}
		case "COPY":
			if from, _, _ := strings.Cut(rest, " "); strings.HasSuffix(from, ".zip") {
				r, err := zip.OpenReader(filepath.Join(dist, from))
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				for _, f := range r.File {
					unpacked["/opt/"+f.Name] = f.Mode()&0o111 != 0
				}
			}
		}
	}
	if !strings.Contains(string(text), "COPY --from=powertools /opt/ /opt/") {
		t.Error("the image does not get the layer's /opt")
	}
	if !unpacked["/opt/extensions/powertools-extension"] || len(entry) == 0 || !unpacked[entry[0]] {
		t.Errorf("in the image: %v; entry point %v", unpacked, entry)
	}
	all := want().Env
	delete(all, "AWS_LAMBDA_EXEC_WRAPPER") // the entry point does its work
	if diff := cmp.Diff(all, env); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

// TestPagesShowTheFiles: a block in docs that names a file shows that file. With
// -update it is written into the page.
func TestPagesShowTheFiles(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(root, "docs/*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	block := regexp.MustCompile("(?s)(<!-- (examples/[^ ]+) -->\n```[a-z]*\n)(.*?)(```\n)")
	shown := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		fresh := block.ReplaceAllFunc(text, func(m []byte) []byte {
			parts := block.FindSubmatch(m)
			file, err := os.ReadFile(filepath.Join(root, string(parts[2])))
			if err != nil {
				t.Errorf("%s: %v", page, err)
				return m
			}
			shown++
			return slices.Concat(parts[1], file, parts[4])
		})
		if bytes.Equal(fresh, text) {
			continue
		}
		if !*update {
			t.Errorf("%s shows a file as it was before: go test ./test/deploy -run TestPagesShowTheFiles -update", page)
			continue
		}
		if err := os.WriteFile(page, fresh, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if shown < 6 {
		t.Errorf("%d files are shown", shown)
	}
}
