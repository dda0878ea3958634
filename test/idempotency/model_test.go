package idempotency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/idempotency"
	"powertools-extension/internal/middleware"
)

// get is the call that reads an item.
func get() awsapi.Operation { return awsapi.Operation{Service: awsapi.DynamoDB, Name: "GetItem"} }

const (
	life  = time.Hour
	limit = 3 * time.Second // of an invocation
)

// party is one sandbox of a function: hooks over an engine over the table.
type party struct {
	chain   *middleware.Chain
	running *run
}

type run struct {
	id, amount string
	deadline   time.Time
	owner      string // of its record
}

// model is what must be true of one key, whatever happens.
type model struct {
	t       *testing.T
	seed    uint64
	table   *direct
	parties []*party
	digest  string // of the key
	down    bool
	n       int

	stored, amount string    // the answer in the table, and for which payload; empty: none
	since          time.Time // when it was stored
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, seed: seed, table: newDirect(t)}
	m.table.fail = func(string) error {
		if m.down {
			return errors.New("no answer in time")
		}
		return nil
	}
	format := []idempotency.Format{idempotency.Python, idempotency.TypeScript}[seed%2]
	m.digest = []string{"c4ca4238a0b923820dcc509a6f75849b", "xMpCOKC5I4INzFCab3WEmw=="}[seed%2] // of 1
	for i := range 3 {
		opt := idempotency.Options{Prefix: "fn", Format: format, ExpiresAfter: life, Key: expression(t, "id"), Validation: expression(t, "amount"), LocalCache: 4 * (i / 2)}
		engine := idempotency.New(store(m.table, format), opt)
		m.parties = append(m.parties, &party{chain: middleware.New(zap.NewNop(), middleware.Idempotency{Engine: engine}.Hook())})
	}
	return m
}

func (m *model) wrong(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("seed %d, step %d: %s", m.seed, m.n, fmt.Sprintf(format, args...))
}

// alive reports whether the stored answer binds: DynamoDB counts seconds.
func (m *model) alive() bool { return m.stored != "" && time.Since(m.since) < life-time.Second }

// deliver hands an event to a sandbox that is free.
func (m *model) deliver(p *party, amount string) {
	r := &run{id: fmt.Sprint("id-", m.n), amount: amount, deadline: time.Now().Add(limit)}
	event := fmt.Sprintf(`{"id":1,"amount":%s,"at":%d}`, amount, m.n)
	out := p.chain.Request(context.Background(), middleware.Request{ID: r.id, Deadline: r.deadline, Body: []byte(event)})
	if out.Answer == nil {
		m.begins(p, r)
		return
	}
	answer := string(out.Answer.Body)
	switch {
	case out.Answer.Failed && strings.Contains(answer, "IdempotencyValidationError"):
		if m.alive() && amount == m.amount {
			m.wrong("refused as another payload, and it is the same")
		}
	case out.Answer.Failed:
		if !m.down && !strings.Contains(answer, "AlreadyInProgress") {
			m.wrong("refused: %s", answer)
		}
	case m.stored == "" || time.Since(m.since) > life+2*time.Second:
		m.wrong("replays %s out of its life", answer)
	case answer != m.stored:
		m.wrong("replays %s, stored is %s", answer, m.stored)
	case amount != m.amount:
		m.wrong("the answer for amount %s is replayed for %s", m.amount, amount)
	}
}

func (m *model) begins(p *party, r *run) {
	if m.down {
		m.wrong("runs although the store fails")
	}
	if m.alive() {
		m.wrong("runs again inside the life of %s", m.stored)
	}
	for _, other := range m.parties {
		if o := other.running; o != nil && time.Now().Before(o.deadline) {
			m.wrong("runs beside %s, which has %v left", o.id, time.Until(o.deadline))
		}
	}
	m.stored, p.running, r.owner = "", r, m.record().owner
}

// end answers for the function, or kills it.
func (m *model) end(p *party, failed bool) {
	r := p.running
	p.running = nil
	before, body := m.record(), fmt.Sprintf(`"%d"`, m.n)
	out := p.chain.Response(context.Background(), middleware.Response{ID: r.id, Failed: failed, Body: []byte(body)}, time.Time{})
	after := m.record()
	owner := before.owner == r.owner && before.status == "INPROGRESS"
	switch {
	case !owner && before != after:
		m.wrong("%s was overtaken and changed the record from %+v to %+v", r.id, before, after)
	case failed || out.Answer != nil: // the caller has an error
		if out.Answer != nil && !m.down {
			m.wrong("an answer was refused: %s", out.Answer.Body)
		}
	case owner && (after.status != "COMPLETED" || after.data != body):
		m.wrong("the caller has %s, stored is %+v", body, after)
	case owner:
		m.stored, m.amount, m.since = body, r.amount, time.Now()
	}
}

// record is the item of the key as the table has it.
type record struct{ status, data, owner string }

func (m *model) record() (r record) {
	var out struct {
		Item map[string]struct{ S *string }
	}
	down := m.down
	m.down = false
	defer func() { m.down = down }()
	if err := m.table.Call(context.Background(), get(), map[string]any{"TableName": "idem", "Key": map[string]any{"id": map[string]string{"S": "fn#" + m.digest}}}, &out); err != nil {
		m.wrong("%v", err)
	}
	text := func(name string) string {
		if s := out.Item[name].S; s != nil {
			return *s
		}
		return ""
	}
	r = record{text("status"), text("data"), text("powertools_owner")}
	if m.seed%2 == 1 && r.data != "" { // TypeScript stores the string itself
		quoted, _ := json.Marshal(r.data)
		r.data = string(quoted)
	}
	return r
}

// TestModel: random lives of one key over three sandboxes and a table that
// sometimes fails. Never two runs at a time, never a second one inside the
// life of an answer, no record changed by whoever was overtaken, no answer
// given before it is stored, none for another payload.
func TestModel(t *testing.T) {
	for seed := range uint64(600) {
		synctest.Test(t, func(t *testing.T) {
			m, rng := newModel(t, seed), rand.New(rand.NewPCG(seed, 2))
			for m.n = range 60 {
				p := m.parties[rng.IntN(len(m.parties))]
				switch action := rng.IntN(16); {
				case action == 0:
					m.down = !m.down && rng.IntN(2) == 0
				case action == 1:
					time.Sleep(time.Duration(rng.IntN(90)) * time.Minute)
				case action < 4:
					time.Sleep(time.Duration(rng.IntN(4000)) * time.Millisecond)
				case p.running == nil:
					m.deliver(p, []string{"5", "5", "5", "6"}[rng.IntN(4)])
				case action == 4:
					p.running = nil // killed: nobody writes
				case action < 7:
					m.end(p, true)
				default:
					m.end(p, false)
				}
				synctest.Wait()
			}
		})
	}
}
