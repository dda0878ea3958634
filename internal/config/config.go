// Package config turns the environment into one validated value, from one
// table of variables.
//
// The rule a reader could break: loading is total. A bad value is a Problem
// and the default is used instead; nothing in the environment may stop the
// function. A variable exists for this project only if it is in the table,
// because validation, the effective configuration and the reference page all
// come from there.
package config

import (
	"errors"
	"strings"
	"time"
)

// Config is the effective configuration. Every field is valid.
type Config struct {
	// What Lambda says (Lambda defined runtime environment variables).
	RuntimeAPI      string // host:port, no scheme
	Region          string
	FunctionName    string
	FunctionVersion string
	MemoryMB        int
	InitType        string // on-demand, provisioned-concurrency, snap-start, lambda-managed-instances
	LogFormat       string // Text or JSON
	LambdaLogLevel  string // AWS_LAMBDA_LOG_LEVEL; wins over LogLevel

	// Powertools' own names.
	Service             string
	MetricsService      string // dimension service: Service, or the default where that is no dimension's value
	MetricsNamespace    string
	NamespaceUnset      bool   // worth a word at the first metric (NamespaceMissing)
	MetricsFunctionName string // empty: the function's name
	MetricsDisabled     bool
	LogLevel            string  // empty: INFO
	SampleRate          float64 // 0 to 1
	MaxAge              time.Duration
	SSMDecrypt          bool
	Dev                 bool // indent JSON, emit no metrics
	Debug               bool

	// The extension's.
	ExtensionLogLevel string // DEBUG, INFO, WARN, ERROR, NONE
	HTTPPort          int
	BufferBytes       int
	SpoolBytes        int           // of files in /tmp; 0: none
	LogsDestinations  []Destination // empty: none
	MetricsPlatform   string        // none, event, default, insights, all, or a comma list of names
	MetricsDimensions []Dimension

	StaleIfError      time.Duration
	CacheItems        int // 0: do not cache
	CacheBytes        int
	ParametersTimeout time.Duration // one upstream call, retries included
	SSMTimeout        time.Duration // in its place for SSM; 0: ParametersTimeout
	SecretsTimeout    time.Duration // in its place for Secrets Manager; 0: ParametersTimeout
	ParametersAllow   []string      // entries of the allow-list; nil: there is none, empty: nothing may be read
	MaxConnections    int           // upstream connections per service
	DynamoDBKeyAttr   string
	DynamoDBSortAttr  string
	DynamoDBValueAttr string
	SSMMaxAge         time.Duration // drop-in route; MaxAge unless its own variable is set
	SecretsMaxAge     time.Duration // drop-in route; MaxAge unless its own variable is set
	CacheEnabled      bool

	AppConfigPort        int    // 0: off
	Flush                string // auto, end, continuous
	FlushBudget          time.Duration
	LogsInclude          string // RE2; empty: everything
	LogsExclude          string // RE2; empty: nothing
	LogsRedact           []string
	LogsBuffer           string   // level; empty: off
	LogsKeys             []string // lean, all, or names of keys
	LogsCopy             string   // missing, all
	LogsMode             string   // copy, in-place
	LogsText             string   // object, keep; only in place
	EmptyResponse        string   // auto, error, success
	LogsHTTPHeaders      []Header
	Prefetch             []string
	AppConfigPrefetch    []string      // App:Env:Profile
	AppConfigMaxAge      time.Duration // its own variable, else MaxAge where that is set, else 45 s
	AppConfigTimeout     time.Duration // in place of ParametersTimeout for AppConfig; 0: that
	PrefetchTimeout      time.Duration
	StaleWhileRevalidate time.Duration
	ParametersWrite      bool

	ExecWrapper     string // AWS_LAMBDA_EXEC_WRAPPER
	RuntimeProxy    string // auto, on, off
	ProxyPort       int
	ExecWrapperNext string // read by the wrapper
	ProxyHTTPErrors bool
	EnvRefs         []EnvRef // by name; variables whose values come from parameters
	EnvPaths        []string // SSM paths that become variables
	EnvOnFailure    string   // fail, start
	EnvTimeout      time.Duration

	Idempotency Idempotency
	Batch       Batch
	Hooks       Hooks
	CORS        CORS
	Logger      Logger
	Tracing     Tracing

	FeatureFlags         string        // where the document of the flag routes is; empty: each request says so
	FeatureFlagsEnvelope string        // JMESPath; empty: the whole document
	FeatureFlagsMaxAge   time.Duration // negative: as every value of its source
}

