// Package pipeline turns telemetry events into what leaves the sandbox: the
// function's lines with the keys they lack, and one canonical metrics event
// for each invocation.
//
// The rule a reader could break: what the function wrote is never changed. An
// object keeps its members, their bytes and their order, and only missing
// keys are added behind them; a text keeps every character as the message.
// Past this package a line is bytes, and it is encoded once.
package pipeline

import (
	"context"
	"regexp"
	"sync"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/batch/items"
	"powertools-extension/internal/canonical"
	"powertools-extension/internal/emf"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/procstat"
	"powertools-extension/internal/redact"
	"powertools-extension/internal/telemetry"
)

// Output takes one line without its newline and copies what it keeps. It
// never waits.
type Output interface{ Put(line []byte) }

// Meter hands over the counters of another part since they were last taken,
// to be written beside the metrics of the invocation that just ended.
type Meter interface{ Take() []emf.Property }

// Process reads figures of the sandbox; *procstat.Reader does.
type Process interface {
	Read(want procstat.Want) procstat.Sample
}

// Destination is one way out for lines.
type Destination struct {
	Output Output

	// Stdout marks the way that ends where the function's own lines already
	// are. Metrics documents are not repeated there, nor, unless CopyAll is
	// set, objects that say their level, time and request: CloudWatch has them.
	Stdout bool
}

// DefaultMaxLineBytes is the longest line that CloudWatch Logs takes
// everywhere (CloudWatch Logs quotas).
const DefaultMaxLineBytes = 256 << 10

// Options is what the pipeline is told about the function and what to do.
type Options struct {
	Lines   []Destination // where the function's lines go; none: nowhere
	Metrics Output        // where canonical events go; nil: nowhere

	Service             string // key of lines
	MetricsService      string // dimension service; empty: Service
	FunctionName        string
	MetricsFunctionName string // dimension function_name; empty: FunctionName
	MemoryMB            int    // MiB; 0: unknown, the key is left out
	Architecture        string // arm64, else x86_64: the price of a GB-second

	Level        invocation.Level // least level of lines that pass; a line without one is INFO
	SampleRate   float64          // share of requests whose lines all pass, 0 to 1
	MaxLineBytes int              // bound of a line with its newline; 0 means DefaultMaxLineBytes
	Indent       bool             // indent lines by four spaces (POWERTOOLS_DEV); metrics stay on one line

	// Include and Exclude are matched with the line as the function printed
	// it. A line that leaves matches Include and does not match Exclude.
	Include, Exclude *regexp.Regexp // nil: every line, no line

	Keys    Keys // which keys lines get if they lack them
	CopyAll bool // repeat every line on stdout but metrics documents

	KeepText bool // of streams: a text stays what it is where it is stored

	Redact *redact.Rules // nil: nothing is taken out

	// Hold is the level of the flight recorder: lines of this level and
	// below, also those below Level, are held until their invocation logs an
	// ERROR or ends badly, and are forgotten when it ends well. Lines without
	// an invocation and those of sampled requests are not held.
	Hold          invocation.Level // LevelUnknown: off
	HoldBytes     int              // of all invocations; 0 means DefaultHoldBytes
	HoldBytesEach int              // of each; 0 means DefaultHoldBytesEach

	Platform   canonical.Selection // whether there are canonical events, and which figures are metrics
	Namespace  string              // CloudWatch namespace
	Dimensions []emf.Dimension     // further fixed dimensions
	Meters     []Meter
	Process    Process // asked only if a metric is selected that needs it; nil: those metrics are missing

	// Idempotent gives what became of an attempt's requests; nil: nobody knows.
	Idempotent func(*invocation.Attempt) *idempotency.Tally

	// Bypassed returns how many lines have reached the function's log without
	// passing a Stream since it was last asked. nil: there are no streams.
	Bypassed func() uint64

	// Items are the records of batches whose lines come, and how batches went;
	// nil: none are split.
	Items *items.Book

	// FirstMetric is called once, when the first event with a metric is written.
	FirstMetric func()

	// FlushMetrics is called when an invocation's end is observed: the custom
	// metrics of the function are complete.
	FlushMetrics func(now time.Time)

	// FlushOutputs is called at the end of each batch: what was put may leave.
	FlushOutputs func()
	Observed     func(*invocation.Attempt, *telemetry.Event) // of each event of the platform, with its attempt (nil: none); must not wait; nil: nobody is told
	Over         func(*invocation.Summary)                   // of each attempt, before its event is written; must not wait; nil: nobody is told

	Now func() time.Time // wall clock; nil means time.Now
	Log *zap.Logger      // nil means none
}

