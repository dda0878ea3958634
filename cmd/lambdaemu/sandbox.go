package main

import (
	"context"

	"powertools-extension/lambdaemu"
)

// sandbox is what this command needs of an emulator.
type sandbox interface {
	Invoke(context.Context, lambdaemu.Request) (lambdaemu.Response, error)
	Shutdown(context.Context) (lambdaemu.Exit, error)
	Transcript() []lambdaemu.Entry
}

// starter makes a sandbox; the cold start is over when it returns.
type starter func(context.Context, lambdaemu.Options) (sandbox, error)

// startEmulator is the starter outside of tests.
func startEmulator(ctx context.Context, opt lambdaemu.Options) (sandbox, error) {
	e, err := lambdaemu.Start(ctx, opt)
	if err != nil {
		return nil, err // not e: a nil *Emulator in an interface is not nil
	}
	return e, nil
}
