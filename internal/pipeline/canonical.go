package pipeline

import (
	"math"
	"slices"

	"go.uber.org/zap"

	"powertools-extension/internal/emf"
	"powertools-extension/internal/invocation"
	"powertools-extension/internal/procstat"
	"powertools-extension/internal/telemetry"
)

// canonical writes one event for each invocation.
type canonical struct {
	opt        *Options
	off        bool
	metrics    []metric // the selected rows
	properties []property
	dimensions []emf.Dimension
	buf        []byte
}

func newCanonical(opt *Options, log *zap.Logger) canonical {
	c := canonical{opt: opt, off: opt.Metrics == nil || opt.Platform == (Selection{})}
	if c.off {
		return c
	}
	c.properties = propertyTable()
	taken := map[string]bool{"service": true, "function_name": true}
	for _, p := range c.properties {
		taken[p.Name] = true
	}
	for i, m := range metricTable() {
		taken[m.Name] = true
		if opt.Platform.has(i) {
			c.metrics = append(c.metrics, m)
		}
	}
	c.dimensions = []emf.Dimension{{Name: "service", Value: opt.Service}, {Name: "function_name", Value: opt.MetricsFunctionName}}
	for _, d := range opt.Dimensions {
		if taken[d.Name] {
			log.Warn("dimension left out of platform metrics: its name is taken there; rename it", zap.String("dimension", d.Name))
			continue
		}
		taken[d.Name] = true
		c.dimensions = append(c.dimensions, d)
	}
	return c
}

// want is what has to be read of the sandbox for the selected metrics.
func (c *canonical) want() procstat.Want {
	var want procstat.Want
	for _, p := range processMetrics() {
		if slices.ContainsFunc(c.metrics, func(m metric) bool { return m.Name == p.Name }) {
			want |= p.want
		}
	}
	return want
}

// encode returns the event's line, which is valid until the next one, and
// none if nothing is selected or no selected metric has a source.
func (c *canonical) encode(f *finished, measured []emf.Property) ([]byte, error) {
	if c.off {
		return nil, nil
	}
	f.costUSD = estimateCost(f.Summary, c.opt.Architecture)
	doc := emf.Document{
		Time:       f.Start,
		Namespace:  c.opt.Namespace,
		Dimensions: [][]emf.Dimension{c.dimensions},
		Metrics:    c.values(f),
		Properties: c.members(f, measured),
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

func (c *canonical) values(f *finished) []emf.Metric {
	metrics := make([]emf.Metric, 0, len(c.metrics))
	for _, m := range c.metrics {
		if n := m.value(f); n.Set {
			metrics = append(metrics, emf.Metric{Name: m.Name, Unit: m.Unit, Values: []float64{n.Value}})
		}
	}
	return metrics
}

func (c *canonical) members(f *finished, measured []emf.Property) []emf.Property {
	props := make([]emf.Property, 0, len(c.properties)+len(measured))
	for _, p := range c.properties {
		if v := p.value(f); v != nil {
			props = append(props, emf.Property{Name: p.Name, Value: v})
		}
	}
	return append(props, measured...)
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
