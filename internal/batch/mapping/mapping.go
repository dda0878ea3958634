// Package mapping asks Lambda whether an event source mapping reads which
// records of a batch failed (FunctionResponseTypes: ReportBatchItemFailures).
// Where it does not, Lambda takes an answer that names them for a success and
// deletes them.
//
// The rule a reader could break: what was found without the setting never
// reports a failure, whatever the mode; what could not be found out does only
// where the user's variable is trusted.
package mapping

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/awsapi"
)

// Caller is *awsapi.Client.
type Caller interface {
	Call(ctx context.Context, op awsapi.Operation, in, out any) error
}

// Options are the settings of a Check.
type Options struct {
	Caller Caller
	Strict bool // only what was found with the setting may report failures

	Log     *zap.Logger
	Degrade func(reason string) // is told what does not work as configured; nil: nobody

	// Go runs what is asked in the background; nil: in a goroutine.
	Go func(func())

	Now func() time.Time // nil: time.Now
}

// Timeout bounds one check, tries included.
const Timeout = time.Second

// The times after which it is asked again. A mapping that was repaired counts
// soon; where there is no answer nobody is asked often, because an account has
// few calls a second for all of its functions (Lambda quotas, "API requests").
const (
	againLacks  = time.Minute
	againUnsure = 10 * time.Minute
)

// reading is what is known of a mapping.
type reading uint8

const (
	unknown reading = iota
	reads
	lacks
	unsure
)

// Check knows the mappings of one function. Safe for concurrent use.
type Check struct {
	opt Options

	mu    sync.Mutex
	known map[key]*entry
}

type key struct{ function, source string }

type entry struct {
	reading reading
	asked   time.Time
	done    chan struct{} // closed when the call that runs is over; nil: none runs
	told    [unsure + 1]bool
}

// maxKnown bounds the sources that are remembered: a function has few.
const maxKnown = 64

// New returns a check that has asked nothing.
func New(opt Options) *Check {
	if opt.Go == nil {
		opt.Go = func(f func()) { go f() }
	}
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Log == nil {
		opt.Log = zap.NewNop()
	}
	opt.Log = opt.Log.Named("batch")
	return &Check{opt: opt, known: make(map[key]*entry)}
}

// Ask begins to find out about a mapping that is not known, and returns at
// once.
func (c *Check) Ask(function, source string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.askLocked(key{function, source}, false)
}

// askLocked returns what is known, and asks if that is nothing or has been so
// for long. failing: it matters now.
func (c *Check) askLocked(k key, failing bool) *entry {
	e := c.known[k]
	if e == nil {
		if len(c.known) >= maxKnown {
			clear(c.known)
		}
		e = &entry{}
		c.known[k] = e
	}
	now := c.opt.Now()
	since := now.Sub(e.asked)
	again := e.reading == unknown || e.reading == lacks && failing && since >= againLacks || e.reading == unsure && since >= againUnsure
	if e.done != nil || !again {
		return e
	}
	if e.reading == lacks {
		e.reading = unknown // it may have been repaired: wait and see
	}
	e.asked, e.done = now, make(chan struct{})
	c.opt.Go(func() { c.find(k, e) })
	return e
}

// Reads reports whether failures may be reported, and if not, why. It waits
// for what is being found out, no longer than Timeout and ctx.
func (c *Check) Reads(ctx context.Context, function, source string) (ok bool, why string) {
	ctx, cancel := context.WithTimeoutCause(ctx, Timeout, errTime)
	defer cancel()
	c.mu.Lock()
	e := c.askLocked(key{function, source}, true)
	wait := e.done
	if e.reading != unknown {
		wait = nil // a doubt is asked about again behind the answer
	}
	c.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			if context.Cause(ctx) != errTime {
				return false, "there was no time to check that the event source mapping has ReportBatchItemFailures"
			}
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e.reading {
	case reads:
		return true, ""
	case lacks:
		return false, "the event source mapping has no FunctionResponseTypes: [ReportBatchItemFailures]"
	}
	if c.opt.Strict {
		return false, "it could not be verified that the event source mapping has ReportBatchItemFailures (POWERTOOLS_BATCH_VERIFY=strict)"
	}
	return true, ""
}

