package show

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/awsemu"
)

// maxListed is how many invocations the summary lists one by one.
const maxListed = 25

// End prints the shutdown, the summary and the call counts.
func (v *textView) End(e Ending) {
	v.shutdown(e)
	v.summary(e)
	if e.Embedded {
		v.calls(e)
	}
	if e.Ledger != nil { // last, because it is what the run was for
		v.ledger(*e.Ledger)
	}
}

func (v *textView) shutdown(e Ending) {
	status, paint := "clean", v.st.Green
	if !e.Clean() {
		status, paint = "not clean", v.st.Red
	}
	reason := e.Exit.Reason
	if reason == "" {
		reason = "no sandbox was left"
	}
	v.rule(fmt.Sprintf("shutdown · %s · %s", reason, Span(e.Exit.Duration)), status, paint)
	for _, text := range v.newBlock("", 0).render(e.Lines) {
		v.line("%s", text)
	}
	if e.Err != nil {
		v.line("   %s %s", v.st.Red("error   "), e.Err)
	}
	for _, x := range e.Exit.Extensions {
		text := v.st.Green(fmt.Sprintf("exit %d", x.Code))
		switch {
		case x.Killed:
			text = v.st.Red("killed") + ": it was still running at the end of its time"
		case x.Code != 0:
			text = v.st.Red(fmt.Sprintf("exit %d", x.Code))
		}
		v.line("   extension %s: %s after %s", x.Name, text, Span(x.After))
	}
	v.line("")
}

func (v *textView) summary(e Ending) {
	status, paint := "all ok", v.st.Green
	if e.Failed > 0 {
		status, paint = fmt.Sprintf("%d failed", e.Failed), v.st.Red
	}
	if e.Interrupted {
		status += ", interrupted"
	}
	v.rule(fmt.Sprintf("summary · %s in %s", Plural(e.count(), "invocation", "invocations"), e.Took.Round(10*time.Millisecond)), status, paint)
	if len(e.Rows) == 0 {
		v.line("   no invocation")
		v.line("")
		return
	}
	listed := notable(e.Rows)
	v.table(v.rows(listed))
	if hidden := e.count() - len(listed); hidden > 0 {
		text := fmt.Sprintf("and %d more", hidden)
		if failed := e.Failed - failures(listed); failed > 0 {
			text += fmt.Sprintf(", %d of them failed", failed)
		}
		v.line("   %s", v.st.Dim(text))
	}
	if len(e.Rows) > 1 {
		v.line("   %s", v.st.Dim(spread(e.Rows)))
	}
	v.line("")
}

// columns of the summary, all numbers but the first three. Those that are
// empty or zero in every row are left out: reads, metrics, dropped and errors
// are what the embedded AWS was asked, metrics about the invocation, telemetry
// events that never reached an extension, and errors logged.
func columns() []string {
	return []string{"#", "start", "status", "init ms", "run ms", "ext. ms", "billed ms", "MB", "reads", "metrics", "dropped", "errors"}
}

// rows are the invocations as a table.
func (v *textView) rows(digests []Digest) Table {
	cells := [][]string{columns()}
	for _, d := range digests {
		cells = append(cells, v.row(d))
	}
	t := Table{Right: map[int]bool{}}
	for _, row := range cells {
		var kept []string
		for i, cell := range row {
			if i < 3 || slices.ContainsFunc(cells[1:], func(r []string) bool { return r[i] != "" && r[i] != "0" }) {
				t.Right[len(kept)] = i == 0 || i > 2
				kept = append(kept, cell)
			}
		}
		t.Add(kept...)
	}
	return t
}

// table writes a table with its head.
func (v *textView) table(t Table) {
	for i, line := range t.Lines() {
		if i == 0 {
			line = v.st.Dim(line)
		}
		v.asIs("   " + line)
	}
}

