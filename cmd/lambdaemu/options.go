package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"powertools-extension/cmd/lambdaemu/ports"
	"powertools-extension/lambdaemu"
)

// options builds what the emulator gets, apart from hooks and layers. Where
// the emulator would refuse a value, the message here names the flag.
func (s settings) options(p process, awsURL string) (lambdaemu.Options, error) {
	opt := lambdaemu.Options{
		Command: s.command, Dir: s.dir, FunctionName: s.function, Handler: s.handler, Runtime: s.runtime,
		Concurrency: s.concurrency, Seed: s.seed,
		LogDescriptor: s.logDescriptor, SplitOutput: s.splitOutput,
		MemoryMB: s.memoryMB, Timeout: s.timeout, NoFreeze: !s.freeze, Faults: s.faults, InitType: s.initType,
		Env: map[string]string{},
	}
	if s.logFormat == "json" {
		opt.LogFormat = "JSON"
	}
	if s.initType == "managed-instances" {
		opt.InitType = "lambda-managed-instances"
	}
	if err := s.checkCommand(); err != nil {
		return opt, err
	}
	if err := s.awsEnv(p, awsURL, &opt); err != nil {
		return opt, err
	}
	for _, pair := range s.env { // last, so that the user has the last word
		name, value, given := strings.Cut(pair, "=")
		if !given {
			if value, given = p.lookup(name); !given {
				return opt, usageError{fmt.Errorf("--env %s: the host has no such variable; write --env %s=VALUE", name, name)}
			}
		}
		opt.Env[name] = value
	}
	return opt, fillPorts(opt.Env)
}

// Each of these in a variable becomes a free port, the same in all of them, so
// that runs side by side do not meet.
const (
	portPlaceholder   = "{port}"
	secondPlaceholder = "{port2}"
)

func fillPorts(env map[string]string) error {
	for _, placeholder := range []string{portPlaceholder, secondPlaceholder} {
		port := ""
		for name, value := range env {
			if !strings.Contains(value, placeholder) {
				continue
			}
			if port == "" {
				free, err := ports.Free()
				if err != nil {
					return fmt.Errorf("--env %s: no free port: %w", name, err)
				}
				port = strconv.Itoa(free)
			}
			env[name] = strings.ReplaceAll(value, placeholder, port)
		}
	}
	return nil
}

// needsEmbeddedAWS: with an event source it is there unless the user has
// another AWS, because an extension asks for the mapping.
func (s settings) needsEmbeddedAWS(p process) bool {
	if s.params != "" || s.realAWS || !s.source.given() {
		return s.params != ""
	}
	return !slices.ContainsFunc(p.environ(), func(pair string) bool { return strings.HasPrefix(pair, "AWS_ENDPOINT_URL") })
}

// awsEnv chooses which AWS the processes talk to.
func (s settings) awsEnv(p process, awsURL string, opt *lambdaemu.Options) error {
	if s.realAWS {
		return s.hostCredentials(p, opt)
	}
	if awsURL != "" {
		opt.Env["AWS_ENDPOINT_URL"] = awsURL
		return nil
	}
	for _, pair := range p.environ() {
		if name, value, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_ENDPOINT_URL") {
			opt.Env[name] = value
		}
	}
	return nil
}

func (s settings) hostCredentials(p process, opt *lambdaemu.Options) error {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		value, ok := p.lookup(name)
		if !ok {
			return usageError{fmt.Errorf(`--aws: %s is not set; e.g. eval "$(aws configure export-credentials --format env)"`, name)}
		}
		opt.Env[name] = value
	}
	// Static keys have no session token, and the emulator's own would not fit
	// them; an empty value takes it away.
	opt.Env["AWS_SESSION_TOKEN"], _ = p.lookup("AWS_SESSION_TOKEN")
	for _, name := range []string{"AWS_DEFAULT_REGION", "AWS_REGION"} {
		if region, ok := p.lookup(name); ok && region != "" {
			opt.Region = region
		}
	}
	return nil
}

// checkCommand finds the function's command the way the emulator will.
func (s settings) checkCommand() error {
	name := s.command[0]
	path := name
	if strings.Contains(name, "/") && !filepath.IsAbs(name) {
		path = filepath.Join(s.dir, name)
		if !strings.Contains(path, "/") {
			path = "./" + path
		}
	}
	_, err := exec.LookPath(path)
	switch {
	case err == nil || errors.Is(err, exec.ErrDot):
		return nil
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("function command %s is not executable: chmod +x %s", name, path)
	case strings.Contains(name, "/"):
		return fmt.Errorf("function command %s: no such file (looked for %s)", name, path)
	}
	if _, err := os.Stat(filepath.Join(s.dir, name)); err == nil {
		return fmt.Errorf("function command %s: not found in PATH; for the file in this directory write ./%s", name, name)
	}
	return fmt.Errorf("function command %s: not found in PATH", name)
}
