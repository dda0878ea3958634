package emf

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// view is a sample seen as a document of one metric, so that samples and
// documents keep the same rules. It borrows the sample's slices until it is
// released and owns its buffers, which are reused.
type view struct {
	doc    Document
	metric [1]Metric
	own    bool // the sample brought dimensions of its own
	cost   int  // most bytes of the document without metrics

	// key names the document to share: namespace and dimensions, whose names
	// are sorted because many languages iterate maps in random order, then,
	// from setKey on, the metadata.
	key    []byte
	setKey int

	flat  []Dimension // behind sets
	sets  [][]Dimension
	names []Dimension // scratch: one set, sorted
	props []Property  // scratch: metadata, sorted
}

// load checks the sample and fills the view.
func (v *view) load(s *Sample, base []Dimension, namespace string, now time.Time) *LimitError {
	if s.Namespace != "" {
		namespace = s.Namespace
	}
	at := s.Time
	if at.IsZero() {
		at = now
	} else if err := checkTime(at, now); err != nil {
		return err
	}
	if err := v.merge(s, base); err != nil {
		return err
	}
	v.metric[0] = Metric{Name: s.Name, Unit: s.Unit, Resolution: s.Resolution, Values: s.Values}
	if v.metric[0].Unit == "" {
		v.metric[0].Unit = "None"
	}
	if v.metric[0].Resolution == 0 {
		v.metric[0].Resolution = 60
	}
	if err := checkValues(&v.metric[0]); err != nil {
		return err
	}
	v.metric[0].Values = s.Values[:min(len(s.Values), MaxValues)]
	v.doc = Document{Time: at, Namespace: namespace, Dimensions: v.sets, Metrics: v.metric[:], Properties: s.Metadata}
	return v.finish()
}

// overflow moves the sample under the default dimensions and the one that
// says that there were too many.
func (v *view) overflow(base []Dimension) *LimitError {
	v.flat = append(append(v.flat[:0], base...), Dimension{Name: "dimension_overflow", Value: "true"})
	v.sets = append(v.sets[:0], v.flat)
	v.doc.Dimensions = v.sets
	return v.finish()
}

// finish checks the view as a document and makes its key and cost.
func (v *view) finish() *LimitError {
	if _, err := check(&v.doc); err != nil {
		return err
	}
	v.makeSetKey()
	if err := v.makeMetadataKey(); err != nil {
		return err
	}
	if n := v.cost + metricCost(&v.metric[0]) + valueCost*len(v.metric[0].Values); n > MaxDocumentBytes {
		return tooLarge(n)
	}
	return nil
}

// merge makes the dimension sets: each begins with the default dimensions,
// and a name the sample repeats keeps its place but takes the sample's value.
func (v *view) merge(s *Sample, base []Dimension) *LimitError {
	v.own = len(s.Dimensions) > 0 || len(s.DimensionSets) > 0
	first := len(s.Dimensions) > 0 || !v.own // further sets alone are all the sets
	if n := len(s.DimensionSets); n > MaxDimensionSets {
		return tooManySets(n)
	}
	n := len(base) + len(s.Dimensions)
	for _, set := range s.DimensionSets {
		n += len(base) + len(set)
	}
	if most := MaxDimensions * (MaxDimensionSets + 1); n > most {
		return tooManyDimensions(n) // refused here already: what follows compares names pairwise
	}
	// Grown once, because the sets point into it.
	v.flat = slices.Grow(v.flat[:0], n)
	v.sets = v.sets[:0]
	if first {
		v.mergeSet(base, s.Dimensions)
	}
	for _, set := range s.DimensionSets {
		v.mergeSet(base, set)
	}
	return nil
}

// mergeSet appends one set, unless it is there already: CloudWatch would count
// its values twice.
func (v *view) mergeSet(base, own []Dimension) {
	start := len(v.flat)
	v.flat = append(v.flat, base...)
	fixed := len(v.flat)
	for _, d := range own {
		if i := indexDimension(v.flat[start:fixed], d.Name); i >= 0 {
			v.flat[start+i].Value = d.Value
		} else {
			v.flat = append(v.flat, d)
		}
	}
	set := v.flat[start:len(v.flat):len(v.flat)]
	for _, earlier := range v.sets {
		if sameSet(earlier, set) {
			v.flat = v.flat[:start]
			return
		}
	}
	v.sets = append(v.sets, set)
}

func sameSet(a, b []Dimension) bool {
	if len(a) != len(b) {
		return false
	}
	for _, d := range a {
		if !slices.Contains(b, d) {
			return false
		}
	}
	return true
}

// makeSetKey writes namespace and dimensions. Both have been checked and have
// no control characters, so these can divide the parts.
func (v *view) makeSetKey() {
	v.cost = len(`{"_aws":{"Timestamp":9223372036854775807,"CloudWatchMetrics":[{"Namespace":"","Dimensions":[],"Metrics":[]}]}}`) + len(v.doc.Namespace)
	k := append(v.key[:0], v.doc.Namespace...)
	for _, set := range v.doc.Dimensions {
		k = append(k, 1)
		v.cost += len(`[],`)
		v.names = append(v.names[:0], set...)
		slices.SortFunc(v.names, func(a, b Dimension) int { return strings.Compare(a.Name, b.Name) })
		for _, d := range v.names {
			k = append(append(k, 2), d.Name...)
			k = append(append(k, 3), d.Value...)
			v.cost += 2*quotedCost(d.Name) + quotedCost(d.Value) + len(`,,:`)
		}
	}
	v.key, v.setKey = k, len(k)
}

// makeMetadataKey writes the metadata as it will be printed, and so finds out
// whether it can be.
func (v *view) makeMetadataKey() *LimitError {
	v.props = append(v.props[:0], v.doc.Properties...)
	slices.SortFunc(v.props, func(a, b Property) int { return strings.Compare(a.Name, b.Name) })
	for i := range v.props {
		k, err := appendProperty(append(v.key, 4), &v.props[i])
		if err != nil {
			return err
		}
		v.key = k
	}
	v.cost += len(v.key) - v.setKey
	return nil
}

const valueCost = len(`,-0.0000012345678901234567`) // the longest float64 there is

func metricCost(m *Metric) int {
	return 2*quotedCost(m.Name) + len(m.Unit) + len(`{"Name":,"Unit":"","StorageResolution":1},,:[]`)
}

// quotedCost is the most bytes s takes as a JSON string.
func quotedCost(s string) int {
	if scan(s)&(hasEscape|hasNonASCII) == 0 {
		return len(s) + 2
	}
	return 6*len(s) + 2
}

func (a *Aggregator) newView() *view {
	if v, ok := a.views.Get().(*view); ok {
		return v
	}
	return &view{}
}

// release forgets what the view borrowed. A view that grew beyond the usual
// is left to the garbage collector.
func (a *Aggregator) release(v *view) {
	const usual = 16 << 10
	if cap(v.key) > usual || cap(v.flat)+cap(v.props) > usual/64 {
		return
	}
	v.doc, v.metric[0] = Document{}, Metric{}
	clear(v.flat[:cap(v.flat)])
	clear(v.props[:cap(v.props)])
	clear(v.names[:cap(v.names)])
	a.views.Put(v)
}

func indexDimension(dims []Dimension, name string) int {
	return slices.IndexFunc(dims, func(d Dimension) bool { return d.Name == name })
}

// cloneProperties copies what may point into a caller's buffer.
func cloneProperties(props []Property) []Property {
	props = slices.Clone(props)
	for i := range props {
		if raw, ok := props[i].Value.(json.RawMessage); ok {
			props[i].Value = slices.Clone(raw)
		}
	}
	return props
}
