package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// build compiles the package: static, because there may be any libc or none
// in the sandbox; stripped; without the paths and the state of the checkout.
func build(binary, source, version string, arch architecture) error {
	if strings.ContainsAny(version, " \t\n'\"") {
		return fmt.Errorf("version %q: the linker's flags cannot hold it", version)
	}
	args := []string{"build",
		"-trimpath", "-buildvcs=false",
		"-tags", "nethttpomithttp2", // AWS answers over HTTP/1.1; half a megabyte less
		"-ldflags", "-s -w -X main.version=" + version,
	}
	for _, packages := range coldPackages() {
		args = append(args, "-gcflags="+packages+"=-l")
	}
	cmd := exec.Command("go", append(args, "-o", binary, source)...)
	// Each of these changes the output, and each may be set on somebody's
	// machine. GOAMD64=v1: not every x86_64 in Lambda has more.
	cmd.Env = append(os.Environ(),
		"GOOS=linux", "GOARCH="+arch.goarch, "GOAMD64=v1", "GOARM64=v8.0",
		"CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GODEBUG=")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build %s for %s: %w", source, arch.lambda, err)
	}
	return nil
}

// coldPackages are compiled without inlining, which makes them a fifth of a
// megabyte smaller and start-up no slower: they work once per TLS connection
// or not at all. Nothing that runs for each request or log line is here.
func coldPackages() []string {
	return []string{"crypto/tls", "crypto/x509/...", "encoding/...", "math/big", "vendor/..."}
}
