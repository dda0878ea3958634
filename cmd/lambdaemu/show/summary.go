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
	t := Table{Right: map[int]bool{0: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true, 9: true, 10: true, 11: true}}
	head := []string{"#", "start", "status", "init ms", "duration ms", "extensions ms", "billed ms", "memory MB"}
	if e.Embedded {
		head = append(head, "reads")
	}
	t.Add(append(head, "metrics", "dropped", "log errors")...)
	listed := notable(e.Rows)
	for _, d := range listed {
		t.Add(v.row(d, e.Embedded)...)
	}
	for i, line := range t.Lines() {
		if i == 0 {
			line = v.st.Dim(line)
		}
		v.line("   %s", line)
	}
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

// row is one invocation: what it took, how often the embedded AWS was asked, the
// metrics about it, and the telemetry events that never reached an extension.
func (v *textView) row(d Digest, embedded bool) []string {
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
	logErrors := strconv.Itoa(d.logErrors)
	if d.logErrors > 0 {
		logErrors = v.st.Red(logErrors)
	}
	cells := []string{strconv.Itoa(d.Number), start, status, init, millis(d.response.Duration), millis(d.response.PostRuntime),
		strconv.FormatInt(d.response.Billed.Milliseconds(), 10), strconv.Itoa(d.response.MaxMemoryUsedMB)}
	if embedded {
		cells = append(cells, strconv.Itoa(d.reads))
	}
	dropped := strconv.Itoa(d.response.TelemetryDropped)
	if d.response.TelemetryDropped > 0 {
		dropped = v.st.yellow(dropped)
	}
	return append(cells, strconv.Itoa(d.metrics), dropped, logErrors)
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
