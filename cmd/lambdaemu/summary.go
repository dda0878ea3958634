package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxListed is how many invocations the summary lists one by one.
const maxListed = 25

// end prints the shutdown, the summary and the call counts.
func (v *textView) end(e ending) {
	v.shutdown(e)
	v.summary(e)
	if e.embedded {
		v.calls(e)
	}
}

func (v *textView) shutdown(e ending) {
	status, paint := "clean", v.st.green
	if !e.clean() {
		status, paint = "not clean", v.st.red
	}
	reason := e.exit.Reason
	if reason == "" {
		reason = "no sandbox was left"
	}
	v.rule(fmt.Sprintf("shutdown · %s · %s", reason, span(e.exit.Duration)), status, paint)
	for _, text := range v.newBlock("", 0).render(e.lines) {
		v.line("%s", text)
	}
	if e.err != nil {
		v.line("   %s %s", v.st.red("error   "), e.err)
	}
	for _, x := range e.exit.Extensions {
		text := v.st.green(fmt.Sprintf("exit %d", x.Code))
		switch {
		case x.Killed:
			text = v.st.red("killed") + ": it was still running at the end of its time"
		case x.Code != 0:
			text = v.st.red(fmt.Sprintf("exit %d", x.Code))
		}
		v.line("   extension %s: %s after %s", x.Name, text, span(x.After))
	}
	v.line("")
}

func (v *textView) summary(e ending) {
	status, paint := "all ok", v.st.green
	if e.failed > 0 {
		status, paint = fmt.Sprintf("%d failed", e.failed), v.st.red
	}
	if e.interrupted {
		status += ", interrupted"
	}
	v.rule(fmt.Sprintf("summary · %s in %s", plural(e.count(), "invocation", "invocations"), e.took.Round(10*time.Millisecond)), status, paint)
	if len(e.rows) == 0 {
		v.line("   no invocation")
		v.line("")
		return
	}
	t := table{right: map[int]bool{0: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true, 9: true, 10: true, 11: true}}
	head := []string{"#", "start", "status", "init ms", "duration ms", "extensions ms", "billed ms", "memory MB"}
	if e.embedded {
		head = append(head, "reads")
	}
	t.add(append(head, "metrics", "dropped", "log errors")...)
	listed := notable(e.rows)
	for _, d := range listed {
		t.add(v.row(d, e.embedded)...)
	}
	for i, line := range t.lines() {
		if i == 0 {
			line = v.st.dim(line)
		}
		v.line("   %s", line)
	}
	if hidden := e.count() - len(listed); hidden > 0 {
		text := fmt.Sprintf("and %d more", hidden)
		if failed := e.failed - failures(listed); failed > 0 {
			text += fmt.Sprintf(", %d of them failed", failed)
		}
		v.line("   %s", v.st.dim(text))
	}
	if len(e.rows) > 1 {
		v.line("   %s", v.st.dim(spread(e.rows)))
	}
	v.line("")
}

// row is one invocation: what it took, how often the embedded AWS was asked, the
// metrics about it, and the telemetry events that never reached an extension.
func (v *textView) row(d digest, embedded bool) []string {
	start, init, status := "warm", "", v.st.green("ok")
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
		status = v.st.red(d.status)
	}
	logErrors := strconv.Itoa(d.logErrors)
	if d.logErrors > 0 {
		logErrors = v.st.red(logErrors)
	}
	cells := []string{strconv.Itoa(d.number), start, status, init, millis(d.response.Duration), millis(d.response.PostRuntime),
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
func notable(rows []digest) []digest {
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
	take := func(candidates []int, limit int, want func(digest) bool) {
		for _, i := range candidates {
			if len(picked) < limit && want(rows[i]) {
				picked[i] = true
			}
		}
	}
	take(inOrder, maxListed-5, func(d digest) bool { return !d.ok })
	take(inOrder, maxListed-5, func(d digest) bool { return d.cold || d.logErrors > 0 })
	take(slowest, min(len(picked)+5, maxListed), func(digest) bool { return true })
	var out []digest
	for _, i := range slices.Sorted(maps.Keys(picked)) {
		out = append(out, rows[i])
	}
	return out
}

func failures(rows []digest) int {
	n := 0
	for _, d := range rows {
		if !d.ok {
			n++
		}
	}
	return n
}

// spread says how the durations are distributed, cold starts apart.
func spread(rows []digest) string {
	var warm []time.Duration
	cold := 0
	for _, d := range rows {
		if d.cold {
			cold++
		} else {
			warm = append(warm, d.response.Duration)
		}
	}
	text := plural(cold, "cold start", "cold starts")
	if len(warm) < 5 {
		return text // too few for shares to mean anything
	}
	slices.Sort(warm)
	at := func(share float64) string { return millis(warm[min(int(share*float64(len(warm))), len(warm)-1)]) }
	return fmt.Sprintf("%s; warm durations: median %s ms, p90 %s ms, longest %s ms", text, at(0.5), at(0.9), millis(warm[len(warm)-1]))
}

// calls lists what the embedded AWS was asked.
func (v *textView) calls(e ending) {
	v.rule(fmt.Sprintf("embedded AWS · %s", plural(totalCalls(e.aws), "call", "calls")), "", v.st.dim)
	t := table{right: map[int]bool{1: true}}
	for _, c := range e.aws {
		calls := plural(c.Calls, "call", "calls")
		if c.Failed > 0 {
			calls += ", " + v.st.yellow(fmt.Sprintf("%d failed", c.Failed))
		}
		t.add(c.Operation, calls, v.st.dim(shorten(v.st.printable(nameCounts(c.Names)), 120)))
	}
	for _, line := range t.lines() {
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