// Pipeline handles events. Safe for concurrent use, though lines keep their
// order only if one goroutine hands them in.
type Pipeline struct {
	opt     Options
	tracker *invocation.Tracker
	log     *zap.Logger

	mu       sync.Mutex
	rules    rules // for lines of the telemetry stream
	recorder recorder
	streams  map[uint16]*Stream // of descriptors; nil: none ever was
	events   *canonical.Encoder
	measure  measure
	stats    Stats
	late     *time.Timer // closes attempts that waited for late lines; nil: none ever did
	closed   bool        // by Flush: no timer is set any more
	said     struct{ bad, empty, evicted bool }

	coldCounted bool // a metrics document of the function has counted the cold start
	eventSeen   bool // the first canonical event is out: no cold start can follow
	metricSeen  bool // FirstMetric was called
}

// Stats counts what the pipeline did. Each line is in exactly one of Passed,
// Filtered, Excluded, Held, Forgotten and HoldDropped.
type Stats struct {
	Lines     uint64 `json:"lines"`     // lines of the function
	Passed    uint64 `json:"passed"`    // handed to the destinations that want them
	Filtered  uint64 `json:"filtered"`  // below the least level
	Excluded  uint64 `json:"excluded"`  // by Include or Exclude
	Redacted  uint64 `json:"redacted"`  // changed by the redactor
	Truncated uint64 `json:"truncated"` // cut to the bound
	Events    uint64 `json:"events"`    // canonical events written
	Refused   uint64 `json:"refused"`   // canonical events that broke a limit
	Panics    uint64 `json:"panics"`    // events lost to a defect of ours

	Held        uint64 `json:"held"`         // in the flight recorder now
	Released    uint64 `json:"released"`     // held, and let go because the invocation went badly; in Passed, too
	Forgotten   uint64 `json:"forgotten"`    // held, and the invocation went well
	HoldDropped uint64 `json:"hold_dropped"` // held, and there was no room
}

// New returns a pipeline over the tracker.
func New(tracker *invocation.Tracker, opt Options) *Pipeline {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = zap.NewNop()
	}
	if opt.FlushOutputs == nil {
		opt.FlushOutputs = func() {}
	}
	if opt.MaxLineBytes <= 0 {
		opt.MaxLineBytes = DefaultMaxLineBytes
	}
	if opt.MetricsFunctionName == "" {
		opt.MetricsFunctionName = opt.FunctionName
	}
	p := &Pipeline{opt: opt, tracker: tracker, log: opt.Log.Named("pipeline")}
	p.rules = newRules(&p.opt)
	p.recorder = newRecorder(&p.opt)
	p.events = canonical.NewEncoder(opt.event())
	p.measure = measure{meters: opt.Meters, source: opt.Process, want: p.events.Want()}
	return p
}

// Problems lists what of the options the canonical event goes without.
func (p *Pipeline) Problems() []string { return p.events.Problems() }

// event is what the canonical event has of it.
func (o *Options) event() canonical.Options {
	if o.Metrics == nil {
		return canonical.Options{}
	}
	e := canonical.Options{
		Selection: o.Platform, Namespace: o.Namespace, Dimensions: o.Dimensions,
		Service: o.Service, FunctionName: o.MetricsFunctionName, Architecture: o.Architecture,
	}
	if o.MetricsService != "" && o.MetricsService != o.Service {
		e.Service, e.ServiceName = o.MetricsService, o.Service
	}
	return e
}

// Begin takes an INVOKE event on its way to the tracker. It must come here
// and not to the tracker directly: the counters of the meters up to now
// belong to the invocation before.
func (p *Pipeline) Begin(inv invocation.Invoke) *invocation.Attempt {
	read, sample := p.readAtBegin()
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.tracker.Begin(inv)
	if a != nil && a.Open() && !p.tracker.Managed() {
		p.measure.begin(a, read, sample)
	}
	p.emitLocked()
	return a
}

// Flush closes every open invocation for the reason of a shutdown and writes
// what is known of it, then lets the outputs flush.
func (p *Pipeline) Flush(reason string, now time.Time) {
	p.closeAll(reason, now)
	if p.opt.FlushMetrics != nil {
		p.opt.FlushMetrics(now)
	}
	p.opt.FlushOutputs()
}

func (p *Pipeline) closeAll(reason string, now time.Time) {
	read, sample := p.readAtEnd("")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.measure.end(p.measure.running, read, sample)
	p.tracker.Close(reason, now)
	p.emitLocked()
	p.closed = true
	if p.late != nil {
		p.late.Stop()
	}
}

// Settled waits until no invocation waits for its report, or ctx ends.
func (p *Pipeline) Settled(ctx context.Context) {
	select {
	case <-p.tracker.Settled():
	case <-ctx.Done():
	}
}

// Stats returns the counts so far.
func (p *Pipeline) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Held, s.Released, s.Forgotten, s.HoldDropped = p.recorder.holding, p.recorder.released, p.recorder.forgotten, p.recorder.dropped
	return s
}
