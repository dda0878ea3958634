package config

import "time"

// Idempotency is how records are kept. It is on when Table is set.
type Idempotency struct {
	Table          string
	Disabled       bool
	Key            string // JMESPath over the event; empty: the whole event
	KeyRequired    bool
	KeyPrefix      string // empty: the function's name
	Format         string // python, typescript
	Hash           string // md5, sha1, sha256, sha512
	ExpiresAfter   time.Duration
	InProgress     string // a duration, "block", or empty: the time left
	Validation     string // JMESPath; empty: nothing is compared
	Wait           time.Duration
	Oversize       string // keep, free
	Store          string // success, all
	OnStoreFailure string // closed, open
	Timeout        time.Duration
	LocalCache     int

	KeyAttr, SortKeyAttr, StaticPK, ExpiryAttr, InProgressExpiryAttr string
	StatusAttr, DataAttr, ValidationKeyAttr                          string
}

func idempotencyVars() []Var {
	const f = "idempotency"
	row := func(name, fallback, meaning string, field func(*Config) value) Var {
		return Var{Name: "POWERTOOLS_IDEMPOTENCY_" + name, Default: fallback, Feature: f, Meaning: meaning, field: field}
	}
	const days = 24 * time.Hour
	return []Var{
		row("TABLE", "", "DynamoDB table of the records; switches idempotency on", func(c *Config) value { return text{&c.Idempotency.Table} }),
		row("DISABLED", "false", "Powertools' switch: every request runs, nothing is stored", func(c *Config) value { return truth{&c.Idempotency.Disabled} }),
		row("KEY", "", "JMESPath over the event; the whole event when not set", func(c *Config) value { return text{&c.Idempotency.Key} }),
		row("KEY_REQUIRED", "false", "an event without a key is refused instead of run without a record", func(c *Config) value { return truth{&c.Idempotency.KeyRequired} }),
		row("KEY_PREFIX", "", "what stands before `#` in the key; the function's name when not set. Python's library writes `function.module.qualname` unless it is told a prefix", func(c *Config) value { return text{&c.Idempotency.KeyPrefix} }),
		row("FORMAT", "python", "whose keys and records are written: `python` or `typescript`; both are read", func(c *Config) value { return word{&c.Idempotency.Format, []string{"python", "typescript"}} }),
		row("HASH", "md5", "digest of keys and payloads", func(c *Config) value { return word{&c.Idempotency.Hash, []string{"md5", "sha1", "sha256", "sha512"}} }),
		row("EXPIRES_AFTER", "3600s", "life of a completed record", func(c *Config) value { return span{&c.Idempotency.ExpiresAfter, time.Second, time.Second, 400 * days} }),
		row("IN_PROGRESS_TIMEOUT", "", "how long an unfinished record blocks: a duration, or `block` until it expires; the time left of the invocation when not set", func(c *Config) value { return blocking{&c.Idempotency.InProgress} }),
		row("PAYLOAD_VALIDATION", "", "JMESPath of what a repeat must have in common", func(c *Config) value { return text{&c.Idempotency.Validation} }),
		row("WAIT", "0s", "how long a repeat of a running request waits for its answer", func(c *Config) value { return span{&c.Idempotency.Wait, time.Second, 0, 15 * time.Minute} }),
		row("OVERSIZE", "keep", "an answer that cannot be stored: `keep` its key blocked, or `free` it", func(c *Config) value { return word{&c.Idempotency.Oversize, []string{"keep", "free"}} }),
		row("STORE", "success", "`success`: an HTTP answer of 500 or more is not stored and frees the key; `all`", func(c *Config) value { return word{&c.Idempotency.Store, []string{"success", "all"}} }),
		row("ON_STORE_FAILURE", "closed", "the store fails: `closed` refuses the request, `open` runs it without a record", func(c *Config) value { return word{&c.Idempotency.OnStoreFailure, []string{"closed", "open"}} }),
		row("TIMEOUT", "2s", "one call of the store, retries included", func(c *Config) value { return span{&c.Idempotency.Timeout, time.Second, time.Millisecond, time.Minute} }),
		row("LOCAL_CACHE", "0", "most completed records kept in memory, 4 MiB in all", func(c *Config) value { return whole{&c.Idempotency.LocalCache, 0, 1 << 20} }),
		row("KEY_ATTR", "id", "attribute of the partition key", func(c *Config) value { return text{&c.Idempotency.KeyAttr} }),
		row("SORT_KEY_ATTR", "", "attribute of the sort key, which then holds the key", func(c *Config) value { return text{&c.Idempotency.SortKeyAttr} }),
		row("STATIC_PK_VALUE", "", "partition of all records, with SORT_KEY_ATTR; `idempotency#` and the function's name when not set", func(c *Config) value { return text{&c.Idempotency.StaticPK} }),
		row("EXPIRY_ATTR", "expiration", "attribute of the expiry, the table's TTL", func(c *Config) value { return text{&c.Idempotency.ExpiryAttr} }),
		row("IN_PROGRESS_EXPIRY_ATTR", "in_progress_expiration", "attribute of the time at which an unfinished record is free", func(c *Config) value { return text{&c.Idempotency.InProgressExpiryAttr} }),
		row("STATUS_ATTR", "status", "attribute of the status", func(c *Config) value { return text{&c.Idempotency.StatusAttr} }),
		row("DATA_ATTR", "data", "attribute of the answer", func(c *Config) value { return text{&c.Idempotency.DataAttr} }),
		row("VALIDATION_KEY_ATTR", "validation", "attribute of the payload's digest", func(c *Config) value { return text{&c.Idempotency.ValidationKeyAttr} }),
	}
}

