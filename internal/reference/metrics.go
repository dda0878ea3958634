package reference

import (
	"fmt"
	"strings"

	"powertools-extension/internal/canonical"
	"powertools-extension/internal/emf"
)

func metrics() string {
	var b strings.Builder
	b.WriteString(`# Metrics

## The canonical event

One EMF line per invocation, printed when Lambda's report of it arrives: with the next invocation, or at shutdown. Namespace
` + "`POWERTOOLS_METRICS_NAMESPACE`" + `, dimensions ` + "`service` and `function_name`" + ` and those of ` + "`POWERTOOLS_METRICS_DIMENSIONS`" + `, time of the invocation itself. A figure whose source is missing
is left out: it is never 0.

| metric | unit | preset | from | meaning |
|---|---|---|---|---|
`)
	for _, m := range canonical.Metrics() {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", m.Name, m.Unit, m.Preset, cell(m.Source), cell(m.Meaning))
	}
	b.WriteString("\nPlain members of the same line, for queries; they cost nothing extra:\n\n| member | meaning |\n|---|---|\n")
	for _, p := range canonical.Properties() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", p.Name, cell(p.Meaning))
	}
	b.WriteString("| `parameter_*` | reads of the parameter cache during the invocation: hits, misses, coalesced, stale, errors, upstream calls and their ms; only if there were any |\n")
	b.WriteString("\n## Custom metrics\n\n`POST /metrics` ([http-api.md](http-api.md)). What is checked, and refused with 400 or under `rejected`:\n\n| field | rule |\n|---|---|\n")
	for _, r := range emf.Rules() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.Field, cell(r.Text))
	}
	units := emf.Units()
	fmt.Fprintf(&b, "\nUnits, case-sensitive: `%s`.\n", strings.Join(units[:], "`, `"))
	return b.String()
}
