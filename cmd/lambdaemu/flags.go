package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/eventsource"
	"powertools-extension/lambdaemu"
)

// settings is a parsed command line.
type settings struct {
	args       []string // as given, for the record
	command    []string
	dir        string
	function   string
	handler    string
	runtime    string
	env        []string // K=V, or K to take over the host's value
	extensions []string
	memoryMB   int
	timeout    time.Duration
	logFormat  string
	initType   string
	freeze     bool

	logDescriptor string
	splitOutput   bool

	faults []lambdaemu.Fault

	invokes     []string
	count       int
	concurrency int // 0: one after the other
	gap         time.Duration
	retry       int
	seed        uint64
	listen      string

	page     string // "true" or "false" as given, "" when it was not
	pageFile string

	source source

	params    string
	realAWS   bool
	awsFaults []awsFault

	transcript string
	record     string
	junit      string
	logStream  string
	json       bool
	raw        bool
	quiet      bool
	color      string
	version    bool
}

// flagInfo is one row of the flag table, from which both parsing and --help come.
type flagInfo struct {
	name     string
	arg      string // placeholder; empty for a switch
	fallback string // as shown
	meaning  string
	set      func(*settings, string) error
}

type flagGroup struct {
	title string
	flags []flagInfo
}

func flagTable() []flagGroup {
	return []flagGroup{
		{"function", []flagInfo{
			{"extension", "PATH", "", "an extension: binary, directory of binaries, or layer zip; repeatable", list(func(s *settings) *[]string { return &s.extensions })},
			{"env", "K=V", "", "a variable of the function's configuration, or K to take the host's value; {sink} in V becomes the URL of a built-in HTTP sink, {xray} the address of a built-in X-Ray daemon, {port} a free port, {port2} another; repeatable", addEnv},
			{"dir", "PATH", ".", "working directory of the function (LAMBDA_TASK_ROOT)", text(func(s *settings) *string { return &s.dir })},
			{"function-name", "NAME", "function", "the function's name", text(func(s *settings) *string { return &s.function })},
			{"handler", "NAME", "app.handler", "_HANDLER of the runtime", text(func(s *settings) *string { return &s.handler })},
			{"runtime", "ID", "from the command", "Lambda's name of the runtime, e.g. python3.13; a managed one honours AWS_LAMBDA_EXEC_WRAPPER, provided.al2023 does not", text(func(s *settings) *string { return &s.runtime })},
			{"timeout", "DURATION", "3s", "of one invocation", duration(func(s *settings) *time.Duration { return &s.timeout })},
			{"memory", "MB", "128", "memory size, 128 to 10240", setMemory},
			{"log-format", "text|json", "text", "the function's log format", choice(func(s *settings) *string { return &s.logFormat }, "text", "json")},
			{"init-type", "TYPE", "on-demand", "on-demand, provisioned-concurrency, snap-start or managed-instances", choice(func(s *settings) *string { return &s.initType }, "on-demand", "provisioned-concurrency", "snap-start", "managed-instances")},
			{"log-descriptor", "pipe|socket|off", "pipe for managed runtimes", "the function's framed log descriptor (_LAMBDA_TELEMETRY_LOG_FD): each frame is one log event, shown with ║", choice(func(s *settings) *string { return &s.logDescriptor }, "pipe", "socket", "off")},
			{"split-output", "", "", "the function's stdout and stderr have a pipe each; otherwise they share one", toggle(func(s *settings) *bool { return &s.splitOutput })},
			{"freeze", "", "true", "stop all processes between invocations, as Lambda does; --freeze=false to debug", toggle(func(s *settings) *bool { return &s.freeze })},
			{"seed", "N", "0", "chooses, on managed instances, which requests are reported before their lines; the same seed gives the same order", setSeed},
			{"fault", "NAME[:ARG][@FROM]", "", "a fault of the platform, from invocation FROM on; repeatable", addFault},
		}},
		{"invocations (without --invoke and --count: serve them over HTTP)", []flagInfo{
			{"invoke", "FILE|JSON", "", "an event: a file, JSON text, or - for standard input; repeatable", list(func(s *settings) *[]string { return &s.invokes })},
			{"count", "N", "one per event", "how many invocations; the events take turns, {} without --invoke", setNumber(func(s *settings) *int { return &s.count })},
			{"concurrency", "N", "1", "invocations at once in one sandbox; needs --init-type managed-instances", setNumber(func(s *settings) *int { return &s.concurrency })},
			{"gap", "DURATION", "0s", "pause between invocations, in which the sandbox is frozen", duration(func(s *settings) *time.Duration { return &s.gap })},
			{"retry", "N", "0", "try a failed invocation again under its request id, up to N times, as Lambda does for asynchronous ones (2 there, after 1 and 2 minutes; here at once)", setNumber(func(s *settings) *int { return &s.retry })},
			{"listen", "HOST:PORT", defaultListen, "address of serve mode and of the page", text(func(s *settings) *string { return &s.listen })},
			{"page", "", "true in serve mode", "show the run in a browser while it happens; with --invoke or --count the page stays until Ctrl-C", setPage},
		}},
		{"event source (plays what is in front of the function, and ends with a ledger of every message)", []flagInfo{
			{"event-source", "KIND", "", "sqs, sqs-fifo, kinesis, dynamodb or async; needs --batch", choice(func(s *settings) *string { return &s.source.kind }, eventsource.Kinds()...)},
			{"batch", "FILE", "", "a JSON array of bodies or records, or a whole event; - for standard input", text(func(s *settings) *string { return &s.source.file })},
			{"batch-size", "N", "10, streams 100", "messages per invocation", setNumber(func(s *settings) *int { return &s.source.size })},
			{"report-batch-item-failures", "", "", "the mapping has FunctionResponseTypes: [ReportBatchItemFailures]; without it Lambda does not read batchItemFailures", toggle(func(s *settings) *bool { return &s.source.report })},
			{"dead-letter-after", "N", "3", "deliveries until a message is given up", setNumber(func(s *settings) *int { return &s.source.tries })},
			{"dead-letter", "", "true", "what is given up goes to a dead-letter queue or on-failure destination; --dead-letter=false: it is gone", toggle(func(s *settings) *bool { return &s.source.deadLetter })},
		}},
		{"AWS (without these: AWS_ENDPOINT_URL* of the host are handed down)", []flagInfo{
			{"params", "FILE", "", "embedded AWS: parameters, secrets and tables from a YAML file", text(func(s *settings) *string { return &s.params })},
			{"aws-fault", "NAME[:ARG][@FROM]", "", "a fault of the embedded AWS, from invocation FROM on; none ends it; repeatable", addAWSFault},
			{"aws", "", "", "the real AWS, with the host's AWS_ACCESS_KEY_ID and so on", toggle(func(s *settings) *bool { return &s.realAWS })},
		}},
		{"output", []flagInfo{
			{"transcript", "FILE", "", "write what happened, in a form that is the same in every run", text(func(s *settings) *string { return &s.transcript })},
			{"record", "FILE", "", "write everything that crossed the wire, one JSON object per line, for lambdaemu replay FILE; it holds payloads and secrets as they were", text(func(s *settings) *string { return &s.record })},
			{"page-file", "FILE", "", "write the page of the finished run as one HTML file; it holds events, answers and lines as they were, but for POWERTOOLS_LOGS_REDACT in events and answers", text(func(s *settings) *string { return &s.pageFile })},
			{"junit", "FILE", "", "write the invocations as JUnit test cases", text(func(s *settings) *string { return &s.junit })},
			{"log-stream", "FILE", "", "write what CloudWatch Logs would hold, in order", text(func(s *settings) *string { return &s.logStream })},
			{"json", "", "", "one JSON object per invocation and a summary, for machines", toggle(func(s *settings) *bool { return &s.json })},
			{"raw", "", "", "show log lines as they are, platform lines included", toggle(func(s *settings) *bool { return &s.raw })},
			{"quiet", "", "", "show only failed invocations and the summary", toggle(func(s *settings) *bool { return &s.quiet })},
			{"color", "auto|always|never", "auto", "colours; auto: on a terminal, unless NO_COLOR is set", choice(func(s *settings) *string { return &s.color }, "auto", "always", "never")},
			{"version", "", "", "print the version", toggle(func(s *settings) *bool { return &s.version })},
		}},
	}
}

