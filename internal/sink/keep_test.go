package sink

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var errDisk = errors.New("no space left on device")

// diary is a Keeper that remembers what was done. It holds the Buffer to what
// a file is: a key and then lines, none of them twice, and gone when removed.
type diary struct {
	t testing.TB

	mu     sync.Mutex
	files  map[string][]string
	gone   map[string]bool
	ops    []string
	fail   error             // of the next Append
	before func(what string) // called before each operation takes place
	after  func(what string) // and after it
}

func newDiary(t testing.TB) *diary {
	return &diary{t: t, files: map[string][]string{}, gone: map[string]bool{}}
}

// Append implements Keeper.
func (d *diary) Append(name string, records ...[]byte) error {
	d.step(d.before, "append")
	defer d.step(d.after, "append")
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	if d.gone[name] {
		d.t.Errorf("%s is written after it was removed", name)
	}
	if len(records) < 2 || len(records[0]) != 32 || !strings.HasSuffix(name, "-"+string(records[0])) {
		d.t.Errorf("%s: %q does not begin with the key", name, records)
	}
	if len(d.files[name]) > 0 {
		records = records[1:] // the key is there
	}
	for _, r := range records {
		d.files[name] = append(d.files[name], string(r))
		d.ops = append(d.ops, "append "+string(r))
	}
	return nil
}

// Remove implements Keeper.
func (d *diary) Remove(name string) {
	d.step(d.before, "remove")
	defer d.step(d.after, "remove")
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops = append(d.ops, "remove")
	delete(d.files, name)
	d.gone[name] = true
}

func (d *diary) step(hook func(string), what string) {
	if hook != nil {
		hook(what)
	}
}

// lines are those in the files, in the order of the names, without the keys.
func (d *diary) lines() (out [][]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		out = append(out, d.files[name][1:])
	}
	return out
}

// since returns what was done since it was asked last.
func (d *diary) since() (ops []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, op := range d.ops {
		if record := strings.TrimPrefix(op, "append "); len(record) != 32 { // the keys are random
			ops = append(ops, op)
		}
	}
	d.ops = nil
	return ops
}

// leave puts a file there that an earlier process had kept.
func (d *diary) leave(name, key string, lines ...string) {
	d.files[name] = append([]string{key}, lines...)
}

// adopt does what the next process does with the files.
func (d *diary) adopt(b *Buffer) {
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		var lines [][]byte
		for _, line := range d.files[name][1:] {
			lines = append(lines, []byte(line))
		}
		b.Adopt(d, name, d.files[name][0], lines)
		for _, line := range lines { // they end with the call
			copy(line, "gone")
		}
	}
}

// answers is a Sender that answers from a list, then takes everything.
type answers struct {
	list []func(b Batch) (int, error)
	got  []string // key and lines of each try
}

func (a *answers) Send(_ context.Context, b Batch) (int, error) {
	a.got = append(a.got, b.Key+" "+strings.Join(texts(b), " "))
	if len(a.list) == 0 {
		return b.Len(), nil
	}
	answer := a.list[0]
	a.list = a.list[1:]
	return answer(b)
}

func texts(b Batch) (out []string) {
	for line := range b.Lines() {
		out = append(out, string(line))
	}
	return out
}

func later(n int) func(Batch) (int, error) {
	return func(Batch) (int, error) { return n, &RetryableError{Err: errors.New("later")} }
}

func puts(b interface{ Put([]byte) }, lines ...string) {
	for _, line := range lines {
		b.Put([]byte(line))
	}
}

func keep(t *testing.T, b *Buffer, d *diary) {
	t.Helper()
	if err := b.Keep(d); err != nil {
		t.Fatal(err)
	}
}