// row is one invocation: what it took, and what else there is to say.
func (v *textView) row(d Digest) []string {
	start, init, status := "warm", "", v.st.Green("ok")
	if d.cold {
		start = "cold"
	}
	if d.response.Restore > 0 {
		start = "restored"
	}
	if took := d.response.Init + d.response.Restore; took > 0 {
		init = millis(took)
	}
	if !d.ok {
		status = v.st.Red(d.status)
	}
	some := func(n int, paint func(string) string) string {
		if n == 0 {
			return "0"
		}
		return paint(strconv.Itoa(n))
	}
	return []string{
		strconv.Itoa(d.Number), start, status, init, millis(d.response.Duration), millis(d.response.PostRuntime),
		strconv.FormatInt(d.response.Billed.Milliseconds(), 10), strconv.Itoa(d.response.MaxMemoryUsedMB), strconv.Itoa(d.reads),
		strconv.Itoa(d.metrics), some(d.response.TelemetryDropped, v.st.yellow), some(d.logErrors, v.st.Red),
	}
}

// notable picks the rows of a long run: first and last, cold starts, failures,
// and the slowest, up to maxListed.
func notable(rows []Digest) []Digest {
	if len(rows) <= maxListed {
		return rows
	}
	inOrder := make([]int, len(rows))
	for i := range rows {
		inOrder[i] = i
	}
	slowest := slices.Clone(inOrder)
	slices.SortStableFunc(slowest, func(a, b int) int { return cmp.Compare(rows[b].response.Duration, rows[a].response.Duration) })
	picked := map[int]bool{0: true, len(rows) - 1: true}
	take := func(candidates []int, limit int, want func(Digest) bool) {
		for _, i := range candidates {
			if len(picked) < limit && want(rows[i]) {
				picked[i] = true
			}
		}
	}
	take(inOrder, maxListed-5, func(d Digest) bool { return !d.ok })
	take(inOrder, maxListed-5, func(d Digest) bool { return d.cold || d.logErrors > 0 })
	take(slowest, min(len(picked)+5, maxListed), func(Digest) bool { return true })
	var out []Digest
	for _, i := range slices.Sorted(maps.Keys(picked)) {
		out = append(out, rows[i])
	}
	return out
}

func failures(rows []Digest) int {
	n := 0
	for _, d := range rows {
		if !d.ok {
			n++
		}
	}
	return n
}

// spread says how the durations are distributed, cold starts apart.
func spread(rows []Digest) string {
	var warm []time.Duration
	cold := 0
	for _, d := range rows {
		if d.cold {
			cold++
		} else {
			warm = append(warm, d.response.Duration)
		}
	}
	text := Plural(cold, "cold start", "cold starts")
	if len(warm) < 5 {
		return text // too few for shares to mean anything
	}
	slices.Sort(warm)
	at := func(share float64) string { return millis(warm[min(int(share*float64(len(warm))), len(warm)-1)]) }
	return fmt.Sprintf("%s; warm durations: median %s ms, p90 %s ms, longest %s ms", text, at(0.5), at(0.9), millis(warm[len(warm)-1]))
}

// calls lists what the embedded AWS was asked.
func (v *textView) calls(e Ending) {
	v.rule(fmt.Sprintf("embedded AWS · %s", Plural(TotalCalls(e.AWS), "call", "calls")), "", v.st.Dim)
	t := Table{Right: map[int]bool{1: true}}
	for _, c := range e.AWS {
		calls := Plural(c.Calls, "call", "calls")
		if c.Failed > 0 {
			calls += ", " + v.st.yellow(fmt.Sprintf("%d failed", c.Failed))
		}
		t.Add(c.Operation, calls, v.st.Dim(shorten(v.st.printable(nameCounts(c.Names)), 120)))
	}
	for _, line := range t.Lines() {
		v.line("   %s", line)
	}
	v.line("")
}

func nameCounts(names map[string]int) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if n := names[name]; n > 1 {
			name += fmt.Sprintf(" ×%d", n)
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

// TotalCalls sums the calls to the embedded AWS.
func TotalCalls(counts []awsemu.Count) int {
	total := 0
	for _, c := range counts {
		total += c.Calls
	}
	return total
}
