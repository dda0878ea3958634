package main

import (
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// port is where every server under load listens, one after the other.
const port = "27730"

const address = "127.0.0.1:" + port

// server is one that answers cached reads.
type server struct {
	name  string
	start func(l *lambda) (*exec.Cmd, error)
	head  string // of the request that is measured
}

// secretHead asks for the cached secret in the one form that the agent and we
// have in common.
const secretHead = "GET /secretsmanager/get?secretId=bench HTTP/1.1\r\nHost: " + address + "\r\nUser-Agent: bench\r\nX-Aws-Parameters-Secrets-Token: bench\r\n\r\n"

// servers are what cached reads are compared with. Those that cannot be had
// are said and left out.
func servers(dir, ours, bare string) (all []server) {
	extension := func(binary string) func(*lambda) (*exec.Cmd, error) {
		return func(l *lambda) (*exec.Cmd, error) {
			cmd, _, err := l.start(binary)
			return cmd, err
		}
	}
	all = append(all, server{ourName, extension(ours), secretHead}, server{bareName, extension(bare), secretHead})
	if path, err := agent(); err != nil {
		log.Printf("!!! SKIPPED: AWS's Secrets Manager agent: %v", err)
	} else {
		all = append(all, server{agentName, func(l *lambda) (*exec.Cmd, error) { return startAgent(l, dir, path) }, secretHead})
	}
	if path, err := epoll(dir); err != nil {
		log.Printf("!!! SKIPPED: the C server: %v", err)
	} else {
		all = append(all, server{ceilingName, func(*lambda) (*exec.Cmd, error) { return startAndWait(exec.Command(path, port)) }, secretHead})
	}
	return all
}

// The names of the servers.
const (
	ourName     = "extension"
	bareName    = "net/http, constant"
	agentName   = "AWS's agent " + agentVersion
	ceilingName = "C epoll"
)

const (
	agentCrate, agentVersion = "aws_secretsmanager_agent", "2.1.0"
)

// agent returns AWS's Secrets Manager agent, built once from its crate into
// .cache, which takes some minutes.
func agent() (string, error) {
	root, err := filepath.Abs(".cache/agent")
	if err != nil {
		return "", err
	}
	path := filepath.Join(root, "bin", agentCrate)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if _, err := exec.LookPath("cargo"); err != nil {
		return "", errors.New("there is no cargo; install Rust")
	}
	log.Printf("building %s %s into .cache/agent, some minutes", agentCrate, agentVersion)
	cmd := exec.Command("cargo", "install", agentCrate, "--version", agentVersion, "--locked", "--quiet", "--root", root)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("cargo install: %w", err)
	}
	return path, nil
}

func startAgent(l *lambda, dir, path string) (*exec.Cmd, error) {
	config := filepath.Join(dir, "agent.toml")
	text := "http_port = " + port + "\nvalidate_credentials = false\nlog_to_file = false\nlog_level = \"none\"\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command(path, "-c", config)
	cmd.Env = []string{
		"AWS_TOKEN=bench", "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=bench", "AWS_SECRET_ACCESS_KEY=bench", "AWS_SESSION_TOKEN=bench",
		"AWS_ENDPOINT_URL_SECRETS_MANAGER=http://" + l.addr, "HOME=" + dir,
	}
	return startAndWait(cmd)
}

func epoll(dir string) (string, error) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		return "", errors.New("there is no C compiler")
	}
	path := filepath.Join(dir, "epoll")
	cmd := exec.Command(cc, "-O2", "-o", path, "test/bench/epoll/epoll.c")
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
}

// startAndWait starts a server and waits until its port is open.
func startAndWait(cmd *exec.Cmd) (*exec.Cmd, error) {
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	for range 500 {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			return cmd, nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = cmd.Process.Kill()
	return nil, fmt.Errorf("%s does not listen", cmd.Path)
}
