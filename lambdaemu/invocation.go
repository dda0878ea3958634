package lambdaemu

import (
	"time"

	"powertools-extension/lambdaemu/internal/relay"
)

// maxPayload is the limit of a request and of a buffered response: 6 MiB and
// 100 bytes (AWS source: interop MaxPayloadSize).
const maxPayload = 6*1024*1024 + 100

// maxStream is the limit of a streamed response (AWS page: gettingstarted-limits).
const maxStream = 200 << 20

// invocation is one request on its way through the sandbox. The second group of
// fields is guarded by the sandbox's lock until the invocation is over.
type invocation struct {
	id       string
	number   int // of the emulator's life, from 1
	req      Request
	trace    trace
	arn      string
	start    time.Time // the client's call
	deadline time.Time

	released  time.Time // handed to the runtime
	firstByte time.Time // of the response
	lastByte  time.Time
	ready     time.Time     // the runtime's next /next
	gaveUp    time.Time     // the platform did, instead: what it reports ends then
	reply     *reply        // what the client gets; nil until it has it
	answering bool          // managed instances: the runtime's POST has begun
	closed    bool          // the platform gave up: nothing above changes any more
	over      chan struct{} // closed with it; nil in an invocation without stream

	doneTold     bool // fault runtime-done-early: runtimeDone is out already
	selfReported bool // reply is what the runtime said about its own init
}

// reply is the function's answer or the platform's in its place.
type reply struct {
	payload   []byte
	errorType string // "" on success
	produced  int    // bytes the runtime posted; 0 for an error

	streamed    bool
	contentType string // as the runtime said
}

// failure is why an init or an invocation did not succeed.
type failure struct {
	status    string // timeout, error, failure
	errorType string // as telemetry has it; "" for a timeout
	message   string
}

func (f *failure) Error() string { return f.message }

// reason is the shutdownReason of the reset that follows.
func (f *failure) reason() string {
	if f.status == statusTimeout {
		return "timeout"
	}
	return "failure"
}

// Values of status in telemetry.
const (
	statusSuccess = "success"
	statusTimeout = "timeout"
	statusError   = "error"
)

// reply is the platform's answer in place of the function's.
func (f *failure) reply(id string) *reply {
	errorType := f.errorType
	if f.status == statusTimeout {
		errorType = "Sandbox.Timedout"
	}
	return &reply{errorType: errorType, payload: relay.Marshal(struct {
		ErrorType    string `json:"errorType"`
		ErrorMessage string `json:"errorMessage"`
	}{errorType, "RequestId: " + id + " Error: " + f.message})}
}
