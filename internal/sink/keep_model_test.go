package sink

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestKeepAgainstAModel plays the life of a sandbox: lines come, are kept, are
// sent with every kind of answer, the disk fails, and now and then the process
// is killed, also between two operations on the files, and the next one takes
// over. After each step the buffer is held to a model that is written without
// chunks, and the files to what the next process needs.
func TestKeepAgainstAModel(t *testing.T) {
	for seed := range uint64(60) {
		w := newWorld(t, seed)
		for range 300 {
			w.survive(w.step)
			if t.Failed() {
				t.Fatalf("seed %d, %v:\n%s", seed, w.opt, strings.Join(w.story, "\n"))
			}
		}
	}
}

type set map[string]bool

func (s set) add(lines ...string) {
	for _, line := range lines {
		s[line] = true
	}
}

// world is the model. Each line is unique in it.
type world struct {
	t     *testing.T
	rnd   *rand.Rand
	opt   Options
	b     *Buffer
	d     *diary
	story []string
	lines int // made so far

	// Over all processes.
	delivered, lost set
	keys            map[string]string // of each line that was kept or sent
	batches         map[string]set    // all lines that a key was ever seen with
	sealed          set               // keys that may get no more lines: they were sent, or adopted
	covered         set               // what was pending when a Keep last came to its end
	exposed         set               // of that, what is left of batches that left in part since

	// Of this process.
	pending  []string
	flight   int // of pending, from the front: with the sender
	closed   bool
	failIn   int // Appends until one fails; negative: none will
	got      set // delivered by this process
	received int
	adopted  int
	sent     int
	dropped  int
}

func newWorld(t *testing.T, seed uint64) *world {
	rnd := rand.New(rand.NewPCG(seed, 1))
	w := &world{
		t: t, rnd: rnd, d: newDiary(t),
		opt:       Options{MaxBytes: 200 + rnd.IntN(1500), BatchBytes: 30 + rnd.IntN(300), BatchLines: rnd.IntN(5)},
		delivered: set{}, lost: set{}, keys: map[string]string{}, batches: map[string]set{}, sealed: set{}, covered: set{}, exposed: set{},
	}
	w.d.before, w.d.after = w.beforeOp, w.afterOp
	w.begin()
	return w
}

// killed is how the process ends in the middle of something.
type killed struct{}

// survive does it, and begins the next process if this one is killed.
func (w *world) survive(do func()) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case killed{}:
			w.begin()
		default:
			panic(p)
		}
	}()
	do()
}

func (w *world) kill() {
	w.say("KILLED")
	panic(killed{})
}

func (w *world) say(format string, args ...any) {
	w.story = append(w.story, fmt.Sprintf(format, args...))
}

func (w *world) beforeOp(what string) {
	w.d.fail = nil
	if what == "append" {
		if w.failIn == 0 {
			w.d.fail = errDisk
		}
		w.failIn--
	}
	if w.rnd.IntN(60) == 0 {
		w.kill()
	}
}

func (w *world) afterOp(what string) {
	w.say("  %s → %v", what, w.d.lines())
	w.checkFiles()
	if w.rnd.IntN(60) == 0 {
		w.kill()
	}
}

// begin is a process that takes over the files.
func (w *world) begin() {
	w.b = NewBuffer(w.opt)
	w.b.keyed = true
	w.pending, w.flight, w.closed, w.failIn, w.got = nil, 0, false, -1, set{}
	for line := range w.exposed { // the kill came in that moment
		delete(w.covered, line)
	}
	clear(w.exposed)
	w.received, w.adopted, w.sent, w.dropped = 0, 0, 0, 0
	for _, name := range slices.Sorted(maps.Keys(w.d.files)) {
		lines := w.d.files[name][1:]
		w.received += len(lines)
		w.adopted += len(lines)
		from, room := len(lines), w.opt.MaxBytes-w.used()
		for from > 0 && room >= cost(lines[from-1]) {
			from--
			room -= cost(lines[from])
		}
		w.lose(lines[:from]...)
		w.pending = append(w.pending, lines[from:]...)
		w.sealed.add(w.d.files[name][0])
	}
	w.d.adopt(w.b)
	w.say("begin with %v", w.pending)
	w.check()
}

