package lambdaemu

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/lambdaemu/internal/child"
)

// orderLog is what an order under test has sent out.
type orderLog struct {
	*order
	got []string
}

func newOrderLog() *orderLog {
	l := &orderLog{}
	l.order = newOrder(func(msg child.Message) { l.got = append(l.got, msg.Text[:min(len(msg.Text), 9)]) })

	return l
}

func (l *orderLog) line(text string) { l.order.line(child.Message{Text: text}) }

func (l *orderLog) reportOf(id string) {
	place := len(l.got)
	after := l.report(id, func() { l.got = append(l.got, "") })
	l.got[place] = fmt.Sprintf("report of %s, %d after", id, after)
}

// A request's lines come before or after its report as it was chosen; a line
// waits for a second at most, and a line that cannot be told to be of one request
// does not wait. [LMI:aws-lambda-rie/internal/telemetry/logs_egress.go]
func TestOrder(t *testing.T) {
	for _, c := range []struct {
		name string
		play func(l *orderLog)
		want []string
	}{
		{"lines first", func(l *orderLog) { l.begin("a", false); l.line("1"); l.line("2"); l.reportOf("a") },
			[]string{"1", "2", "report of a, 0 after"}},
		{"report first", func(l *orderLog) { l.begin("a", true); l.line("1"); l.line("2"); l.reportOf("a") },
			[]string{"report of a, 2 after", "1", "2"}},
		{"by the id in the line", func(l *orderLog) {
			l.begin("a-1", true)
			l.begin("b-2", false)
			l.line("of a-1")
			l.line("of b-2")
			l.reportOf("b-2")
			l.reportOf("a-1")
		}, []string{"of b-2", "report of b-2, 0 after", "report of a-1, 1 after", "of a-1"}},
		{"of nobody while two are open", func(l *orderLog) {
			l.begin("a-1", true)
			l.begin("b-2", true)
			l.line("plain")
			l.reportOf("a-1")
		}, []string{"plain", "report of a-1, 0 after"}},
		{"between requests", func(l *orderLog) { l.line("early"); l.begin("a", true); l.reportOf("a"); l.line("late") },
			[]string{"early", "report of a, 0 after", "late"}},
		{"older than a second", func(l *orderLog) {
			l.begin("a", true)
			l.line("begin")
			time.Sleep(lateLimit + time.Millisecond)
			l.line("end")
			l.reportOf("a")
		}, []string{"begin", "report of a, 1 after", "end"}},
		{"younger than a second", func(l *orderLog) {
			l.begin("a", true)
			l.line("begin")
			time.Sleep(lateLimit - time.Millisecond)
			l.reportOf("a")
		}, []string{"report of a, 1 after", "begin"}},
		{"too many bytes", func(l *orderLog) {
			l.begin("a", true)
			l.line("1")
			l.line(strings.Repeat("x", lateBytes))
			l.line("3")
			l.reportOf("a")
		}, []string{"1", "xxxxxxxxx", "report of a, 1 after", "3"}},
		{"end of the sandbox", func(l *orderLog) {
			l.begin("b", true)
			l.line("b1")
			l.close()
			l.line("b2")
			l.reportOf("b")
		}, []string{"b1", "b2", "report of b, 0 after"}},
		{"a retry under the same id", func(l *orderLog) {
			l.begin("a", true)
			l.line("1")
			l.reportOf("a")
			l.begin("a", false)
			l.line("2")
			l.reportOf("a")
		}, []string{"report of a, 1 after", "1", "2", "report of a, 0 after"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newOrderLog()
				c.play(l)
				if diff := cmp.Diff(c.want, l.got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// firstReports tells of every request that printed one line whether its report
// came first, in the order of the requests. Log and telemetry agree about it.
func (r *rig) firstReports() (firsts []bool) {
	r.t.Helper()
	var ids []string
	line, report := make(map[string]int), make(map[string]int)
	for i, e := range r.events("ext-a") {
		switch id, _ := e.get("requestId").(string); e.Type {
		case "platform.start":
			ids = append(ids, id)
		case "platform.report":
			report[id] = i
		case "function":
			line[id] = i
		}
	}
	log := r.logs.texts("")
	for i, id := range ids {
		firsts = append(firsts, report[id] < line[id])
		want := map[bool]string{true: " report line", false: " line report"}[firsts[i]]
		if got := placesOf(id, log); got != want {
			r.t.Errorf("request %d: the log has%s, telemetry%s", i+1, got, want)
		}
	}
	return firsts
}

func placesOf(id string, log []string) (places string) {
	for _, text := range log {
		switch {
		case !strings.Contains(text, id):
		case strings.Contains(text, "platform.report"):
			places += " report"
		case strings.HasPrefix(text, `{"message"`):
			places += " line"
		}
	}
	return places
}

func runOrdered(t *testing.T, opt Options, n int) (*rig, []bool) {
	t.Helper()
	r := newRig(t, opt, managedExtension())
	for range n {
		id := newUUID()
		r.request(Request{RequestID: id, Payload: mustJSON(fnEvent{Print: []string{`{"message":"hello","requestId":"` + id + `"}`}})})
	}
	r.stop()
	return r, r.firstReports()
}

// Of the requests on managed instances some are reported before their lines, as
// a seed has chosen, the same ones from the same seed; the fault report-first
// makes it all. [LMI:aws-lambda-rie/internal/telemetry/logs_egress.go, relay.go]
func TestReportOrder(t *testing.T) {
	const n = 200
	opt := managedOptions("2")
	opt.Seed = 7
	r, first := runOrdered(t, opt, n)
	_, again := runOrdered(t, opt, n)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the same seed gave another order: %s", diff)
	}
	count := 0
	for _, f := range first {
		if f {
			count++
		}
	}
	t.Logf("%d of %d reports came first", count, n)
	if count < n/4 || count > n*3/4 {
		t.Errorf("%d of %d reports first", count, n)
	}
	if diff := cmp.Diff(ReportStats{Reports: n, First: count}, r.Reports()); diff != "" {
		t.Error(diff)
	}
	if want := fmt.Sprintf("reports %d of %d before lines of their request", count, n); !contains(r.entries(whoPlatform), want) {
		t.Errorf("the transcript does not say %q", want)
	}
	opt.Seed = 8
	if _, other := runOrdered(t, opt, 20); cmp.Equal(first[:20], other) {
		t.Error("another seed gave the same order")
	}
	opt.Seed, opt.Faults = 7, []Fault{{Name: "report-first", From: 3}}
	_, all := runOrdered(t, opt, 12)
	want := first[:2:2]
	for range 10 {
		want = append(want, true)
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}
