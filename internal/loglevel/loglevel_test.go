package loglevel

import (
	"encoding/json"
	"strings"
	"testing"

	"powertools-extension/internal/jsonbytes"
)

func TestParse(t *testing.T) {
	for words, want := range map[string]Level{
		"trace TRACE Trace trce TRC Verbose VRB finest FINER silly T V":                             Trace,
		"debug DEBUG Debug dbug DBG DEBU fine DEBUG-4 http D DEBUG3":                                Debug,
		"info INFO Information inf INFO+2 notice NOTICE success log I informational":                Info,
		"warn WARN WARNING Warning wrn W WARN2":                                                     Warn,
		"error ERROR err Error SEVERE fail EROR eror ERRO ERR E ERROR+1 ERROR4":                     Error,
		"critical CRITICAL FATAL fatal crit CRIT panic ftl DPANIC ALERT EMERG emergency F FTL fata": Critical,
		"levels 0 30 x aaaaaaaaaaaaaaaaaaa E5 error: [error] errors 404 ERRORS in+fo":               Unknown,
		"\x1b[31mERROR\x1b[0m \x1b[1;31merror\x1b[39;49m \x1b[38;5;9mERR":                           Error,
		"ERR\x1b[ \x1b": Unknown,
	} {
		for word := range strings.FieldsSeq(words) {
			if got := Parse([]byte(word)); got != want {
				t.Errorf("%q is %v, want %v", word, got, want)
			}
		}
	}
}

// find is what the finder says of an object.
func find(t testing.TB, object string) Level {
	t.Helper()
	if !jsonbytes.Valid([]byte(object)) {
		t.Fatalf("no JSON: %s", object)
	}
	var f Finder
	for m := jsonbytes.MembersOf([]byte(object)); ; {
		name, value, ok := m.Next()
		if !ok {
			return f.Level()
		}
		f.Member(name, value)
	}
}