var errTime = errors.New("the check took too long")

// find asks and keeps the answer.
func (c *Check) find(k key, e *entry) {
	found, why := unsure, "internal error"
	defer func() {
		_ = recover() // as if there were no answer
		c.keep(k, e, found, why)
	}()
	ctx, cancel := context.WithTimeout(context.Background(), Timeout)
	defer cancel()
	found, why = c.look(ctx, k)
}

func (c *Check) keep(k key, e *entry, found reading, why string) {
	c.mu.Lock()
	e.reading = found
	close(e.done)
	e.done = nil
	first := !e.told[found]
	e.told[found] = true
	c.mu.Unlock()
	switch {
	case !first:
	case found == lacks:
		c.degrade("the event source mapping has no ReportBatchItemFailures: a batch with a failed record fails as a whole; " + cure)
		c.opt.Log.Error("the event source mapping does not read which records failed and would delete them: a batch with a failed record fails as a whole, so that nothing is lost",
			zap.String("event_source", k.source), zap.String("cure", cure))
	case found == unsure:
		meaning := "POWERTOOLS_BATCH is trusted"
		if c.opt.Strict {
			meaning = "a batch with a failed record fails as a whole"
		}
		c.degrade("unverified: whether the event source mapping has ReportBatchItemFailures; " + meaning)
		c.opt.Log.Warn("whether the event source mapping reads which records failed could not be verified: "+meaning,
			zap.String("event_source", k.source), zap.String("why", why), zap.String("cure", "allow lambda:ListEventSourceMappings, or set POWERTOOLS_BATCH_VERIFY=off once the mapping has FunctionResponseTypes: [ReportBatchItemFailures]"))
	}
}

// cure is what has to be added to the event source mapping.
const cure = "add FunctionResponseTypes: [ReportBatchItemFailures] to the event source mapping"

func (c *Check) degrade(reason string) {
	if c.opt.Degrade != nil {
		c.opt.Degrade(reason)
	}
}

// look lists the mappings of the function and the source, and if there is none
// those of the function: a consumer of a stream may be known by its own ARN.
func (c *Check) look(ctx context.Context, k key) (reading, string) {
	if k.function == "" || k.source == "" {
		return unsure, "the event does not name its source"
	}
	filtered := url.Values{"FunctionName": {k.function}, "EventSourceArn": {k.source}}
	found, err := c.list(ctx, filtered, k.source)
	if err == nil && found == unknown {
		found, err = c.list(ctx, url.Values{"FunctionName": {k.function}}, k.source)
	}
	switch {
	case err != nil:
		return unsure, err.Error()
	case found == unknown:
		return unsure, "the function has no event source mapping of " + k.source
	}
	return found, ""
}

// maxPages bounds a list; a function has few mappings.
const maxPages = 10

// list judges the mappings of a list by those of the source. Where there are
// several, all must have the setting.
func (c *Check) list(ctx context.Context, query url.Values, source string) (found reading, err error) {
	for range maxPages {
		var page struct {
			NextMarker          string
			EventSourceMappings []struct {
				EventSourceArn        string
				FunctionResponseTypes []string
			}
		}
		op := awsapi.Operation{Service: awsapi.Lambda, Name: "ListEventSourceMappings"}
		if err := c.opt.Caller.Call(ctx, op, awsapi.REST{Method: "GET", Path: "/2015-03-31/event-source-mappings/", Query: query}, &page); err != nil {
			return unknown, err
		}
		for _, m := range page.EventSourceMappings {
			if m.EventSourceArn != source && !strings.HasPrefix(m.EventSourceArn, source+"/consumer/") {
				continue
			}
			if !slices.Contains(m.FunctionResponseTypes, "ReportBatchItemFailures") {
				return lacks, nil
			}
			found = reads
		}
		if page.NextMarker == "" {
			return found, nil
		}
		query.Set("Marker", page.NextMarker)
	}
	return found, nil
}