// Dimension is one fixed dimension of POWERTOOLS_METRICS_DIMENSIONS.
type Dimension struct{ Name, Value string }

// Problem is one variable that could not be used as it was.
type Problem struct {
	Var    string
	Reason string // what is wrong and what is allowed; never the value itself
	Used   string // what is used instead
}

func (p Problem) String() string {
	s := p.Var + ": " + p.Reason
	if p.Used != "" {
		s += "; using " + p.Used
	}
	return s
}

// NamespaceMissing is the problem of metrics without a namespace. It is none
// until there is a metric.
func NamespaceMissing() Problem {
	return Problem{"POWERTOOLS_METRICS_NAMESPACE", "not set", defaultNamespace}
}

// Load reads environ (os.Environ) and always returns a complete Config.
func Load(environ []string) (Config, []Problem) {
	s := read(environ)
	return s.config, s.problems
}

// Setting is one line of the effective configuration.
type Setting struct {
	Name   string
	Value  string // as text; what may hold a secret shows where it comes from, or [redacted]
	Source string // default, environment, or the alias that set it
}

// Dump is the effective configuration, fit to be shown: nothing in it is a
// secret.
type Dump struct {
	Settings []Setting // in the order of the table
	Problems []Problem
}

// Effective lists every variable with the value that is used and where it
// came from.
func Effective(environ []string) Dump {
	s := read(environ)
	settings := make([]Setting, 0, len(s.vars))
	for i, v := range s.vars {
		if v.AliasOf != "" {
			continue
		}
		settings = append(settings, Setting{v.Name, v.field(&s.config).String(), s.sources[i]})
	}
	return Dump{settings, s.problems}
}

// state is one pass over the environment.
type state struct {
	vars     []Var
	sources  []string // per variable of the table
	env      map[string]string
	config   Config
	problems []Problem
}

func read(environ []string) *state {
	s := &state{vars: Vars(), env: make(map[string]string, len(environ))}
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok {
			s.env[name] = value
		}
	}
	s.sources = make([]string, len(s.vars))
	for i := range s.vars {
		s.apply(i)
	}
	s.settle()
	s.reportUnknown()
	return s
}

// apply sets one variable: default first, then the environment's value. An
// alias is read only when the variable it stands for is not set, and it never
// applies a default of its own.
func (s *state) apply(i int) {
	v := s.vars[i]
	field := v.field(&s.config)
	if v.AliasOf == "" {
		if err := field.Set(v.Default); err != nil {
			panic("default of " + v.Name + ": " + err.Error()) // a defect of the table, found by its test
		}
		s.sources[i] = "default"
	}
	if !s.isSet(v.Name) || v.AliasOf != "" && s.isSet(v.AliasOf) {
		return
	}
	err := field.Set(strings.TrimSpace(s.env[v.Name]))
	if err == nil || s.complain(v, field, err) {
		s.note(v, i)
	}
}

// complain reports what is wrong with a value, an entry of a list at a time,
// and says whether any of it is used.
func (s *state) complain(v Var, field value, err error) (used bool) {
	instead := v.Default
	if v.AliasOf != "" {
		instead = field.String()
	}
	instead = orDefault(instead)
	reasons := []string{err.Error()}
	var some *partialError
	if errors.As(err, &some) {
		reasons = some.reasons
		if some.used != "" {
			instead, used = some.used, true
		}
	}
	for _, reason := range reasons {
		s.problems = append(s.problems, Problem{v.Name, reason, instead})
	}
	return used
}

// isSet reports whether a variable has a value; blank counts as not set, as
// in Powertools.
func (s *state) isSet(name string) bool { return strings.TrimSpace(s.env[name]) != "" }

// note records who set a variable; for an alias, at the variable it stands for.
func (s *state) note(v Var, i int) {
	if v.AliasOf == "" {
		s.sources[i] = "environment"
		return
	}
	for j := range s.vars {
		if s.vars[j].Name == v.AliasOf {
			s.sources[j] = v.Name
		}
	}
}

// settle applies the rules between variables, after all are read.
func (s *state) settle() {
	c := &s.config
	if c.Dev && !s.isSet("POWERTOOLS_METRICS_DISABLED") {
		c.MetricsDisabled = true // Powertools: dev mode emits none unless told otherwise
	}
	if c.Debug && !s.isSet("POWERTOOLS_EXTENSION_LOG_LEVEL") {
		c.ExtensionLogLevel = "DEBUG"
	}
	s.settleCORS()
	s.settleParameters()
	s.findRefs()
	c.NamespaceUnset = !s.isSet("POWERTOOLS_METRICS_NAMESPACE")
}
