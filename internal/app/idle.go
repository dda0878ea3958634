package app

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/config"
	"powertools-extension/internal/extapi"
	"powertools-extension/internal/localhttp"
)

// Live builds the extension and runs it to the end of the sandbox. If it
// cannot even be built, it idles: an extension that ends, for whatever reason,
// takes the function with it.
func Live(ctx context.Context, cfg config.Config, deps Deps) error {
	a, err := build(deps.Log, func() *App { return New(cfg, deps) })
	if err != nil {
		deps.Log.Error("the extension idles: no parameters, no metrics, no enriched lines; the function runs", zap.Error(err))
		return idle(ctx, cfg, deps, err.Error())
	}
	return a.Run(ctx)
}

// build calls construct and turns its panic into an error.
func build(log *zap.Logger, construct func() *App) (a *App, err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("panic, please report it", zap.String("panic", panicText(p)), zap.ByteString("stack", debug.Stack()))
			err = errors.New("panic at start; the extension's log has the stack")
		}
	}()
	return construct(), nil
}

// idle registers and waits for SHUTDOWN. The local API answers 503 with the
// reason.
func idle(ctx context.Context, cfg config.Config, deps Deps, reason string) error {
	a := &App{cfg: cfg, deps: deps, log: deps.Log, api: extapi.New(cfg.RuntimeAPI, extapi.Options{}), idle: true}
	a.guard("bind local api", func() {
		a.local = localhttp.New(localhttp.Deps{Log: deps.Log}, localhttp.Options{
			Port: cfg.HTTPPort, Version: deps.Version, Tokens: a.tokens(), Unavailable: reason,
		})
		a.bindLocal()
	})
	a.guard("bind runtime api proxy", a.bindProxy) // passes everything through
	_, err := a.register(ctx)
	if err == nil {
		_, _, err = a.loop(ctx)
	}
	a.guard("close listeners", func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		a.closeProxy(ctx)
		_ = a.local.Shutdown(ctx) // the function is gone
		a.api.Close()
	})
	return err
}
