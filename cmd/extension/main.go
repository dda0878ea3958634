// Command extension is the Lambda extension. Lambda starts it without
// arguments from /opt/extensions; a person may ask it for its version or its
// effective configuration.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"
	"text/tabwriter"

	"go.uber.org/zap"

	"powertools-extension/internal/app"
	"powertools-extension/internal/config"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(run(os.Args, os.Environ(), os.Stdout, os.Stderr)) }

func run(args, environ []string, stdout *os.File, stderr io.Writer) int {
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	flags.SetOutput(stderr)
	showVersion := flags.Bool("version", false, "print the version")
	showConfig := flags.Bool("config", false, "print the effective configuration")
	if err := flags.Parse(args[1:]); err != nil {
		return 2
	}
	switch {
	case *showVersion:
		fmt.Fprintln(stdout, version)
		return 0
	case *showConfig:
		printConfig(stdout, environ)
		return 0
	}

	cfg, problems := config.Load(environ)
	// GOGC and GOMEMLIMIT may be set, but they are meant for a function that
	// is written in Go and has the rest of the memory.
	debug.SetGCPercent(100)
	debug.SetMemoryLimit(app.MemoryLimit(cfg))
	log := app.NewLogger(stderr, cfg.ExtensionLogLevel, version)
	for _, p := range problems {
		log.Warn("configuration: " + p.String())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// A write to a stdout or stderr that nobody reads any more must be an
	// error and not the end of the process.
	signal.Ignore(syscall.SIGPIPE)
	err := app.Live(ctx, cfg, app.Deps{
		Name:    filepath.Base(args[0]), // Lambda knows the extension by its file name
		Version: version,
		Environ: environ,
		Stdout:  stdout,
		Log:     log,
	})
	if err != nil {
		log.Error("the extension cannot go on", zap.Error(err))
		return 1
	}
	return 0
}

// printConfig shows every variable, what is used, and where it came from.
func printConfig(w io.Writer, environ []string) {
	settings, problems := config.Effective(environ)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range settings {
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Name, s.Value, s.Source)
	}
	_ = table.Flush() // a person's terminal; nothing to do about it
	for _, p := range problems {
		fmt.Fprintln(w, "warning:", p)
	}
}
