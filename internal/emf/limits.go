package emf

import (
	"strconv"
	"unicode/utf8"
)

// The limits a document keeps. Where CloudWatch's pages and the Powertools
// libraries differ, the tighter one holds, so that a document is accepted
// whichever is enforced (Embedded Metric Format specification; CloudWatch API
// MetricDatum and Dimension).
const (
	MaxMetrics        = 100  // metrics of one document
	MaxValues         = 100  // values of one metric
	MaxDimensions     = 29   // different dimension names of one document, service included
	MaxDimensionSets  = 30   // ours: CloudWatch names no limit, but each set is a billed metric
	MaxName           = 255  // characters of a metric name or namespace
	MaxDimensionName  = 250  // characters
	MaxDimensionValue = 1024 // characters

	// MaxDocumentBytes is the largest event CloudWatch Logs takes, less the
	// 26 bytes it adds to each one (CloudWatch Logs quotas, PutLogEvents).
	MaxDocumentBytes = 1<<20 - 26

	maxValue = 0x1p360 // magnitude of a value (CloudWatch API MetricDatum)

	maxAgeHours   = 14 * 24 // how old a timestamp may be
	maxAheadHours = 2       // how far ahead it may be
)

// The values of LimitError.Field. They are the words of the local API's
// POST /metrics where it has one.
const (
	FieldNamespace  = "namespace"
	FieldDimensions = "dimensions"
	FieldMetadata   = "metadata"
	FieldTimestamp  = "timestamp"
	FieldName       = "name"
	FieldUnit       = "unit"
	FieldValue      = "value"
	FieldResolution = "resolution"
	FieldMetrics    = "metrics"  // a document without metrics, or with too many
	FieldDocument   = "document" // too many bytes in all
)

// LimitError says why a sample or a document was refused.
type LimitError struct {
	Field  string // one of the Field constants
	Rule   string // which of the field's rules, in the same few words each time: for counts and logs
	Reason string // a sentence for the caller: names the culprit and, where it is known, the cure
}

// Kind is field and rule, without anything the caller wrote.
func (e *LimitError) Kind() string { return e.Field + ": " + e.Rule }

func (e *LimitError) Error() string { return "check " + e.Field + ": " + e.Reason }

// Rule is one line of the table of limits.
type Rule struct {
	Field string // value of LimitError.Field
	Text  string // what is accepted
}

// Rules is the table behind the reference page: what each field accepts. A
// test holds it against what the code refuses.
func Rules() []Rule {
	return []Rule{
		{FieldNamespace, "1 to 255 characters, letters, digits, space and . _ # : / -; not starting with AWS/"},
		{FieldDimensions, "at most 29 different names in all, service included, in at most 30 sets; name 1 to 250 and value 1 to 1024 characters, ASCII without control characters, not blank; name not starting with a colon; one value per name"},
		{FieldMetadata, "a name that is not empty and is no dimension; a string, number, boolean or JSON value"},
		{FieldTimestamp, "at most 14 days old and 2 hours ahead"},
		{FieldName, "1 to 255 characters, not blank; different from every dimension and metadata key"},
		{FieldUnit, "one of CloudWatch's units, case-sensitive; the same for all values of a metric in one document"},
		{FieldValue, "at least one number; finite, magnitude at most 2^360"},
		{FieldResolution, "1 (high) or 60 seconds (standard)"},
		{FieldMetrics, "1 to 100 metrics in a document, 100 values in a metric (samples beyond that open another document)"},
		{FieldDocument, "at most 1 MiB in all"},
	}
}

func refuse(field, rule, reason string) *LimitError {
	return &LimitError{Field: field, Rule: rule, Reason: reason}
}

// quote prints caller's text in a reason: escaped, and cut so that a hostile
// name cannot blow up the answer.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		end := most
		for end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end] + "…"
	}
	return strconv.Quote(s)
}
