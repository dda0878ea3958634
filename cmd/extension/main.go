// Command extension is the Lambda extension. Lambda starts it without
// arguments from /opt/extensions; a person may ask it for its version or its
// effective configuration.
//
// The rule a reader could break: started by Lambda it never ends for anything
// in the environment. The exit codes below are for people.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"syscall"

	"go.uber.org/zap"

	"powertools-extension/internal/app"
	"powertools-extension/internal/config"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(run(os.Args, os.Environ(), os.Stdout, os.Stderr)) }

// stopOnSignal ends the context at the first signal that asks the process to
// end. To watch for signals starts a thread, and Lambda sends none before the
// extension waits for events.
func stopOnSignal(stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	<-signals
	signal.Stop(signals) // a second one ends the process at once
	stop()
}

func run(args, environ []string, stdout *os.File, stderr io.Writer) int {
	if len(args) > 1 {
		return answer(args[1:], environ, stdout, stderr)
	}
	cfg, problems := config.Load(environ)
	if cfg.RuntimeAPI == "" {
		fmt.Fprintln(stderr, outside)
		return 2
	}
	hide()
	// GOMEMLIMIT, like GOGC, may be set, but it is meant for a function that is
	// written in Go and has the rest of the memory.
	debug.SetMemoryLimit(app.MemoryLimit(cfg, 0))
	log := app.NewLogger(stderr, cfg.ExtensionLogLevel, version)
	for _, p := range problems {
		log.Warn("configuration: " + p.String())
	}
	if log.Core().Enabled(zap.DebugLevel) {
		log.Debug("configuration", zap.Strings("settings", chosen(environ)))
	}
	ctx, stop := context.WithCancel(context.Background())
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

		SetMemoryLimit: func(bytes int64) { debug.SetMemoryLimit(bytes) },
		Waiting: func() {
			debug.SetGCPercent(100) // stops the process for a moment
			stopOnSignal(stop)
		},
	})
	if err != nil {
		log.Error("the extension cannot go on", zap.Error(err))
		return 1
	}
	return 0
}
