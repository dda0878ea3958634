package emf_test

import (
	"testing"
	"time"

	"powertools-extension/internal/emf"
)

// tenMetrics is the document the performance bar speaks of: ten metrics,
// three dimensions, four properties.
func tenMetrics() emf.Document {
	return emf.Document{
		Time:      time.UnixMilli(1705318245123),
		Namespace: "shop",
		Dimensions: [][]emf.Dimension{{
			{Name: "service", Value: "orders"}, {Name: "function_name", Value: "orders-prod-handler"}, {Name: "environment", Value: "prod"},
		}},
		Properties: []emf.Property{
			{Name: "function_request_id", Value: "3da1f2dc-3222-475e-9205-e2e6c6318895"}, {Name: "cold_start", Value: true},
			{Name: "function_memory_size", Value: 512}, {Name: "xray_trace_id", Value: "1-5759e988-bd862e3fe1be46a994272793"},
		},
		Metrics: []emf.Metric{
			{Name: "Invocations", Unit: "Count", Values: []float64{1}},
			{Name: "Errors", Unit: "Count", Values: []float64{0}},
			{Name: "Timeouts", Unit: "Count", Values: []float64{0}},
			{Name: "ColdStart", Unit: "Count", Values: []float64{1}},
			{Name: "Duration", Unit: "Milliseconds", Values: []float64{123.45}},
			{Name: "InitDuration", Unit: "Milliseconds", Values: []float64{231.07}},
			{Name: "BilledDuration", Unit: "Milliseconds", Values: []float64{355}},
			{Name: "MaxMemoryUsed", Unit: "Megabytes", Values: []float64{97}},
			{Name: "MemoryUtilization", Unit: "Percent", Values: []float64{18.9}},
			{Name: "ProducedBytes", Unit: "Bytes", Values: []float64{1532}},
		},
	}
}

func BenchmarkAppendDocument(b *testing.B) {
	doc := tenMetrics()
	buf, err := emf.AppendDocument(nil, doc)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		if buf, err = emf.AppendDocument(buf[:0], doc); err != nil {
			b.Fatal(err)
		}
	}
}
