package logpipe

// draining is one channel's part of a drain.
type draining struct {
	c     *channel
	done  chan struct{}
	taken <-chan struct{}
}

// drain begins to bring out what stands in the channel now. nil: nothing does.
// given is closed when nobody waits any more.
func (c *channel) drain(given <-chan struct{}) *draining {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	target := c.read + uint64(readable(c.fd))
	d := &draining{c: c, done: make(chan struct{})}
	if c.gen == 0 {
		d.taken = c.taken
	}
	idle := len(c.released) == 0
	c.mu.Unlock()
	select {
	case c.turn <- struct{}{}:
		if c.ended || idle && target == c.read && len(c.buf) == 0 {
			<-c.turn
			return nil
		}
		go c.bringUpTo(target, d)
	default:
		go func() {
			select {
			case c.turn <- struct{}{}:
				c.bringUpTo(target, d)
			case <-given:
				close(d.done)
			case <-c.gone:
				close(d.done)
			}
		}()
	}
	return d
}

// bringUpTo has the turn.
func (c *channel) bringUpTo(target uint64, d *draining) {
	c.write(c.takeReleased())
	for !c.ended && c.read < target {
		n, err := c.fill(int(min(target-c.read, readSize)))
		if !c.bring(n, err) {
			return // whoever has the turn now says so
		}
		if n == 0 {
			break
		}
	}
	if !c.ended && len(c.buf) > 0 && !c.work(pause) {
		return
	}
	close(d.done)
	<-c.turn
}
