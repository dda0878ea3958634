// Command lambdaemu runs a function with any Lambda extensions on this
// machine: cold start, invocations, freeze, faults and shutdown as on Lambda,
// shown so that a person likes to read it, or as JSON for machines.
//
// The rule a reader could break: running and showing are apart. What happened
// is an outcome; only a reporter turns it into text.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"powertools-extension/cmd/lambdaemu/show"
)

// version is set by the linker.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the default applies again: a second Ctrl-C ends
	// the command even if a shutdown hangs.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], process{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr,
		lookup: os.LookupEnv, environ: os.Environ, start: startEmulator,
		terminal: func(w io.Writer) bool { return show.IsTerminal(w) },
	}))
}

// process is what a command gets from its surroundings.
type process struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	lookup         func(string) (string, bool)
	environ        func() []string
	start          starter
	terminal       func(io.Writer) bool
}

// run is main without the process: it returns the exit code.
func run(ctx context.Context, args []string, p process) int {
	if len(args) > 0 {
		switch args[0] {
		case "replay":
			return replay(ctx, args[1:], p)
		case "faults":
			return faultMatrix(ctx, args[1:], p)
		}
	}
	set, err := parseFlags(args)
	switch {
	case errors.Is(err, errHelp):
		writeHelp(p.stdout)
		return exitOK
	case err != nil:
		return fail(p, exitUsage, err)
	case set.version:
		fmt.Fprintln(p.stdout, "lambdaemu", version)
		return exitOK
	}
	terminal := p.terminal(p.stderr)
	p.stderr = show.NewLockedWriter(p.stderr)
	s, err := prepare(set, p, terminal)
	if err != nil {
		code := exitFailed
		var usage usageError
		if errors.As(err, &usage) {
			code = exitUsage
		}
		return fail(p, code, err)
	}
	defer s.close()
	if err := s.open(ctx); err != nil {
		s.reportStart(err)
		return fail(p, exitFailed, err)
	}
	ok, err := s.do(ctx)
	if err != nil {
		return fail(p, exitFailed, err)
	}
	if !ok {
		return exitFailed
	}
	return exitOK
}
