package eventsource_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"powertools-extension/internal/eventsource"
)

// seen is what the test knows of one message by watching the function alone.
type seen struct {
	tries   int
	done    bool // by AWS's rules, after its last delivery
	refused bool // the function reported it, and nobody read that
}

// TestRandomRuns plays random functions in front of random mappings and compares
// the ledger with what was seen from the function's side.
func TestRandomRuns(t *testing.T) {
	for round := range 3000 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) { randomRun(t, rand.New(rand.NewPCG(seed, 0))) })
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
}

func randomRun(t *testing.T, r *rand.Rand) {
	cfg := eventsource.Config{
		Kind:                    []eventsource.Kind{eventsource.SQS, eventsource.FIFO, eventsource.Kinesis, eventsource.DynamoDB}[r.IntN(4)],
		ReportBatchItemFailures: r.IntN(2) == 0, DeadLetter: r.IntN(2) == 0, BatchSize: 1 + r.IntN(4), Tries: 1 + r.IntN(4),
	}
	var bodies []string
	for i := range 1 + r.IntN(9) {
		body := fmt.Sprint("m", i)
		if cfg.Kind == eventsource.FIFO {
			body = fmt.Sprintf("g%d:%s", r.IntN(3), body)
		}
		bodies = append(bodies, body)
	}
	m := start(t, cfg, bodies...)
	known := map[string]*seen{}
	order := []string{}
	for _, record := range m.Ledger().Records {
		known[record.ID] = &seen{}
		order = append(order, record.ID)
	}
	groups := groupsOf(m)
	for step := 0; ; step++ {
		b, ok := m.Next()
		if !ok {
			break
		}
		if step > 200 {
			t.Fatal("does not end")
		}
		records := recordsOf(t, b)
		if len(records) > cfg.BatchSize {
			t.Fatalf("%d records in a batch of %d", len(records), cfg.BatchSize)
		}
		checkOrder(t, cfg, records, order, known, groups, m)
		answer, bad := randomAnswer(r, records)
		for _, one := range records {
			known[one.id()].tries++
		}
		judge(cfg, records, answer, bad, known)
		m.Done(answer)
	}
	for _, record := range m.Ledger().Records {
		checkEnd(t, cfg, record, known[record.ID])
	}
}

func groupsOf(m *eventsource.Mapping) map[string]string {
	out := map[string]string{}
	for _, r := range m.Ledger().Records {
		out[r.ID] = r.Group
	}
	return out
}

// checkOrder: of a FIFO group, and of a stream, nothing is delivered before all
// that is older is done, given up, or in the same batch.
func checkOrder(t *testing.T, cfg eventsource.Config, records []record, order []string, known map[string]*seen, groups map[string]string, m *eventsource.Mapping) {
	t.Helper()
	if cfg.Kind == eventsource.SQS {
		return
	}
	waiting := map[string]bool{}
	for _, r := range m.Ledger().Records {
		waiting[r.ID] = r.End == eventsource.Waiting
	}
	inBatch := map[string]int{}
	for at, r := range records {
		inBatch[r.id()] = at
	}
	for at, r := range records {
		for _, older := range order {
			if older == r.id() {
				break
			}
			position, together := inBatch[older]
			if groups[older] == groups[r.id()] && waiting[older] && !(together && position < at) {
				t.Fatalf("%s: %s is delivered before %s of its group", cfg.Kind, r.id(), older)
			}
		}
	}
}

// randomAnswer fails records at random, and says so in one of the ways.
func randomAnswer(r *rand.Rand, records []record) (a eventsource.Answer, bad map[string]bool) {
	bad = map[string]bool{}
	var texts []string
	for _, one := range records {
		if r.IntN(3) == 0 {
			bad[one.id()] = true
			texts = append(texts, one.text())
		}
	}
	switch r.IntN(5) {
	case 0:
		return eventsource.Answer{FunctionError: true, Payload: []byte(`{}`)}, nil
	case 1:
		return eventsource.Answer{Payload: []byte(`{"batchItemFailures":[{"itemIdentifier":""}]}`)}, nil
	}
	return failures(records, texts...), bad
}

// judge applies the rules in the plainest form. bad is nil when the answer says
// nothing about single records.
func judge(cfg eventsource.Config, records []record, a eventsource.Answer, bad map[string]bool, known map[string]*seen) {
	whole := a.FunctionError || bad == nil && cfg.ReportBatchItemFailures
	failedBefore := false
	for _, r := range records {
		s := known[r.id()]
		failed := whole || cfg.ReportBatchItemFailures && bad[r.id()]
		if cfg.Kind.Stream() {
			failed = failed || failedBefore
			failedBefore = failed
		}
		s.done = !failed
		s.refused = !failed && bad[r.id()] && !cfg.ReportBatchItemFailures
	}
}

func checkEnd(t *testing.T, cfg eventsource.Config, r eventsource.Record, s *seen) {
	t.Helper()
	want := eventsource.Done
	switch {
	case s.refused:
		want = eventsource.Lost
	case !s.done && cfg.DeadLetter:
		want = eventsource.DeadLetter
	case !s.done:
		want = eventsource.Discarded
	}
	if r.End != want || r.Tries != s.tries {
		t.Errorf("%+v: %s ends as %s after %d tries, want %s after %d", cfg, r.ID, r.End, r.Tries, want, s.tries)
	}
	if r.Tries < 1 || r.End != eventsource.Done && r.End != eventsource.Lost && r.Tries < cfg.Tries {
		t.Errorf("%+v: %s is given up after %d tries", cfg, r.ID, r.Tries)
	}
	if !cfg.Kind.Stream() && r.Tries > cfg.Tries {
		t.Errorf("%+v: %s was tried %d times", cfg, r.ID, r.Tries)
	}
}
