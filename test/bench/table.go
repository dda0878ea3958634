package main

import (
	"fmt"
	"strings"
)

func header() string {
	return "| what | extension | to | ratio | bar |\n|---|---|---|---|---|\n"
}

func row(what, ours, base, ratio, bar string) string {
	return fmt.Sprintf("| %s | %s | %s | %s | %s |\n", what, ours, base, ratio, bar)
}

// bounded is a row whose ratio has a bar; 0: none.
func bounded(what, ours, base string, ratio, bar float64) string {
	return row(what, ours, base, fmt.Sprintf("%.2f", ratio), verdict(ratio, bar, fmt.Sprintf("≤ %g ×", bar)))
}

// limited is a row in which ours may be larger by bar.
func limited(what string, ours, base float64, unit string, bar float64) string {
	return row(what, fmt.Sprintf("%.1f %s", ours, unit), fmt.Sprintf("%.1f %s", base, unit), fmt.Sprintf("%+.1f %s", ours-base, unit),
		verdict(ours-base, bar, fmt.Sprintf("≤ %+g %s", bar, unit)))
}

// capped is a row whose own figure has a bar.
func capped(what string, ours, base float64, unit string, bar float64) string {
	return row(what, fmt.Sprintf("%.2f %s", ours, unit), fmt.Sprintf("%.2f %s", base, unit), fmt.Sprintf("%.2f", ours/base),
		verdict(ours, bar, fmt.Sprintf("≤ %g %s", bar, unit)))
}

const miss = " **missed**"

func verdict(got, bar float64, text string) string {
	switch {
	case bar == 0:
		return "–"
	case got > bar:
		return text + miss
	}
	return text
}

// missed lists the rows whose bar is not met.
func missed(table string) string {
	var list []string
	for line := range strings.Lines(table) {
		if strings.Contains(line, miss) {
			list = append(list, strings.TrimSpace(strings.Split(line, "|")[1]))
		}
	}
	if len(list) == 0 {
		return "\nEvery bar that is measured here is met.\n"
	}
	return "\nMissed: " + strings.Join(list, "; ") + ".\n"
}
