package transcript

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Render returns the transcript as text for a golden file: times are dropped,
// request and extension identifiers become <request-1>, <extension-1>, and
// entries stand in an order that does not depend on the scheduler. The
// platform's own entries cut the run into phases; within a phase each process
// has its lines together. What telemetry brought, and in which order, stands at
// the end per subscriber, because when a batch leaves is a matter of timing.
func Render(entries []Entry) string {
	names := stableNames(entries)
	var b strings.Builder
	var phase []Entry
	for _, entry := range entries {
		switch {
		case untold(entry.What):
		case entry.Who == Platform:
			renderPhase(&b, phase)
			phase = phase[:0]
			fmt.Fprintf(&b, "== %s\n", entry)
		default:
			phase = append(phase, entry)
		}
	}
	renderPhase(&b, phase)
	renderTelemetry(&b, entries)
	return names.Replace(b.String())
}

// untold are the entries whose place or presence is a matter of timing, of the
// machine, or of an option.
func untold(what string) bool {
	switch what {
	case Telemetry, Sink, XRay, Warning, RunTaken, LineTaken, UsageTaken, CacheTaken, OutcomeTaken, CallTaken:
		return true
	}
	return false
}

// String is the entry in words: what, and its detail.
func (e Entry) String() string {
	if e.Detail == "" {
		return e.What
	}
	return e.What + " " + e.Detail
}

func renderPhase(b *strings.Builder, phase []Entry) {
	slices.SortStableFunc(phase, func(x, y Entry) int {
		if x.Who == y.Who {
			return 0
		}
		if x.Who == Runtime || y.Who == Runtime {
			return boolOrder(x.Who == Runtime)
		}
		return strings.Compare(x.Who, y.Who)
	})
	for _, entry := range phase {
		fmt.Fprintf(b, "%-12s %s\n", entry.Who, entry)
	}
}

func boolOrder(after bool) int {
	if after {
		return 1
	}
	return -1
}

// renderTelemetry folds runs of one event type into one line with a count.
func renderTelemetry(b *strings.Builder, entries []Entry) {
	var order []string
	events := make(map[string][]string)
	for _, entry := range entries {
		if entry.What != Telemetry {
			continue
		}
		if _, seen := events[entry.Who]; !seen {
			order = append(order, entry.Who)
		}
		_, list, _ := strings.Cut(entry.Detail, " ")
		events[entry.Who] = append(events[entry.Who], strings.Split(list, ", ")...)
	}
	slices.Sort(order)
	for _, who := range order {
		fmt.Fprintf(b, "== telemetry to %s\n", who)
		for _, line := range fold(events[who]) {
			fmt.Fprintln(b, line)
		}
	}
}

func fold(types []string) []string {
	var lines []string
	for i := 0; i < len(types); {
		j := i
		for j < len(types) && types[j] == types[i] {
			j++
		}
		line := types[i]
		if j-i > 1 {
			line += " ×" + strconv.Itoa(j-i)
		}
		lines = append(lines, line)
		i = j
	}
	return lines
}

// stableNames maps the identifiers of this run to names that are the same in
// every run. Extensions are numbered in the order of their names.
func stableNames(entries []Entry) *strings.Replacer {
	var pairs []string
	var registered []Entry
	requests := 0
	seen := make(map[string]bool)
	for _, entry := range entries {
		id := lastField(entry.Detail)
		if seen[id] || id == "" {
			continue
		}
		switch {
		case entry.Who == Platform && entry.What == Invoke:
			requests++
			pairs = append(pairs, id, fmt.Sprintf("<request-%d>", requests))
		case entry.What == Register && strings.Contains(entry.Detail, "→ 200 "):
			registered = append(registered, entry)
		default:
			continue
		}
		seen[id] = true
	}
	slices.SortStableFunc(registered, func(a, b Entry) int { return strings.Compare(a.Who, b.Who) })
	for i, entry := range registered {
		pairs = append(pairs, lastField(entry.Detail), fmt.Sprintf("<extension-%d>", i+1))
	}
	return strings.NewReplacer(pairs...)
}

func lastField(s string) string {
	fields := strings.Fields(s)
	if len(fields) == 0 {
		return ""
	}
	return fields[len(fields)-1]
}

// Timeline returns the transcript as a person reads it: in the order in which
// things happened, with milliseconds since the first entry and the identifiers
// as they were.
func Timeline(entries []Entry) string {
	var b strings.Builder
	for _, entry := range entries {
		ms := float64(entry.At.Sub(entries[0].At).Microseconds()) / 1000
		fmt.Fprintf(&b, "%10.1f ms  %-14s %s\n", ms, entry.Who, entry)
	}
	return b.String()
}