// TestKeep: what each happening makes of the files, step by step. A batch has
// two lines.
func TestKeep(t *testing.T) {
	partly := func(Batch) (int, error) {
		return 0, &PartialError{Keep: []int{1}, Err: &RetryableError{Err: errors.New("partly")}}
	}
	refuse := func(n int) func(Batch) (int, error) {
		return func(Batch) (int, error) { return n, errors.New("no") }
	}
	type step struct {
		what string // lines to put, or: keep, flush, shut
		ops  []string
	}
	for _, tc := range []struct {
		name    string
		answers []func(Batch) (int, error)
		steps   []step
	}{
		{"each line once", nil, []step{
			{"keep", nil},
			{"a", nil}, {"keep", []string{"append a"}}, {"keep", nil},
			{"b", nil}, {"keep", []string{"append b"}},
			{"c d e", nil}, {"keep", []string{"append c", "append d", "append e"}}, {"keep", nil},
		}},
		{"removed when delivered", nil, []step{
			{"a b c", nil}, {"keep", []string{"append a", "append b", "append c"}},
			{"flush", []string{"remove", "remove"}}, {"keep", nil}, {"flush", nil},
		}},
		{"what was never kept is not removed", nil, []step{
			{"a", nil}, {"flush", nil}, {"b", nil}, {"keep", []string{"append b"}}, {"flush", []string{"remove"}},
		}},
		{"kept in part when delivered", nil, []step{
			{"a", nil}, {"keep", []string{"append a"}}, {"b", nil}, {"flush", []string{"remove"}}, {"keep", nil},
		}},
		{"a batch that waits for another try stays", []func(Batch) (int, error){later(0)}, []step{
			{"a", nil}, {"keep", []string{"append a"}}, {"flush", nil}, {"keep", nil},
			{"b", nil}, {"keep", []string{"append b"}}, {"flush", []string{"remove", "remove"}},
		}},
		{"delivered in front", []func(Batch) (int, error){later(1)}, []step{
			{"a b", nil}, {"keep", []string{"append a", "append b"}},
			{"flush", []string{"remove", "append b"}}, {"keep", nil}, {"keep", nil}, {"flush", []string{"remove"}},
		}},
		{"delivered line by line", []func(Batch) (int, error){partly}, []step{
			{"a b", nil}, {"keep", []string{"append a", "append b"}},
			{"flush", []string{"remove", "append b"}}, {"keep", nil}, {"flush", []string{"remove"}},
		}},
		{"refused", []func(Batch) (int, error){refuse(0)}, []step{
			{"a", nil}, {"keep", []string{"append a"}}, {"flush", []string{"remove"}}, {"keep", nil},
		}},
		{"taken in part and refused", []func(Batch) (int, error){refuse(1)}, []step{
			{"a b", nil}, {"keep", []string{"append a", "append b"}}, {"flush", []string{"remove"}}, {"keep", nil},
		}},
		{"no room for the oldest", nil, []step{ // there is for four of one byte
			{"a b", nil}, {"keep", []string{"append a", "append b"}},
			{"c d e", nil}, {"keep", []string{"append c", "append d", "append e"}}, // b lives in its file
			{"f", nil}, {"keep", []string{"remove", "append f"}},
		}},
		{"no room before it was kept", nil, []step{
			{"a b c d e", nil}, {"keep", []string{"append b", "append c", "append d", "append e"}},
		}},
		{"no room in a batch that is half kept", nil, []step{
			{"a", nil}, {"keep", []string{"append a"}},
			{"b c d e f", nil}, {"keep", []string{"remove", "append c", "append d", "append e", "append f"}},
		}},
		{"given up", nil, []step{
			{"a b c", nil}, {"keep", []string{"append a", "append b", "append c"}},
			{"shut", nil}, {"keep", []string{"remove", "remove"}}, {"d", nil}, {"keep", nil},
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDiary(t)
			o := NewOutlet(NewBuffer(Options{BatchLines: 2, MaxBytes: 4 * (2 + lineOverhead)}), &answers{list: tc.answers})
			for i, s := range tc.steps {
				switch s.what {
				case "keep":
					keep(t, o.Buffer, d)
				case "flush":
					_ = o.Flush(t.Context())
				case "shut":
					o.shut()
				default:
					puts(o, strings.Fields(s.what)...)
				}
				if diff := cmp.Diff(s.ops, d.since()); diff != "" {
					t.Errorf("step %d, %s (-want +got):\n%s", i, s.what, diff)
				}
			}
			if s := o.Stats(); !balanced(s) {
				t.Errorf("stats %+v", s)
			}
		})
	}
}

