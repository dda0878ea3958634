package app

import (
	"time"

	"go.uber.org/zap"

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
		a.refuseIdempotency("POWERTOOLS_IDEMPOTENCY_SORT_KEY_ATTR and _KEY_ATTR name one attribute", nil)
		return nil
	}
	format := idempotency.Format(c.Format)
	opt := idempotency.Options{
		Prefix: or(c.KeyPrefix, a.cfg.FunctionName), Format: format, Hash: c.Hash, KeyRequired: c.KeyRequired, ExpiresAfter: c.ExpiresAfter,
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
			a.refuseIdempotency("POWERTOOLS_IDEMPOTENCY_"+e.name+" cannot be used", err)
			return nil
		}
	}
	return idempotency.New(dynamostore.New(a.aws, dynamostore.Layout{
		Table: c.Table, Key: c.KeyAttr, SortKey: c.SortKeyAttr, StaticPK: or(c.StaticPK, "idempotency#"+a.cfg.FunctionName), Expiry: c.ExpiryAttr,
		InProgressExpiry: c.InProgressExpiryAttr, Status: c.StatusAttr, Data: c.DataAttr, Validation: c.ValidationKeyAttr,
	}, format), opt)
}

func (a *App) refuseIdempotency(what string, err error) {
	a.degrade("idempotency", what)
	a.log.Error("configuration: "+what+"; idempotency refuses every request", zap.Error(err))
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
