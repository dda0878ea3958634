package app

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/emf"
	"powertools-extension/internal/pipeline"
	"powertools-extension/internal/sink"
	"powertools-extension/internal/spool"
)

const (
	// keepAfter is how long something may be in memory alone. Most invocations
	// are over by then, and nothing is written for them.
	keepAfter = 80 * time.Millisecond

	openFiles = "open." // what is known of open invocations, and their metrics
)

// keeper copies to disk what has been in memory for a moment: the lines that
// wait for a remote destination, and what a shutdown would say of the open
// invocations. If this process is killed the next one of the sandbox sends it.
//
// A batch goes by its key, so a receiver that has it already can tell. What
// goes to stdout has none: there the copy is given up before the line is
// written, and a kill in between loses that line rather than print it twice.
type keeper struct {
	app   *App
	spool *spool.Spool

	mu      sync.Mutex // of the timer
	timer   *time.Timer
	armed   bool
	stopped bool

	writing sync.Mutex // one copy is made at a time
	ended   bool       // none is made any more
	open    *spool.State
	isOpen  atomic.Bool // open says something
	settled uint64      // App.settled when that was written
	edition []byte      // the last one, for its memory

	said     bool // a failure was said
	replayed uint64
}

func newKeeper(a *App) *keeper {
	files := spool.New(spool.Options{
		Dir:      filepath.Join(os.TempDir(), ".powertools-extension"),
		MaxBytes: a.cfg.SpoolBytes,
	})
	return &keeper{app: a, spool: files, open: spool.NewState(files, openFiles)}
}

