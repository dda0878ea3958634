package invocation_test

import (
	"strings"
	"testing"

	"powertools-extension/internal/invocation"
)

func TestWhatIsAddedStays(t *testing.T) {
	tr := newTracker("on-demand")
	tr.Delivered(invocation.Delivery{RequestID: idA, At: at(0)})
	a := tr.Passing(idA)
	if a == nil {
		t.Fatal("a request that was delivered does not pass")
	}
	before := a.Request()
	a.Amend(func(r *invocation.Request) { r.CorrelationID = "order-7" })
	if before.CorrelationID != "" || a.Request().CorrelationID != "order-7" {
		t.Fatalf("a value was changed: %+v", before)
	}
	unchanged := a.Request()
	a.Amend(func(r *invocation.Request) { r.CorrelationID = "order-7" })
	if a.Request() != unchanged {
		t.Error("the same again made a new value")
	}
	tr.Begin(begin(idA, 1))
	got := observe(tr, start(idA, 2), runtimeDone(idA, 100, "success", ""), report(idA, 120, "success"))
	if len(got) != 1 || got[0].Request.CorrelationID != "order-7" || got[0].Request.Deadline.IsZero() {
		t.Fatalf("summary: %+v", got[0].Request)
	}
	a.Amend(func(r *invocation.Request) { r.SpanID = strings.Repeat("0", 16) }) // of one that is over: no harm
}

// Lambda tries an event again under its id while the first try waits for its
// report: what is added is the second's.
func TestPassingIsTheOneThatRuns(t *testing.T) {
	tr := newTracker("on-demand")
	first := tr.Delivered(invocation.Delivery{RequestID: idA, At: at(0)})
	tr.Observe(start(idA, 1))
	tr.Answered(invocation.Answer{RequestID: idA, Failed: true, At: at(50)})
	if tr.Passing(idA) != nil {
		t.Error("an answered attempt passes")
	}
	second := tr.Delivered(invocation.Delivery{RequestID: idA, At: at(60)})
	if first == second || tr.Passing(idA) != second {
		t.Error("the second try is not the one that passes")
	}
	if tr.Passing(idB) != nil {
		t.Error("an unknown request passes")
	}
}
