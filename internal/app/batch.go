package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"powertools-extension/internal/batch"
	"powertools-extension/internal/batch/mapping"
	"powertools-extension/internal/config"
	"powertools-extension/internal/middleware"
)

// batchKinds are the sources whose events are split.
func batchKinds(cfg *config.Config) (kinds []string) {
	for _, word := range cfg.Batch.Sources {
		if kind := batch.Kind(strings.ToLower(word)); kind == batch.SQS || kind == batch.Kinesis || kind == batch.DynamoDB {
			kinds = append(kinds, string(kind))
		}
	}
	return kinds
}

// batchHook is the hook that splits events; false: it is off.
func batchHook(a *App) (middleware.Hook, bool) {
	c, kinds := a.cfg.Batch, batchKinds(&a.cfg)
	for i, word := range c.Sources {
		if word = strings.ToLower(word); word != "off" && !slices.Contains(kinds, word) {
			a.complain("POWERTOOLS_BATCH", fmt.Sprintf("entry %d: not one of sqs, kinesis, dynamodb", i+1), cmp.Or(strings.Join(kinds, ","), "off"))
		}
	}
	if len(kinds) == 0 {
		return middleware.Hook{}, false
	}
	hook := middleware.Batch{
		Kinds: kinds,
		Rules: batch.Rules{SkipGroup: c.SkipGroup, Raise: c.Raise, StreamStop: c.StreamStop},
		Watch: a.spans.Watch(a.items),
	}
	if c.Verify != "off" {
		hook.Mapping = mapping.New(mapping.Options{
			Caller: a.aws, Strict: c.Verify == "strict", Log: a.log, Degrade: func(why string) { a.degrade("batch", why) },
		})
	}
	return hook.Hook(), true
}
