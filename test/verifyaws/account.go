package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"powertools-extension/layer/awscli"
)

// account is Lambda in an AWS account, through the aws CLI.
type account struct {
	cli    awscli.CLI
	region string
	prefix string // of every name that is made
	dir    string // of the files that the CLI is given
	wait   time.Duration
	role   string
	layers map[string]string // ARNs: "probe", and "tried" with -layer
	undo   []func(context.Context) error
}

// newAccount makes the role and the layers.
func newAccount(ctx context.Context, cli awscli.CLI, region, layer string, wait time.Duration) (*account, error) {
	dir, err := os.MkdirTemp("", "verifyaws")
	if err != nil {
		return nil, err
	}
	a := &account{cli: cli, region: region, prefix: fmt.Sprintf("verify-powertools-%d", time.Now().Unix()), dir: dir, wait: wait, layers: map[string]string{}}
	a.undo = append(a.undo, func(context.Context) error { return os.RemoveAll(dir) })
	if err := a.prepare(ctx, layer); err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return nil, errors.Join(err, a.remove(ctx))
	}
	return a, nil
}

func (a *account) prepare(ctx context.Context, layer string) error {
	var role struct{ Role struct{ Arn string } }
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}`
	if err := a.aws(ctx, &role, "iam", "create-role", "--role-name", a.prefix, "--assume-role-policy-document", trust); err != nil {
		return err
	}
	a.role = role.Role.Arn
	a.later("iam", "delete-role", "--role-name", a.prefix)
	for _, policy := range []string{"service-role/AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess", "AmazonSSMReadOnlyAccess"} {
		arn := "arn:aws:iam::aws:policy/" + policy
		if err := a.aws(ctx, nil, "iam", "attach-role-policy", "--role-name", a.prefix, "--policy-arn", arn); err != nil {
			return err
		}
		a.later("iam", "detach-role-policy", "--role-name", a.prefix, "--policy-arn", arn)
	}
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", filepath.Join(a.dir, "probe"), "./test/verifyaws/probe")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the probe in the root of the repository: %w: %s", err, out)
	}
	if err := a.pack("layer.zip", map[string]string{"extensions/verify-probe": filepath.Join(a.dir, "probe")}); err != nil {
		return err
	}
	if err := a.pack("custom.zip", map[string]string{"bootstrap": filepath.Join(a.dir, "probe")}); err != nil {
		return err
	}
	if err := a.pack("python.zip", map[string]string{"probe.py": "test/verifyaws/probe/probe.py"}); err != nil {
		return err
	}
	zips := map[string]string{"probe": filepath.Join(a.dir, "layer.zip")}
	if layer != "" {
		zips["tried"] = layer
	}
	for name, path := range zips {
		var v struct {
			LayerVersionArn string
			Version         int
		}
		if err := a.aws(ctx, &v, "lambda", "publish-layer-version", "--layer-name", a.prefix+"-"+name, "--zip-file", "fileb://"+path); err != nil {
			return err
		}
		a.layers[name] = v.LayerVersionArn
		a.later("lambda", "delete-layer-version", "--layer-name", a.prefix+"-"+name, "--version-number", fmt.Sprint(v.Version))
	}
	return pause(ctx, min(a.wait, 15*time.Second)) // a new role is not known everywhere at once
}

func (a *account) deploy(ctx context.Context, p probe) error {
	name, layers := a.prefix+"-"+p.name, append([]string{a.layers["probe"]}, p.layers...)
	if p.place {
		layers = append(layers, a.layers["tried"])
	}
	env, err := json.Marshal(map[string]any{"Variables": p.env})
	if err != nil {
		return err
	}
	code, handler := "custom.zip", "bootstrap"
	if p.runtime != "provided.al2023" {
		code, handler = "python.zip", "probe.handler"
	}
	args := []string{"lambda", "create-function", "--function-name", name, "--runtime", p.runtime, "--handler", handler, "--role", a.role,
		"--architectures", "arm64", "--memory-size", "256", "--timeout", "10", "--tracing-config", "Mode=Active",
		"--environment", string(env), "--zip-file", "fileb://" + filepath.Join(a.dir, code), "--layers"}
	args = append(args, layers...)
	if p.managed != "" {
		args = append(args, "--capacity-provider-config", `{"LambdaManagedInstancesCapacityProviderConfig":{"CapacityProviderArn":"`+p.managed+`"}}`)
	}
	a.later("logs", "delete-log-group", "--log-group-name", "/aws/lambda/"+name)
	a.later("lambda", "delete-function", "--function-name", name)
	if err := a.aws(ctx, nil, args...); err != nil {
		return err
	}
	return a.aws(ctx, nil, "lambda", "wait", "function-active-v2", "--function-name", name)
}

func (a *account) invoke(ctx context.Context, p probe, call invocation) error {
	payload := filepath.Join(a.dir, "payload.json")
	if err := os.WriteFile(payload, []byte(call.payload), 0o600); err != nil {
		return err
	}
	kind := "RequestResponse"
	if call.async {
		kind = "Event"
	}
	failed := make(chan error)
	for i := range max(call.atOnce, 1) {
		go func() {
			failed <- a.aws(ctx, nil, "lambda", "invoke", "--function-name", a.prefix+"-"+p.name, "--invocation-type", kind,
				"--payload", "fileb://"+payload, filepath.Join(a.dir, fmt.Sprintf("answer-%d", i)))
		}()
	}
	var err error
	for range max(call.atOnce, 1) {
		err = errors.Join(err, <-failed)
	}
	return err
}

// retire changes the configuration: Lambda starts no more events in the old
// sandboxes, and shuts them down.
func (a *account) retire(ctx context.Context, p probe) error {
	return a.aws(ctx, nil, "lambda", "update-function-configuration", "--function-name", a.prefix+"-"+p.name, "--description", "retired")
}

func (a *account) settle(ctx context.Context) error { return pause(ctx, a.wait) }

func (a *account) logs(ctx context.Context, p probe) ([]string, error) {
	var found struct {
		Events []struct{ Message string }
	}
	if err := a.aws(ctx, &found, "logs", "filter-log-events", "--log-group-name", "/aws/lambda/"+a.prefix+"-"+p.name); err != nil {
		return nil, err
	}
	lines := []string{}
	for _, e := range found.Events {
		lines = append(lines, e.Message)
	}
	return lines, nil
}

func (a *account) traces(ctx context.Context, ids []string) (map[string]string, error) {
	out := map[string]string{}
	for chunk := range slices.Chunk(ids, 5) {
		var found struct {
			Traces []struct {
				ID       string `json:"Id"`
				Segments []struct{ Document string }
			}
		}
		if err := a.aws(ctx, &found, append([]string{"xray", "batch-get-traces", "--trace-ids"}, chunk...)...); err != nil {
			return nil, err
		}
		for _, id := range chunk {
			out[id] = ""
		}
		for _, t := range found.Traces {
			for _, s := range t.Segments {
				out[t.ID] += s.Document
			}
		}
	}
	return out, nil
}

// later remembers how to take back what is made.
func (a *account) later(args ...string) {
	a.undo = append(a.undo, func(ctx context.Context) error {
		if err := a.aws(ctx, nil, args...); err != nil && !strings.Contains(err.Error(), "NotFound") {
			return fmt.Errorf("remove by hand: aws %s: %w", strings.Join(args, " "), err)
		}
		return nil
	})
}

// remove takes everything back, the last first, and tries all of it.
func (a *account) remove(ctx context.Context) error {
	var err error
	for _, undo := range slices.Backward(a.undo) {
		err = errors.Join(err, undo(ctx))
	}
	a.undo = nil
	return err
}

func (a *account) pack(name string, files map[string]string) error {
	var packed bytes.Buffer
	w := zip.NewWriter(&packed)
	for entry, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: entry, Method: zip.Deflate}
		header.SetMode(0o755)
		file, err := w.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := file.Write(text); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(a.dir, name), packed.Bytes(), 0o600)
}

func (a *account) aws(ctx context.Context, answer any, args ...string) error {
	return a.cli.Run(ctx, a.region, answer, args...)
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
