package app

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/idempotency/dynamostore"
	"powertools-extension/internal/idempotency/watch"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/jmes"
)

// newIdempotency builds the engine, nil when no table is named or something
// of its configuration cannot be used: that is told, and every request is
// refused. Records that are not kept as the user asked would be worse than
// none. Under `open` every request runs without a record instead.
func (a *App) newIdempotency() *idempotency.Engine {
	c := a.cfg.Idempotency
	switch {
	case c.Table == "":
		return nil
	case c.Disabled:
		a.log.Warn("idempotency is switched off by POWERTOOLS_IDEMPOTENCY_DISABLED: every request runs")
		return idempotency.New(nil, idempotency.Options{Disabled: true})
	case c.SortKeyAttr != "" && c.SortKeyAttr == c.KeyAttr:
		return a.refuseIdempotency("POWERTOOLS_IDEMPOTENCY_SORT_KEY_ATTR", "the same attribute as POWERTOOLS_IDEMPOTENCY_KEY_ATTR")
	}
	format := idempotency.Format(c.Format)
	opt := idempotency.Options{
		Prefix: cmp.Or(c.KeyPrefix, a.cfg.FunctionName), Format: format, Hash: c.Hash, KeyRequired: c.KeyRequired, ExpiresAfter: c.ExpiresAfter,
		Block: c.InProgress == "block", Wait: c.Wait, Free: c.Oversize == "free", Timeout: c.Timeout, LocalCache: c.LocalCache,
		Open: c.OnStoreFailure == "open", Observe: a.watch.Observe,
	}
	if d, err := time.ParseDuration(c.InProgress); err == nil {
		opt.InProgress = min(d, c.ExpiresAfter)
	}
	for _, e := range []struct {
		name, text string
		to         **jmes.Expression
	}{{"KEY", c.Key, &opt.Key}, {"PAYLOAD_VALIDATION", c.Validation, &opt.Validation}} {
		if e.text == "" {
			continue
		}
		var err error
		if *e.to, err = jmes.Compile(e.text); err != nil {
			return a.refuseIdempotency("POWERTOOLS_IDEMPOTENCY_"+e.name, err.Error())
		}
	}
	return idempotency.New(dynamostore.New(a.aws, dynamostore.Layout{
		Table: c.Table, Key: c.KeyAttr, SortKey: c.SortKeyAttr, StaticPK: cmp.Or(c.StaticPK, "idempotency#"+a.cfg.FunctionName), Expiry: c.ExpiryAttr,
		InProgressExpiry: c.InProgressExpiryAttr, Status: c.StatusAttr, Data: c.DataAttr, Validation: c.ValidationKeyAttr,
	}, format), opt)
}

// watchOf counts for the canonical event; nil where there is nothing to count.
func watchOf(a *App) *watch.Watch {
	c := a.cfg.Idempotency
	if c.Table == "" || c.Disabled {
		return nil
	}
	attempt := func(id string) *invocation.Attempt { return a.tracker.Passing(a.items.Whole(id)) }
	return watch.New(watch.Options{Log: a.log, Attempt: attempt, Reason: reason, Free: c.Oversize == "free"})
}

func (a *App) refuseIdempotency(variable, why string) *idempotency.Engine {
	a.idempotencyBad = "idempotency cannot be used: " + variable + ": " + why
	a.degrade("idempotency", variable+": "+why)
	if a.cfg.Idempotency.OnStoreFailure == "open" {
		a.complain(variable, why, "no idempotency")
		return idempotency.New(nil, idempotency.Options{Disabled: true})
	}
	a.complain(variable, why, "every request is refused")
	a.log.Error(a.idempotencyBad+": every request is refused", zap.String("cure", "correct the variable; with POWERTOOLS_IDEMPOTENCY_ON_STORE_FAILURE=open requests would run without a record"))
	return nil
}

// reason is what a failure has in common with others of its kind: no id of a
// request.
func reason(err error) string {
	if refused, ok := errors.AsType[*awsapi.ServiceError](err); ok {
		return refused.Operation + " " + refused.Code
	}
	if failed, ok := errors.AsType[*awsapi.TransportError](err); ok {
		return fmt.Sprint(failed.Operation, " ", failed.Timeout)
	}
	return ""
}
