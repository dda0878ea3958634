// Package canonical is the canonical event: one line for each invocation that
// joins all that is known of it. It holds the one table of the event's metrics
// and members.
//
// The rule a reader could break: a figure whose source is missing is left out,
// never written as 0.
package canonical

import (
	"math"
	"slices"

	"go.uber.org/zap"

	"powertools-extension/internal/emf"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/procstat"
	"powertools-extension/internal/telemetry"
)

// Event is what is known of one invocation when its event is written.
type Event struct {
	*invocation.Summary
	Released, HoldDropped uint32          // lines of the flight recorder: let go, without room
	Process               procstat.Sample // without figures if there are none
	Measured              []emf.Property  // counters of other parts, written behind the members

	costUSD telemetry.Number
}

// Options is what does not change from one event to the next.
type Options struct {
	Off          bool            // nothing is written
	Listed       Selection       // the metrics that are written; none: no event
	Namespace    string          // CloudWatch namespace
	Service      string          // dimension service
	FunctionName string          // dimension function_name
	Dimensions   []emf.Dimension // further fixed dimensions
	Architecture string          // arm64, else x86_64: the price of a GB-second
	Log          *zap.Logger
}

// Encoder writes events. It is not safe for concurrent use.
type Encoder struct {
	opt        Options
	metrics    []metric // the selected rows
	properties []property
	dimensions []emf.Dimension
	buf        []byte
}

// NewEncoder returns an Encoder. A dimension whose name the event needs itself
// is left out and logged.
func NewEncoder(opt Options) *Encoder {
	if opt.Listed == (Selection{}) {
		opt.Off = true
	}
	c := &Encoder{opt: opt}
	if opt.Off {
		return c
	}
	c.properties = propertyTable()
	taken := map[string]bool{"service": true, "function_name": true}
	for _, p := range c.properties {
		taken[p.Name] = true
	}
	for i, m := range metricTable() {
		taken[m.Name] = true
		if opt.Listed.has(i) {
			c.metrics = append(c.metrics, m)
		}
	}
	c.dimensions = []emf.Dimension{{Name: "service", Value: opt.Service}, {Name: "function_name", Value: opt.FunctionName}}
	for _, d := range opt.Dimensions {
		if taken[d.Name] {
			opt.Log.Warn("dimension left out of platform metrics: its name is taken there; rename it", zap.String("dimension", d.Name))
			continue
		}
		taken[d.Name] = true
		c.dimensions = append(c.dimensions, d)
	}
	return c
}

// Want is what has to be read of the sandbox for the selected metrics.
func (c *Encoder) Want() procstat.Want {
	var want procstat.Want
	for _, p := range processMetrics() {
		if slices.ContainsFunc(c.metrics, func(m metric) bool { return m.Name == p.Name }) {
			want |= p.want
		}
	}
	return want
}

// Encode returns the event's line, which is valid until the next one, and
// none if nothing is selected or no selected metric has a source.
func (c *Encoder) Encode(f *Event) ([]byte, error) {
	if c.opt.Off {
		return nil, nil
	}
	f.costUSD = estimateCost(f.Summary, c.opt.Architecture)
	doc := emf.Document{
		Time:       f.Start,
		Namespace:  c.opt.Namespace,
		Dimensions: [][]emf.Dimension{c.dimensions},
		Metrics:    c.values(f),
		Properties: c.members(f),
	}
	if len(doc.Metrics) == 0 {
		return nil, nil
	}
	line, err := emf.AppendDocument(c.buf[:0], doc)
	if err != nil {
		return nil, err
	}
	c.buf = line
	return line, nil
}

func (c *Encoder) values(f *Event) []emf.Metric {
	metrics := make([]emf.Metric, 0, len(c.metrics))
	for _, m := range c.metrics {
		if n := m.value(f); n.Set {
			metrics = append(metrics, emf.Metric{Name: m.Name, Unit: m.Unit, Values: []float64{n.Value}})
		}
	}
	return metrics
}

func (c *Encoder) members(f *Event) []emf.Property {
	props := make([]emf.Property, 0, len(c.properties)+len(f.Measured))
	for _, p := range c.properties {
		if v := p.value(f); v != nil {
			props = append(props, emf.Property{Name: p.Name, Value: v})
		}
	}
	return append(props, f.Measured...)
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
