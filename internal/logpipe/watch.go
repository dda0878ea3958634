package logpipe

import (
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
)

// Time that rules may take for what was read at once. It is counted in ticks,
// of which a freeze of the sandbox is at most one: what was frozen did not
// hang.
const (
	tick      = 10 * time.Millisecond
	mostTicks = 5
	idleTicks = 20 // without work, after which nobody ticks
)

// watch sees rules that hang. It ticks only while there is something to see.
type watch struct {
	p      *Pipes
	call   chan struct{}
	quit   chan struct{}
	asleep atomic.Bool
	once   sync.Once
	ending sync.Once
}

func (w *watch) init(p *Pipes) {
	w.p, w.call, w.quit = p, make(chan struct{}, 1), make(chan struct{})
	w.asleep.Store(true)
}

// wake is called when rules begin to work. It mostly costs the look at asleep.
func (w *watch) wake() {
	if w.asleep.Load() && w.asleep.CompareAndSwap(true, false) {
		w.once.Do(func() { go w.run() })
		w.call <- struct{}{}
	}
}

func (w *watch) stop() { w.ending.Do(func() { close(w.quit) }) }

func (w *watch) run() {
	type sight struct {
		work  uint64
		ticks int
	}
	seen := map[*channel]sight{}
	ticker := time.NewTicker(time.Hour)
	defer ticker.Stop()
	for {
		select {
		case <-w.call:
		case <-w.quit:
			return
		}
		ticker.Reset(tick)
		for idle := 0; idle < idleTicks; {
			select {
			case <-ticker.C:
			case <-w.quit:
				return
			}
			idle++
			for _, c := range w.p.channels() {
				at, before := c.working.Load(), seen[c]
				switch {
				case at == 0:
					delete(seen, c)
					continue
				case at != before.work:
					seen[c] = sight{work: at}
				case before.ticks+1 < mostTicks:
					seen[c] = sight{at, before.ticks + 1}
				default:
					delete(seen, c)
					c.seize(at)
				}
				idle = 0
			}
		}
		ticker.Reset(time.Hour)
		clear(seen)
		w.asleep.Store(true)
		for _, c := range w.p.channels() { // begun while it still seemed awake
			if c.working.Load() != 0 {
				w.wake()
			}
		}
	}
}

// seize takes the channel away from rules that hang, for good.
func (c *channel) seize(at uint64) {
	c.mu.Lock()
	if c.working.Load() != at {
		c.mu.Unlock()
		return // just in time
	}
	c.gen++
	c.working.Store(0)
	had := c.settled
	// From here on the turn is ours.
	rest := append([]byte(nil), c.buf[had.pos:]...)
	c.mu.Unlock()
	c.p.stats.taken.Add(1)
	c.p.log.Error("rules for log lines did not return: the lines of this descriptor pass without them from now on; please report it",
		zap.Bool("framed", c.framed), zap.Bool("withheld", c.p.opt.Withhold))
	c.p.opt.Degrade("rules for log lines did not return; lines pass without them")
	go c.goOn(had, rest)
}

// goOn finishes what the rules had, without them.
func (c *channel) goOn(had settled, rest []byte) {
	ran := c.inRun.Load()
	c.rules, c.buf, c.cutter, c.spare = nil, rest, had.cutter, nil
	c.write(had.out)
	c.work(open)
	close(c.taken)
	c.inRun.Store(false)
	<-c.turn
	if ran {
		go c.run()
	}
}
