package config

// Logger is what Powertools' Logger does around a handler, from outside.
type Logger struct {
	CorrelationPath string // a built-in name or JMESPath; empty: no correlation id
}

func loggerVars() []Var {
	return []Var{
		{Name: "POWERTOOLS_LOGGER_CORRELATION_ID_PATH", Feature: "logs", Meaning: "where in an event the id is that all lines of its invocation get as `correlation_id`: `auto` (by the event's source), a built-in name (`API_GATEWAY_REST`, `EVENT_BRIDGE` …) or JMESPath; needs the wrapper ([correlation.md](../correlation.md))",
			field: func(c *Config) value { return text{&c.Logger.CorrelationPath} }},
	}
}
