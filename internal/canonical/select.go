package canonical

import (
	"slices"
	"strconv"
	"strings"

	"powertools-extension/internal/nearest"
)

// Preset is a set of metrics that goes by one name.
type Preset string

// The presets. Each but the first two lists what those before it list. None
// is no event at all; Event is the event without metrics, a line for queries.
const (
	PresetNone     Preset = "none"
	PresetEvent    Preset = "event"
	PresetDefault  Preset = "default"
	PresetInsights Preset = "insights"
	PresetAll      Preset = "all"
)

// Presets are all of them, from nothing to everything.
func Presets() []Preset {
	return []Preset{PresetNone, PresetEvent, PresetDefault, PresetInsights, PresetAll}
}

// PricePerMetric is what CloudWatch asks for one metric of one function and
// month, in US dollars (Amazon CloudWatch pricing, us-east-1, first 10,000
// metrics).
const PricePerMetric = 0.30

// Selection is what a setting asks for: whether there is an event, and which
// of its figures are metrics. The zero value is no event.
type Selection struct {
	event bool
	rows  uint64 // bit i is row i of the table
}

// Select reads a setting: a comma list of presets and names of metrics, in any
// case. It also returns a text for each entry that it does not know, which
// does not repeat the entry. Without a known entry the selection is that of
// the default preset.
func Select(setting string) (Selection, []string) {
	var s Selection
	var unknown []string
	known := false
	rows := metricTable()
	n := 0
	for entry := range strings.SplitSeq(setting, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		n++
		if one, ok := selectOne(rows, entry); ok {
			s.event, s.rows, known = s.event || one.event, s.rows|one.rows, true
		} else {
			unknown = append(unknown, noSuchMetric(rows, n, entry))
		}
	}
	if !known {
		s, _ = selectOne(rows, string(PresetDefault))
	}
	return s, unknown
}

func selectOne(rows []metric, entry string) (s Selection, known bool) {
	if strings.EqualFold(entry, string(PresetNone)) {
		return Selection{}, true
	}
	for at, preset := range Presets() {
		if !strings.EqualFold(entry, string(preset)) {
			continue
		}
		for i := range rows {
			if rank(rows[i].Preset) <= at {
				s.rows |= 1 << i
			}
		}
		s.event = true
		return s, true
	}
	for i := range rows {
		if strings.EqualFold(entry, rows[i].Name) {
			return Selection{event: true, rows: 1 << i}, true
		}
	}
	return Selection{}, false
}

func rank(p Preset) int {
	for i, preset := range Presets() {
		if preset == p {
			return i
		}
	}
	return 0
}

func noSuchMetric(rows []metric, n int, entry string) string {
	var words []string
	for _, p := range Presets() {
		words = append(words, string(p))
	}
	presets := strings.Join(words, ", ")
	for i := range rows {
		words = append(words, rows[i].Name)
	}
	text := "entry " + strconv.Itoa(n) + ": neither one of " + presets + " nor a metric"
	if near := nearest.Of(entry, words); near != "" {
		return text + ": did you mean " + near + "?"
	}
	return text
}

// Event reports whether there is an event at all.
func (s Selection) Event() bool { return s.event }

func (s Selection) has(row int) bool { return s.rows&(1<<row) != 0 }

// Billed counts the metrics that CloudWatch bills one function for, which is
// initialised in the given way (AWS_LAMBDA_INITIALIZATION_TYPE) and has these
// features switched on: those that its events list sooner or later, and those
// that only rare events add.
func (s Selection) Billed(initType string, features ...string) (metrics, rare int) {
	kind := sandboxOf(initType)
	for i, m := range metricTable() {
		switch {
		case !s.has(i) || m.seen&kind == 0 || m.Feature != "" && !slices.Contains(features, m.Feature):
		case m.rare:
			rare++
		default:
			metrics++
		}
	}
	return metrics, rare
}
