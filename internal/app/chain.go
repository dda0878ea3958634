package app

import (
	"context"

	"go.uber.org/zap"

	"powertools-extension/internal/middleware"
	"powertools-extension/internal/runtimeapi"
	"powertools-extension/internal/runtimeapi/pieces"
)

// NewChain puts hooks before a runtime. nil: there are none, and the proxy
// moves bytes.
func NewChain(log *zap.Logger, hooks []middleware.Hook) runtimeapi.Chain {
	if len(hooks) == 0 {
		return nil
	}
	return chain{middleware.New(log, hooks...)}
}

// chain lets package runtimeapi ask package middleware; neither knows the
// other.
type chain struct{ rules *middleware.Chain }

// Request implements runtimeapi.Chain.
func (c chain) Request(ctx context.Context, e *runtimeapi.Event) runtimeapi.Verdict {
	out := c.rules.Request(ctx, middleware.Request{ID: e.ID, Tenant: e.TenantID, FunctionARN: e.FunctionARN, Deadline: e.Deadline, Body: e.Beginning})
	return verdict(&out)
}

// Piece implements runtimeapi.Chain.
func (c chain) Piece(ctx context.Context, whole string) runtimeapi.Verdict {
	out := c.rules.Piece(ctx, whole)
	return verdict(&out)
}

// Response implements runtimeapi.Chain.
func (c chain) Response(ctx context.Context, a *runtimeapi.Answer) runtimeapi.Verdict {
	out := c.rules.Response(ctx, middleware.Response{
		ID: a.ID, Failed: a.Failed, ErrorType: a.ErrorType, ContentType: a.ContentType, Body: a.Beginning, Streamed: a.Streamed, Bytes: a.Bytes, FirstByte: a.FirstByte,
	}, a.Deadline)
	return verdict(&out)
}

// Forget implements runtimeapi.Chain.
func (c chain) Forget(whole string) { c.rules.Forget(whole) }

func verdict(out *middleware.Outcome) runtimeapi.Verdict {
	v := runtimeapi.Verdict{Body: out.Body, For: out.For, By: out.AnsweredBy, Split: out.Split, Piece: pieces.Piece(out.Piece), Hold: out.Hold, Errors: out.HookErrors}
	if p := out.Answer; p != nil {
		v.Post = (*runtimeapi.Post)(p)
	}
	return v
}
