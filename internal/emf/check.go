package emf

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// checker finds out whether a document keeps every rule. It looks at all
// strings once and remembers whether any name or dimension value needs
// escaping: nearly none does, and the encoder then copies them.
type checker struct {
	doc    *Document
	seen   nameSet // names that are, or will be, members of the root object
	escape uint8   // union of the classes of all names and dimension values
}

// check returns whether names and dimension values can be written as they are.
func check(d *Document) (plain bool, err *LimitError) {
	c := checker{doc: d}
	c.seen.add("_aws")
	if err = checkNamespace(d.Namespace); err != nil {
		return false, err
	}
	if d.Time.UnixMilli() < 0 {
		return false, refuse(FieldTimestamp, "before 1970", "document has no time, or one before 1970")
	}
	if err = c.dimensions(); err != nil {
		return false, err
	}
	if err = c.properties(); err != nil {
		return false, err
	}
	if err = c.metrics(); err != nil {
		return false, err
	}
	return c.escape&(hasEscape|hasNonASCII) == 0, nil
}

func checkNamespace(ns string) *LimitError {
	switch mask := scan(ns); {
	case ns == "":
		return refuse(FieldNamespace, "empty", "namespace is empty")
	case len(ns) > MaxName:
		return refuse(FieldNamespace, "too long", tooLong("namespace", ns, MaxName))
	case mask&hasForbidden != 0:
		return refuse(FieldNamespace, "characters", "namespace "+quote(ns)+" may have letters, digits, space and . _ # : / - only")
	case mask&hasVisible == 0:
		return refuse(FieldNamespace, "blank", "namespace is blank")
	case strings.HasPrefix(ns, "AWS/"):
		return refuse(FieldNamespace, "begins with AWS/", "namespace "+quote(ns)+": names starting with AWS/ belong to AWS")
	}
	return nil
}

// dimensions checks all sets: each dimension, no name twice in a set, one
// value per name over all sets, and how many names there are.
func (c *checker) dimensions() *LimitError {
	sets := c.doc.Dimensions
	if len(sets) > MaxDimensionSets {
		return tooManySets(len(sets))
	}
	distinct := 0
	for i, set := range sets {
		for j := range set {
			dim := &set[j]
			mask, err := checkDimension(dim)
			if err != nil {
				return err
			}
			c.escape |= mask
			if c.seen.add(dim.Name) {
				known, err := knownDimension(sets, i, j)
				if err != nil {
					return err
				}
				if known {
					continue
				}
			}
			distinct++
		}
	}
	if distinct > MaxDimensions {
		return tooManyDimensions(distinct)
	}
	return nil
}

func checkDimension(d *Dimension) (mask uint8, err *LimitError) {
	if d.Name == "_aws" {
		return 0, refuse(FieldDimensions, "name _aws", `dimension "_aws" would overwrite the metric directives`)
	}
	name, value := scan(d.Name), scan(d.Value)
	mask = name | value
	// The cases below are the rare ones, so that a good dimension costs four
	// comparisons: an empty string has no visible byte either.
	if name&value&hasVisible != 0 && mask&(hasNonASCII|hasControl) == 0 &&
		len(d.Name) <= MaxDimensionName && len(d.Value) <= MaxDimensionValue && d.Name[0] != ':' {
		return mask, nil
	}
	what, rule := "dimension "+quote(d.Name), ""
	switch {
	case name&hasVisible == 0:
		what, rule = "dimension name is empty or blank", "name empty or blank"
	case d.Name[0] == ':':
		what, rule = what+": name starts with a colon", "name starts with a colon"
	case name&(hasNonASCII|hasControl) != 0:
		what, rule = what+": name has other than printable ASCII characters", "name not printable ASCII"
	case len(d.Name) > MaxDimensionName:
		what, rule = tooLong("dimension name", d.Name, MaxDimensionName), "name too long"
	case value&hasVisible == 0:
		what, rule = what+": value is empty or blank", "value empty or blank"
	case value&(hasNonASCII|hasControl) != 0:
		what, rule = what+": value has other than printable ASCII characters", "value not printable ASCII"
	default:
		what, rule = what+": "+tooLong("value", d.Value, MaxDimensionValue), "value too long"
	}
	return 0, refuse(FieldDimensions, rule, what)
}

// knownDimension reports whether the j-th dimension of the i-th set occurred
// in an earlier set.
func knownDimension(sets [][]Dimension, i, j int) (bool, *LimitError) {
	dim := sets[i][j]
	for _, d := range sets[i][:j] {
		if d.Name == dim.Name {
			return false, refuse(FieldDimensions, "name twice in a set", "dimension "+quote(dim.Name)+" occurs twice in one set")
		}
	}
	for _, set := range sets[:i] {
		for _, d := range set {
			if d.Name != dim.Name {
				continue
			}
			if d.Value != dim.Value {
				return false, refuse(FieldDimensions, "two values for a name", "dimension "+quote(dim.Name)+" has two values, "+quote(d.Value)+" and "+quote(dim.Value))
			}
			return true, nil
		}
	}
	return false, nil
}