// blocking is a duration or the word block.
type blocking struct{ p *string }

func (v blocking) Set(s string) error {
	if s == "" || s == "block" {
		*v.p = s
		return nil
	}
	var d time.Duration
	if err := (span{&d, time.Second, time.Millisecond, 400 * 24 * time.Hour}).Set(s); err != nil {
		return err
	}
	*v.p = d.String()
	return nil
}
func (v blocking) String() string { return *v.p }
func (blocking) Type() string     { return "duration, bare number: seconds, or block" }

// Hooks are the steps of the proxy that look at events and answers.
type Hooks struct {
	EventSchema, ResponseSchema     string // file below the task root, or a ref; empty: none
	EventEnvelope, ResponseEnvelope string // of what is validated: a built-in name or JMESPath; empty: the whole
	ResponseMode                    string // log, enforce
	Formats                         bool   // assert format
	InvalidEvent                    string // error, drop
	Unwrap                          string // what the function gets of the event; empty: all of it
	Wrap                            string // http, or empty: the answer as it is
	Gate                            string // feature that lets events through; empty: none
}

func hookVars() []Var {
	return []Var{
		{Name: "POWERTOOLS_VALIDATION_EVENT_SCHEMA", Feature: "validation", Meaning: "JSON Schema of events: a file below the task root, `appconfig:APP/ENV/PROFILE` or `ssm:/name`; one that cannot be used refuses every event",
			field: func(c *Config) value { return text{&c.Hooks.EventSchema} }},
		{Name: "POWERTOOLS_VALIDATION_RESPONSE_SCHEMA", Feature: "validation", Meaning: "JSON Schema of answers, as above",
			field: func(c *Config) value { return text{&c.Hooks.ResponseSchema} }},
		{Name: "POWERTOOLS_VALIDATION_EVENT_ENVELOPE", Feature: "validation", Meaning: "what of an event is validated: a built-in name (`SQS`, `API_GATEWAY_REST` …) or JMESPath; the whole when not set",
			field: func(c *Config) value { return text{&c.Hooks.EventEnvelope} }},
		{Name: "POWERTOOLS_VALIDATION_RESPONSE_ENVELOPE", Feature: "validation", Meaning: "what of an answer is validated, as above",
			field: func(c *Config) value { return text{&c.Hooks.ResponseEnvelope} }},
		{Name: "POWERTOOLS_VALIDATION_RESPONSE_MODE", Default: "log", Feature: "validation", Meaning: "an answer that does not fit: `log` says so, `enforce` replaces it by an error",
			field: func(c *Config) value { return word{&c.Hooks.ResponseMode, []string{"log", "enforce"}} }},
		{Name: "POWERTOOLS_VALIDATION_FORMATS", Default: "false", Feature: "validation", Meaning: "assert `format`: date-time, date, time, email, uri, uuid, ipv4, ipv6",
			field: func(c *Config) value { return truth{&c.Hooks.Formats} }},
		{Name: "POWERTOOLS_VALIDATION_INVALID_EVENT", Default: "error", Feature: "validation", Meaning: "an event that does not fit: `error`, or `drop`: answered as a success without the function",
			field: func(c *Config) value { return word{&c.Hooks.InvalidEvent, []string{"error", "drop"}} }},
		{Name: "POWERTOOLS_EVENT_ENVELOPE", Feature: "events", Meaning: "the function gets this of the event: a built-in name or JMESPath",
			field: func(c *Config) value { return text{&c.Hooks.Unwrap} }},
		{Name: "POWERTOOLS_RESPONSE_ENVELOPE", Feature: "events", Meaning: "`http`: an answer without statusCode becomes an HTTP answer of status 200",
			field: func(c *Config) value { return word{&c.Hooks.Wrap, []string{"http"}} }},
		{Name: "POWERTOOLS_FEATURE_GATE", Feature: "feature flags", Meaning: "feature of POWERTOOLS_FEATURE_FLAGS that lets events through; while it is off HTTP events are answered 503, others fail with FeatureGateClosed",
			field: func(c *Config) value { return text{&c.Hooks.Gate} }},
	}
}