// touch takes note that there may be something new to keep.
func (k *keeper) touch() {
	if k.off() {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.armed || k.stopped {
		return
	}
	k.armed = true
	if k.timer == nil {
		k.timer = time.AfterFunc(keepAfter, k.tick)
		return
	}
	k.timer.Reset(keepAfter)
}

// off reports whether nothing is kept: by configuration, or because a snapshot
// is restored many times and no file in it may be shared.
func (k *keeper) off() bool {
	return k.app.cfg.SpoolBytes == 0 || k.app.cfg.InitType == snapStart && !k.app.restored.Load()
}

func (k *keeper) tick() {
	k.mu.Lock()
	k.armed = false
	k.mu.Unlock()
	k.app.guard("keep on disk", k.keep)
}

// keep makes the copy.
func (k *keeper) keep() {
	k.writing.Lock()
	defer k.writing.Unlock()
	if !k.ended {
		k.keepAll()
	}
}

func (k *keeper) keepAll() {
	k.keepOpen() // first: a line that was let go since must not be on disk twice
	k.keepLines()
}

func (k *keeper) keepLines() {
	for _, r := range k.app.remotes {
		k.say(r.Keep(k.shelf(r)))
	}
}

// keepOpen writes down what a shutdown would print now.
func (k *keeper) keepOpen() {
	a, now := k.app, time.Now().Round(0)
	k.settled = a.settled()
	k.edition = k.edition[:0]
	a.pipeline.Open("failure", now, k.record)
	a.metrics.Pending(now, func(line []byte) { k.record(pipeline.KeptEvent, line) })
	if len(k.edition) == 0 && !k.isOpen.Load() {
		return
	}
	err := k.open.Set(k.edition)
	k.say(err)
	k.isOpen.Store(k.open.IsSet())
}

// record adds one to the edition: its length, its kind, its bytes.
func (k *keeper) record(kind pipeline.Kept, data []byte) {
	k.edition = binary.AppendUvarint(k.edition, uint64(len(data)))
	k.edition = append(append(k.edition, byte(kind)), data...)
}

// records shows what record has put together.
func records(edition []byte, show func(kind pipeline.Kept, data []byte)) {
	for len(edition) > 0 {
		n, head := binary.Uvarint(edition)
		if head <= 0 || n >= uint64(len(edition)-head) {
			return
		}
		kind, data := edition[head], edition[head+1:head+1+int(n)]
		show(pipeline.Kept(kind), data)
		edition = edition[head+1+int(n):]
	}
}

// giveUp is called before lines leave: what they say may not stay on disk.
func (k *keeper) giveUp() {
	if !k.isOpen.Load() {
		return
	}
	k.writing.Lock()
	defer k.writing.Unlock()
	if !k.ended && k.settled != k.app.settled() {
		k.keepOpen()
	}
}

// settled counts what has been said of invocations and cannot be said again.
func (a *App) settled() uint64 {
	lines, samples := a.pipeline.Stats(), a.metrics.Stats()
	return lines.Events + lines.Refused + lines.Released + samples.Documents + samples.Dropped
}

// say reports the first failure to write.
func (k *keeper) say(err error) {
	if err == nil || k.said {
		return
	}
	k.said = true
	k.app.log.Warn("not kept on disk: it is lost if the extension is killed", zap.Error(err))
}

// shelf is where one destination's batches are kept.
func (k *keeper) shelf(r *remote) sink.Keeper { return shelf{k.spool, strconv.Itoa(r.place) + "."} }

type shelf struct {
	*spool.Spool
	prefix string
}

// Append implements sink.Keeper.
func (s shelf) Append(name string, records ...[]byte) error {
	return s.Spool.Append(s.prefix+name, records...)
}

// Remove implements sink.Keeper.
func (s shelf) Remove(name string) { s.Spool.Remove(s.prefix + name) }

// recover takes over what a process that was killed here has left.
func (k *keeper) recover() {
	if k.off() {
		return
	}
	k.say(k.spool.Recover(func(name string, records [][]byte) {
		if !k.open.Found(name, records) && !k.adopt(name, records) {
			k.spool.Remove(name)
		}
	}))
	records(k.open.Last(), k.restore)
	k.isOpen.Store(k.open.IsSet())
	if k.replayed == 0 {
		return
	}
	k.app.log.Warn("the extension's process before this one was killed; what it had left on disk is sent now, marked replayed",
		zap.Uint64("lines", k.replayed))
	k.keep() // with its batch each line is on disk, and with what was open no more
	k.app.flushStdout()
}

func (k *keeper) restore(kind pipeline.Kept, data []byte) {
	k.app.pipeline.Restore(kind, data)
	if kind != pipeline.KeptRequest {
		k.replayed++
	}
}

// adopt hands a batch to its destination, and reports whether there is one.
func (k *keeper) adopt(name string, records [][]byte) bool {
	place, file, _ := strings.Cut(name, ".")
	key := records[0]
	for _, r := range k.app.remotes {
		if strconv.Itoa(r.place) != place || len(records) < 2 || !strings.HasSuffix(file, "-"+string(key)) {
			continue
		}
		lines := slices.DeleteFunc(records[1:], func(record []byte) bool { return bytes.Equal(record, key) })
		for i := range lines {
			lines[i] = pipeline.Replayed(lines[i])
		}
		k.replayed += uint64(len(lines))
		r.Adopt(k.shelf(r), file, string(key), lines)
		return true
	}
	return false
}

// end leaves to the next process what could not be sent, if there will be one.
func (k *keeper) end(reason string) {
	k.stopTimer()
	k.writing.Lock()
	defer k.writing.Unlock()
	k.ended = true
	switch {
	case reason == "spindown":
		k.spool.Clear()
	case !k.off():
		k.keepAll()
		k.open.Close()
	}
	k.spool.Close()
}

func (k *keeper) stopTimer() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	if k.timer != nil {
		k.timer.Stop()
	}
}

// keptSender gives up the copy of what it is about to send.
type keptSender struct {
	sink.Sender
	keeper *keeper
}

// Send implements sink.Sender.
func (s keptSender) Send(ctx context.Context, b sink.Batch) (int, error) {
	s.keeper.giveUp()
	return s.Sender.Send(ctx, b)
}

// keptMetrics are the samples of POST /metrics.
type keptMetrics struct {
	*emf.Aggregator
	keeper *keeper
}

// Record implements localhttp.Metrics.
func (m keptMetrics) Record(s emf.Sample) error {
	defer m.keeper.touch()
	return m.Aggregator.Record(s)
}
