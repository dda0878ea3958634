// Command verifyaws asks Lambda itself what the code believes of it: it deploys a
// few probes into an account, calls them, reads what they saw, answers the
// questions of questions.go with yes or no, and removes everything again.
//
//	go run ./test/verifyaws -region eu-north-1                says what it would do, and what it costs
//	go run ./test/verifyaws -region eu-north-1 -do -layer dist/powertools-extension-arm64.zip
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"time"

	"powertools-extension/layer/awscli"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("verify: ")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("verifyaws", flag.ContinueOnError)
	region := flags.String("region", "", "AWS region")
	layer := flags.String("layer", "", "zip of the layer for arm64, for the question about lines in place")
	parameters := flags.String("parameters-layer", "", "ARN of AWS's Parameters and Secrets extension for arm64")
	capacity := flags.String("capacity-provider", "", "ARN of a capacity provider, for the question about managed instances; its instances cost by the hour")
	cli := flags.String("aws", "aws", "the aws command")
	wait := flags.Duration("wait", 5*time.Minute, "for the tries of an asynchronous event and for the logs, twice")
	do := flags.Bool("do", false, "ask; without it nothing is made")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *region == "" {
		return errors.New("no region: make verify-on-aws REGION=eu-north-1")
	}
	command, err := awscli.Parse(*cli)
	if err != nil {
		return err
	}
	all := probes(*layer, *parameters, *capacity)
	fmt.Fprint(out, plan(*region, all, *wait))
	if !*do {
		fmt.Fprintf(out, "\nNothing was made. To ask: make verify-on-aws REGION=%s DO=1\n", *region)
		return nil
	}
	account, err := newAccount(ctx, command, *region, *layer, *wait)
	if err != nil {
		return err
	}
	e, err := collect(ctx, account, all, func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) })
	if e != nil {
		fmt.Fprint(out, "\n", table(e))
	}
	return err
}

// plan says what is made and what it costs, before anything is.
func plan(region string, all []probe, wait time.Duration) string {
	var b strings.Builder
	fmt.Fprintf(&b, "In %s, for about %d minutes, all of it named verify-powertools-… and removed at the end:\n\n  1 role, 1 layer with the probe's extension\n",
		region, int((2*wait + 3*time.Minute).Minutes()))
	calls := 0
	for _, p := range all {
		fmt.Fprintf(&b, "  1 function %s (%s, arm64, 256 MB) and its log group\n", p.name, p.runtime)
		for _, call := range p.calls {
			calls += max(call.atOnce, 1)
			if call.async {
				calls += 2
			}
		}
	}
	fmt.Fprintf(&b, "\n%d invocations of less than a second: less than $0.01. ", calls)
	for _, p := range all {
		if p.managed != "" {
			b.WriteString("The capacity provider's instances cost what they cost by the hour, and are not removed. ")
		}
	}
	b.WriteString("\n")
	return b.String()
}

// table is the answers as Markdown, to send to the project.
func table(e *evidence) string {
	var b strings.Builder
	b.WriteString("| question | believed | seen | what was seen |\n|---|---|---|---|\n")
	for _, q := range questions() {
		got, seen := q.judge(e)
		mark := ""
		if (got == yes || got == no) && q.believe != unclear && got != q.believe {
			mark = " **differs**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s%s | %s |\n", q.text, q.believe, got, mark, strings.ReplaceAll(seen, "|", "\\|"))
	}
	return b.String()
}
