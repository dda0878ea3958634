package remote

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/sink"
	"powertools-extension/internal/spool"
)

// spoolAfter is how long a line may be in memory alone. Most invocations are
// over by then, and nothing is written for them.
const spoolAfter = 80 * time.Millisecond

// Spool copies to disk the batches that wait for remote destinations. If
// this process is killed the next one of the sandbox sends them, each under
// its own key, so that a receiver that has one already can tell.
//
// It is nil, and does nothing, unless it was asked for and there is a remote
// destination; and on managed instances, where a crash replaces the whole
// environment with its /tmp.
type Spool struct {
	files   *spool.Spool
	outlets Outlets
	log     *zap.Logger
	guard   func(step string, f func())

	mu    sync.Mutex // of the timer
	timer *time.Timer
	armed bool
	off   bool // before the restore under SnapStart, and after the end

	writing  sync.Mutex // one copy is made at a time
	ended    bool       // none is made any more
	said     bool       // a failure was said
	replayed uint64     // lines that a killed process had left
}

func newSpool(outlets Outlets, opt Options) *Spool {
	if opt.SpoolBytes == 0 || opt.Managed {
		return nil
	}
	return &Spool{
		files:   spool.New(spool.Options{Dir: filepath.Join(os.TempDir(), ".powertools-extension"), MaxBytes: opt.SpoolBytes}),
		outlets: outlets, log: opt.Log, guard: opt.Guard,
		// A snapshot is restored many times, and no file in it may be shared.
		off: opt.Snapshot,
	}
}

// Recover takes over what a process that was killed here has left. Under
// SnapStart that waits for the restore: before it the files, if there are any,
// are the snapshot's.
func (b *Spool) Recover(restored bool) {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.off = b.off && !restored
	off := b.off
	b.mu.Unlock()
	if off {
		return
	}
	b.say(b.files.Recover(func(name string, records [][]byte) {
		if !b.adopt(name, records) {
			b.files.Remove(name)
		}
	}))
	if b.replayed > 0 {
		b.log.Warn("the extension's process before this one was killed; the lines for remote destinations that it had left on disk are sent now, marked replayed",
			zap.Uint64("lines", b.replayed))
	}
}

// adopt hands a batch to its destination, and reports whether there is one.
func (b *Spool) adopt(name string, records [][]byte) bool {
	place, file, _ := strings.Cut(name, ".")
	key := records[0]
	for _, r := range b.outlets {
		if strconv.Itoa(r.Place) != place || len(records) < 2 || !strings.HasSuffix(file, "-"+string(key)) {
			continue
		}
		lines := slices.DeleteFunc(records[1:], func(record []byte) bool { return bytes.Equal(record, key) })
		for i := range lines {
			if !r.Spans {
				lines[i] = replayed(lines[i])
			}
		}
		b.replayed += uint64(len(lines))
		r.Adopt(b.directory(r), file, string(key), lines)
		return true
	}
	return false
}

// Touch takes note that there may be something new to copy.
func (b *Spool) Touch() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.armed || b.off {
		return
	}
	b.armed = true
	if b.timer == nil {
		b.timer = time.AfterFunc(spoolAfter, b.tick)
		return
	}
	b.timer.Reset(spoolAfter)
}

func (b *Spool) tick() {
	b.mu.Lock()
	b.armed = false
	b.mu.Unlock()
	b.guard("copy batches to disk", b.copy)
}

func (b *Spool) copy() {
	b.writing.Lock()
	defer b.writing.Unlock()
	if !b.ended {
		b.copyLocked()
	}
}

func (b *Spool) copyLocked() {
	for _, r := range b.outlets {
		b.say(r.Keep(b.directory(r)))
	}
}

// End leaves to the next process what could not be sent, if there will be one.
func (b *Spool) End(reason string) {
	if b == nil {
		return
	}
	off := b.stopTimer()
	b.writing.Lock()
	defer b.writing.Unlock()
	b.ended = true
	switch {
	case reason == "spindown":
		b.files.Clear()
	case !off:
		b.copyLocked()
	}
	b.files.Close()
}

func (b *Spool) stopTimer() (off bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	off, b.off = b.off, true
	if b.timer != nil {
		b.timer.Stop()
	}
	return off
}

// say reports the first failure to write.
func (b *Spool) say(err error) {
	if err == nil || b.said {
		return
	}
	b.said = true
	b.log.Warn("not copied to disk: lines that wait for a remote destination are lost if the extension is killed", zap.Error(err))
}

// Ledger is what passed from one process of the sandbox to the next; nil if
// nothing did.
func (b *Spool) Ledger() *SpoolLedger {
	if b == nil {
		return nil
	}
	s := b.files.Stats()
	l := SpoolLedger{Replayed: b.replayed, Torn: s.Torn, Left: s.Bytes, Refused: s.Refused, Failed: s.Failed}
	if l == (SpoolLedger{}) {
		return nil
	}
	return &l
}

// directory is where one destination's batches are.
func (b *Spool) directory(o *Outlet) sink.Keeper {
	return prefixed{b.files, strconv.Itoa(o.Place) + "."}
}

// prefixed are the files of one destination.
type prefixed struct {
	*spool.Spool
	prefix string
}

// Append implements sink.Keeper.
func (p prefixed) Append(name string, records ...[]byte) error {
	return p.Spool.Append(p.prefix+name, records...)
}

// Remove implements sink.Keeper.
func (p prefixed) Remove(name string) { p.Spool.Remove(p.prefix + name) }

// replayed marks a line that a process sends in place of one that was killed.
// A line that is no object, or that has no room for the mark, stays as it is.
func replayed(line []byte) []byte {
	const mark, most = `"replayed":true`, 256 << 10
	body := bytes.TrimRight(line, " \t\r\n")
	if len(body) < 2 || body[0] != '{' || body[len(body)-1] != '}' || len(line)+len(mark)+2 > most {
		return line
	}
	body = bytes.TrimRight(body[:len(body)-1], " \t\r\n")
	if bytes.HasSuffix(body, []byte(mark)) {
		return line
	}
	out := append(make([]byte, 0, len(line)+len(mark)+1), body...)
	if len(body) > 1 {
		out = append(out, ',')
	}
	return append(append(out, mark...), '}')
}

// SpoolLedger is what passes from one process of the sandbox to the next.
type SpoolLedger struct {
	Replayed uint64 `json:"replayed"`       // lines that a killed process had left
	Torn     int    `json:"torn,omitempty"` // files of it that ended inside a line
	Left     int    `json:"left_bytes"`     // for the next process
	Refused  int    `json:"refused"`        // writes there was no room for
	Failed   int    `json:"failed"`         // writes that the file system refused
}
