// Package awscli runs commands of the AWS CLI and decodes their answers.
package awscli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// CLI is the command with which everything begins: aws, and what may stand
// behind it.
type CLI []string

// Parse reads a command as -aws takes it.
func Parse(text string) (CLI, error) {
	c := CLI(strings.Fields(text))
	if len(c) == 0 {
		return nil, errors.New("-aws is empty: it names the aws command")
	}
	return c, nil
}

// Run runs a command of a service in a region, as in "lambda", "list-layers",
// and decodes what it prints into answer, unless that is nil. An error names the
// command and what the CLI said.
func (c CLI) Run(ctx context.Context, region string, answer any, args ...string) error {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, c[0], slices.Concat(c[1:], args, []string{"--region", region, "--output", "json"})...)
	cmd.Stderr, cmd.Env = &stderr, append(os.Environ(), "AWS_PAGER=") // nobody reads here
	text, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("there is no %s: install the AWS CLI, or name it with -aws", c[0])
	}
	if err != nil {
		return fmt.Errorf("aws %s: %w: %s", strings.Join(args[:min(2, len(args))], " "), err, strings.TrimSpace(stderr.String()))
	}
	if answer == nil || len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	return json.Unmarshal(text, answer)
}
