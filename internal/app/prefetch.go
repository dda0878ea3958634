package app

import (
	"context"
	"errors"
	"strings"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/config"
	"powertools-extension/internal/paramcache"
)

// startPrefetch fetches what POWERTOOLS_PARAMETERS_PREFETCH names, while the
// function's runtime starts. Reads of these values meanwhile share the
// fetches. The returned function waits for the end, but no longer than the
// configured time: what is late arrives later.
//
// Under SnapStart nothing is fetched: it would end in the snapshot and be
// restored days later.
func (a *App) startPrefetch(ctx context.Context) (wait func()) {
	if len(a.cfg.Prefetch)+len(a.cfg.AppConfigPrefetch) == 0 || a.cache == nil {
		return func() {}
	}
	if a.cfg.InitType == "snap-start" {
		a.log.Warn("prefetch is skipped under SnapStart: the values would be as old as the snapshot")
		return func() {}
	}
	var refs []paramcache.Ref
	for _, item := range a.cfg.Prefetch {
		ref, err := parseRef(item, a.cfg)
		if err != nil {
			a.log.Warn("configuration: POWERTOOLS_PARAMETERS_PREFETCH", zap.Error(err))
			continue
		}
		refs = append(refs, ref)
	}
	for _, item := range a.cfg.AppConfigPrefetch {
		ref, err := parseRef("appconfig:"+agentName(item), a.cfg)
		if err != nil {
			a.log.Warn("configuration: AWS_APPCONFIG_EXTENSION_PREFETCH_LIST: use App:Env:Profile")
			continue
		}
		refs = append(refs, ref)
	}
	ctx, cancel := context.WithTimeout(ctx, a.cfg.PrefetchTimeout)
	done := make(chan struct{})
	begin := time.Now()
	go func() {
		defer close(done)
		defer cancel()
		a.guard("prefetch parameters", func() { a.cache.Warm(ctx, refs) })
	}()
	return func() {
		<-done // Warm returns when ctx ends
		a.log.Debug("prefetch done", zap.Int("refs", len(refs)), zap.Duration("after", time.Since(begin)))
	}
}

var errRef = errors.New("not a ref: use ssm:/app/db, ssm-path:/app/, secret:ID, dynamodb:TABLE/KEY or appconfig:APP/ENV/PROFILE")

// parseRef reads one entry of the prefetch list as the ref that a request
// without further arguments leads to. The error does not repeat the entry.
func parseRef(text string, cfg config.Config) (paramcache.Ref, error) {
	kind, name, _ := strings.Cut(text, ":")
	ref := paramcache.Ref{Name: name}
	if name == "" {
		return ref, errRef
	}
	switch kind {
	case "ssm":
		ref.Source, ref.Decrypt = paramcache.SSM, cfg.SSMDecrypt
	case "ssm-path":
		ref.Source, ref.Decrypt, ref.Path = paramcache.SSM, cfg.SSMDecrypt, true
	case "secret", "secrets":
		ref.Source = paramcache.Secrets
	case "dynamodb":
		table, key, _ := strings.Cut(name, "/")
		if table == "" || key == "" {
			return ref, errRef
		}
		ref.Source, ref.Name, ref.Key = paramcache.DynamoDB, table, key
		ref.KeyAttr, ref.ValueAttr = cfg.DynamoDBKeyAttr, cfg.DynamoDBValueAttr
	case "appconfig":
		ref.Source, ref.Name = paramcache.AppConfig, strings.Trim(name, "/")
		if strings.Count(ref.Name, "/") != 2 {
			return ref, errRef
		}
	default:
		return ref, errRef
	}
	return ref, nil
}

// agentName turns an entry of the AppConfig agent's list into our form. The
// agent takes App:Env:Profile and, from older versions, its own path.
func agentName(item string) string {
	parts := strings.Split(strings.Trim(item, "/"), "/")
	if len(parts) == 6 && parts[0] == "applications" && parts[2] == "environments" && parts[4] == "configurations" {
		return parts[1] + "/" + parts[3] + "/" + parts[5]
	}
	return strings.ReplaceAll(item, ":", "/")
}
