package emf

import (
	"strings"

	"powertools-extension/internal/nearest"
)

// Units is the table of CloudWatch's units. They are case-sensitive
// (CloudWatch API MetricDatum).
func Units() [27]string {
	return [...]string{
		"Seconds", "Microseconds", "Milliseconds",
		"Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
		"Bits", "Kilobits", "Megabits", "Gigabits", "Terabits",
		"Percent", "Count",
		"Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second",
		"Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second",
		"Count/Second", "None",
	}
}

// isUnit repeats the table as a switch: the compiler makes it a search by
// length and text, which the encoder can afford for every metric.
func isUnit(s string) bool {
	switch s {
	case "Seconds", "Microseconds", "Milliseconds",
		"Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes",
		"Bits", "Kilobits", "Megabits", "Gigabits", "Terabits",
		"Percent", "Count",
		"Bytes/Second", "Kilobytes/Second", "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second",
		"Bits/Second", "Kilobits/Second", "Megabits/Second", "Gigabits/Second", "Terabits/Second",
		"Count/Second", "None":
		return true
	}
	return false
}

func unknownUnit(unit string) *LimitError {
	reason := "unit " + quote(unit) + " is unknown"
	if near := nearestUnit(unit); near != "" {
		return refuse(FieldUnit, "unknown", reason+", did you mean "+quote(near)+"?")
	}
	units := Units()
	return refuse(FieldUnit, "unknown", reason+", expected one of "+strings.Join(units[:], ", "))
}

// nearestUnit guesses what was meant: the same word in another case or
// spelling (BytesPerSecond is how the Python library names its constants), a
// usual abbreviation, or a slip of the pen. Empty if nothing is near.
func nearestUnit(unit string) string {
	if len(unit) > 2*len("Kilobytes/Second") {
		return ""
	}
	word := normalUnit(unit)
	short, rate := strings.CutSuffix(word, "/second")
	switch known := abbreviatedUnit(short); {
	case rate && isUnit(known+"/Second"):
		return known + "/Second"
	case !rate && known != "":
		return known
	}
	units := Units()
	return nearest.Of(word, units[:])
}

// normalUnit folds the ways to write a rate into one.
func normalUnit(unit string) string {
	word := strings.NewReplacer(" ", "", "_", "", "-", "", "per", "/").Replace(strings.ToLower(unit))
	if base, ok := strings.CutSuffix(strings.TrimSuffix(word, "ec"), "/s"); ok {
		return base + "/second"
	}
	return strings.Replace(word, "/cent", "percent", 1)
}

func abbreviatedUnit(word string) string {
	switch word {
	case "s", "sec", "secs":
		return "Seconds"
	case "ms", "msec", "msecs", "millis":
		return "Milliseconds"
	case "us", "µs", "usec", "micros":
		return "Microseconds"
	case "b":
		return "Bytes"
	case "kb", "kib":
		return "Kilobytes"
	case "mb", "mib":
		return "Megabytes"
	case "gb", "gib":
		return "Gigabytes"
	case "tb", "tib":
		return "Terabytes"
	case "%", "pct", "percentage":
		return "Percent"
	case "n", "number", "1":
		return "Count"
	case "nounit", "unitless", "null":
		return "None"
	}
	return ""
}
