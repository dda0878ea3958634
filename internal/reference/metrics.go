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

One line per invocation, printed when Lambda's report of it arrives: with the next invocation, or at shutdown. Namespace
` + "`POWERTOOLS_METRICS_NAMESPACE`" + `, dimensions ` + "`service` and `function_name`" + ` and those of ` + "`POWERTOOLS_METRICS_DIMENSIONS`" + `, time of the invocation itself. A figure whose source is missing
is left out: it is never 0.

**What is written and what is billed are two things.** Every figure that is known is a member of the line, for queries. ` + "`POWERTOOLS_METRICS_PLATFORM`" + ` says
which of them are metrics as well, and CloudWatch bills each metric of each function by the month. At the list price of $0.30 (us-east-1, first 10,000 metrics):

| preset | metrics of an on-demand function | a month | under SnapStart | on managed instances |
|---|---|---|---|---|
`)
	for _, p := range canonical.Presets() {
		selection, _ := canonical.Select(string(p))
		metrics, rare := selection.Billed("on-demand")
		fmt.Fprintf(&b, "| `%s` | %s | $%.2f | %s | %s |\n", p, billed(selection, "on-demand"), float64(metrics+rare)*canonical.PricePerMetric,
			billed(selection, "snap-start"), billed(selection, "lambda-managed-instances"))
	}
	b.WriteString(`
"+ 1" is LogsDropped, which is listed only when Lambda dropped lines; the price counts it. Figures of a feature (below: "with …") are billed only where it is switched on. A comma list of presets and names is a choice of one's own; ` + "`none`" + ` is
no line at all, ` + "`event`" + ` the line without metrics. ` + "`GET /healthz`" + ` says how many metrics a function is billed for. What the lines cost: [cost.md](../cost.md).

| figure | unit | listed from preset | from | meaning | when |
|---|---|---|---|---|---|
`)
	for _, m := range canonical.Metrics() {
		when := m.When
		if m.Feature != "" {
			when = "with " + m.Feature + "; " + when
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s | %s |\n", m.Name, m.Unit, m.Preset, cell(m.Source), cell(m.Meaning), cell(when))
	}
	b.WriteString("\nFurther members of the same line:\n\n| member | meaning |\n|---|---|\n")
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

// billed shows how many metrics a function is billed for.
func billed(s canonical.Selection, initType string) string {
	metrics, rare := s.Billed(initType)
	if rare == 0 {
		return fmt.Sprint(metrics)
	}
	return fmt.Sprintf("%d + %d", metrics, rare)
}
