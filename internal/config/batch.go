package config

// Batch is how batches are split. It is on when Sources is not empty.
type Batch struct {
	Sources []string // sqs, kinesis, dynamodb
	Verify  string   // auto, strict, off

	SkipGroup, Raise, StreamStop bool
}

func batchVars() []Var {
	row := func(name, fallback, meaning string, field func(*Config) value) Var {
		return Var{Name: "POWERTOOLS_BATCH" + name, Default: fallback, Feature: "batch", Meaning: meaning, field: field}
	}
	return []Var{
		row("", "", "comma list of `sqs`, `kinesis`, `dynamodb`: the function gets one record after another, and the extension answers with `batchItemFailures`. The event source mapping needs `FunctionResponseTypes: [ReportBatchItemFailures]` ([batch.md](../batch.md))",
			func(c *Config) value { return list{&c.Batch.Sources} }),
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
