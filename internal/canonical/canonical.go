// Package canonical is the canonical event: one line for each attempt at an
// invocation that joins all that is known of it. It holds the one table of the
// event's figures and members, and the presets that say which of the figures
// are metrics.
//
// The rules a reader could break: a figure whose source is missing is left
// out, never written as 0; no figure stands in the event twice; and nothing
// that is wrong with one member may cost the event.
package canonical

import (
	"math"
	"time"
	"unicode/utf8"

	"powertools-extension/internal/batch"
	"powertools-extension/internal/emf"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/procstat"
	"powertools-extension/internal/telemetry"
)

// Event is what is known of one attempt when its event is written.
type Event struct {
	*invocation.Summary
	Released, HoldDropped uint32             // lines of the flight recorder: let go, without room
	Bypassed              uint64             // lines that reached the log past lines in place, since the last event
	Process               procstat.Sample    // without figures if there are none
	Batch                 *batch.Counts      // nil: the event was not split
	Idempotent            *idempotency.Tally // nil: no request asked for it
	Measured              []emf.Property     // counters of other parts, written behind the members

	// ColdStartCounted: the function's own metrics document has counted the
	// cold start already (Encoder.CountsColdStart).
	ColdStartCounted bool

	serviceName string
	costUSD     telemetry.Number
}

// Options is what does not change from one event to the next.
type Options struct {
	Selection    Selection
	Namespace    string // CloudWatch namespace
	Service      string // dimension service
	FunctionName string // dimension function_name; empty: there is none

	// ServiceName is the service as the user named it, where that is no
	// dimension's value and Service therefore another one. Empty: it is.
	ServiceName  string
	Dimensions   []emf.Dimension // further fixed dimensions
	Architecture string          // arm64, else x86_64: the price of a GB-second
}

// Encoder writes events. It is not safe for concurrent use.
type Encoder struct {
	opt        Options
	rows       []metric // of which the event may have a member
	listed     []bool   // of those, whether it is a metric
	coldStart  int      // its row
	properties []property
	dimensions [][]emf.Dimension // one set
	problems   []string

	// Memory of the last event, for the next one.
	metrics []emf.Metric
	values  []float64
	members []emf.Property
	buf     []byte
}

// NewEncoder returns an Encoder. What is wrong in the options costs that part
// and is told by Problems.
func NewEncoder(opt Options) *Encoder {
	c := &Encoder{opt: opt, coldStart: -1}
	if !opt.Selection.event {
		return c
	}
	taken := map[string]bool{"service": true, "function_name": true, "timestamp": true, "_aws": true}
	c.properties = propertyTable()
	for _, p := range c.properties {
		taken[p.Name] = true
	}
	for i, m := range metricTable() {
		taken[m.Name] = true
		if listed := opt.Selection.has(i); listed || m.want == 0 {
			if m.Name == "ColdStart" {
				c.coldStart = len(c.rows)
			}
			c.rows, c.listed = append(c.rows, m), append(c.listed, listed)
		}
	}
	c.values = make([]float64, len(c.rows))
	c.setDimensions(taken)
	return c
}

// setDimensions keeps what a document may have.
func (c *Encoder) setDimensions(taken map[string]bool) {
	if !valid(emf.Document{Namespace: c.opt.Namespace}) {
		c.problems = append(c.problems, "the namespace is none; using default_namespace")
		c.opt.Namespace = "default_namespace"
	}
	var set []emf.Dimension
	add := func(d emf.Dimension) {
		if !valid(emf.Document{Namespace: c.opt.Namespace, Dimensions: [][]emf.Dimension{append(set[:len(set):len(set)], d)}}) {
			c.problems = append(c.problems, "dimension "+d.Name+" left out of the platform metrics: not 1 to 1024 characters of printable ASCII, or one too many")
			return
		}
		set = append(set, d)
	}
	add(emf.Dimension{Name: "service", Value: c.opt.Service})
	if c.opt.FunctionName != "" { // else nobody knows it
		add(emf.Dimension{Name: "function_name", Value: c.opt.FunctionName})
	}
	for _, d := range c.opt.Dimensions {
		if taken[d.Name] {
			c.problems = append(c.problems, "dimension "+d.Name+" left out of the platform metrics: the canonical event has a member of this name; rename it")
			continue
		}
		taken[d.Name] = true
		add(d)
	}
	c.dimensions = [][]emf.Dimension{set}
}

