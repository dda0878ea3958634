package show

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
	TextOptions
	w  io.Writer
	st Style

	numbers map[string]int // request id → number of the invocation
	pairs   pairing
	added   map[string]string // what enriched copies have added so far: key → raw value
}

// TextOptions are what the command line says about the run, and how much is shown.
type TextOptions struct {
	Raw        bool // lines as they are
	Quiet      bool // failed invocations only
	MemoryMB   int
	Timeout    time.Duration
	Command    []string
	Extensions int  // how many there are
	Unbilled   bool // managed instances have no bill per invocation
	Columns    int  // where lines are folded, except tables and with Raw; 0: nowhere
}

// NewTextView shows the run to a person on w.
func NewTextView(w io.Writer, st Style, opt TextOptions) Reporter { return newTextView(w, st, opt) }

func newTextView(w io.Writer, st Style, opt TextOptions) *textView {
	return &textView{TextOptions: opt, w: w, st: st, numbers: map[string]int{}, added: map[string]string{}}
}

// line writes a line, folded under its text if it is too long.
func (v *textView) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if v.Columns == 0 || v.Raw || Visible(text) <= v.Columns {
		v.asIs(text)
		return
	}
	hang := "            " // below the text behind a label
	if strings.Contains(text[:min(len(text), 40)], "│") {
		hang = v.indent() + "  "
	}
	for _, part := range fold(text, hang, v.Columns) {
		v.asIs(part)
	}
}

// asIs writes a row of a table.
func (v *textView) asIs(text string) { fmt.Fprintln(v.w, text) }

// Invocation prints the block of one invocation.
func (v *textView) Invocation(o Outcome) {
	if o.Response.RequestID != "" && len(v.numbers) < maxRows {
		v.numbers[o.Response.RequestID] = o.Number
	}
	b := v.newBlock(o.Response.RequestID, o.Number)
	shown := !v.Quiet || !o.ok()
	if shown {
		v.heading(o)
		v.facts(o)
	}
	for _, text := range b.render(o.Lines) { // always: pairs go across blocks
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
func (v *textView) heading(o Outcome) {
	start := "warm"
	if o.Response.ColdStart {
		start = "cold start"
	}
	status, paint := "ok", v.st.Green
	if !o.ok() {
		status, paint = "failed: "+o.Status(), v.st.Red
	}
	v.rule(fmt.Sprintf("#%d · %s · %s", o.Number, start, Span(o.Response.Duration)), status, paint)
}

func (v *textView) rule(head, status string, paint func(string) string) {
	if status != "" {
		head += " · "
	}
	used := 3 + Visible(head) + Visible(status) + 1
	v.line("%s %s%s %s", v.st.Dim("━━"), v.st.bold(head), paint(status), v.st.Dim(strings.Repeat("━", max(width-used, 2))))
}

// facts are the figures of the REPORT line, and what came in.
func (v *textView) facts(o Outcome) {
	r := o.Response
	var facts []string
	if r.Init > 0 {
		facts = append(facts, "init "+Span(r.Init))
	}
	if r.Restore > 0 {
		facts = append(facts, "restore "+Span(r.Restore))
	}
	if r.PostRuntime > 0 && v.Extensions > 0 {
		facts = append(facts, "extensions +"+Span(r.PostRuntime))
	}
	if !v.Unbilled {
		facts = append(facts, fmt.Sprintf("billed %d ms", r.Billed.Milliseconds()))
	}
	if r.MaxMemoryUsedMB > 0 {
		facts = append(facts, fmt.Sprintf("memory %d of %d MB", r.MaxMemoryUsedMB, max(v.MemoryMB, 128)))
	}
	if r.TelemetryDropped > 0 {
		facts = append(facts, fmt.Sprintf("%d telemetry events dropped", r.TelemetryDropped))
	}
	v.line("   %s", v.st.Dim(strings.Join(facts, " · ")))
	v.line("   %s", v.st.Dim("request "+r.RequestID))
	if len(o.Event) > 0 && string(o.Event) != "{}" {
		v.line("   %s %s", v.st.Dim("event   "), v.payload(o.Event))
	}
	if o.AWSFault != "" {
		v.line("   %s %s", v.st.Dim("fault   "), v.st.yellow("embedded AWS: "+o.AWSFault))
	}
}

// tail is what came out, and what probably went wrong.
func (v *textView) tail(o Outcome) {
	if o.Dropped > 0 {
		v.line("   %s", v.st.yellow(fmt.Sprintf("%d more lines are not shown; --log-stream FILE keeps all", o.Dropped)))
	}
	switch {
	case o.Err != nil:
		v.line("   %s %s", v.st.Red("error   "), o.Err)
	case o.Response.FunctionError != "":
		v.functionError(o.Response)
	default:
		v.line("   %s %s", v.st.Dim("response"), v.payload(o.Response.Payload))
	}
	if o.Ended != "" {
		v.line("   %s %s after the answer: the caller has it, the platform reports an error, and the next invocation is a cold start", v.st.Red("ended   "), v.st.printable(o.Ended))
	}
	v.verdict(o)
	if cause := likelyCause(o, v.Command, v.Timeout); cause != "" {
		v.line("   %s %s", v.st.yellow("likely  "), cause)
	}
}

// functionError shows the error the function or the platform answered with:
// type and message, the stack below.
func (v *textView) functionError(r lambdaemu.Response) {
	rec, ok := parseRecord(string(r.Payload))
	kind, errorType := rec.first("errorType")
	_, message := rec.first("errorMessage")
	if !ok || kind == "" || v.Raw {
		v.line("   %s %s", v.st.Red("error   "), v.payload(r.Payload))
		return
	}
	message = strings.TrimPrefix(message, "RequestId: "+r.RequestID+" Error: ")
	v.line("   %s %s", v.st.Red("error   "), v.st.printable(errorType+": "+shorten(firstLine(message), 300)))
	for _, key := range []string{"stackTrace", "trace"} {
		if raw, ok := rec.get(key); ok {
			for _, line := range multiline(member{key, raw}) {
				v.line("            %s", v.st.Dim(v.st.printable(line)))
			}
		}
	}
}

// payload shows an event or response on one line.
func (v *textView) payload(raw []byte) string {
	text := compact(raw)
	if !v.Raw {
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
		if line.Framed {
			return "  " + v.st.cyan("fn ") + v.st.Dim(" ║ ")
		}
		return "  " + v.st.cyan("fn ") + v.st.Dim(" │ ")
	case lambdaemu.OriginExtension:
		return "  " + v.st.magenta("ext") + v.st.Dim(" │ ")
	}
	return "  " + v.st.Dim("sys │ ")
}

func (v *textView) indent() string { return "     " + v.st.Dim(" │ ") }
