package main

import (
	"fmt"
	"strings"
	"time"

	"powertools-extension/cmd/lambdaemu/show"
)

// print writes the table and the reasons of the red rows.
func (m *matrix) print(rows []matrixRow, results []rowResult, took time.Duration) {
	st := m.st
	t := show.Table{Right: map[int]bool{2: true, 3: true}}
	t.Add("fault", "the function saw", "added to init", "to invocations", "telemetry lost", "extension", "")
	t.Add("none", sawText(m.base.saw), show.Span(m.base.init), show.Span(m.base.invocations), lostText(m.base), endText(m.base), st.Dim("baseline"))
	skipped := 0
	for i, row := range rows {
		if row.skip != "" {
			skipped++
			t.Add(row.name, st.Dim("not run: "+row.skip), "", "", "", "", "")
			continue
		}
		r := results[i]
		verdict := st.Green("green")
		if reasons := m.judge(row, r); len(reasons) > 0 {
			m.red++
			verdict = st.Red("red: " + strings.Join(reasons, "; "))
		}
		saw := sawText(r.saw)
		if r.resets > 0 {
			saw += st.Dim(", " + show.Plural(r.resets, "reset", "resets"))
		}
		t.Add(row.name, saw, added(r.init-m.base.init), added(r.invocations-m.base.invocations), lostText(r), endText(r), verdict)
	}
	for i, line := range t.Lines() {
		if i == 0 {
			line = st.Dim(line)
		}
		fmt.Fprintln(m.p.stdout, line)
	}
	run := len(rows) - skipped
	fmt.Fprintf(m.p.stdout, "\n%s, %d green, %d red, %d not run, in %s\n", show.Plural(run, "fault", "faults"), run-m.red, m.red, skipped, took.Round(100*time.Millisecond))
	if !m.healthyBase() {
		fmt.Fprintln(m.p.stdout, st.Red("the run without faults failed: the rows say little"))
	}
}

// judge returns why a row is red, nil when it is green.
func (m *matrix) judge(row matrixRow, r rowResult) []string {
	var reasons []string
	if r.err != nil {
		return []string{r.err.Error()}
	}
	if r.interrupted {
		return []string{"not done within " + rowLimit.String()}
	}
	for i, saw := range r.saw {
		if want, ok := m.expects(row, i, saw); !ok {
			reasons = append(reasons, fmt.Sprintf("invocation %d: %s, want %s", i+1, saw, want))
		}
	}
	if r.resets > row.resets+m.base.resets {
		reasons = append(reasons, "the sandbox was reset")
	}
	if problem := exitProblem(r.exits); problem != "" {
		reasons = append(reasons, problem)
	}
	if d := r.init - m.base.init; d > row.patience {
		reasons = append(reasons, "init took "+show.Span(d)+" longer")
	}
	if d := r.invocations - m.base.invocations; d > row.patience {
		reasons = append(reasons, "invocations took "+show.Span(d)+" longer")
	}
	return reasons
}

// expects compares one invocation with the one of the baseline.
func (m *matrix) expects(row matrixRow, i int, saw string) (want string, ok bool) {
	want = "an answer"
	if i < len(m.base.saw) {
		want = m.base.saw[i]
	}
	if failure, there := row.fails[i+1]; there {
		want = failure
	}
	if saw == want {
		return want, true
	}
	platform := strings.HasPrefix(saw, "Sandbox.") || strings.HasPrefix(saw, "Runtime.") || strings.HasPrefix(saw, "Extension.") || saw == "not run"
	return want, row.answers && !platform
}

// sawText folds equal statuses: ok ×3.
func sawText(saw []string) string {
	var out []string
	for i := 0; i < len(saw); {
		j := i
		for j < len(saw) && saw[j] == saw[i] {
			j++
		}
		text := saw[i]
		if j-i > 1 {
			text += fmt.Sprintf(" ×%d", j-i)
		}
		out = append(out, text)
		i = j
	}
	return strings.Join(out, ", ")
}

// added rounds to a millisecond: less is noise.
func added(d time.Duration) string { return fmt.Sprintf("%+d ms", d.Milliseconds()) }

func lostText(r rowResult) string {
	t := r.telemetry
	switch {
	case t.Subscriptions == 0:
		return "all: no subscription"
	case t.Refused > 0:
		return fmt.Sprintf("%d of %d, %d POSTs refused", t.Lost, t.Events, t.Refused)
	}
	return fmt.Sprintf("%d of %d", t.Lost, t.Events)
}

func endText(r rowResult) string {
	if problem := exitProblem(r.exits); problem != "" {
		return problem
	}
	var slowest time.Duration
	for _, x := range r.exits {
		slowest = max(slowest, x.After)
	}
	if len(r.exits) == 0 {
		return "none"
	}
	return fmt.Sprintf("exit 0 in %d ms", slowest.Milliseconds())
}
