// Package lambdaemu is Lambda in a box: the Runtime, Extensions and Telemetry
// APIs around real child processes, with freeze, faults and a transcript. It
// runs any function with any extensions.
//
// The rule a reader could break: it imports none of the extension's packages,
// so that both sides of a test cannot share one misreading of the platform.
// Every behaviour cites the page or the AWS source it was taken from.
package lambdaemu

import (
	"time"
)

// Options describe the function, its sandbox and its faults. The zero value of
// each field is a sensible default, noted beside it.
type Options struct {
	Command []string          // the function: its bootstrap or runtime interface client, with arguments; required
	Dir     string            // what is /var/task on Lambda: working directory of all processes; default: the emulator's
	Env     map[string]string // customer variables, as set in the console
	Inherit []string          // host variables handed down to all processes, e.g. PATH; default PATH, HOME, LANG
	Layers  []string          // extension executables; the base name is the extension's name

	// Runtime is Lambda's identifier, e.g. python3.13 or, for a custom runtime,
	// provided.al2023; default: guessed from the command's name, else
	// provided.al2023. It is told to the function (AWS_EXECUTION_ENV) and in
	// INIT_START, and a managed one honours AWS_LAMBDA_EXEC_WRAPPER in Env.
	Runtime string

	FunctionName string        // default "function"
	Version      string        // default $LATEST
	Handler      string        // _HANDLER of the runtime; default "app.handler"
	Region       string        // default us-east-1
	AccountID    string        // default 123456789012
	MemoryMB     int           // default 128
	Timeout      time.Duration // of one invocation; default 3 s
	InitTimeout  time.Duration // default 10 s (on-demand)
	LogFormat    string        // Text or JSON; default Text
	InitType     string        // on-demand (default), provisioned-concurrency, snap-start, lambda-managed-instances
	Concurrency  int           // invocations at once in one sandbox; only lambda-managed-instances, default 1
	NoFreeze     bool          // default: SIGSTOP all process groups between invocations
	Faults       []Fault       // see FaultNames

	// LogDescriptor is the kind of the function's third log descriptor, the framed
	// one whose number is in _LAMBDA_TELEMETRY_LOG_FD: pipe, socket or off. Each
	// frame is one log event. Default: pipe for managed runtimes, which use it, and
	// off for custom ones and on managed instances, where it is another mechanism.
	LogDescriptor string

	// SplitOutput gives the function's stdout and stderr a pipe each. Default: one
	// for both, which keeps their order.
	SplitOutput bool

	// Seed chooses for every request on managed instances whether its report or
	// its lines come first; the same seed chooses the same for the n-th request.
	Seed uint64

	// Both hooks are called from one goroutine, and neither may call the
	// emulator. What belongs to an invocation has been told when Invoke returns.
	OnLine  func(Line)  // every line CloudWatch Logs would hold, in order
	OnEntry func(Entry) // every transcript entry as it happens

	// Detailed adds to the transcript what a page about the run shows: every line
	// with the moments at which it was printed and reached the log, and after each
	// invocation what each extension has used and the cache of the extension at
	// CachePort (transcript.Line, Usage, Cache).
	Detailed bool

	// CachePort, unless 0, is the port of 127.0.0.1 at which an extension answers
	// GET /parameters/cache to whoever sends AWS_SESSION_TOKEN as
	// X-Aws-Parameters-Secrets-Token. It is asked after each invocation, before the
	// freeze, if Detailed is set.
	CachePort int

	// OnWire, if set, gets every HTTP exchange with the APIs and every telemetry
	// batch. It is called from many goroutines at once and delays what it hears.
	OnWire func(Message)
}

// Line is one log line as CloudWatch Logs would hold it.
type Line struct {
	Time   time.Time
	Origin Origin
	Name   string // the extension's name for OriginExtension
	Text   string // without the newline; a frame's may have several lines
	Framed bool   // it came through the framed descriptor (Options.LogDescriptor)
	Level  string // of a frame, e.g. INFO; else ""
}

// Origin says who printed a line.
type Origin string

// Origins of a line. Platform lines are INIT_START, START, END, REPORT and the like.
const (
	OriginFunction  Origin = "function"
	OriginExtension Origin = "extension"
	OriginPlatform  Origin = "platform"
)

// Request is one invocation.
type Request struct {
	Payload       []byte
	RequestID     string // default: a new UUID; one that was used before is a retry of that request
	TraceHeader   string // X-Ray header from upstream; default: a new sampled one; NoTrace: none at all
	ClientContext string
	TenantID      string

	// OnPart, if set, gets a streamed answer as it comes, at the pace at which
	// Lambda lets it pass: 6 MiB at once, then 2 MiB per second. It is called
	// from one goroutine; while it blocks, the function blocks on its POST. A
	// buffered answer makes no parts. After a timeout a call that has begun may
	// still be under way when Invoke returns.
	OnPart func(Part)

	// OnResponse, if set, is called once, at the moment the client has its
	// answer. Extensions may still be at work then, so only the answer's own
	// fields are valid: RequestID, Payload, FunctionError, ErrorType,
	// ProducedBytes, ColdStart and Latency. It must not call the emulator.
	OnResponse func(Response)
}

// Part is a piece of a streamed answer.
type Part struct {
	ContentType string // as the function said, the same in every part
	Data        []byte // valid during the call only
}

// NoTrace as a Request's TraceHeader means that the caller sent none.
const NoTrace = "none"

// Response is what the client of the invocation and the platform saw.
type Response struct {
	RequestID     string
	Payload       []byte
	FunctionError string // "" on success, else Unhandled; Payload then holds errorMessage and errorType
	ErrorType     string // e.g. Sandbox.Timedout, Runtime.ExitError
	ColdStart     bool
	Streamed      bool   // the answer came as a stream
	ContentType   string // of the answer, as the function said

	Init             time.Duration // of this invocation's cold start; 0 when warm
	Restore          time.Duration // of the snapshot this invocation was the first to use
	Latency          time.Duration // invoke → response at the client
	Duration         time.Duration // invoke → the runtime's next /next
	PostRuntime      time.Duration // the runtime's /next → the last extension's /next
	Billed           time.Duration
	MaxMemoryUsedMB  int
	ProducedBytes    int
	TelemetryPending int // events not yet delivered when the sandbox froze
	TelemetryDropped int // events given up since the invocation before
}

// Exit is how the sandbox ended.
type Exit struct {
	Reason     string // spindown, timeout, failure
	Extensions []ExtensionExit
	Duration   time.Duration
}

// ExtensionExit is how one extension ended.
type ExtensionExit struct {
	Name   string
	Code   int           // exit code; -1 when killed
	Killed bool          // SIGKILL at the end of the budget
	After  time.Duration // from the SHUTDOWN event to the exit

	// Unsubscribed extensions did not register for SHUTDOWN: they are killed
	// without notice, which is a normal end.
	Unsubscribed bool
}

// Clean reports whether every extension that was told exited with 0 in time.
func (e Exit) Clean() bool {
	for _, x := range e.Extensions {
		if !x.Unsubscribed && (x.Killed || x.Code != 0) {
			return false
		}
	}
	return true
}