// TestLoggers: the lines of loggers as they are with their defaults.
func TestLoggers(t *testing.T) {
	for name, tc := range map[string]struct {
		want Level
		line string
	}{
		"slog":                   {Error, `{"time":"2026-01-31T12:00:00.1Z","level":"ERROR","msg":"charge failed"}`},
		"slog, step":             {Warn, `{"time":"2026-01-31T12:00:00.1Z","level":"WARN+1","msg":"x"}`},
		"zap":                    {Error, `{"level":"error","ts":1769860800.1,"caller":"app/main.go:7","msg":"charge failed"}`},
		"zap, dpanic":            {Critical, `{"level":"dpanic","ts":1769860800.1,"msg":"x"}`},
		"zerolog":                {Error, `{"level":"error","time":"2026-01-31T12:00:00Z","message":"charge failed"}`},
		"logrus":                 {Warn, `{"level":"warning","msg":"x","time":"2026-01-31T12:00:00Z"}`},
		"hclog":                  {Error, `{"@level":"error","@message":"charge failed","@timestamp":"2026-01-31T12:00:00Z"}`},
		"log15":                  {Error, `{"lvl":"eror","msg":"charge failed","t":"2026-01-31T12:00:00Z"}`},
		"go-kit":                 {Error, `{"caller":"x.go:1","level":"error","msg":"charge failed"}`},
		"Google":                 {Critical, `{"severity":"EMERGENCY","message":"x","time":"2026-01-31T12:00:00Z"}`},
		"python-json-logger":     {Error, `{"asctime":"2026-01-31 12:00:00,000","levelname":"ERROR","message":"charge failed"}`},
		"Python, number":         {Warn, `{"levelno":30,"message":"x"}`},
		"Python, both numbers":   {Error, `{"level":40,"levelno":40,"message":"charge failed"}`},
		"structlog":              {Error, `{"event":"charge failed","level":"error","timestamp":"2026-01-31T12:00:00Z"}`},
		"loguru":                 {Error, `{"text":"charge failed\n","record":{"elapsed":{"repr":"0"},"level":{"icon":"x","name":"ERROR","no":40},"message":"charge failed"}}`},
		"loguru, own level":      {Error, `{"text":"x","record":{"level":{"name":"ALARM","no":40},"message":"x"}}`},
		"pino":                   {Error, `{"level":50,"time":1769860800000,"pid":8,"hostname":"x","msg":"charge failed"}`},
		"pino, no message":       {Error, `{"level":50,"time":1769860800000,"pid":8,"hostname":"x","order":7}`},
		"bunyan":                 {Critical, `{"name":"app","hostname":"x","pid":8,"level":60,"msg":"x","time":"2026-01-31T12:00:00Z","v":0}`},
		"winston":                {Error, `{"level":"error","message":"charge failed"}`},
		"winston, npm":           {Debug, `{"level":"http","message":"x"}`},
		"winston, colours":       {Error, `{"level":"\u001b[31merror\u001b[39m","message":"charge failed"}`},
		"log4js":                 {Error, `{"startTime":"2026-01-31T12:00:00Z","level":{"level":40000,"levelStr":"ERROR","colour":"red"},"data":["charge failed"]}`},
		"tslog":                  {Error, `{"0":"charge failed","_meta":{"logLevelId":5,"logLevelName":"ERROR","date":"2026-01-31T12:00:00Z"}}`},
		"lambda-log":             {Error, `{"_logLevel":"error","msg":"charge failed","_tags":["log","error"]}`},
		"Nest":                   {Info, `{"level":"log","pid":8,"timestamp":1769860800000,"message":"x","context":"App"}`},
		"log4j2":                 {Error, `{"instant":{"epochSecond":1769860800},"thread":"main","level":"ERROR","loggerName":"App","message":"charge failed"}`},
		"ECS":                    {Error, `{"@timestamp":"2026-01-31T12:00:00.000Z","log.level":"ERROR","message":"charge failed","ecs.version":"1.2.0"}`},
		"ECS, nested":            {Error, `{"log":{"level":"error","logger":"x"},"@timestamp":"2026-01-31T12:00:00.000Z","message":"charge failed"}`},
		"logback, logstash":      {Error, `{"@timestamp":"2026-01-31T12:00:00Z","@version":"1","message":"charge failed","level":"ERROR","level_value":40000}`},
		"logback, number alone":  {Error, `{"@timestamp":"2026-01-31T12:00:00Z","message":"charge failed","level_value":40000}`},
		"java.util.logging":      {Error, `{"timestamp":"2026-01-31T12:00:00Z","level":"SEVERE","message":"charge failed"}`},
		"GELF":                   {Error, `{"version":"1.1","host":"x","short_message":"charge failed","timestamp":1769860800.1,"level":3}`},
		"syslog":                 {Error, `{"level":3,"syslog":{"appname":"x"},"message":"charge failed"}`},
		"syslog, behind":         {Warn, `{"message":"x","syslog":true,"level":4}`},
		"syslog, ECS":            {Error, `{"log":{"syslog":{"severity":{"code":3}}},"message":"charge failed"}`},
		"syslog, severity":       {Error, `{"severity":3,"syslog":{"facility":1},"message":"charge failed"}`},
		"Serilog compact":        {Error, `{"@t":"2026-01-31T12:00:00Z","@mt":"charge failed","@l":"Error"}`},
		"Serilog compact, info":  {Info, `{"@t":"2026-01-31T12:00:00Z","@m":"x","@i":"1","Order":7}`},
		"Serilog compact, other": {Unknown, `{"@t":"2026-01-31T12:00:00Z","@m":"x","@l":"Loud"}`},
		"Serilog":                {Error, `{"Timestamp":"2026-01-31T12:00:00.0000000+00:00","Level":"Error","MessageTemplate":"charge {Id} failed","Properties":{"Id":7}}`},
		"Microsoft":              {Error, `{"EventId":0,"LogLevel":"Error","Category":"App","Message":"charge failed","State":{"Level":"Debug"}}`},
		"NLog":                   {Critical, `{"time":"2026-01-31 12:00:00.0000","level":"FATAL","message":"x"}`},
		"Monolog":                {Error, `{"message":"charge failed","context":{},"level":400,"level_name":"ERROR","channel":"app","datetime":"x","extra":{}}`},
		"Monolog, notice":        {Info, `{"message":"x","context":{},"level":250,"level_name":"NOTICE","channel":"app","datetime":"x","extra":{}}`},
		"Monolog, number":        {Critical, `{"message":"x","context":{},"level":550,"channel":"app"}`},
		"Rust tracing":           {Error, `{"timestamp":"2026-01-31T12:00:00.1Z","level":"ERROR","fields":{"message":"charge failed"},"target":"app"}`},
		"Rust slog":              {Error, `{"msg":"charge failed","level":"ERRO","ts":"2026-01-31T12:00:00.1Z"}`},
		"Ruby, semantic":         {Error, `{"timestamp":"2026-01-31T12:00:00.1Z","level":"error","level_index":4,"message":"charge failed"}`},
		"Ruby, severity":         {Error, `{"severity":"ERROR","message":"charge failed"}`},
		"OpenTelemetry":          {Error, `{"severityText":"ERROR","severityNumber":17,"body":"charge failed"}`},
		"OpenTelemetry, number":  {Critical, `{"severityNumber":24,"body":"x"}`},
		"OpenTelemetry, step":    {Debug, `{"severity_text":"DEBUG3","severity_number":7,"body":"x"}`},
		"Python runtime client":  {Error, `{"log_level":"error","message":"charge failed"}`},
		"camel case":             {Error, `{"logLevel":"ERROR","message":"charge failed"}`},
		"null, and another":      {Error, `{"level":null,"severity":"error"}`},
		"two words":              {Info, `{"severity":"WARNING","level":"info"}`},
		"number and word":        {Debug, `{"level":100,"message":"x","level_name":"DEBUG"}`},
		"number in quotes":       {Error, `{"level":"50","time":1,"msg":"x"}`},
		"number alone":           {Trace, `{"level":10}`},

		"one letter":             {Error, `{"level":"E","time":1,"msg":"x"}`},
		"a letter of a grade":    {Unknown, `{"level":"D","pupil":"x"}`},
		"a game":                 {Unknown, `{"player":"x","level":3,"message":"level reached"}`},
		"a game's thirtieth":     {Unknown, `{"player":"x","level":30,"score":12}`},
		"a status":               {Unknown, `{"level":404,"message":"not found"}`},
		"a status of its own":    {Unknown, `{"status":500,"message":"ERROR"}`},
		"prose":                  {Unknown, `{"message":"ERROR: no error","text":"error"}`},
		"a word of the business": {Unknown, `{"level":"gold","message":"customer"}`},
		"severity of a defect":   {Unknown, `{"severity":3,"message":"defect"}`},
		"between pino's":         {Unknown, `{"level":35,"time":1,"msg":"x"}`},
		"a fraction":             {Unknown, `{"level":30.5,"msg":"x"}`},
		"below zero":             {Unknown, `{"level":-10,"msg":"x"}`},
		"other members' levels":  {Unknown, `{"message":"x","user":{"level":"ERROR"},"order":{"severity":"error"}}`},
		"a log of wood":          {Unknown, `{"log":"error","record":"ERROR"}`},
		"an empty level":         {Unknown, `{"level":"","message":"x"}`},
		"a list":                 {Unknown, `{"level":["ERROR"],"message":"x"}`},
		"a long level":           {Unknown, `{"level":"` + strings.Repeat("error", 100) + `"}`},
	} {
		if got := find(t, tc.line); got != tc.want {
			t.Errorf("%s: %v, want %v: %s", name, got, tc.want, tc.line)
		}
	}
}

func FuzzFinder(f *testing.F) {
	f.Add(`{"level":{"name":"\u001b[31m"},"log":{"syslog":{"severity":{"code":3}}},"record":{"level":{"no":40}}}`)
	f.Add(`{"level":"","severity":9999999,"@t":1,"@m":2}`)
	f.Fuzz(func(t *testing.T, object string) {
		in := jsonbytes.TrimSpace([]byte(object))
		if jsonbytes.LooksLikeObject(in) && json.Valid(in) {
			if l := find(t, string(in)); l > Critical {
				t.Errorf("%q is %v", in, l)
			}
		}
	})
}

func TestFindingDoesNotAllocate(t *testing.T) {
	line := []byte(`{"level":"\u001b[31merror\u001b[39m","message":"charge failed","log":{"level":"error"},"order":7}`)
	if n := testing.AllocsPerRun(100, func() {
		var f Finder
		for m := jsonbytes.MembersOf(line); ; {
			name, value, ok := m.Next()
			if !ok {
				break
			}
			f.Member(name, value)
		}
		if f.Level() != Error {
			t.Fatal(f.Level())
		}
	}); n > 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