// cost is what a line takes of the bound.
func cost(line string) int { return len(line) + 1 + lineOverhead }

func (w *world) used() (n int) {
	for _, line := range w.pending {
		n += cost(line)
	}
	return n
}

func (w *world) lose(lines ...string) {
	w.dropped += len(lines)
	w.lost.add(lines...)
}

// step is one thing that happens.
func (w *world) step() {
	switch n := w.rnd.IntN(300); {
	case n < 1:
		w.shut()
	case n < 4:
		w.kill()
	case n < 30:
		w.failIn = w.rnd.IntN(3)
		w.keep()
		w.failIn = -1
	case n < 90:
		w.keep()
	case n < 150 && w.flight == 0:
		w.take()
	case n < 150:
	default:
		w.put()
	}
	w.check()
}

func (w *world) put() {
	w.lines++
	line := fmt.Sprintf("%d", w.lines) + strings.Repeat("x", w.rnd.IntN(50))
	if w.rnd.IntN(100) == 0 {
		line += strings.Repeat("X", w.opt.MaxBytes)
	}
	w.say("put %.8s", line)
	w.received++
	fits := !w.closed && cost(line) <= w.opt.MaxBytes
	for fits && w.used()+cost(line) > w.opt.MaxBytes {
		if fits = len(w.pending) > w.flight; fits {
			w.lose(w.pending[w.flight])
			w.pending = slices.Delete(w.pending, w.flight, w.flight+1)
		}
	}
	if fits {
		w.pending = append(w.pending, line)
	} else {
		w.lose(line)
	}
	w.b.Put([]byte(line))
}

func (w *world) keep() {
	w.say("keep, fail in %d", w.failIn)
	err := w.b.Keep(w.d)
	w.checkUseful()
	if err != nil {
		if !errors.Is(err, errDisk) {
			w.t.Error(err)
		}
		return
	}
	clear(w.exposed)
	clear(w.covered)
	w.covered.add(w.pending...)
	kept := set{}
	kept.add(slices.Concat(w.d.lines()...)...)
	for _, line := range w.pending {
		if !kept[line] {
			w.t.Errorf("%.8s is not kept", line)
		}
	}
}

// take is the begin of a try, some more that happens meanwhile, and its end.
func (w *world) take() {
	batch, ok := w.b.take()
	if ok != (len(w.pending) > 0) {
		w.t.Errorf("taken: %v, %d pending", ok, len(w.pending))
	}
	if !ok {
		return
	}
	lines := texts(batch)
	w.say("take %v", lines)
	w.checkBatch(batch.Key, lines)
	w.flight = len(lines)
	for range w.rnd.IntN(6) {
		w.step()
	}
	w.settle(batch, lines)
}

func (w *world) checkBatch(key string, lines []string) {
	if len(lines) > len(w.pending) || !slices.Equal(lines, w.pending[:len(lines)]) {
		w.t.Errorf("taken: %v of %v", lines, w.pending)
		return
	}
	for _, line := range lines {
		w.checkKey(key, line)
		if w.got[line] {
			w.t.Errorf("%.8s is sent again", line)
		}
	}
	w.sealed.add(key)
}

// checkKey: a line has one key for ever, and a key its lines.
func (w *world) checkKey(key, line string) {
	if w.keys[line] == "" {
		w.keys[line] = key
	}
	if w.batches[key] == nil {
		w.batches[key] = set{}
	}
	if w.keys[line] != key || w.sealed[key] && !w.batches[key][line] {
		w.t.Errorf("%.8s is with key %s, before with %q; lines of the key: %v", line, key, w.keys[line], w.batches[key])
	}
	w.batches[key].add(line)
}

