package app

import (
	"cmp"
	"time"

	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/idempotency/dynamostore"
	"powertools-extension/internal/jmes"
)

// newIdempotency builds the engine, nil when no table is named or something
// of its configuration cannot be used: that is told, and its routes answer
// 503. Records that are not kept as the user asked would be worse than none.
func (a *App) newIdempotency() *idempotency.Engine {
	c := a.cfg.Idempotency
	switch {
	case c.Table == "":
		return nil
	case c.Disabled:
		a.log.Warn("idempotency is switched off by POWERTOOLS_IDEMPOTENCY_DISABLED: every request runs")
		return nil
	case c.SortKeyAttr != "" && c.SortKeyAttr == c.KeyAttr:
		a.refuseIdempotency("POWERTOOLS_IDEMPOTENCY_SORT_KEY_ATTR", "the same attribute as POWERTOOLS_IDEMPOTENCY_KEY_ATTR")
		return nil
	}
	format := idempotency.Format(c.Format)
	opt := idempotency.Options{
		Prefix: cmp.Or(c.KeyPrefix, a.cfg.FunctionName), Format: format, Hash: c.Hash, KeyRequired: c.KeyRequired, ExpiresAfter: c.ExpiresAfter,
		Block: c.InProgress == "block", Wait: c.Wait, Free: c.Oversize == "free", Timeout: c.Timeout, LocalCache: c.LocalCache,
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
			a.refuseIdempotency("POWERTOOLS_IDEMPOTENCY_"+e.name, err.Error())
			return nil
		}
	}
	return idempotency.New(dynamostore.New(a.aws, dynamostore.Layout{
		Table: c.Table, Key: c.KeyAttr, SortKey: c.SortKeyAttr, StaticPK: cmp.Or(c.StaticPK, "idempotency#"+a.cfg.FunctionName), Expiry: c.ExpiryAttr,
		InProgressExpiry: c.InProgressExpiryAttr, Status: c.StatusAttr, Data: c.DataAttr, Validation: c.ValidationKeyAttr,
	}, format), opt)
}

func (a *App) refuseIdempotency(variable, why string) {
	used := "every request is refused"
	if a.cfg.Idempotency.OnStoreFailure == "open" {
		used = "no idempotency"
	}
	a.degrade("idempotency", variable+": "+why)
	a.complain(variable, why, used)
}