// valid asks the encoder itself, so that no rule is written twice.
func valid(d emf.Document) bool {
	d.Time = time.Unix(0, 0)
	_, err := emf.AppendPlain(nil, d)
	return err == nil
}

// Problems lists what NewEncoder left out or replaced, for one warning each.
func (c *Encoder) Problems() []string { return c.problems }

// Off reports whether there are no events.
func (c *Encoder) Off() bool { return !c.opt.Selection.event }

// Want is what has to be read of the sandbox: figures that are listed.
func (c *Encoder) Want() (want procstat.Want) {
	for i := range c.rows {
		want |= c.rows[i].want
	}
	return want
}

// Encode returns the event's line, which is valid until the next one; nothing
// if there are no events. An event without a listed metric is a plain line.
func (c *Encoder) Encode(e *Event) (line []byte, billed int, err error) {
	if c.Off() {
		return nil, 0, nil
	}
	e.serviceName = c.opt.ServiceName
	e.costUSD = estimateCost(e.Summary, c.opt.Architecture)
	billed = c.takeFigures(e)
	c.takeMembers(e)
	doc := emf.Document{Time: e.Start, Namespace: c.opt.Namespace, Dimensions: c.dimensions, Metrics: c.metrics, Properties: c.members}
	if doc.Time.UnixMilli() < 0 {
		doc.Time = time.UnixMilli(0) // a clock that was not set yet
	}
	write := emf.AppendDocument
	if billed == 0 {
		write = emf.AppendPlain
	}
	if c.buf, err = write(c.buf[:0], doc); err != nil {
		return nil, 0, err
	}
	return c.buf, billed, nil
}

// takeFigures fills c.metrics and returns how many of them are listed.
func (c *Encoder) takeFigures(e *Event) (listed int) {
	c.metrics = c.metrics[:0]
	for i := range c.rows {
		m := &c.rows[i]
		n := m.value(e)
		if !n.Set || !(math.Abs(n.Value) <= 0x1p360) { // asked this way because of NaN
			continue
		}
		list := c.listed[i] && !(i == c.coldStart && e.ColdStartCounted)
		if list {
			listed++
		}
		c.values[i] = n.Value
		c.metrics = append(c.metrics, emf.Metric{Name: m.Name, Unit: m.Unit, Values: c.values[i : i+1], Unlisted: !list})
	}
	return listed
}

// maxText bounds a member that a line of the function may have made.
const maxText = 2048 // bytes

func (c *Encoder) takeMembers(e *Event) {
	c.members = c.members[:0]
	for i := range c.properties {
		v := c.properties[i].value(e)
		if v == nil {
			continue
		}
		if s, ok := v.(string); ok && len(s) > maxText {
			v = cut(s)
		}
		c.members = append(c.members, emf.Property{Name: c.properties[i].Name, Value: v})
	}
	c.members = append(c.members, e.Measured...)
}

// cut ends a long text at a rune.
func cut(s string) string {
	end := maxText
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// List prices of us-east-1 in US dollars (AWS Lambda pricing).
const (
	pricePerRequest     = 0.2e-6
	pricePerGBSecond    = 16.6667e-6 // x86_64
	pricePerGBSecondARM = 13.3334e-6 // arm64
)

// estimateCost needs what is billed and the memory; managed instances are
// billed otherwise and report neither.
func estimateCost(s *invocation.Summary, architecture string) telemetry.Number {
	if !s.BilledDurationMs.Set || !s.MemorySizeMB.Set {
		return telemetry.Number{}
	}
	price := pricePerGBSecond
	if architecture == "arm64" {
		price = pricePerGBSecondARM
	}
	usd := pricePerRequest + price*s.BilledDurationMs.Value/1000*s.MemorySizeMB.Value/1024
	return telemetry.Num(math.Round(usd*1e12) / 1e12)
}
