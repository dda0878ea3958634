package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/batch"
	"powertools-extension/internal/batch/mapping"
	"powertools-extension/internal/eventsource"
	"powertools-extension/internal/middleware"
	"powertools-extension/internal/runtimeapi"
)

// What a record does when it runs.
const (
	works = iota
	breaks
	hangs // until the function times out
)

// scenario is a random batch, everything about it drawn from one seed.
type scenario struct {
	cfg     eventsource.Config
	rules   batch.Rules
	strict  bool
	check   string // what the check of the mapping says: true, denied, slow
	timeout time.Duration
	rand    *rand.Rand
}

func newScenario(r *rand.Rand) *scenario {
	kinds := []eventsource.Kind{eventsource.SQS, eventsource.FIFO, eventsource.FIFO, eventsource.Kinesis, eventsource.DynamoDB}
	s := &scenario{rand: r, strict: r.IntN(2) == 0, check: []string{"true", "true", "denied", "slow"}[r.IntN(4)]}
	s.cfg = eventsource.Config{
		Kind: kinds[r.IntN(len(kinds))], ARN: "arn:aws:sqs:eu-west-1:123456789012:queue", ReportBatchItemFailures: r.IntN(3) > 0,
		BatchSize: 1 + r.IntN(10), Tries: 1 + r.IntN(4), DeadLetter: true,
	}
	if s.cfg.Kind == eventsource.FIFO {
		s.cfg.ARN += ".fifo"
	}
	s.rules = batch.Rules{SkipGroup: r.IntN(2) == 0, Raise: r.IntN(2) == 0, StreamStop: r.IntN(2) == 0}
	s.timeout = time.Duration(1+r.IntN(8)) * time.Second
	return s
}

// trusts: the check knows nothing, and the user's variable counts.
func (s *scenario) trusts() bool { return s.check != "true" && !s.strict }

// Call is Lambda's list of mappings.
func (s *scenario) Call(ctx context.Context, _ awsapi.Operation, _, out any) error {
	switch s.check {
	case "denied":
		return errors.New("AccessDeniedException")
	case "slow":
		return context.DeadlineExceeded
	}
	types := "[]"
	if s.cfg.ReportBatchItemFailures {
		types = `["ReportBatchItemFailures"]`
	}
	return json.Unmarshal(fmt.Appendf(nil, `{"EventSourceMappings":[{"EventSourceArn":%q,"FunctionResponseTypes":%s}]}`, s.cfg.ARN, types), out)
}

// platform is Lambda in front of the function: the mapping, and what it knows
// of each invocation.
type platform struct {
	t       *testing.T
	mapping *eventsource.Mapping
	clock   *clock
	timeout time.Duration

	mu       sync.Mutex
	n        int
	open     string // the invocation that runs
	answered map[string]bool
	empty    chan struct{} // closed when nothing is left
}

// clock is one that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		p.mu.Lock()
		if p.open != "" {
			p.mu.Unlock()
			p.t.Errorf("a poll while an invocation has no answer")
			w.WriteHeader(403)
			return
		}
		b, ok := p.mapping.Next()
		if !ok {
			close(p.empty)
			p.mu.Unlock()
			<-r.Context().Done()
			return
		}
		p.n++
		p.open = fmt.Sprintf("00000000-0000-4000-8000-%012d", p.n)
		w.Header().Set("Lambda-Runtime-Aws-Request-Id", p.open)
		w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:f:live")
		// The proxy itself follows the real clock; only the hook sees this one.
		w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(p.clock.Now().Add(p.timeout).UnixMilli()))
		p.mu.Unlock()
		_, _ = w.Write(b.Event)
		return
	}
	body, _ := io.ReadAll(r.Body)
	id, failed := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/2018-06-01/runtime/invocation/"), "/error")
	id = strings.TrimSuffix(id, "/response")
	p.mu.Lock()
	defer p.mu.Unlock()
	if id != p.open {
		p.t.Errorf("an answer of %s while %s runs", id, p.open)
		w.WriteHeader(400)
		return
	}
	p.endLocked(eventsource.Answer{FunctionError: failed, Payload: body})
	w.WriteHeader(202)
}

