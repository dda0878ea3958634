package deploy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"powertools-extension/lambdaemu"
	"powertools-extension/test/harness"
)

// busy is the argument that makes the test binary a function whose invocations
// take different times; some fail and one takes too long.
const busy = "-busy"

func busyFunction() {
	lambda.Start(func(e struct {
		SleepMs int
		Fail    bool
	}) (string, error) {
		time.Sleep(time.Duration(e.SleepMs) * time.Millisecond)
		if e.Fail {
			return "", errors.New("it fails as it was told to")
		}
		return "ok", nil
	})
}

// measured are a run's values by metric, each with the second it belongs to.
type measured map[string]map[int][]float64

func (m measured) add(name string, at time.Time, value float64) {
	if m[name] == nil {
		m[name] = map[int][]float64{}
	}
	m[name][int(at.Unix())] = append(m[name][int(at.Unix())], value)
}

// run lets a function work for a few seconds and gives what CloudWatch would be
// told: by Lambda itself, and by the documents that the extension printed.
func run(t *testing.T) measured {
	t.Helper()
	s := harness.Start(t, builds, lambdaemu.Options{Command: harness.Self(t, busy), Timeout: 400 * time.Millisecond})
	m := measured{}
	for i := range 40 {
		event := fmt.Sprintf(`{"sleepMs":%d,"fail":%v}`, 20+i*7%120, i%9 == 4)
		if i == 25 {
			event = `{"sleepMs":5000}`
		}
		began := time.Now()
		r := s.Invoke(event)
		m.add("Invocations", began, 1)
		failed := 0.0
		if r.FunctionError != "" {
			failed = 1
		}
		m.add("Errors", began, failed)
		m.add("Duration", began, float64(r.Duration)/1e6)
	}
	s.Shutdown()
	for _, line := range s.Canonical() {
		text, err := json.Marshal(line)
		if err != nil {
			t.Fatal(err)
		}
		var document struct {
			AWS struct {
				Timestamp         int64
				CloudWatchMetrics []struct{ Metrics []struct{ Name string } }
			} `json:"_aws"`
		}
		if err := json.Unmarshal(text, &document); err != nil {
			t.Fatal(err)
		}
		for _, directive := range document.AWS.CloudWatchMetrics {
			for _, metric := range directive.Metrics {
				if value, ok := line[metric.Name].(float64); ok {
					m.add(metric.Name, time.UnixMilli(document.AWS.Timestamp), value)
				}
			}
		}
	}
	return m
}

// aggregate is one second's value as CloudWatch would show it.
func aggregate(stat string, values []float64) float64 {
	values = slices.Sorted(slices.Values(values))
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	switch {
	case stat == "Average":
		return sum / float64(len(values))
	case stat == "Maximum":
		return values[len(values)-1]
	case strings.HasPrefix(stat, "p"):
		var p float64
		_, _ = fmt.Sscanf(stat, "p%f", &p)
		return values[min(len(values)-1, int(p/100*float64(len(values))))]
	}
	return sum
}

// TestDashboardShowsARun draws the widgets of the dashboard from a local run's
// metrics, docs/img/dashboard.svg with -update, and finds every figure in it that
// a function without idempotency, batch and losses has.
func TestDashboardShowsARun(t *testing.T) {
	m := run(t)
	for _, name := range []string{"ColdStart", "InitDuration", "MemoryUtilization", "Timeouts", "OutOfMemory"} {
		if len(m[name]) == 0 {
			t.Errorf("the run has no %s, so that its widget is empty", name)
		}
	}
	if total(m["ColdStart"]) < 2 || total(m["Timeouts"]) != 1 {
		t.Errorf("%v cold starts and %v time-outs; the function timed out once and was started again", total(m["ColdStart"]), total(m["Timeouts"]))
	}
	picture := draw(t, m)
	if *update {
		if err := os.WriteFile(filepath.Join(root, "docs/img/dashboard.svg"), []byte(picture), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(picture, "<polyline"); n < 10 {
		t.Errorf("%d lines are drawn", n)
	}
}

func total(seconds map[int][]float64) float64 {
	sum := 0.0
	for _, values := range seconds {
		sum += aggregate("Sum", values)
	}
	return sum
}

// draw lays the metric widgets out as the console does: 24 columns.
func draw(t *testing.T, m measured) string {
	const unit = 44
	var b strings.Builder
	x, y, row := 0, 0, 0
	for _, w := range widgets(t) {
		if len(w.Properties.Metrics) == 0 || w.Properties.View == "singleValue" {
			continue
		}
		if x+w.Width > 24 {
			x, y, row = 0, y+row, 0
		}
		fmt.Fprintf(&b, `<g transform="translate(%d %d)">`, x*unit, y*unit)
		chart(&b, m, w, w.Width*unit-10, w.Height*unit-10)
		b.WriteString("</g>\n")
		x, row = x+w.Width, max(row, w.Height)
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n"+`<title>The dashboard, drawn from a local run</title><rect width="100%%" height="100%%" fill="#f6f6f4"/>`+"\n%s</svg>\n",
		24*unit, (y+row)*unit, b.String())
}

// chart draws one widget: each series over the run's seconds, scaled to its own
// side's largest value.
func chart(b *strings.Builder, m measured, w widget, width, height int) {
	colours := []string{"#1f77b4", "#d62728", "#2ca02c", "#ff7f0e", "#9467bd", "#8c564b", "#17becf"}
	fmt.Fprintf(b, `<rect width="%d" height="%d" rx="4" fill="#fff" stroke="#ddd"/><text x="10" y="20" font-weight="bold">%s</text>`, width, height, html.EscapeString(w.Properties.Title))
	first, last := span(m)
	legend := 0
	for i, series := range w.Properties.Metrics {
		if len(series) < 4 {
			continue // an expression
		}
		name, stat, label := fmt.Sprint(series[1]), w.Properties.Stat, fmt.Sprint(series[1])
		if options, ok := series[len(series)-1].(map[string]any); ok {
			if s, ok := options["stat"].(string); ok {
				stat = s
			}
			if s, ok := options["label"].(string); ok {
				label = s
			}
		}
		colour := colours[i%len(colours)]
		largest, points := 0.0, ""
		seconds := slices.Sorted(maps.Keys(m[name]))
		for _, at := range seconds {
			largest = max(largest, aggregate(stat, m[name][at]))
		}
		for _, at := range seconds {
			px := 12 + float64(at-first)/float64(max(last-first, 1))*float64(width-24)
			py := float64(height-100) - aggregate(stat, m[name][at])/max(largest, 1)*float64(height-140)
			points += fmt.Sprintf("%.0f,%.0f ", px, py)
		}
		said := fmt.Sprintf("%s: no data", label)
		if points != "" {
			said = fmt.Sprintf("%s: up to %.4g", label, largest)
			fmt.Fprintf(b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`, strings.TrimSpace(points), colour)
		}
		fmt.Fprintf(b, `<text x="%d" y="%d" fill="%s" font-size="10">%s</text>`, 12, height-80+legend*12, colour, html.EscapeString(said))
		legend++
	}
}

func span(m measured) (first, last int) {
	seconds := slices.Sorted(maps.Keys(m["Invocations"]))
	return seconds[0], seconds[len(seconds)-1]
}
