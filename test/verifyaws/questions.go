package main

import (
	"fmt"
	"slices"
	"strings"
)

// answer is what a run says to a question.
type answer string

const (
	yes      answer = "yes"
	no       answer = "no"
	unclear  answer = "unclear"   // asked, and the evidence does not decide it
	notAsked answer = "not asked" // what it takes was not there
)

// question is one thing that the code believes of the platform and that nobody
// can prove without an account.
type question struct {
	id      string
	text    string
	believe answer // what the code expects; with "unclear" it copes with both
	matters string // what is wrong if it is not so
	judge   func(*evidence) (answer, string)
}

// questions are all of them.
func questions() []question {
	return []question{
		{"names", "Does sandbox.localdomain resolve inside the sandbox?", yes,
			"extensions that follow AWS's documentation subscribe with that name; lambdaemu gives it to its children", judgeNames},
		{"produced_bytes", "Is producedBytes of platform.runtimeDone 0 after a handler error?", yes,
			"without the proxy it is how a handler error of a custom runtime is told from an answer", judgeProducedBytes},
		{"managed_order", "Do reports on managed instances come before lines of their request?", unclear,
			"lines wait for their report, and reports for their lines", judgeManagedOrder},
		{"retries", "Do the three tries of an asynchronous event have one request id?", yes,
			"each try is an attempt of its own; with three ids they would be three requests", judgeRetries},
		{"descriptor", "Has a managed runtime a third log descriptor, with a frame for each event?", yes,
			"lines in place take it over; a record of two lines stays one event", judgeDescriptor},
		{"in_place", "Is a line that was enriched in place stored once?", yes,
			"otherwise lines are paid for twice, which is what the mode is to end", judgeInPlace},
		{"xray", "Does the X-Ray daemon of the sandbox take datagrams from an extension?", unclear,
			"POWERTOOLS_TRACE_DESTINATION=xray; the others do not need it", judgeXRay},
		{"missing_parameter", "Does AWS's own extension answer 400 for a parameter that does not exist?", yes,
			"the drop-in routes answer what it answers", judgeMissing},
		{"shutdown_telemetry", "Does the report of the last invocation come before or during SHUTDOWN?", yes,
			"otherwise the last event of a sandbox has complete:false", judgeShutdown},
	}
}

func judgeNames(e *evidence) (answer, string) {
	for _, f := range e.facts("custom", "host") {
		if f["host"] == "sandbox.localdomain" {
			return is(f["found"] == true), fmt.Sprint(f["addresses"])
		}
	}
	return unclear, "the function did not say"
}

func judgeProducedBytes(e *evidence) (answer, string) {
	failed := e.request("custom", "fails")
	for _, f := range e.facts("custom", "telemetry") {
		if f["type"] == "platform.runtimeDone" && f["request_id"] == failed && failed != "" {
			if f["produced_bytes"] == nil {
				return unclear, "runtimeDone has no producedBytes"
			}
			return is(f["produced_bytes"] == 0.0), fmt.Sprintf("producedBytes %v, status %v", f["produced_bytes"], f["status"])
		}
	}
	return unclear, "no runtimeDone of the failing invocation"
}

func judgeManagedOrder(e *evidence) (answer, string) {
	if !e.ran("managed") {
		return notAsked, "needs -capacity-provider"
	}
	reported, late, lines := map[string]bool{}, 0, 0
	for _, f := range e.facts("managed", "telemetry") {
		switch f["type"] {
		case "platform.report":
			reported[fmt.Sprint(f["request_id"])] = true
		case "function":
			line := parse(fmt.Sprint(f["line"]))
			if line["verify"] != "line" {
				continue
			}
			lines++
			if reported[fmt.Sprint(line["request_id"])] {
				late++
			}
		}
	}
	if lines == 0 {
		return unclear, "no lines"
	}
	return is(late > 0), fmt.Sprintf("%d of %d lines after their report", late, lines)
}

func judgeRetries(e *evidence) (answer, string) {
	var ids []string
	for _, f := range e.facts("custom", "line") {
		if f["name"] == "async" {
			ids = append(ids, fmt.Sprint(f["request_id"]))
		}
	}
	if len(ids) < 2 {
		return unclear, fmt.Sprintf("%d tries", len(ids))
	}
	return is(len(slices.Compact(slices.Sorted(slices.Values(ids)))) == 1), fmt.Sprintf("%d tries, ids %s", len(ids), strings.Join(ids, " "))
}

// judgeDescriptor looks at what the descriptor is for: the client takes its number
// out of the environment before the function runs.
func judgeDescriptor(e *evidence) (answer, string) {
	whole, lines := 0, 0
	for _, line := range e.lines["python"] {
		if strings.Contains(line, "verify-two-lines") {
			lines++
			if strings.Contains(line, "second of") {
				whole++
			}
		}
	}
	if lines == 0 {
		return unclear, "the record is not in the log"
	}
	return is(whole > 0), fmt.Sprintf("%d of %d records of two lines are one event", whole, lines)
}

func judgeInPlace(e *evidence) (answer, string) {
	if !e.ran("inplace") {
		return notAsked, "needs -layer, the layer to try"
	}
	stored, enriched := 0, 0
	for _, line := range e.lines["inplace"] {
		if f := parse(line); f["verify"] == "line" && f["name"] == "in place" {
			stored++
			if f["function_request_id"] != nil && f["service"] != nil {
				enriched++
			}
		}
	}
	if stored == 0 {
		return unclear, "the line is not stored at all"
	}
	return is(stored == 1 && enriched == 1), fmt.Sprintf("stored %d times, enriched %d times", stored, enriched)
}

func judgeXRay(e *evidence) (answer, string) {
	sent := e.facts("custom", "xray_sent")
	if len(sent) == 0 {
		return unclear, "the extension has no address of a daemon"
	}
	if sent[0]["sampled"] != "1" {
		return unclear, "the invocation was not sampled"
	}
	id := fmt.Sprint(sent[0]["trace_id"])
	documents, asked := e.traces[id]
	if !asked {
		return unclear, "X-Ray was not asked"
	}
	return is(strings.Contains(documents, "verify-probe")), "the trace " + id
}

func judgeMissing(e *evidence) (answer, string) {
	if !e.ran("parameters") {
		return notAsked, "needs -parameters-layer, the ARN of AWS's extension"
	}
	got := e.facts("parameters", "get")
	if len(got) == 0 {
		return unclear, "the function did not say"
	}
	return is(got[0]["status"] == 400.0), fmt.Sprintf("%v %v", got[0]["status"], got[0]["body"])
}

func judgeShutdown(e *evidence) (answer, string) {
	last := e.request("custom", "last")
	ends := e.facts("custom", "shutdown")
	if len(ends) == 0 {
		return unclear, "no sandbox was shut down while we looked"
	}
	reports, _ := ends[0]["reports"].([]any)
	return is(last != "" && slices.Contains(reports, any(last))), fmt.Sprintf("%d reports were there at the end, reason %v", len(reports), ends[0]["reason"])
}

func is(fact bool) answer {
	if fact {
		return yes
	}
	return no
}