func (p *platform) endLocked(a eventsource.Answer) {
	p.answered[p.open] = true
	p.open = ""
	p.mapping.Done(a)
}

func (p *platform) has(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answered[id]
}

// run is one sandbox: the proxy with its hook, and a runtime.
type run struct {
	*scenario
	p         *platform
	worked    map[string]int // successes of each record
	groups    map[string]string
	whole     string // the invocation of the last piece
	done      bool   // its answer was at Lambda when the runtime was told of that piece
	failed    map[string]bool
	succeeded int
}

// sandbox runs until nothing is left, or a record hangs.
func (r *run) sandbox(upstream string) (again bool) {
	t := r.p.t
	check := mapping.New(mapping.Options{Caller: r.scenario, Strict: r.strict})
	hook := middleware.Batch{Kinds: []string{"sqs", "kinesis", "dynamodb"}, Rules: r.rules, Mapping: check, Now: r.p.clock.Now}.Hook()
	server, err := runtimeapi.New(runtimeapi.Options{Upstream: upstream, Chain: NewChain(zap.NewNop(), []middleware.Hook{hook})})
	if err == nil {
		err = server.Listen()
	}
	if err != nil {
		t.Fatal(err)
	}
	server.Serve()
	transport := &http.Transport{}
	ctx, cancel := context.WithCancel(t.Context())
	defer func() {
		cancel()
		transport.CloseIdleConnections()
		short, stop := context.WithTimeout(context.Background(), time.Millisecond)
		defer stop()
		server.Shutdown(short)
	}()
	go func() {
		select {
		case <-r.p.empty:
			cancel()
		case <-ctx.Done():
		}
	}()
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	r.whole = ""
	for {
		id, event, err := r.poll(ctx, client, server.Addr())
		if err != nil {
			r.closed("")
			return false
		}
		if r.piece(id, event) == hangs {
			r.p.clock.add(r.timeout)
			r.p.mu.Lock()
			r.p.endLocked(eventsource.Answer{FunctionError: true})
			r.p.mu.Unlock()
			return true
		}
		path := id + "/response"
		if r.failed[id] {
			path = id + "/error"
		}
		res, err := client.Post("http://"+server.Addr()+"/2018-06-01/runtime/invocation/"+path, "application/json", strings.NewReader(`{"errorMessage":"m","errorType":"E"}`))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 202 {
			t.Fatalf("%s: status %d", path, res.StatusCode)
		}
		r.done = r.p.has(r.whole)
	}
}

func (r *run) poll(ctx context.Context, client *http.Client, addr string) (id string, event []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+addr+"/2018-06-01/runtime/invocation/next", nil)
	if err != nil {
		return "", nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return "", nil, errors.New(res.Status)
	}
	event, err = io.ReadAll(res.Body)
	return res.Header.Get("Lambda-Runtime-Aws-Request-Id"), event, err
}

// closed: the runtime was told of the last piece of a batch after Lambda had
// its answer; a sandbox may be frozen, or die, right then.
func (r *run) closed(next string) {
	if r.whole != "" && r.whole != next && !r.done {
		r.p.t.Errorf("the runtime was told of the last record of %s before Lambda had the answer", r.whole)
	}
}