func (w *world) settle(batch Batch, lines []string) {
	n, err := w.answer(len(lines))
	var left []string
	partial := asPartial(err)
	for i, line := range lines {
		switch {
		case partial != nil && slices.Contains(partial.Keep, i), partial == nil && i >= n && canRetry(err):
			left = append(left, line)
		case partial != nil && slices.ContainsFunc(partial.Lost, func(l Loss) bool { return l.Line == i }), partial == nil && i >= n:
			w.lose(line)
		default:
			w.sent++
			w.delivered.add(line)
			w.got.add(line)
		}
	}
	w.say("settle: %d, %T: left %v", n, err, left)
	if len(left) < len(lines) {
		w.exposed.add(left...) // for a moment: an older file would send again what has left
	}
	w.pending = append(left, w.pending[w.flight:]...)
	w.flight = 0
	if w.closed {
		w.lose(w.pending...)
		w.pending = nil
	}
	w.b.settle(judge(batch, n, err))
	if w.failIn < 0 {
		clear(w.exposed)
	}
	w.checkUseful()
}

// answer is a receiver's, of any kind.
func (w *world) answer(lines int) (int, error) {
	n := w.rnd.IntN(lines + 1)
	switch w.rnd.IntN(8) {
	case 0:
		return n, errors.New("refused")
	case 1:
		return 0, &RetryableError{Err: errors.New("later")}
	case 2:
		return n, &RetryableError{Err: errors.New("later")}
	case 3, 4:
		p := &PartialError{Err: &RetryableError{Err: errors.New("partly")}}
		for i := range lines {
			switch w.rnd.IntN(3) {
			case 0:
				p.Keep = append(p.Keep, i)
			case 1:
				p.Lost = append(p.Lost, Loss{i, Rejected})
			}
		}
		return 0, p
	}
	return lines, nil
}

func (w *world) shut() {
	w.say("shut")
	w.closed = true
	if w.flight == 0 {
		w.lose(w.pending...)
		w.pending = nil
	}
	w.b.shut()
}

// check holds the books to the model.
func (w *world) check() {
	s := w.b.Stats()
	got := []int{int(s.Received.Lines), int(s.Adopted.Lines), int(s.Delivered.Lines), int(s.Dropped.Lines), int(s.Pending.Lines), w.b.used}
	want := []int{w.received, w.adopted, w.sent, w.dropped, len(w.pending), w.used()}
	if !slices.Equal(want, got) || !balanced(s) {
		w.t.Errorf("received, adopted, delivered, dropped, pending, used: want %v, got %v of %+v", want, got, s)
	}
	w.checkFiles()
}

// checkFiles holds at every moment at which the process may be killed: no line
// is on disk twice, each is under its key, and what a Keep had covered is there
// or has left or is in the books as lost.
func (w *world) checkFiles() {
	there, keys := set{}, set{}
	for name, records := range w.d.files {
		if keys[records[0]] {
			w.t.Errorf("two files have the key of %s", name)
		}
		keys.add(records[0])
		for _, line := range records[1:] {
			if there[line] {
				w.t.Errorf("%.8s is kept twice", line)
			}
			there.add(line)
			w.checkKey(records[0], line)
		}
	}
	for line := range w.covered {
		if !there[line] && !w.delivered[line] && !w.lost[line] && !w.exposed[line] {
			w.t.Errorf("%.8s was kept and is lost", line)
		}
	}
}

// checkUseful holds after each flush and each Keep: what is left of the files
// has a use, and nothing in them has left.
func (w *world) checkUseful() {
	for name, records := range w.d.files {
		if !slices.ContainsFunc(w.b.chunks, func(c *chunk) bool { return c.kept.name == name }) {
			w.t.Errorf("%.8s is no batch's file any more, and there", records[1:])
		}
		for _, line := range records[1:] {
			if w.got[line] {
				w.t.Errorf("%.8s is delivered, and on disk", line)
			}
		}
	}
}

// event is what a chronicle holds, one after the other.
type event struct {
	what  string // put, begin, kept, append, remove, sent
	name  string // of a file; of what was sent: its key
	lines []string
}

// chronicle is a Keeper and a Sender that write down what happens.
type chronicle struct {
	mu     sync.Mutex
	events []event
	rnd    *rand.Rand
	tame   bool // takes everything
}

func (c *chronicle) add(what, name string, lines ...string) {
	runtime.Gosched() // let the others in between
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, event{what, name, lines})
}

