package lambdaemu

import "sync"

// notifier calls OnLine and OnEntry from one goroutine, so that a slow hook
// delays neither the APIs nor a process that is being frozen. Hooks must not
// call the emulator and wait for it.
type notifier struct {
	onLine  func(Line)
	onEntry func(Entry)

	mu     sync.Mutex
	cond   *sync.Cond
	queue  []notice
	queued int // ever
	told   int // ever
	closed bool
	done   chan struct{}
}

type notice struct {
	line  *Line
	entry *Entry
}

// notifierRoom is the queue length at which the readers of process output wait:
// a function that prints faster than the hook can take blocks on its pipe.
const notifierRoom = 10_000

func newNotifier(onLine func(Line), onEntry func(Entry)) *notifier {
	n := &notifier{onLine: onLine, onEntry: onEntry, done: make(chan struct{})}
	n.cond = sync.NewCond(&n.mu)
	go n.run()
	return n
}

func (n *notifier) line(line Line) {
	if n.onLine != nil {
		n.put(notice{line: &line})
	}
}

func (n *notifier) entry(entry Entry) {
	if n.onEntry != nil {
		n.put(notice{entry: &entry})
	}
}

func (n *notifier) put(item notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.queue = append(n.queue, item)
	n.queued++
	n.cond.Broadcast()
}

// flush returns when the hooks have seen everything that is queued now, so that
// the lines of an invocation are out before Invoke returns.
func (n *notifier) flush() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for target := n.queued; n.told < target; {
		n.cond.Wait()
	}
}

// waitRoom blocks while the hooks are far behind.
func (n *notifier) waitRoom() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.queue) > notifierRoom && !n.closed {
		n.cond.Wait()
	}
}

// close returns when the hooks have seen everything.
func (n *notifier) close() {
	n.mu.Lock()
	n.closed = true
	n.cond.Broadcast()
	n.mu.Unlock()
	<-n.done
}

func (n *notifier) run() {
	defer close(n.done)
	for {
		batch, open := n.take()
		for _, item := range batch {
			n.call(item)
		}
		n.tellDone(len(batch))
		if !open {
			return
		}
	}
}

func (n *notifier) take() ([]notice, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for len(n.queue) == 0 && !n.closed {
		n.cond.Wait()
	}
	batch := n.queue
	n.queue = nil
	n.cond.Broadcast()
	return batch, len(batch) > 0 || !n.closed
}

func (n *notifier) tellDone(count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told += count
	n.cond.Broadcast()
}

func (n *notifier) call(item notice) {
	if item.line != nil {
		n.onLine(*item.line)
		return
	}
	n.onEntry(*item.entry)
}