// piece runs one record.
func (r *run) piece(id string, event []byte) int {
	t := r.p.t
	cut := strings.LastIndexByte(id, '-')
	whole := id[:max(cut, 0)]
	r.closed(whole)
	if whole != r.whole {
		r.failed, r.whole, r.succeeded = map[string]bool{}, whole, 0
	}
	record := oneRecord(t, event)
	group := r.groups[record]
	switch {
	case r.cfg.Kind == eventsource.FIFO && !r.rules.SkipGroup && len(r.failed) > 0:
		t.Errorf("%s runs after a failure in a FIFO queue", record)
	case r.cfg.Kind == eventsource.FIFO && r.failed["group "+group]:
		t.Errorf("%s runs after a failure in its group", record)
	case r.cfg.Kind.Stream() && r.rules.StreamStop && len(r.failed) > 0:
		t.Errorf("%s runs after a failure in a stream", record)
	}
	took := time.Duration(r.rand.IntN(700)) * time.Millisecond
	what := works
	switch n := r.rand.IntN(20); {
	case n < 6:
		what = breaks
	case n == 6:
		what = hangs
	}
	r.p.clock.add(took)
	switch what {
	case works:
		r.worked[record]++
		r.succeeded++
	case breaks:
		r.failed[id], r.failed["group "+group] = true, true
	}
	return what
}

func oneRecord(t *testing.T, event []byte) string {
	var e struct {
		Records []struct {
			MessageID string `json:"messageId"`
			Kinesis   struct{ SequenceNumber string }
			Dynamodb  struct{ SequenceNumber string }
		}
	}
	if err := json.Unmarshal(event, &e); err != nil || len(e.Records) != 1 {
		t.Fatalf("%v: %s", err, event)
	}
	r := e.Records[0]
	return r.MessageID + r.Kinesis.SequenceNumber + r.Dynamodb.SequenceNumber
}

// TestBatchModel: records × outcomes × order × deadline × setting of the
// mapping, through the proxy's port, against a queue or a stream that judges
// answers as Lambda does. Whatever happens, a record has worked or is still
// there, but where the setting is missing, could not be looked up, and the
// user's variable was trusted.
func TestBatchModel(t *testing.T) {
	lost := 0
	for round := range 400 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) { lost += playBatch(t, rand.New(rand.NewPCG(seed, 0))) })
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	if lost == 0 {
		t.Error("nothing was ever lost where the variable was trusted wrongly: the model does not see losses")
	}
}

func playBatch(t *testing.T, rnd *rand.Rand) (lost int) {
	s := newScenario(rnd)
	var list bytes.Buffer
	for i := range 1 + rnd.IntN(14) {
		list.WriteByte(',')
		switch s.cfg.Kind {
		case eventsource.FIFO:
			fmt.Fprintf(&list, `{"body":"m%d","messageGroupId":"g%d"}`, i, rnd.IntN(3))
		default:
			fmt.Fprintf(&list, `{"id":"m%d"}`, i)
		}
	}
	messages, err := eventsource.Parse(s.cfg, append(append([]byte("["), list.Bytes()[1:]...), ']'))
	if err != nil {
		t.Fatal(err)
	}
	p := &platform{t: t, mapping: eventsource.New(s.cfg, messages), clock: &clock{now: time.Now()}, timeout: s.timeout, answered: map[string]bool{}, empty: make(chan struct{})}
	r := &run{scenario: s, p: p, worked: map[string]int{}, groups: map[string]string{}}
	for _, m := range messages {
		r.groups[m.ID] = m.Group
	}
	lambda := httptest.NewServer(p)
	defer lambda.Close()
	for n := 0; r.sandbox(strings.TrimPrefix(lambda.URL, "http://")); n++ {
		if n > 500 {
			t.Fatal("does not end")
		}
	}
	for _, record := range p.mapping.Ledger().Records {
		switch {
		case record.End == eventsource.Lost && s.trusts() && !s.cfg.ReportBatchItemFailures:
			lost++
		case record.End == eventsource.Lost, record.End == eventsource.Done && r.worked[record.ID] == 0 && !(s.trusts() && !s.cfg.ReportBatchItemFailures):
			t.Errorf("%s is %s and worked %d times: %+v, rules %+v, strict %v, check %s", record.ID, record.End, r.worked[record.ID], s.cfg, s.rules, s.strict, s.check)
		case record.Overtaken && s.cfg.ReportBatchItemFailures:
			t.Errorf("%s was overtaken within its group", record.ID)
		}
	}
	return lost
}
