package emf

import (
	"hash/maphash"
	"slices"
	"time"
)

// openDocument is a document that still takes samples. It owns all it holds.
type openDocument struct {
	Document
	key   string
	older *openDocument // same key, but another period, or a metric in another resolution
	cost  int           // most bytes when printed
}

// portion returns how many of the values fit into the i-th metric, which does
// not exist yet if i is negative, and what they cost. The document may be nil.
func (d *openDocument) portion(i int, m *Metric, values int) (n, cost int) {
	if i < 0 {
		n = min(values, MaxValues)
		return n, metricCost(m) + valueCost*n
	}
	n = min(values, MaxValues-len(d.Metrics[i].Values))
	return n, valueCost * n
}

// put adds values to the i-th metric, or to a new one if i is negative, and
// returns how many it has now.
func (d *openDocument) put(i int, m *Metric, values []float64) int {
	if i < 0 {
		d.Metrics = append(d.Metrics, Metric{Name: m.Name, Unit: m.Unit, Resolution: m.Resolution})
		i = len(d.Metrics) - 1
	}
	d.Metrics[i].Values = append(d.Metrics[i].Values, values...)
	return len(d.Metrics[i].Values)
}

// table holds the open documents. The lock is the owner's.
type table struct {
	docs  map[string]*openDocument // the newest of each key
	order []*openDocument          // as they were opened
	bytes int                      // sum of their costs
}

// find returns the document a sample belongs to and the place of its metric
// in it: -1 if the document lacks the metric, nil if there is no document.
// The error is the metric's other unit.
func (t *table) find(key []byte, at time.Time, m *Metric) (*openDocument, int, *LimitError) {
	var room *openDocument
	for doc := t.docs[string(key)]; doc != nil; doc = doc.older {
		if !samePeriod(doc.Time, at, m.Resolution) {
			continue
		}
		i := slices.IndexFunc(doc.Metrics, func(have Metric) bool { return have.Name == m.Name })
		switch {
		case i < 0:
			if room == nil {
				room = doc
			}
		case doc.Metrics[i].Resolution != m.Resolution:
			// A name is in a document once, so the two go into two.
		case doc.Metrics[i].Unit != m.Unit:
			return nil, 0, refuse(FieldUnit, "another one before", metricIs(m.Name)+"unit "+quote(m.Unit)+", but was recorded with "+quote(doc.Metrics[i].Unit)+" before; use one unit for one name")
		default:
			return doc, i, nil
		}
	}
	return room, -1, nil
}

// samePeriod reports whether CloudWatch would store both times in the same
// period of the resolution: a second or a minute.
func samePeriod(a, b time.Time, resolution int) bool {
	seconds := int64(resolution)
	return a.Unix()/seconds == b.Unix()/seconds
}

// open begins a document for the sample, with a copy of its dimensions and
// metadata.
func (t *table) open(v *view) *openDocument {
	doc := &openDocument{Document: v.doc, key: string(v.key), cost: v.cost}
	doc.Metrics = nil
	doc.Dimensions = cloneSets(v.doc.Dimensions)
	doc.Properties = cloneProperties(v.doc.Properties)
	doc.older = t.docs[doc.key]
	t.docs[doc.key] = doc
	t.order = append(t.order, doc)
	t.bytes += doc.cost
	return doc
}

func cloneSets(sets [][]Dimension) [][]Dimension {
	n := 0
	for _, set := range sets {
		n += len(set)
	}
	flat := make([]Dimension, 0, n)
	clone := make([][]Dimension, 0, len(sets))
	for _, set := range sets {
		start := len(flat)
		flat = append(flat, set...)
		clone = append(clone, flat[start:len(flat):len(flat)])
	}
	return clone
}

// remove takes out one document. It is called once per full document, so the
// search does not matter.
func (t *table) remove(doc *openDocument) {
	if newest := t.docs[doc.key]; newest != doc {
		for newest.older != doc {
			newest = newest.older
		}
		newest.older = doc.older
	} else if doc.older != nil {
		t.docs[doc.key] = doc.older
	} else {
		delete(t.docs, doc.key)
	}
	i := slices.Index(t.order, doc)
	t.order = slices.Delete(t.order, i, i+1)
	t.bytes -= doc.cost
}

func (t *table) reset() {
	clear(t.docs)
	clear(t.order)
	t.order = t.order[:0]
	t.bytes = 0
}

// guard bounds how many different dimension sets leave the sandbox. It keeps
// hashes, not names: two sets that collide count as one, which harms nobody.
type guard struct {
	most   int
	seed   maphash.Seed
	seen   map[uint64]struct{}
	closed bool // a set was refused
}

func newGuard(most int) guard {
	return guard{most: most, seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}}
}

// admit reports whether the set may pass, and whether it is the first that
// may not.
func (g *guard) admit(set []byte) (ok, first bool) {
	h := maphash.Bytes(g.seed, set)
	if _, known := g.seen[h]; known {
		return true, false
	}
	if len(g.seen) < g.most {
		g.seen[h] = struct{}{}
		return true, false
	}
	first = !g.closed
	g.closed = true
	return false, first
}
