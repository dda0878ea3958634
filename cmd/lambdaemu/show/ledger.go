package show

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"powertools-extension/internal/eventsource"
)

// verdict is what the mapping made of one invocation.
func (v *textView) verdict(o Outcome) {
	if o.Verdict == nil {
		return
	}
	var parts []string
	if n := o.Verdict.Done; n > 0 {
		parts = append(parts, fmt.Sprintf("%d done", n))
	}
	if again := o.Verdict.Again; len(again) > 0 {
		tries := 0
		for _, r := range again {
			tries = max(tries, r.Tries)
		}
		parts = append(parts, v.st.yellow(fmt.Sprintf("%d %s again, tried %s so far", len(again), verb(len(again), "comes", "come"), Plural(tries, "time", "times"))))
	}
	if given := o.Verdict.Given; len(given) > 0 {
		parts = append(parts, v.st.Red(fmt.Sprintf("%d given up: %s", len(given), endText(given[0].End))))
	}
	if lost := o.Verdict.Lost; len(lost) > 0 {
		parts = append(parts, v.st.Red(fmt.Sprintf("%d LOST", len(lost))))
	}
	v.line("   %s %s", v.st.Dim("mapping "), strings.Join(parts, " · "))
	if o.Verdict.Reason != "" {
		v.line("            %s", v.st.yellow(v.st.printable(o.Verdict.Reason)))
	}
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// endText is an end in words.
func endText(end eventsource.End) string {
	return map[eventsource.End]string{
		eventsource.Waiting: "not finished", eventsource.Done: "done", eventsource.DeadLetter: "dead-letter queue",
		eventsource.Discarded: "DISCARDED", eventsource.Lost: "LOST",
	}[end]
}

// ledger says what became of every message, and what that costs the user.
func (v *textView) ledger(l eventsource.Ledger) {
	status, paint := "all done", v.st.Green
	if !l.OK() {
		var parts []string
		for _, end := range []eventsource.End{eventsource.Lost, eventsource.Discarded, eventsource.DeadLetter, eventsource.Waiting} {
			if n := l.Count(end); n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, endText(end)))
			}
		}
		status, paint = strings.Join(parts, ", "), v.st.Red
	}
	v.rule(fmt.Sprintf("ledger · %s · %s", l.Kind, Plural(len(l.Records), "message", "messages")), status, paint)
	t := Table{Right: map[int]bool{0: true, 2: true}}
	t.Add("#", "message", "tries", "end", "content")
	listed := l.Records
	if len(listed) > maxListed {
		listed = slices.DeleteFunc(slices.Clone(listed), func(r eventsource.Record) bool { return r.End == eventsource.Done })
		listed = listed[:min(len(listed), maxListed)]
	}
	for _, r := range listed {
		t.Add(v.ledgerRow(l, r)...)
	}
	v.table(t)
	if hidden := len(l.Records) - len(listed); hidden > 0 {
		v.line("   %s", v.st.Dim(fmt.Sprintf("and %d more", hidden)))
	}
	for _, note := range ledgerNotes(l) {
		v.line("")
		for _, line := range wrap(note, width-3) {
			v.line("   %s", v.st.Red(line))
		}
	}
	v.line("")
}

func (v *textView) ledgerRow(l eventsource.Ledger, r eventsource.Record) []string {
	end := v.st.Red(endText(r.End))
	switch r.End {
	case eventsource.Done:
		end = v.st.Green("done")
	case eventsource.DeadLetter, eventsource.Waiting:
		end = v.st.yellow(endText(r.End))
	}
	if r.Overtaken {
		end += v.st.Red(", overtaken")
	}
	id := r.ID
	if isUUID(id) {
		id = id[:8] + "…"
	}
	if l.Kind.Stream() && len(id) > 12 {
		id = "…" + id[len(id)-10:]
	}
	if r.Group != "" {
		id += " " + shorten(r.Group, 12)
	}
	return []string{strconv.Itoa(slices.IndexFunc(l.Records, func(o eventsource.Record) bool { return o.ID == r.ID }) + 1), v.st.printable(id), strconv.Itoa(r.Tries), end, v.st.printable(shorten(firstLine(r.Text), 30))}
}

// ledgerNotes say what is wrong and how it is set right.
func ledgerNotes(l eventsource.Ledger) []string {
	var out []string
	if n := l.Count(eventsource.Lost); n > 0 {
		out = append(out, fmt.Sprintf("%s LOST: the function reported %s in batchItemFailures, but the mapping has no ReportBatchItemFailures, so Lambda took the answer for a success. "+
			"Add FunctionResponseTypes: [ReportBatchItemFailures] to the mapping; here: --report-batch-item-failures.", Plural(n, "message is", "messages are"), verb(n, "it", "them")))
	}
	if n := l.Count(eventsource.Discarded); n > 0 {
		where := "a dead-letter queue (RedrivePolicy of the queue)"
		if l.Kind.Stream() || l.Kind == eventsource.Async {
			where = "an on-failure destination"
		}
		out = append(out, fmt.Sprintf("%s DISCARDED after %s: nothing keeps what fails for good. Add %s.", Plural(n, "message is", "messages are"), Plural(l.Tries, "try", "tries"), where))
	}
	if n := l.Count(eventsource.DeadLetter); n > 0 && l.Kind.Stream() {
		out = append(out, "The on-failure destination of a stream is told the sequence numbers only: the records themselves stay in the stream, until they expire there.")
	}
	if slices.ContainsFunc(l.Records, func(r eventsource.Record) bool { return r.Overtaken }) {
		out = append(out, "The order of a message group is broken: a later message was done before an earlier one that came again. After the first failure, report it and all that follow it in its group.")
	}
	return out
}
