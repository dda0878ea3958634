package lambdaemu

import (
	"fmt"
	"iter"
	"strings"
	"sync"

	"powertools-extension/lambdaemu/internal/child"
	"powertools-extension/lambdaemu/transcript"
)

// Values of Options.LogDescriptor.
const (
	descriptorPipe   = "pipe"
	descriptorSocket = "socket"
	descriptorOff    = "off"
)

func (o *Options) defaultDescriptor() string {
	if o.osOnly() || o.managed() {
		return descriptorOff
	}
	return descriptorPipe
}

func (o *Options) checkDescriptor() error {
	switch o.LogDescriptor {
	case descriptorOff:
		return nil
	case descriptorPipe, descriptorSocket:
		if o.managed() {
			return fmt.Errorf("log descriptor %s: managed instances have none, their workers connect to a socket, which is not emulated; use off", o.LogDescriptor)
		}
		return nil
	}
	return fmt.Errorf("log descriptor %q: use pipe, socket or off", o.LogDescriptor)
}

func (o *Options) framed() child.Kind {
	switch o.LogDescriptor {
	case descriptorPipe:
		return child.Pipe
	case descriptorSocket:
		return child.Socket
	}
	return child.None
}

// logPace is how fast the function's output is read, in bytes per second.
func (s *sandbox) logPace() int {
	n, _ := s.faults.Value("log-reader-slow")
	return n
}

// remembered bounds the requests that are known to the check.
const remembered = 1000

// LogOrderStats count the function's lines that name a request by its id, a UUID;
// not on managed instances.
type LogOrderStats struct {
	Named       int // lines that name a request that was invoked
	BeforeStart int // that came before START of their request
	AfterEnd    int // that came after END of their request, which had answered
}

// logOrder checks what whoever stands between the function and its log
// descriptors must keep: START before, END after every line of a request that
// answered. A line that is printed after the answer may come late without anybody's
// fault. A nil one checks nothing.
type logOrder struct {
	script *transcript.Log

	mu    sync.Mutex
	state map[string]lineState
	ids   []string // the keys of state, oldest first
	stats LogOrderStats
}

// lineState is what has been said of an id.
type lineState int

const (
	idNamed   lineState = iota // in a line, before any START
	idStarted                  // START is out, and after it no END of an answered request
	idEnded
)

func newLogOrder(script *transcript.Log) *logOrder {
	return &logOrder{script: script, state: make(map[string]lineState)}
}

// line hands a line on and looks at it in one step, so that the order that is
// checked is the one that is seen. ends is the id whose END the line is, or "".
func (o *logOrder) line(line Line, ends string, tell func(Line)) {
	if o == nil {
		tell(line)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	tell(line)
	if ends != "" {
		o.setLocked(ends, idEnded)
	}
	if line.Origin == OriginFunction {
		for id := range uuids(line.Text) {
			o.namedLocked(id)
		}
	}
}

// start comes before the line START.
func (o *logOrder) start(id string) {
	if o == nil {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if state, there := o.state[id]; there && state == idNamed {
		o.stats.Named++
		o.stats.BeforeStart++
		o.script.Add(whoRuntime, transcript.LogOrder, "a line came before START of "+id)
	}
	o.setLocked(id, idStarted)
}

func (o *logOrder) namedLocked(id string) {
	state, there := o.state[id]
	switch {
	case !there:
		o.setLocked(id, idNamed)
	case state == idStarted:
		o.stats.Named++
	case state == idEnded:
		o.stats.Named++
		o.stats.AfterEnd++
		o.script.Add(whoRuntime, transcript.LogOrder, "a line came after END of "+id)
	}
}

func (o *logOrder) setLocked(id string, state lineState) {
	if _, there := o.state[id]; !there {
		if len(o.ids) == remembered {
			delete(o.state, o.ids[0])
			o.ids = o.ids[1:]
		}
		o.ids = append(o.ids, id)
	}
	o.state[id] = state
}

// LogOrder returns what the lines of the function so far show of their order.
func (e *Emulator) LogOrder() LogOrderStats {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	return e.log.stats
}

// uuids are the identifiers in a text.
func uuids(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for at := 0; ; {
			i := strings.IndexByte(text[at:], '-')
			if i < 0 {
				return
			}
			at += i + 1
			if from, to := at-9, at+27; from >= 0 && to <= len(text) && isUUID(text[from:to]) {
				if !yield(text[from:to]) {
					return
				}
				at = to
			}
		}
	}
}
