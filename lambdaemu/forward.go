package lambdaemu

import (
	"powertools-extension/lambdaemu/fault"
	"powertools-extension/lambdaemu/internal/sink"
	"powertools-extension/lambdaemu/internal/wire"
	"powertools-extension/lambdaemu/transcript"
)

// Entry is one thing that crossed the wire or happened to a process.
type Entry = transcript.Entry

// Render is transcript.Render: the transcript as text for a golden file.
func Render(entries []Entry) string { return transcript.Render(entries) }

// Timeline is transcript.Timeline: the transcript as a person reads it.
func Timeline(entries []Entry) string { return transcript.Timeline(entries) }

// Message is one half of an HTTP exchange, for Options.OnWire.
type Message = wire.Message

// Fault is a named fault of the platform; see FaultNames.
type Fault = fault.Fault

// FaultInfo describes one fault.
type FaultInfo = fault.Info

// FaultNames is fault.Names: every fault with its meaning.
func FaultNames() []FaultInfo { return fault.Names() }

// ParseFault is fault.Parse: it reads NAME[:ARG][@FROM].
func ParseFault(s string) (Fault, error) { return fault.Parse(s) }

// Lanes of the transcript that are no extension.
const (
	whoPlatform = transcript.Platform
	whoRuntime  = transcript.Runtime
)

// SinkPlaceholder in a value of Options.Env becomes the URL of a small HTTP
// server that takes whatever is posted to it. It stands for the back end an
// extension delivers to, and the sink faults make it slow, broken or silent.
const SinkPlaceholder = sink.Placeholder

// XRayPlaceholder in a value of Options.Env becomes the address of a UDP socket
// that takes documents for the X-Ray daemon; each is an entry of the transcript.
const XRayPlaceholder = sink.XRayPlaceholder

// SinkStats are what the built-in sink has seen.
type SinkStats = sink.Stats

// Sink returns what the built-in sink has seen; zero when no variable named it.
func (e *Emulator) Sink() SinkStats { return e.sink.Stats() }
