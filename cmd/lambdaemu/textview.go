package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"powertools-extension/lambdaemu"
)

// width is how wide headings are.
const width = 78

// textView shows a run to a person: one block per invocation, the shutdown,
// and a summary.
type textView struct {
	w          io.Writer
	st         style
	raw        bool // lines as they are
	quiet      bool // failed invocations only
	memoryMB   int
	timeout    time.Duration
	command    []string
	extensions int  // how many there are
	billed     bool // managed instances have no bill per invocation

	numbers map[string]int // request id → number of the invocation
	pairs   pairing
	added   map[string]string // what enriched copies have added so far: key → raw value
}

func newTextView(w io.Writer, st style) *textView {
	return &textView{w: w, st: st, billed: true, numbers: map[string]int{}, added: map[string]string{}}
}

func (v *textView) line(format string, args ...any) {
	fmt.Fprintf(v.w, format+"\n", args...)
}

// invocation prints the block of one invocation.
func (v *textView) invocation(o outcome) {
	if o.response.RequestID != "" && len(v.numbers) < maxRows {
		v.numbers[o.response.RequestID] = o.number
	}
	b := v.newBlock(o.response.RequestID, o.number)
	shown := !v.quiet || !o.ok()
	if shown {
		v.heading(o)
		v.facts(o)
	}
	for _, text := range b.render(o.lines) { // always: pairs go across blocks
		if shown {
			v.line("%s", text)
		}
	}
	if !shown {
		return
	}
	v.tail(o)
	v.line("")
}

// heading is the rule that separates blocks and says the most important.
func (v *textView) heading(o outcome) {
	start := "warm"
	if o.response.ColdStart {
		start = "cold start"
	}
	status, paint := "ok", v.st.green
	if !o.ok() {
		status, paint = "failed: "+o.status(), v.st.red
	}
	v.rule(fmt.Sprintf("#%d · %s · %s", o.number, start, span(o.response.Duration)), status, paint)
}

func (v *textView) rule(head, status string, paint func(string) string) {
	if status != "" {
		head += " · "
	}
	used := 3 + visible(head) + visible(status) + 1
	v.line("%s %s%s %s", v.st.dim("━━"), v.st.bold(head), paint(status), v.st.dim(strings.Repeat("━", max(width-used, 2))))
}

// facts are the figures of the REPORT line, and what came in.
func (v *textView) facts(o outcome) {
	r := o.response
	var facts []string
	if r.Init > 0 {
		facts = append(facts, "init "+span(r.Init))
	}
	if r.Restore > 0 {
		facts = append(facts, "restore "+span(r.Restore))
	}
	if r.PostRuntime > 0 && v.extensions > 0 {
		facts = append(facts, "extensions +"+span(r.PostRuntime))
	}
	if v.billed {
		facts = append(facts, fmt.Sprintf("billed %d ms", r.Billed.Milliseconds()))
	}
	if r.MaxMemoryUsedMB > 0 {
		facts = append(facts, fmt.Sprintf("memory %d of %d MB", r.MaxMemoryUsedMB, max(v.memoryMB, 128)))
	}
	if r.TelemetryDropped > 0 {
		facts = append(facts, fmt.Sprintf("%d telemetry events dropped", r.TelemetryDropped))
	}
	if r.TelemetryPending > 1 { // one is the report, which is always late
		facts = append(facts, fmt.Sprintf("%d telemetry events still to be delivered", r.TelemetryPending))
	}
	v.line("   %s", v.st.dim(strings.Join(facts, " · ")))
	v.line("   %s", v.st.dim("request "+r.RequestID))
	if len(o.event) > 0 && string(o.event) != "{}" {
		v.line("   %s %s", v.st.dim("event   "), v.payload(o.event))
	}
	if o.awsFault != "" {
		v.line("   %s %s", v.st.dim("fault   "), v.st.yellow("embedded AWS: "+o.awsFault))
	}
}

// tail is what came out, and what probably went wrong.
func (v *textView) tail(o outcome) {
	if o.dropped > 0 {
		v.line("   %s", v.st.yellow(fmt.Sprintf("%d more lines are not shown; --log-stream FILE keeps all", o.dropped)))
	}
	switch {
	case o.err != nil:
		v.line("   %s %s", v.st.red("error   "), o.err)
	case o.response.FunctionError != "":
		v.functionError(o.response)
	default:
		v.line("   %s %s", v.st.dim("response"), v.payload(o.response.Payload))
	}
	if cause := likelyCause(o, v.command, v.timeout); cause != "" {
		v.line("   %s %s", v.st.yellow("likely  "), cause)
	}
}

// functionError shows the error the function or the platform answered with:
// type and message, the stack below.
func (v *textView) functionError(r lambdaemu.Response) {
	rec, ok := parseRecord(string(r.Payload))
	kind, errorType := rec.first("errorType")
	_, message := rec.first("errorMessage")
	if !ok || kind == "" || v.raw {
		v.line("   %s %s", v.st.red("error   "), v.payload(r.Payload))
		return
	}
	message = strings.TrimPrefix(message, "RequestId: "+r.RequestID+" Error: ")
	v.line("   %s %s", v.st.red("error   "), v.st.printable(errorType+": "+shorten(firstLine(message), 300)))
	for _, key := range []string{"stackTrace", "trace"} {
		if raw, ok := rec.get(key); ok {
			for _, line := range multiline(member{key, raw}) {
				v.line("            %s", v.st.dim(v.st.printable(line)))
			}
		}
	}
}

// payload shows an event or response on one line.
func (v *textView) payload(raw []byte) string {
	text := compact(raw)
	if !v.raw {
		text = shorten(text, 200)
	}
	if text == "" {
		text = "(empty)"
	}
	return v.st.printable(text)
}

// gutter tells who printed a line.
func (v *textView) gutter(line lambdaemu.Line) string {
	switch line.Origin {
	case lambdaemu.OriginFunction:
		return "  " + v.st.cyan("fn ") + v.st.dim(" │ ")
	case lambdaemu.OriginExtension:
		return "  " + v.st.magenta("ext") + v.st.dim(" │ ")
	}
	return "  " + v.st.dim("sys │ ")
}

func (v *textView) indent() string { return "     " + v.st.dim(" │ ") }
