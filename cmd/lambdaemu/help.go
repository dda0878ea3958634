package main

import (
	"fmt"
	"io"
	"strings"

	"powertools-extension/cmd/lambdaemu/show"
	"powertools-extension/internal/awsemu"
	"powertools-extension/lambdaemu"
)

const helpHead = `lambdaemu runs a function with Lambda extensions on this machine.

usage: lambdaemu [flags] -- COMMAND ARGS…
       lambdaemu faults [flags] --extension PATH -- COMMAND ARGS…   a verdict on every fault
       lambdaemu replay FILE                           run what --record wrote again and compare

COMMAND is what starts the function's runtime, e.g.
  ./bootstrap                               a function on provided.al2023 (Go, Rust, C++ …)
  python3 -m awslambdaric app.handler       Python, with the awslambdaric package
  npx aws-lambda-ric app.handler            Node.js, with the aws-lambda-ric package

examples:
  lambdaemu --extension bin/ --params examples/params.yaml --count 3 -- ./bootstrap
  lambdaemu --extension layer.zip --invoke event.json -- python3 -m awslambdaric app.handler
  lambdaemu --extension bin/ -- ./bootstrap        then, in another terminal:
    curl -d '{"name":"world"}' http://127.0.0.1:9000/2015-03-31/functions/function/invocations
    aws lambda invoke --endpoint-url http://127.0.0.1:9000 --function-name function out.json
    curl http://127.0.0.1:9000/url/orders?id=1      as its function URL
  lambdaemu --event-source sqs --batch messages.json -- ./bootstrap      what would a queue lose?
`

const helpTail = `
exit code
  0  every invocation succeeded and the shutdown was clean; with --event-source:
     every message was done, however often it was tried
  1  otherwise
  2  a mistake in the command line
`

func writeHelp(w io.Writer) {
	fmt.Fprint(w, helpHead)
	for _, group := range flagTable() {
		fmt.Fprintf(w, "\n%s\n", group.title)
		t := show.Table{}
		for _, f := range group.flags {
			fallback := ""
			if f.fallback != "" {
				fallback = " (default " + f.fallback + ")"
			}
			t.Add("  --"+f.name+" "+f.arg, f.meaning+fallback)
		}
		t.WriteWrapped(w)
	}
	writeFaultHelp(w)
	fmt.Fprint(w, helpTail)
}

func writeFaultHelp(w io.Writer) {
	fmt.Fprint(w, "\nfaults of the platform (--fault)\n")
	t := show.Table{}
	for _, f := range lambdaemu.FaultNames() {
		t.Add("  "+f.Name, f.Meaning+argNote(f.Arg))
	}
	t.WriteWrapped(w)
	fmt.Fprint(w, "\nfaults of the embedded AWS (--aws-fault)\n")
	t = show.Table{}
	for _, f := range awsemu.Faults() {
		t.Add("  "+f.Name, f.Meaning+argNote(f.Arg))
	}
	t.Add("  none", "the end of the fault before it, e.g. --aws-fault down@2 --aws-fault none@4")
	t.WriteWrapped(w)
}

func argNote(arg string) string {
	if arg == "" {
		return ""
	}
	return "; ARG: " + strings.TrimSpace(arg)
}
