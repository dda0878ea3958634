package config

import (
	"fmt"
	"slices"
	"strings"
)

// Batch is how batches are split. It is on when Sources is not empty.
type Batch struct {
	Sources    []string // sqs, kinesis, dynamodb
	Verify     string   // auto, strict, off
	SkipGroup  bool
	Raise      bool
	StreamStop bool
}

func batchVars() []Var {
	row := func(name, fallback, meaning string, field func(*Config) value) Var {
		return Var{Name: "POWERTOOLS_BATCH" + name, Default: fallback, Feature: "batch", Meaning: meaning, field: field}
	}
	return []Var{
		row("", "off", "comma list of `sqs`, `kinesis`, `dynamodb`: the function gets one record after another, and the extension answers with `batchItemFailures`. The event source mapping needs `FunctionResponseTypes: [ReportBatchItemFailures]` ([batch.md](../batch.md))",
			func(c *Config) value { return sources{&c.Batch.Sources} }),
		row("_VERIFY", "auto", "before failed records are reported, the event source mapping is looked up: `auto`: without ReportBatchItemFailures the whole batch fails, and what cannot be looked up is trusted; `strict`: what cannot be looked up is not trusted; `off`: nothing is looked up",
			func(c *Config) value { return word{&c.Batch.Verify, []string{"auto", "strict", "off"}} }),
		row("_SKIP_GROUP_ON_ERROR", "false", "FIFO queues: after a failure only the records of its message group are left out; false: all that follow",
			func(c *Config) value { return truth{&c.Batch.SkipGroup} }),
		row("_RAISE_ON_ENTIRE_FAILURE", "true", "a batch in which nothing succeeded is a function error; false: all records are reported",
			func(c *Config) value { return truth{&c.Batch.Raise} }),
		row("_STREAM_STOP", "true", "Kinesis and DynamoDB: the first failure ends the batch, because Lambda goes on from it; false: the others run first, as with the libraries, and run again",
			func(c *Config) value { return truth{&c.Batch.StreamStop} }),
	}
}

// sources is a comma list of what is split, or off. An entry that is none
// costs that entry.
type sources struct{ p *[]string }

const sourceWords = "sqs, kinesis, dynamodb"

func (v sources) Set(s string) error {
	var out, wrong []string
	entries := entriesOf(s)
	if len(entries) == 1 && strings.EqualFold(entries[0], "off") {
		entries = nil
	}
	for i, entry := range entries {
		entry = strings.ToLower(entry)
		switch {
		case !slices.Contains(strings.Split(sourceWords, ", "), entry):
			wrong = append(wrong, fmt.Sprintf("entry %d: not one of %s", i+1, sourceWords))
		case !slices.Contains(out, entry):
			out = append(out, entry)
		}
	}
	if len(out) > 0 || len(wrong) == 0 {
		*v.p = out
	}
	return partial(wrong, len(out) > 0, "the other entries")
}

func (v sources) String() string {
	if len(*v.p) == 0 {
		return "off"
	}
	return strings.Join(*v.p, ",")
}
func (sources) Type() string { return "comma list of " + sourceWords + ", or off" }
