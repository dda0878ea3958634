package config

// Logger is what Powertools' Logger does around a handler, from outside.
type Logger struct {
	CorrelationPath string // a built-in name or JMESPath; empty: no correlation id

	Event, Response, Error bool // show them in the log
	Bytes                  int  // of each, at most
}

func loggerVars() []Var {
	return []Var{
		{Name: "POWERTOOLS_LOGGER_CORRELATION_ID_PATH", Feature: "logs", Meaning: "where in an event the id is that all lines of its invocation get as `correlation_id`: `auto` (by the event's source), a built-in name (`API_GATEWAY_REST`, `EVENT_BRIDGE` …) or JMESPath; needs the wrapper ([correlation.md](../correlation.md))",
			field: func(c *Config) value { return text{&c.Logger.CorrelationPath} }},
		{Name: "POWERTOOLS_LOGGER_LOG_EVENT", Default: "false", Feature: "logs", Meaning: "a line with each event, credentials and POWERTOOLS_LOGS_REDACT taken out; needs the wrapper ([correlation.md](../correlation.md)). A Powertools library in the function reads the variable, too, and then there are two",
			field: func(c *Config) value { return truth{&c.Logger.Event} }},
		{Name: "POWERTOOLS_LOGGER_LOG_RESPONSE", Default: "false", Feature: "logs", Meaning: "a line with each response, as above; of a stream its size and when it began",
			field: func(c *Config) value { return truth{&c.Logger.Response} }},
		{Name: "POWERTOOLS_LOGGER_LOG_ERROR", Default: "false", Feature: "logs", Meaning: "an ERROR line with type, message and stack of each error that the runtime reports, as above",
			field: func(c *Config) value { return truth{&c.Logger.Error} }},
		{Name: "POWERTOOLS_LOGGER_LOG_EVENT_BYTES", Default: "32768", Feature: "logs", Meaning: "most bytes of an event, a response or an error in its line; what is longer is cut and marked `truncated`",
			field: func(c *Config) value { return whole{&c.Logger.Bytes, 256, 192 << 10} }},
	}
}
