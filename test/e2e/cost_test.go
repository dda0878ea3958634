package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// The page docs/cost.md is printed from what a sandbox stored: how many bytes
// an invocation costs, and which metrics CloudWatch finds in them. The figures
// are kept in testdata/cost.json; TestCost measures them anew and fails when
// they have drifted by more than a twentieth, TestCostPage when the page is
// not theirs. -update writes both.
const (
	costFigures = "testdata/cost.json"
	costPage    = "../../docs/cost.md"
)

// twoLines is the argument that makes the test binary the function that is
// measured.
const twoLines = "-two-lines"

// twoLinesFunction prints two lines, as text or, in the JSON log format, as
// the managed runtimes write them.
func twoLinesFunction() {
	lambda.Start(func(ctx context.Context) (any, error) {
		for _, text := range []string{"order 4711 of customer 42 accepted", "charged 19.99 EUR in 12 ms, receipt r-0815"} {
			if os.Getenv("AWS_LAMBDA_LOG_FORMAT") != "JSON" {
				fmt.Println(text)
				continue
			}
			own, _ := lambdacontext.FromContext(ctx)
			line, err := json.Marshal(map[string]string{
				"timestamp": time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), "level": "INFO", "requestId": own.AwsRequestID, "message": text,
			})
			if err != nil {
				return nil, err
			}
			fmt.Println(string(line))
		}
		return map[string]bool{"ok": true}, nil
	})
}

// costCase is one row of the page.
type costCase struct {
	name   string
	format string // log format
	absent bool   // without the extension
	env    map[string]string
}

func costCases() []costCase {
	platform := func(preset string) map[string]string {
		if preset == "all" {
			preset = allButProcesses
		}
		return map[string]string{"POWERTOOLS_METRICS_PLATFORM": preset}
	}
	rows := []costCase{{name: "text: without the extension", absent: true}}
	for _, preset := range []string{"none", "event", "default", "insights", "all"} {
		rows = append(rows, costCase{name: "text: " + preset, env: platform(preset)})
	}
	rows = append(rows,
		costCase{name: "text: default, LOGS_DESTINATION=none", env: map[string]string{"POWERTOOLS_LOGS_DESTINATION": "none"}},
		costCase{name: "text: default, LOGS_DESTINATION=http", env: map[string]string{"POWERTOOLS_LOGS_DESTINATION": "{receiver}"}},
		costCase{name: "JSON: without the extension", format: "JSON", absent: true},
	)
	for _, preset := range []string{"none", "event", "default", "insights", "all"} {
		rows = append(rows, costCase{name: "JSON: " + preset, format: "JSON", env: platform(preset)})
	}
	return rows
}

// allButProcesses is the preset all without FdUsed and Threads: they are not
// read where more processes run than in a sandbox, as on most machines.
const allButProcesses = "Invocations,Errors,Timeouts,OutOfMemory,ColdStart,Duration,InitDuration,RestoreDuration,BilledDuration,RuntimeDuration,PostRuntimeDuration," +
	"ResponseLatency,ResponseDuration,MemoryUtilization,MaxMemoryUsed,ProducedBytes,LogsDropped,EstimatedCost,CpuUser,CpuSystem,CpuTotal,RxBytes,TxBytes,TmpUsed,ExtensionCpu,ExtensionMemory"

// costFigure is what one row was measured to be.
type costFigure struct {
	Stored  int      `json:"stored_bytes"`         // of an invocation in the function's log group
	Lines   int      `json:"stored_lines"`         // of an invocation
	Sent    int      `json:"sent_bytes,omitempty"` // of an invocation, to a destination behind a network
	Metrics []string `json:"metrics,omitempty"`    // that CloudWatch bills the function for
}

// costRuns is how many invocations are averaged.
const costRuns = 20

