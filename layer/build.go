package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// program is one of the files of a layer.
type program struct {
	source string // its package
	entry  string // its place below /opt
	cold   []string
}

// programs are all of them. Lambda looks for an extension directly in
// extensions/ (Lambda Extensions API); the wrapper is named by its path in
// AWS_LAMBDA_EXEC_WRAPPER. The wrapper runs for a millisecond, so that all of
// it is compiled to be small.
func programs(extension, wrapper string) []program {
	return []program{
		{extension, "extensions/powertools-extension", coldPackages()},
		{wrapper, "powertools-wrapper", []string{"all"}},
	}
}

// build compiles the package: static, because there may be any libc or none
// in the sandbox; stripped; without the paths and the state of the checkout.
func build(binary string, p program, version string, arch architecture) error {
	if strings.ContainsAny(version, " \t\n'\"") {
		return fmt.Errorf("version %q: the linker's flags cannot hold it", version)
	}
	args := []string{"build",
		"-trimpath", "-buildvcs=false",
		"-tags", "nethttpomithttp2", // AWS answers over HTTP/1.1; half a megabyte less
		"-ldflags", "-s -w -X main.version=" + version,
	}
	for _, packages := range p.cold {
		args = append(args, "-gcflags="+packages+"=-l")
	}
	cmd := exec.Command("go", append(args, "-o", binary, p.source)...)
	// Each of these changes the output, and each may be set on somebody's
	// machine. GOAMD64=v1: not every x86_64 in Lambda has more.
	cmd.Env = append(os.Environ(),
		"GOOS=linux", "GOARCH="+arch.goarch, "GOAMD64=v1", "GOARM64=v8.0",
		"CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GODEBUG=")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build %s for %s: %w", p.source, arch.lambda, err)
	}
	return nil
}

// coldPackages are compiled without inlining, which makes them a fifth of a
// megabyte smaller and start-up no slower: they work once per TLS connection
// or not at all. Nothing that runs for each request or log line is here.
func coldPackages() []string {
	return []string{"crypto/tls", "crypto/x509/...", "encoding/...", "math/big", "vendor/..."}
}
