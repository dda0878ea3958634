package transcript

import (
	"encoding/json"
	"time"
)

// The types of Entry.Data. Durations are in nanoseconds on the wire, as Go's are.

// Run is the configuration of the run.
type Run struct {
	Function    string        `json:"function"`
	Runtime     string        `json:"runtime"`
	InitType    string        `json:"initType"`
	LogFormat   string        `json:"logFormat"`
	MemoryMB    int           `json:"memoryMB"`
	Timeout     time.Duration `json:"timeoutNs"`
	Concurrency int           `json:"concurrency"`
	Freezes     bool          `json:"freezes"`
}

// Registration is an extension's call of register.
type Registration struct {
	Events   []string `json:"events"` // those it asked for
	Status   int      `json:"status"`
	Internal bool     `json:"internal,omitempty"` // in the runtime's process
}

// Subscription is a call of the Telemetry API or of the Logs API.
type Subscription struct {
	API    string   `json:"api"` // Telemetry or Logs
	Schema string   `json:"schema"`
	Types  []string `json:"types"`
	Status int      `json:"status"`
}

// Delivery is one try to post a batch to a subscriber.
type Delivery struct {
	Events int `json:"events"`
	Bytes  int `json:"bytes"`
	Status int `json:"status"` // 0: unanswered
}

// Invocation is a request as it comes in.
type Invocation struct {
	RequestID string          `json:"requestId"`
	Number    int             `json:"number"` // of the emulator's life, from 1; a retry has its own
	Began     time.Time       `json:"began"`  // the client's call, from which durations count
	Deadline  time.Time       `json:"deadline"`
	Event     json.RawMessage `json:"event,omitempty"` // with Options.Detailed
}

// Answer is what the runtime posted to /response or /error.
type Answer struct {
	RequestID string `json:"requestId"`
	Status    int    `json:"status"` // of the platform, to the runtime
	Bytes     int    `json:"bytes"`
	ErrorType string `json:"errorType,omitempty"`
}

// Outcome is what an invocation came to, for the client and on the bill.
type Outcome struct {
	RequestID   string        `json:"requestId"`
	Status      string        `json:"status"` // success, error, timeout, failure: the report's word
	ErrorType   string        `json:"errorType,omitempty"`
	Failed      bool          `json:"failed,omitempty"` // the client got an error
	Cold        bool          `json:"cold,omitempty"`
	Init        time.Duration `json:"initNs,omitempty"`
	Restore     time.Duration `json:"restoreNs,omitempty"`
	Latency     time.Duration `json:"latencyNs"`  // until the client had its answer
	Duration    time.Duration `json:"durationNs"` // until the runtime's next /next
	PostRuntime time.Duration `json:"postRuntimeNs,omitempty"`
	Billed      time.Duration `json:"billedNs,omitempty"` // 0 on managed instances
	MemoryMB    int           `json:"memoryMB,omitempty"`
	Pending     int           `json:"pending,omitempty"` // telemetry events that wait while the sandbox is frozen
	Dropped     int           `json:"dropped,omitempty"` // given up since the invocation before
	Payload     []byte        `json:"payload,omitempty"` // base64 on the wire, because it may be any bytes
}

// InitEnd is the end of an init.
type InitEnd struct {
	Phase     string        `json:"phase"` // init, or invoke for one repeated inside an invocation
	Status    string        `json:"status"`
	ErrorType string        `json:"errorType,omitempty"`
	Took      time.Duration `json:"tookNs"`
}

// Line is a printed line on its way to the log.
type Line struct {
	Origin  string    `json:"origin"`
	Printed time.Time `json:"printed"` // a frame's own time, else when it was first read
	Taken   time.Time `json:"taken"`   // when the log had it
	Framed  bool      `json:"framed,omitempty"`
	Text    string    `json:"text"`
}

// Usage is what an extension's process group has used.
type Usage struct {
	CPU    time.Duration `json:"cpuNs"` // user and system, since its start
	RSSKB  int           `json:"rssKB"`
	PeakKB int           `json:"peakKB"`
}

// Cache is the answer of an extension that lists its cache.
type Cache = json.RawMessage

// AWSCall is one request to an AWS emulator.
type AWSCall struct {
	Operation string        `json:"operation"` // as IAM names it, e.g. ssm:GetParameter
	Names     []string      `json:"names,omitempty"`
	Began     time.Time     `json:"began"`
	Took      time.Duration `json:"tookNs"`
	Status    int           `json:"status"`          // 0: cut off, or not answered
	Error     string        `json:"error,omitempty"` // the service's code, e.g. ThrottlingException
	Fault     string        `json:"fault,omitempty"` // in force at the time
}

// FaultChange is a fault that somebody switched on or off.
type FaultChange struct {
	Name string `json:"name"`
	Arg  string `json:"arg,omitempty"`
	Of   string `json:"of"` // platform or aws
	On   bool   `json:"on"`
}

// Ending is how the environment ended.
type Ending struct {
	Reason     string        `json:"reason"`
	Took       time.Duration `json:"tookNs"`
	Extensions []Exit        `json:"extensions"`
	Events     int           `json:"events"`    // telemetry events subscribers had asked for
	Delivered  int           `json:"delivered"` // of them
	Lost       int           `json:"lost"`
}

// Exit is how one extension ended.
type Exit struct {
	Name         string        `json:"name"`
	Code         int           `json:"code"` // -1: killed
	Killed       bool          `json:"killed,omitempty"`
	Unsubscribed bool          `json:"unsubscribed,omitempty"` // not registered for SHUTDOWN: killed without notice
	After        time.Duration `json:"afterNs"`
}
