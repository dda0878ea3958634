package emf

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// Options of an Aggregator. The zero value of each field is noted beside it.
type Options struct {
	Namespace  string      // of samples that name none; default "default_namespace"
	Service    string      // the first default dimension; default "service_undefined"
	Dimensions []Dimension // further default dimensions; one called service replaces Service
	Disabled   bool        // check samples, print nothing
	Indent     bool        // for eyes, not for CloudWatch: documents over several lines

	// MaxSets bounds the different sets of dimensions in the life of the
	// sandbox. Samples with further ones are kept under the default dimensions
	// and dimension_overflow=true, because each set is a metric that is billed.
	// Default 1000.
	MaxSets int

	// SplitBytes is the size at which a document is printed and another begun,
	// default 256 KiB. CloudWatch takes 1 MiB by now, but whatever still stands
	// between the process and CloudWatch with the older limit would cut the
	// line, and a cut document is lost.
	SplitBytes int

	// MaxPendingBytes bounds what waits for Flush, default 1 MiB. When it is
	// reached all that waits is printed.
	MaxPendingBytes int

	// Out takes one document without a newline and must copy it. It is called
	// without locks held, perhaps from several goroutines. Default: discard.
	Out func(line []byte)

	// OnReject is called with the first refusal of each kind, OnDefault with
	// the first sample that goes to Namespace because it names none. Default:
	// nothing.
	OnReject  func(*LimitError)
	OnDefault func()

	// OnOverflow is called once, when the first sample exceeds MaxSets, so
	// that somebody can be told. Default: nothing.
	OnOverflow func(maxSets int)

	Now func() time.Time // the wall clock; default time.Now
}

// Stats counts since the aggregator was made.
type Stats struct {
	Recorded     uint64            // samples accepted
	Rejected     map[string]uint64 // samples refused, by LimitError.Kind
	Skipped      uint64            // dimensions without a value, left out of samples that were taken
	Documents    uint64            // given to Out
	Dropped      uint64            // documents that turned invalid while they waited, such as over a freeze
	Overflowed   uint64            // samples kept under dimension_overflow=true
	PendingBytes int               // waiting for Flush, an upper bound
}

// Rejection is one refused sample of RecordAll.
type Rejection struct {
	Index int
	Err   *LimitError
}

// Aggregator collects samples and prints them as few documents. Samples share
// a document when namespace, dimensions and metadata are the same and their
// times fall into one period of the metric's resolution, so that a shared
// timestamp moves no value to another point of the graph. It is safe for
// concurrent use and starts no goroutine.
type Aggregator struct {
	opt      Options
	base     []Dimension // default dimensions, checked
	problems []*LimitError

	views   sync.Pool // *view
	batches sync.Pool // *batch

	recorded   atomic.Uint64
	overflowed atomic.Uint64
	skipped    atomic.Uint64
	defaulted  atomic.Bool // OnDefault was called

	mu        sync.Mutex
	pending   table
	guard     guard
	rejected  map[string]uint64
	documents uint64
	dropped   uint64
}

// NewAggregator returns an Aggregator. It never fails: what is wrong in the
// options is replaced by its default and told by Problems.
func NewAggregator(opt Options) *Aggregator {
	a := &Aggregator{opt: opt, rejected: map[string]uint64{}}
	a.setDefaults()
	a.guard = newGuard(a.opt.MaxSets)
	a.pending.docs = map[string]*openDocument{}
	return a
}

func (a *Aggregator) setDefaults() {
	o := &a.opt
	o.MaxSets = orDefault(o.MaxSets, 1000)
	o.SplitBytes = min(orDefault(o.SplitBytes, 256<<10), MaxDocumentBytes)
	o.MaxPendingBytes = orDefault(o.MaxPendingBytes, 1<<20)
	if o.Out == nil {
		o.Out = func([]byte) {}
	}
	if o.OnReject == nil {
		o.OnReject = func(*LimitError) {}
	}
	if o.OnDefault == nil {
		o.OnDefault = func() {}
	}
	if o.OnOverflow == nil {
		o.OnOverflow = func(int) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Namespace == "" {
		o.Namespace = "default_namespace"
	}
	if err := checkNamespace(o.Namespace); err != nil {
		a.problems = append(a.problems, err)
		o.Namespace = "default_namespace"
	}
	a.setBase()
}

// setBase makes the default dimensions: service first, then the configured
// ones. A wrong one is left out, or every sample would be refused for it.
func (a *Aggregator) setBase() {
	const undefined = "service_undefined"
	service := Dimension{Name: "service", Value: a.opt.Service}
	if service.Value == "" {
		service.Value = undefined
	}
	if _, err := checkDimension(&service); err != nil {
		a.problems = append(a.problems, err)
		service.Value = undefined
	}
	a.base = []Dimension{service}
	for _, d := range a.opt.Dimensions {
		if _, err := checkDimension(&d); err != nil {
			a.problems = append(a.problems, err)
			continue
		}
		if i := indexDimension(a.base, d.Name); i >= 0 {
			a.base[i].Value = d.Value
		} else {
			a.base = append(a.base, d)
		}
	}
	if len(a.base) > MaxDimensions {
		a.problems = append(a.problems, tooManyDimensions(len(a.base)))
		a.base = a.base[:MaxDimensions]
	}
}

func orDefault(n, def int) int {
	if n <= 0 {
		return def
	}
	return n
}

// Problems lists what NewAggregator replaced, for one warning each.
func (a *Aggregator) Problems() []*LimitError { return a.problems }

// Record adds one sample, which may be reused afterwards. The error is a
// *LimitError; a sample is taken whole or not at all.
func (a *Aggregator) Record(s Sample) error {
	if err := a.record(&s); err != nil {
		return err
	}
	return nil
}

// RecordAll adds the samples and returns the refused ones, nil if there are
// none.
func (a *Aggregator) RecordAll(samples []Sample) []Rejection {
	var rejections []Rejection
	for i := range samples {
		if err := a.record(&samples[i]); err != nil {
			rejections = append(rejections, Rejection{Index: i, Err: err})
		}
	}
	return rejections
}

// Flush prints all that waits, in the order in which the documents were begun.
func (a *Aggregator) Flush(now time.Time) {
	out := a.newBatch()
	defer a.discard(out)
	a.closeAll(now.Round(0), out)
	a.emit(out)
}

// Stats returns a snapshot of the counters.
func (a *Aggregator) Stats() Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	return Stats{
		Recorded:     a.recorded.Load(),
		Rejected:     maps.Clone(a.rejected),
		Skipped:      a.skipped.Load(),
		Documents:    a.documents,
		Dropped:      a.dropped,
		Overflowed:   a.overflowed.Load(),
		PendingBytes: a.pending.bytes,
	}
}
