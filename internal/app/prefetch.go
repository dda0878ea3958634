package app

import (
	"context"
	"strings"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/ref"
)

// startPrefetch fetches what POWERTOOLS_PARAMETERS_PREFETCH names, while the
// function's runtime starts. Reads of these values meanwhile share the
// fetches. The returned function waits for the end, but no longer than the
// configured time: what is late arrives later.
//
// Under SnapStart nothing is fetched: it would end in the snapshot and be
// restored days later.
func (a *App) startPrefetch(ctx context.Context) (wait func()) {
	if len(a.cfg.Prefetch)+len(a.cfg.AppConfigPrefetch)+len(a.cfg.FeatureFlags) == 0 || a.cache == nil {
		return func() {}
	}
	if a.cfg.InitType == "snap-start" {
		a.log.Warn("prefetch is skipped under SnapStart: the values would be as old as the snapshot")
		return func() {}
	}
	refs := a.prefetched()
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

// prefetched are the refs of both lists; what is none has been told with the
// configuration. A parameter is fetched with decryption unless its entry says
// decrypt=false: nobody keeps a ciphertext ready.
func (a *App) prefetched() []ref.Ref {
	var refs []ref.Ref
	for _, item := range a.cfg.Prefetch {
		one, err := ref.ParseWith(item, ref.Ref{Decrypt: true})
		if err != nil {
			continue
		}
		refs = append(refs, one)
		// What is under a path may be mixed, and is read both ways. Where all of
		// it is plain, both share one fetch.
		if one.Path && !strings.Contains(item, "decrypt=") {
			one.Decrypt = false
			refs = append(refs, one)
		}
	}
	for _, item := range a.cfg.AppConfigPrefetch {
		if one, err := ref.Parse(ref.FromAgent(item)); err == nil {
			refs = append(refs, one)
		}
	}
	if a.flags.Ref != nil {
		refs = append(refs, *a.flags.Ref)
	}
	return refs
}