// measureCost takes the difference of a long life and a short one, so that
// what belongs to the start and to the end of a sandbox is left out.
func measureCost(t *testing.T, c costCase) costFigure {
	t.Helper()
	metrics := map[string]bool{}
	short, shortLines, shortSent := liveCost(t, c, 1, metrics)
	long, longLines, longSent := liveCost(t, c, 1+costRuns, metrics)
	each := func(long, short int) int { return (long - short + costRuns/2) / costRuns }
	return costFigure{
		Stored: (each(long, short) + 5) / 10 * 10, Lines: each(longLines, shortLines), Sent: (each(longSent, shortSent) + 5) / 10 * 10,
		Metrics: slices.Sorted(maps.Keys(metrics)),
	}
}

// liveCost runs one sandbox and counts what it stored. CloudWatch Logs counts
// 26 bytes with each line (CloudWatch Logs quotas).
func liveCost(t *testing.T, c costCase, invocations int, metrics map[string]bool) (bytes, lines, sent int) {
	t.Helper()
	var mu sync.Mutex
	opt := lambdaemu.Options{Command: harness.Self(t, twoLines), LogFormat: c.format, Env: map[string]string{
		"POWERTOOLS_SERVICE_NAME": "orders", "POWERTOOLS_METRICS_NAMESPACE": "shop", "POWERTOOLS_EXTENSION_HTTP_PORT": harness.FreePort(t),
		"AWS_SESSION_TOKEN": token,
	}}
	maps.Copy(opt.Env, c.env)
	var r *receiver
	if opt.Env["POWERTOOLS_LOGS_DESTINATION"] == "{receiver}" {
		r = newReceiver(t)
		opt.Env["POWERTOOLS_LOGS_DESTINATION"] = r.URL
	}
	if !c.absent {
		opt.Layers = []string{binaries.Extension}
	}
	opt.OnLine = func(l lambdaemu.Line) {
		mu.Lock()
		defer mu.Unlock()
		if strings.Contains(l.Text, `"lifetime_ms"`) {
			return // the ledger, once in the life of a sandbox
		}
		bytes += len(l.Text) + 26
		lines++
		note(metrics, l.Text)
	}
	emu, err := lambdaemu.Start(t.Context(), opt)
	if err != nil {
		t.Fatal(err)
	}
	for range invocations {
		if res, err := emu.Invoke(t.Context(), lambdaemu.Request{}); err != nil || res.FunctionError != "" {
			t.Fatal(err, res.ErrorType)
		}
		time.Sleep(20 * time.Millisecond) // a caller's pause
	}
	if _, err := emu.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r != nil {
		for _, l := range r.lines() {
			text, err := json.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			sent += len(text) + 1
		}
	}
	mu.Lock()
	defer mu.Unlock()
	return bytes, lines, sent
}

// note adds the metrics that CloudWatch would make of a line: one for each
// name, namespace and set of dimensions.
func note(metrics map[string]bool, text string) {
	var doc struct {
		AWS struct {
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name string }
			}
		} `json:"_aws"`
	}
	if json.Unmarshal([]byte(text), &doc) != nil {
		return
	}
	for _, d := range doc.AWS.CloudWatchMetrics {
		for i := range d.Dimensions {
			for _, m := range d.Metrics {
				metrics[fmt.Sprint(m.Name, strings.Repeat("'", i))] = true
			}
		}
	}
}

func readCost(t *testing.T) map[string]costFigure {
	t.Helper()
	text, err := os.ReadFile(costFigures)
	if err != nil {
		t.Fatal(err)
	}
	figures := map[string]costFigure{}
	if err := json.Unmarshal(text, &figures); err != nil {
		t.Fatal(err)
	}
	return figures
}