// A batch that was refused by the disk is as it was: nothing is missing when
// the disk takes it, and nothing is there twice.
func TestKeepThatFailsIsMadeUpFor(t *testing.T) {
	d, b := newDiary(t), NewBuffer(Options{BatchLines: 2})
	puts(b, "a")
	keep(t, b, d)
	puts(b, "b", "c")
	d.fail = errDisk
	for range 3 {
		if err := b.Keep(d); !errors.Is(err, errDisk) {
			t.Fatal(err)
		}
	}
	puts(b, "d")
	d.fail = nil
	keep(t, b, d)
	if diff := cmp.Diff([][]string{{"a", "b"}, {"c", "d"}}, d.lines()); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

// The disk is slow, and meanwhile the batch leaves and its memory takes other
// lines: what is written is what was to be written, and is removed; and if the
// disk fails, too, the new lines are none the worse for it.
func TestBatchThatLeavesWhileItIsWritten(t *testing.T) {
	for _, tc := range []struct {
		name  string
		first string // kept before
		fail  error
		ops   []string
	}{
		{"written", "", nil, []string{"append b", "append c", "remove"}},
		{"written in part before", "a", nil, []string{"append b", "append c", "remove"}},
		{"fails", "", errDisk, []string{"remove", "append c"}},
		{"fails, and is written in part", "a", errDisk, []string{"remove", "append c"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDiary(t)
			o := NewOutlet(NewBuffer(Options{}), &answers{})
			if tc.first != "" {
				puts(o, tc.first)
				keep(t, o.Buffer, d)
			}
			puts(o, "b")
			d.since()
			d.fail = tc.fail
			d.before = func(string) {
				d.before = nil
				b, _ := o.take()
				o.account(verdict{delivered: b.Len()})
				puts(o, "c")
			}
			if err := o.Keep(d); !errors.Is(err, tc.fail) {
				t.Error(err)
			}
			d.fail = nil
			keep(t, o.Buffer, d)
			if diff := cmp.Diff(tc.ops, d.since()); diff != "" {
				t.Errorf("operations (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([][]string{{"c"}}, d.lines()); diff != "" {
				t.Errorf("kept (-want +got):\n%s", diff)
			}
		})
	}
}

// The next process has the key from the file alone.
func TestKeyOfTheFileIsTheKeyThatIsSent(t *testing.T) {
	d, s := newDiary(t), &answers{list: []func(Batch) (int, error){later(0)}}
	g := NewGuarded(s, GuardOptions{Buffer: Options{BatchLines: 2}})
	puts(g, "a")
	keep(t, g.Buffer, d)
	puts(g, "b", "c")
	keep(t, g.Buffer, d)
	puts(g, "d")
	var want []string
	for _, name := range slices.Sorted(maps.Keys(d.files)) {
		want = append(want, d.files[name][0]+" "+map[int]string{0: "a b", 1: "c d"}[len(want)])
	}
	_ = g.Flush(t.Context())
	if diff := cmp.Diff([]string{want[0], want[0], want[1]}, s.got); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// And a batch that was tried keeps the key it was tried under.
func TestKeyThatWasSentIsTheKeyOfTheFile(t *testing.T) {
	d, s := newDiary(t), &answers{list: []func(Batch) (int, error){later(0), later(1)}}
	g := NewGuarded(s, GuardOptions{})
	puts(g, "a", "b")
	_ = g.Flush(t.Context())
	keep(t, g.Buffer, d)
	for _, records := range d.files {
		if want := strings.Fields(s.got[0])[0]; records[0] != want {
			t.Errorf("kept under %s, sent under %s", records[0], want)
		}
	}
	if diff := cmp.Diff([][]string{{"b"}}, d.lines()); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
}

// TestPutNeverWaitsForTheDisk: nor does a Send, nor Stats. Whoever waits here
// waits for ever, and the test with it.
func TestPutNeverWaitsForTheDisk(t *testing.T) {
	d := newDiary(t)
	hangs, goOn := make(chan struct{}), make(chan struct{})
	d.before = func(string) {
		select {
		case hangs <- struct{}{}:
			<-goOn
		case <-goOn:
		}
	}
	sent := make(chan string)
	o := NewOutlet(NewBuffer(Options{MaxBytes: 4 << 10}), senderFunc(func(_ context.Context, b Batch) (int, error) {
		sent <- string(b.Bytes())
		return b.Len(), nil
	}))
	puts(o, "first")
	kept, flushed := make(chan error), make(chan error)
	go func() { kept <- o.Keep(d) }()
	<-hangs
	for range 1000 { // more than there is room for
		puts(o, "another line")
	}
	if s := o.Stats(); s.Received.Lines != 1001 || s.Losses[Overflow].Lines == 0 {
		t.Errorf("stats %+v", s)
	}
	puts(o, strings.Repeat("x", 4<<10-1-lineOverhead)) // all others make way
	go func() { flushed <- o.Flush(t.Context()) }()
	if got := <-sent; len(got) != 4<<10-lineOverhead {
		t.Errorf("sent %q", got)
	}
	close(goOn)
	if err := errors.Join(<-kept, <-flushed); err != nil {
		t.Error(err)
	}
	if got := d.lines(); got != nil {
		t.Errorf("left: %q", got)
	}
	if s := o.Stats(); !balanced(s) || s.Pending.Lines != 0 {
		t.Errorf("stats %+v", s)
	}
}

const key0, key1 = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"

func TestAdopt(t *testing.T) {
	const one = 2 + lineOverhead // bytes of a line of one letter
	for _, tc := range []struct {
		name    string
		max     int
		before  string // lines put before, and after
		after   string
		answers []func(Batch) (int, error)
		sent    []string // "*" stands for a key of this process
		lost    uint64
		ops     []string // of two Keeps with a flush between and a flush behind
	}{
		{"before later lines and never with them", 100 * one, "", "c d", nil,
			[]string{key0 + " a b", key1 + " x", "* c d"}, 0,
			[]string{"append c", "append d", "remove", "remove", "remove"}},
		{"behind lines that are there and never with them", 100 * one, "0", "c", nil,
			[]string{"* 0", key0 + " a b", key1 + " x", "* c"}, 0,
			[]string{"append 0", "append c", "remove", "remove", "remove", "remove"}},
		{"another try has the key, too", 100 * one, "", "", []func(Batch) (int, error){later(0)},
			[]string{key0 + " a b", key0 + " a b", key1 + " x"}, 0, []string{"remove", "remove"}},
		{"what is left of it is kept anew", 100 * one, "", "", []func(Batch) (int, error){later(1)},
			[]string{key0 + " a b", key0 + " b", key1 + " x"}, 0, []string{"remove", "append b", "remove", "remove"}},
		{"refused", 100 * one, "", "", []func(Batch) (int, error){func(Batch) (int, error) { return 0, errors.New("no") }},
			[]string{key0 + " a b", key1 + " x"}, 2, []string{"remove", "remove"}},
		{"no room for the oldest", 2 * one, "0", "", nil,
			[]string{"* 0", key0 + " b"}, 2, []string{"remove", "append 0", "remove", "remove"}},
		{"no room at all", one, "0", "", nil,
			[]string{"* 0"}, 3, []string{"remove", "remove", "append 0", "remove"}},
		{"makes room for new lines", 3 * one, "", "c d", nil,
			[]string{key1 + " x", "* c d"}, 2, []string{"remove", "append c", "append d", "remove", "remove"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, s := newDiary(t), &answers{list: tc.answers}
			b := NewBuffer(Options{MaxBytes: tc.max})
			b.keyed = true
			o := NewOutlet(b, s)
			d.leave("0-"+key0, key0, "a", "b")
			d.leave("1-"+key1, key1, "x")
			puts(o, strings.Fields(tc.before)...)
			d.adopt(b)
			puts(o, strings.Fields(tc.after)...)
			for range 2 {
				keep(t, b, d)
				_ = o.Flush(t.Context())
			}
			keep(t, b, d)
			if diff := cmp.Diff(tc.ops, d.since()); diff != "" {
				t.Errorf("operations (-want +got):\n%s", diff)
			}
			for i := range s.got {
				if key := s.got[i][:32]; key != key0 && key != key1 {
					s.got[i] = "*" + s.got[i][32:]
				}
			}
			if diff := cmp.Diff(tc.sent, s.got); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
			put := uint64(len(strings.Fields(tc.before + " " + tc.after)))
			got := o.Stats()
			if !balanced(got) || got.Adopted != (Count{3, 6}) || got.Received != (Count{3 + put, 6 + 2*put}) ||
				got.Dropped.Lines != tc.lost || got.Pending.Lines != 0 || b.used != 0 {
				t.Errorf("stats %+v", got)
			}
			if left := d.lines(); left != nil {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// A sink that is given up says so of these lines, too.
func TestAdoptIntoASinkThatIsGivenUp(t *testing.T) {
	d, b := newDiary(t), NewBuffer(Options{})
	b.shut()
	d.leave("0-"+key0, key0, "a", "b")
	d.adopt(b)
	keep(t, b, d)
	if s := b.Stats(); !balanced(s) || s.Dropped.Lines != 2 || s.Pending.Lines != 0 || d.lines() != nil {
		t.Errorf("stats %+v, left %q", s, d.lines())
	}
}

// The memory of an adopted batch is as good as any: later lines travel in it
// together.
func TestMemoryOfAnAdoptedBatchIsUsedAgain(t *testing.T) {
	d, s, b := newDiary(t), &answers{}, NewBuffer(Options{})
	b.keyed = true
	o := NewOutlet(b, s)
	d.leave("0-"+key0, key0, "a")
	d.adopt(b)
	_ = o.Flush(t.Context())
	puts(o, "b", "c")
	_ = o.Flush(t.Context())
	if len(s.got) != 2 || !strings.HasSuffix(s.got[1], " b c") || strings.HasPrefix(s.got[1], key0) {
		t.Errorf("sent %q", s.got)
	}
}

// TestAdoptBesideKeep: a copy may be due while the files of the process before
// are still being read. It is for the race detector.
func TestAdoptBesideKeep(t *testing.T) {
	for range 100 {
		d, b := newDiary(t), NewBuffer(Options{})
		puts(b, "new")
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := b.Keep(d); err != nil {
				t.Error(err)
			}
		})
		b.Adopt(d, "0-"+key0, key0, [][]byte{[]byte("old")})
		wg.Wait()
		if s := b.Stats(); s.Pending.Lines != 2 || s.Adopted.Lines != 1 || !balanced(s) {
			t.Errorf("stats %+v", s)
		}
		if diff := cmp.Diff([][]string{{"new"}}, d.lines()); diff != "" {
			t.Errorf("kept (-want +got):\n%s", diff)
		}
	}
}