func (c *checker) properties() *LimitError {
	for i := range c.doc.Properties {
		name := c.doc.Properties[i].Name
		c.escape |= scan(name)
		if name == "" {
			return refuse(FieldMetadata, "name empty", "metadata key is empty")
		}
		if !utf8.ValidString(name) {
			return refuse(FieldMetadata, "name not UTF-8", "metadata key "+quote(name)+" is not UTF-8")
		}
		if c.seen.add(name) {
			if other := c.owner(name, i, 0); other != "" {
				return refuse(FieldMetadata, "name taken", "EMF key collision on "+quote(name)+": it is metadata and "+other)
			}
		}
	}
	return nil
}

func (c *checker) metrics() *LimitError {
	metrics := c.doc.Metrics
	if n := listed(metrics); n > MaxMetrics {
		return refuse(FieldMetrics, "too many", strconv.Itoa(n)+" metrics in a document, expected 1 to "+strconv.Itoa(MaxMetrics))
	}
	for i := range metrics {
		m := &metrics[i]
		mask, err := checkMetric(m)
		if err != nil {
			return err
		}
		c.escape |= mask
		if len(m.Values) > MaxValues {
			return refuse(FieldMetrics, "too many values", metricIs(m.Name)+strconv.Itoa(len(m.Values))+" values, at most "+strconv.Itoa(MaxValues))
		}
		if c.seen.add(m.Name) {
			if other := c.owner(m.Name, len(c.doc.Properties), i); other != "" {
				return refuse(FieldName, "name taken", "EMF key collision on "+quote(m.Name)+": it is a metric and "+other)
			}
		}
	}
	return nil
}

// checkMetric checks what can be said of one metric alone, except how many
// values it has at most: a sample may have more than a document.
func checkMetric(m *Metric) (mask uint8, err *LimitError) {
	mask = scan(m.Name)
	switch {
	case m.Name == "":
		return 0, refuse(FieldName, "empty", "metric name is empty")
	case mask&hasVisible == 0:
		return 0, refuse(FieldName, "blank", "metric name is blank")
	case len(m.Name) > MaxName && utf8.RuneCountInString(m.Name) > MaxName:
		return 0, refuse(FieldName, "too long", tooLong("metric name", m.Name, MaxName))
	case mask&hasNonASCII != 0 && !utf8.ValidString(m.Name):
		return 0, refuse(FieldName, "not UTF-8", "metric name "+quote(m.Name)+" is not UTF-8")
	case m.Unit != "" && !isUnit(m.Unit):
		return 0, unknownUnit(m.Unit)
	case m.Resolution != 0 && m.Resolution != 1 && m.Resolution != 60:
		return 0, refuse(FieldResolution, "neither 1 nor 60", metricIs(m.Name)+"resolution "+strconv.Itoa(m.Resolution)+", expected 1 or 60")
	}
	return mask, checkValues(m)
}

func checkValues(m *Metric) *LimitError {
	if len(m.Values) == 0 {
		return refuse(FieldValue, "none", metricIs(m.Name)+"no value")
	}
	for _, v := range m.Values {
		// Asked this way round because NaN fails every comparison.
		if inRange := math.Abs(v) <= maxValue; !inRange {
			return refuse(FieldValue, "not finite, or too large", metricIs(m.Name)+"value "+strconv.FormatFloat(v, 'g', -1, 64)+", expected a finite number of magnitude at most 2^360")
		}
	}
	return nil
}

// checkTime checks a timestamp against the window in which CloudWatch takes
// metrics (CloudWatch API PutMetricData).
func checkTime(at, now time.Time) *LimitError {
	switch age := now.Sub(at); {
	case age > maxAgeHours*time.Hour:
		return refuse(FieldTimestamp, "too old", "timestamp "+at.UTC().Format(time.RFC3339)+" is more than 14 days old")
	case age < -maxAheadHours*time.Hour:
		return refuse(FieldTimestamp, "too far ahead", "timestamp "+at.UTC().Format(time.RFC3339)+" is more than 2 hours ahead")
	}
	return nil
}

// owner says what else bears the name: a dimension, one of the first
// properties, or one of the first metrics. Empty if nothing does.
func (c *checker) owner(name string, properties, metrics int) string {
	if name == "_aws" {
		return "the member of the metric directives"
	}
	for _, set := range c.doc.Dimensions {
		for i := range set {
			if set[i].Name == name {
				return "a dimension"
			}
		}
	}
	for i := range c.doc.Properties[:properties] {
		if c.doc.Properties[i].Name == name {
			return "a metadata key"
		}
	}
	for i := range c.doc.Metrics[:metrics] {
		if c.doc.Metrics[i].Name == name {
			return "another metric"
		}
	}
	return ""
}

func tooManySets(n int) *LimitError {
	return refuse(FieldDimensions, "too many sets", strconv.Itoa(n)+" dimension sets, at most "+strconv.Itoa(MaxDimensionSets))
}

func tooManyDimensions(n int) *LimitError {
	return refuse(FieldDimensions, "too many", strconv.Itoa(n)+" dimensions with service and the other default ones, at most "+strconv.Itoa(MaxDimensions))
}

func metricIs(name string) string { return "metric " + quote(name) + " has " }

func tooLong(what, s string, most int) string {
	return what + " " + quote(s) + " has " + strconv.Itoa(utf8.RuneCountInString(s)) + " characters, at most " + strconv.Itoa(most)
}