// TestCost measures, and compares with what the page says.
func TestCost(t *testing.T) {
	measured := map[string]costFigure{}
	for _, c := range costCases() {
		measured[c.name] = measureCost(t, c)
	}
	if *update {
		text, err := json.MarshalIndent(measured, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(costFigures, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	drifted := func(a, b int) bool { return max(a, b)-min(a, b) > max(a, b)/20+10 }
	page := readCost(t)
	for name, got := range measured {
		want := page[name]
		if drifted(got.Stored, want.Stored) || drifted(got.Sent, want.Sent) || got.Lines != want.Lines || !slices.Equal(got.Metrics, want.Metrics) {
			t.Errorf("%s: the page says %+v, measured %+v; run this test with -update", name, want, got)
		}
	}
	// The bars of spec/performance.md.
	text, json := measured["text: without the extension"], measured["JSON: without the extension"]
	if got := measured["text: default"]; got.Stored > 5*text.Stored {
		t.Errorf("text: %d bytes stored, %.1f × the %d without the extension; at most 5 ×", got.Stored, float64(got.Stored)/float64(text.Stored), text.Stored)
	}
	if got := measured["JSON: default"]; got.Stored > json.Stored+1100+26 {
		t.Errorf("JSON: %d bytes stored, %d more than without the extension; at most 1,100 and the 26 of a line", got.Stored, got.Stored-json.Stored)
	}
}

// List prices in US dollars.
const (
	usdPerMetric  = 0.30 // a month, the first 10,000 (Amazon CloudWatch pricing, us-east-1, May 2026)
	usdPerGiB     = 0.50 // stored in the Standard class (the same page)
	usdDogGB      = 0.10 // Datadog: ingested; DoiT, "Datadog pricing explained", 2026
	usdDogMillion = 1.70 // Datadog: a million lines indexed for 15 days; the same page

	insightsBytes   = 1024 + 26 // one line for each invocation of about 1 KB (CloudWatch, Lambda Insights, example event)
	insightsMetrics = 2 * 8     // 8 metrics with two sets of dimensions (the same page)
)

// TestCostPage: docs/cost.md is what the figures say.
func TestCostPage(t *testing.T) {
	page := printCost(readCost(t))
	if *update {
		if err := os.WriteFile(costPage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.ReadFile(costPage)
	if err != nil {
		t.Fatal(err)
	}
	if string(file) != page {
		t.Errorf("%s is not what %s says; run this test with -update", costPage, costFigures)
	}
}

func printCost(figures map[string]costFigure) string {
	var b strings.Builder
	b.WriteString(`<!-- Printed from a measurement by ` + "`go test ./test/e2e -run TestCost -update`" + `. Do not edit. -->

# What it costs

Measured with the shipped binary on the local Lambda: a function that prints two lines in each invocation; the average of ` + fmt.Sprint(costRuns) + ` warm invocations, everything
that CloudWatch Logs stores counted (START, END and REPORT, the function's lines, the extension's), with the 26 bytes that it adds to each line. Metrics are counted
in the stored documents, a cold start included: one for each name and set of dimensions.

**Prices** are list prices of us-east-1 without the free tier (5 GB of logs, 10 metrics), in US dollars a month for one function: $0.30 a metric, $0.50 a GiB of logs
([Amazon CloudWatch pricing](https://aws.amazon.com/cloudwatch/pricing/), May 2026). Storage is left out ($0.03 a GB and month, compressed). Metrics are billed for the hours in which
they get a value, so a function that runs now and then pays less.

`)
	for _, format := range []string{"text", "JSON"} {
		base := figures[format+": without the extension"]
		fmt.Fprintf(&b, "## %s log format\n\nWithout the extension %d bytes in %d lines are stored, $%.2f for a million invocations. What the extension adds:\n\n", map[string]string{"text": "Text", "JSON": "JSON"}[format], base.Stored, base.Lines, costOf(base.Stored, 0, 1))
		b.WriteString("| `POWERTOOLS_METRICS_PLATFORM` | bytes stored | × without | metrics | 1 million | 10 million | 100 million invocations |\n|---|---|---|---|---|---|---|\n")
		for _, preset := range []string{"none", "event", "default", "insights", "all"} {
			b.WriteString(costRow("`"+preset+"`", figures[format+": "+preset], base))
		}
		if format == "text" {
			b.WriteString(costRow("`default`, `POWERTOOLS_LOGS_DESTINATION=none`", figures["text: default, LOGS_DESTINATION=none"], base))
			b.WriteString(costRow("`default`, a destination behind a network", figures["text: default, LOGS_DESTINATION=http"], base))
		}
		b.WriteString("\n")
	}
	sent := figures["text: default, LOGS_DESTINATION=http"].Sent
	fmt.Fprintf(&b, ``+"`all`"+` is measured without FdUsed and Threads, which are not read where more than 64 processes run, as on the machine that measures: where they are, they add two metrics, $0.60, and about 100 bytes.
Text lines are repeated on stdout with the keys that they lack; lines that have level, time and request id, as those of the JSON format, are not
(`+"`POWERTOOLS_LOGS_COPY`"+`). A destination behind a network gets %d bytes for the two lines; what its owner asks for them comes on top (`+"`cloudwatch:GROUP`"+` is billed as stored, too).

## Beside others

| | bytes stored | metrics | 1 million | 10 million | 100 million invocations |
|---|---|---|---|---|---|
`, sent)
	base := figures["text: without the extension"]
	for _, preset := range []string{"event", "default", "insights"} {
		f := figures["text: "+preset]
		added := f.Stored - base.Stored
		fmt.Fprintf(&b, "| this extension, text, `%s` | %d | %d | %s |\n", preset, added, len(f.Metrics), dollars(added, len(f.Metrics)))
	}
	none := figures["text: default, LOGS_DESTINATION=none"]
	fmt.Fprintf(&b, "| this extension, no lines, `default` | %d | %d | %s |\n", none.Stored-base.Stored, len(none.Metrics), dollars(none.Stored-base.Stored, len(none.Metrics)))
	fmt.Fprintf(&b, "| CloudWatch Lambda Insights | about %d | %d | %s |\n", insightsBytes, insightsMetrics, dollars(insightsBytes, insightsMetrics))
	dog := func(millions float64) string {
		return fmt.Sprintf("$%.2f", millions*(2*usdDogMillion+float64(sent)*1e6/1e9*usdDogGB))
	}
	fmt.Fprintf(&b, "| Datadog, the two lines only | – | – | %s | %s | %s |\n", dog(1), dog(10), dog(100))
	b.WriteString(`
Lambda Insights writes one line for each invocation to a log group of its own and lists 8 metrics with two sets of dimensions
([example event](https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Lambda-Insights-example-event.html)); it has no errors, time-outs or lack of memory as metrics, no enriched
lines and no custom metrics. Datadog: $0.10 for each GB taken in and $1.70 for a million lines indexed for 15 days
([DoiT: Datadog pricing explained](https://www.doit.com/blog/datadog-pricing-explained), 2026), the lines sent as this extension would; the price of a monitored function, billed beside, is left out because no
dated list price of it is at hand. Read the vendor's own page before you decide.

## To pay less

- ` + "`POWERTOOLS_METRICS_PLATFORM=event`" + `: no metric is billed, and every figure is in the log for queries.
- ` + "`POWERTOOLS_LOGS_DESTINATION=none`" + `: no line is stored twice.
- The JSON log format, or a logger that writes level, time and request id: lines are not repeated, unless a correlation id is asked for that they lack ([correlation.md](correlation.md)).
- Custom metrics: each name and set of dimensions is a metric; put what is only searched into ` + "`metadata`" + `.
- ` + "`GET /healthz`" + ` says how many of the canonical event's figures a function is billed for (` + "`billed_metrics`" + `).
`)
	return b.String()
}

func costRow(name string, f, base costFigure) string {
	added := f.Stored - base.Stored
	return fmt.Sprintf("| %s | %d | %.1f | %d | %s |\n", name, added, float64(f.Stored)/float64(base.Stored), len(f.Metrics), dollars(added, len(f.Metrics)))
}

// dollars are what is added at 1, 10 and 100 million invocations a month.
func dollars(bytes, metrics int) string {
	return fmt.Sprintf("$%.2f | $%.2f | $%.2f", costOf(bytes, metrics, 1), costOf(bytes, metrics, 10), costOf(bytes, metrics, 100))
}

func costOf(bytes, metrics int, millions float64) float64 {
	return float64(bytes)*millions*1e6/(1<<30)*usdPerGiB + float64(metrics)*usdPerMetric
}
