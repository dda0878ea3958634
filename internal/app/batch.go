package app

import (
	"cmp"
	"fmt"
	"strings"

	"go.uber.org/zap"

	"powertools-extension/internal/batch"
	"powertools-extension/internal/batch/mapping"
	"powertools-extension/internal/middleware"
)

// batchHook is the hook that splits events; false: it is off.
func batchHook(a *App) (middleware.Hook, bool) {
	c := a.cfg.Batch
	kinds, wrong := []string{}, []string{}
	for i, word := range c.Sources {
		switch word = strings.ToLower(word); word {
		case string(batch.SQS), string(batch.Kinesis), string(batch.DynamoDB):
			kinds = append(kinds, word)
		case "off":
		default:
			wrong = append(wrong, fmt.Sprintf("entry %d: not one of sqs, kinesis, dynamodb", i+1))
		}
	}
	if len(wrong) > 0 {
		a.complain("POWERTOOLS_BATCH", strings.Join(wrong, "; "), cmp.Or(strings.Join(kinds, ","), "off"))
	}
	if len(kinds) == 0 {
		return middleware.Hook{}, false
	}
	hook := middleware.Batch{
		Kinds: kinds,
		Rules: batch.Rules{SkipGroup: c.SkipGroup, Raise: c.Raise, StreamStop: c.StreamStop},
	}
	if c.Verify != "off" {
		hook.Mapping = mapping.New(mapping.Options{Caller: a.aws, Strict: c.Verify == "strict", Lacks: said{a}.lacks, Unsure: said{a}.unsure})
	}
	return hook.Hook(), true
}

// mappingCure is what has to be added to the event source mapping.
const mappingCure = "add FunctionResponseTypes: [ReportBatchItemFailures] to the event source mapping"

// said tells the user of event source mappings.
type said struct{ *App }

func (a said) lacks(source string) {
	a.degrade("batch", "the event source mapping has no ReportBatchItemFailures: a batch with a failed record fails as a whole; "+mappingCure)
	a.log.Error("the event source mapping does not read which records failed and would delete them: a batch with a failed record fails as a whole, so that nothing is lost",
		zap.String("event_source", source), zap.String("cure", mappingCure))
}

func (a said) unsure(source, why string) {
	meaning := "POWERTOOLS_BATCH is trusted"
	if a.cfg.Batch.Verify == "strict" {
		meaning = "a batch with a failed record fails as a whole"
	}
	a.degrade("batch", "unverified: whether the event source mapping has ReportBatchItemFailures; "+meaning)
	a.log.Warn("whether the event source mapping reads which records failed could not be verified: "+meaning,
		zap.String("event_source", source), zap.String("why", why), zap.String("cure", "allow lambda:ListEventSourceMappings, or set POWERTOOLS_BATCH_VERIFY=off once the mapping has FunctionResponseTypes: [ReportBatchItemFailures]"))
}