const defaultListen = "127.0.0.1:9000"

// errHelp asks for the help page.
var errHelp = flag.ErrHelp

// parseFlags reads [flags] -- COMMAND ARGS…. Its errors are usage errors.
func parseFlags(args []string) (settings, error) {
	s := settings{args: args, freeze: true, listen: defaultListen, color: "auto", source: source{deadLetter: true}}
	fs := flag.NewFlagSet("lambdaemu", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	for _, group := range flagTable() {
		for _, f := range group.flags {
			set := func(value string) error { return f.set(&s, value) }
			if f.arg == "" {
				fs.BoolFunc(f.name, f.meaning, set)
			} else {
				fs.Func(f.name, f.meaning, set)
			}
		}
	}
	if err := fs.Parse(args); err != nil {
		return s, err
	}
	s.command = fs.Args()
	if s.version {
		return s, nil
	}
	return s, s.check()
}

func (s *settings) check() error {
	slices.SortStableFunc(s.awsFaults, func(a, b awsFault) int { return cmp.Compare(a.from, b.from) })
	switch serves := s.serves(); {
	case len(s.command) == 0:
		return errors.New("no function: name its command after the flags, e.g. lambdaemu --count 1 -- ./bootstrap")
	case s.params != "" && s.realAWS:
		return errors.New("--params and --aws exclude each other: the embedded AWS or the real one")
	case len(s.awsFaults) > 0 && s.params == "":
		return errors.New("--aws-fault needs the embedded AWS: add --params FILE")
	case s.concurrency > 1 && s.initType != "managed-instances":
		return errors.New("--concurrency needs --init-type managed-instances: elsewhere a sandbox runs one invocation at a time")
	case s.initType == "managed-instances" && s.logFormat == "text":
		return errors.New("--log-format text: managed instances have JSON only")
	case serves && s.gap > 0:
		return errors.New("--gap needs invocations: add --count N or --invoke")
	}
	return s.source.check(s)
}

func (s *settings) serves() bool { return len(s.invokes) == 0 && s.count == 0 && !s.source.given() }

func list(field func(*settings) *[]string) func(*settings, string) error {
	return func(s *settings, value string) error {
		if value == "" {
			return errors.New("is empty")
		}
		*field(s) = append(*field(s), value)
		return nil
	}
}

func text(field func(*settings) *string) func(*settings, string) error {
	return func(s *settings, value string) error {
		if value == "" {
			return errors.New("is empty")
		}
		*field(s) = value
		return nil
	}
}

func toggle(field func(*settings) *bool) func(*settings, string) error {
	return func(s *settings, value string) (err error) {
		if *field(s), err = strconv.ParseBool(value); err != nil {
			return errors.New("want true or false")
		}
		return nil
	}
}

func choice(field func(*settings) *string, allowed ...string) func(*settings, string) error {
	return func(s *settings, value string) error {
		value = strings.ToLower(value)
		if !slices.Contains(allowed, value) {
			return fmt.Errorf("want one of %s", strings.Join(allowed, ", "))
		}
		*field(s) = value
		return nil
	}
}

// duration takes Go's form or a bare number of seconds.
func duration(field func(*settings) *time.Duration) func(*settings, string) error {
	return func(s *settings, value string) error {
		d, err := time.ParseDuration(value)
		if seconds, errNumber := strconv.ParseFloat(value, 64); errNumber == nil && seconds < 1e6 {
			d, err = time.Duration(seconds*float64(time.Second)), nil
		}
		if err != nil || d < 0 {
			return errors.New("want a duration such as 500ms, 3s or 3")
		}
		*field(s) = d
		return nil
	}
}

func setMemory(s *settings, value string) error {
	n, err := strconv.Atoi(strings.TrimSuffix(strings.ToUpper(value), "MB"))
	if err != nil || n < 128 || n > 10240 {
		return errors.New("want 128 to 10240")
	}
	s.memoryMB = n
	return nil
}

func setNumber(field func(*settings) *int) func(*settings, string) error {
	return func(s *settings, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return errors.New("want a number from 1")
		}
		*field(s) = n
		return nil
	}
}

func setSeed(s *settings, value string) (err error) {
	if s.seed, err = strconv.ParseUint(value, 10, 64); err != nil {
		return errors.New("want a number from 0")
	}
	return nil
}

func setPage(s *settings, value string) error {
	on, err := strconv.ParseBool(value)
	if err != nil {
		return errors.New("want true or false")
	}
	s.page = strconv.FormatBool(on)
	return nil
}

func addEnv(s *settings, value string) error {
	if name, _, _ := strings.Cut(value, "="); name == "" {
		return errors.New("want NAME=VALUE or NAME")
	}
	s.env = append(s.env, value)
	return nil
}

func addFault(s *settings, value string) error {
	f, err := lambdaemu.ParseFault(value)
	if err != nil {
		return err
	}
	s.faults = append(s.faults, f)
	return nil
}

func addAWSFault(s *settings, value string) error {
	f, err := parseAWSFault(value)
	if err != nil {
		return err
	}
	s.awsFaults = append(s.awsFaults, f)
	return nil
}