// Append implements Keeper.
func (c *chronicle) Append(name string, records ...[]byte) error {
	var lines []string
	for _, r := range records {
		lines = append(lines, string(r))
	}
	c.add("append", name, lines...)
	return nil
}

// Remove implements Keeper.
func (c *chronicle) Remove(name string) { c.add("remove", name) }

// Send implements Sender.
func (c *chronicle) Send(_ context.Context, b Batch) (int, error) {
	if !c.tame && c.rnd.IntN(3) == 0 {
		runtime.Gosched()
		return 0, &RetryableError{Err: errors.New("later")}
	}
	c.add("sent", b.Key, texts(b)...)
	return b.Len(), nil
}

// TestKilledAtAnyMoment: goroutines put, keep and flush at once. Whenever the
// process was killed, that is for every prefix of what was done to the files,
// what the last Keep had covered has left or is on disk.
func TestKilledAtAnyMoment(t *testing.T) {
	for seed := range uint64(10) {
		c := &chronicle{rnd: rand.New(rand.NewPCG(seed, 1))}
		b := NewBuffer(Options{BatchLines: 4})
		b.keyed = true
		o := NewOutlet(b, c)
		var wg, putting sync.WaitGroup
		for w := range 3 {
			putting.Go(func() {
				for i := range 100 {
					line := fmt.Sprintf("%d-%d", w, i)
					o.Put([]byte(line))
					c.add("put", "", line)
				}
			})
		}
		done := make(chan struct{})
		repeat := func(do func()) {
			wg.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						do()
					}
				}
			})
		}
		repeat(func() { _ = o.Flush(context.Background()) })
		repeat(func() {
			c.add("begin", "")
			if err := o.Keep(c); err != nil {
				t.Error(err)
			}
			c.add("kept", "")
		})
		putting.Wait()
		close(done)
		wg.Wait()
		c.tame = true
		if err := errors.Join(o.Flush(t.Context()), o.Keep(c)); err != nil {
			t.Error(err)
		}
		if s := o.Stats(); s.Delivered.Lines != 300 || !balanced(s) {
			t.Errorf("seed %d: %+v", seed, s)
		}
		replay(t, seed, c.events)
	}
}

// replay goes through the events as the disk and the receiver saw them.
func replay(t *testing.T, seed uint64, events []event) {
	t.Helper()
	files, keys, there, sent := map[string][]string{}, map[string]string{}, map[string]int{}, set{}
	var put, covered []string
	began := 0 // lines put when the Keep began that runs now
	for i, e := range events {
		switch e.what {
		case "put":
			put = append(put, e.lines...)
		case "begin":
			began = len(put)
		case "kept":
			covered = put[:began]
		case "append":
			if files[e.name] == nil {
				files[e.name] = e.lines[:1:1]
			}
			e.lines = e.lines[1:] // behind the key
			files[e.name] = append(files[e.name], e.lines...)
			for _, line := range e.lines {
				if key := files[e.name][0]; keys[line] != "" && keys[line] != key {
					t.Errorf("seed %d: %s has the keys %s and %s", seed, line, keys[line], key)
				}
				keys[line] = files[e.name][0]
				there[line]++
				if there[line] > 1 {
					t.Errorf("seed %d: %s is kept twice", seed, line)
				}
			}
		case "remove":
			for _, line := range files[e.name][1:] {
				there[line]--
			}
			delete(files, e.name)
		case "sent":
			for _, line := range e.lines {
				if sent[line] || keys[line] != "" && keys[line] != e.name {
					t.Errorf("seed %d: %s is sent twice, or under key %s in place of %s", seed, line, e.name, keys[line])
				}
				keys[line] = e.name
			}
			sent.add(e.lines...)
		}
		covered = slices.DeleteFunc(slices.Clone(covered), func(line string) bool { return sent[line] })
		for _, line := range covered {
			if there[line] == 0 {
				t.Fatalf("seed %d: killed behind event %d of %d, %s is lost", seed, i, len(events), line)
			}
		}
	}
	if len(files) > 0 || len(sent) != len(put) {
		t.Errorf("seed %d: %d of %d lines sent, left on disk: %v", seed, len(sent), len(put), files)
	}
}
