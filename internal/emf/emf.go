// Package emf validates and aggregates metric samples and writes CloudWatch
// Embedded Metric Format documents, one JSON object per line.
//
// The rule a reader could break: a document leaves this package only if it is
// valid for CloudWatch (Embedded Metric Format specification). A sample that
// would break its document is refused with a *LimitError that names the field.
package emf

import "time"

// Dimension is one name and value. Order is kept.
type Dimension struct {
	Name  string
	Value string
}

// Sample is what one caller measured: one metric with one or more values.
type Sample struct {
	Namespace     string        // empty: the configured one
	Dimensions    []Dimension   // added to the default dimensions: one dimension set
	DimensionSets [][]Dimension // further sets, each prefixed by the default dimensions
	Metadata      []Property    // written beside the metrics, not a dimension
	Name          string        // 1 to 255 characters
	Unit          string        // one of Units; empty: None
	Values        []float64     // finite; at least one
	Resolution    int           // 1 (high) or 60; 0 means 60
	Time          time.Time     // zero: now; at most 14 days old and 2 h ahead
}

// Property is a plain member of the document: searchable, not a metric.
// Value is a string, bool, int, int64, float64, or json.RawMessage.
type Property struct {
	Name  string
	Value any
}

// Metric is one metric of a document.
type Metric struct {
	Name       string
	Unit       string
	Values     []float64 // one: written as a number; several: as an array
	Resolution int       // 1 is written, 0 and 60 are not

	// Unlisted: a member of the document for queries, and no metric, so that
	// CloudWatch neither charts nor bills it. Unit and Resolution have no
	// effect.
	Unlisted bool
}

// Document is one EMF event, ready to be written.
type Document struct {
	Time       time.Time
	Namespace  string
	Dimensions [][]Dimension // sets; a name that occurs in several sets has one value
	Metrics    []Metric      // at most 100 that are listed
	Properties []Property
}
