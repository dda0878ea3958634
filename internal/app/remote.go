package app

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"

	"powertools-extension/internal/config"
	"powertools-extension/internal/flush"
	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/cloudwatch"
	"powertools-extension/internal/sink/firehose"
	"powertools-extension/internal/sink/httppost"
	"powertools-extension/internal/sink/ndjson"
	"powertools-extension/internal/sink/otlp"
)

// noTryTimeout leaves the bound of a try to the flush it belongs to, which
// counts time awake. A timer of the try's own would be over at the thaw, and
// blame the receiver for the freeze.
const noTryTimeout = 24 * time.Hour

// remote is one destination behind a network.
type remote struct {
	*sink.Guarded
	place     int    // in POWERTOOLS_LOGS_DESTINATION
	closeIdle func() // drops its connections; nil: it uses the AWS client's
	half      uint64 // pending bytes from which its buffer counts as half full
}

// remotes are all of them. They implement flush.Sinks.
type remotes []*remote

// newWaysOut builds what is behind a network. With stdout alone there is
// nothing, and nothing of this exists.
func (a *App) newWaysOut() waysOut {
	w := waysOut{log: a.log, guard: a.guard}
	for place, d := range a.cfg.LogsDestinations {
		if !d.Remote() {
			continue
		}
		r, err := a.newRemote(place, d)
		if err != nil {
			a.degrade(d.String(), err.Error())
			a.problems = append(a.problems, config.Problem{Var: "POWERTOOLS_LOGS_DESTINATION", Reason: "entry " + strconv.Itoa(place+1) + " is not usable", Used: "the other entries"})
			a.log.Error("log destination not usable; the others work", zap.Stringer("destination", d), zap.Error(err))
			continue
		}
		w.remotes = append(w.remotes, r)
	}
	if len(w.remotes) == 0 {
		return w
	}
	mode := flush.Mode(a.cfg.Flush)
	w.scheduler = flush.New(w.remotes, flush.Options{
		Mode:      mode,
		Budget:    a.cfg.FlushBudget,
		Buffering: mode.Buffering(a.managed()),
		Managed:   a.managed(),
		Log:       a.log,
	})
	w.spool = newBatchSpool(a.cfg, w.remotes, a.log, a.guard)
	return w
}

func (a *App) managed() bool { return a.cfg.InitType == managedInstances }

// outlet is what the packages of the receivers return.
type outlet interface {
	sink.Sender
	Name() string // for logs and the ledger; never with a key
}

func (a *App) newRemote(place int, d config.Destination) (*remote, error) {
	out, bounds, err := a.newSender(d)
	if err != nil {
		return nil, err
	}
	r := &remote{
		place:   place,
		Guarded: sink.NewGuarded(out, sink.GuardOptions{Name: out.Name(), Buffer: bounds, TryTimeout: noTryTimeout, Log: a.log}),
		half:    uint64(a.cfg.BufferBytes) / 2,
	}
	if c, ok := out.(interface{ CloseIdle() }); ok {
		r.closeIdle = c.CloseIdle
	}
	return r, nil
}

// newSender is the table of receivers.
func (a *App) newSender(d config.Destination) (outlet, sink.Options, error) {
	size := a.cfg.BufferBytes
	switch d.Kind {
	case config.CloudWatch:
		return cloudwatch.New(a.aws, d.Group, d.Stream, cloudwatch.Options{
			FunctionName: a.cfg.FunctionName, FunctionVersion: a.cfg.FunctionVersion,
		}), cloudwatch.Bounds(size), nil
	case config.Firehose:
		return firehose.New(a.aws, d.Stream, firehose.Options{}), firehose.Bounds(size), nil
	case config.HTTP:
		s, err := ndjson.New(d.URL, a.headers(), httppost.Options{UserAgent: a.userAgent()})
		return s, ndjson.Bounds(size), err
	case config.OTLP:
		s, err := otlp.New(d.URL, a.headers(), a.resource, httppost.Options{UserAgent: a.userAgent()})
		return s, otlp.Bounds(size), err
	}
	return nil, sink.Options{}, fmt.Errorf("no sender for %s", d.Kind)
}

// resource is what an OTLP receiver is told about the sandbox, at the first
// batch: the account is known from registration only.
func (a *App) resource() otlp.Resource {
	return otlp.Resource{
		ServiceName:      a.cfg.Service,
		FunctionName:     a.cfg.FunctionName,
		FunctionVersion:  a.cfg.FunctionVersion,
		MemoryMB:         a.cfg.MemoryMB,
		Region:           a.cfg.Region,
		AccountID:        a.account.id(),
		ExtensionVersion: a.deps.Version,
	}
}

func (a *App) userAgent() string { return "powertools-extension/" + a.deps.Version }

// Flush implements flush.Sinks: all side by side, so that one that hangs
// keeps no other from its work. What goes wrong is counted and said by the
// outlet itself.
func (rs remotes) Flush(ctx context.Context, how flush.How) {
	var wg sync.WaitGroup
	for _, r := range rs {
		switch {
		case how == flush.Last:
			wg.Go(func() { _ = r.Drain(ctx) })
		case how == flush.Beside || r.Ready():
			wg.Go(func() { _ = r.Guarded.Flush(ctx) })
		}
	}
	wg.Wait()
}

// Condition implements flush.Sinks.
func (rs remotes) Condition() (c flush.Condition) {
	for _, r := range rs {
		pending := r.Stats().Pending
		health := r.Health()
		c.Pending = c.Pending || pending.Lines > 0
		c.Pressed = c.Pressed || pending.Bytes >= r.half
		c.Working = c.Working || r.Ready()
		c.Probe = c.Probe || !health.Disabled && health.State == sink.Probing && pending.Lines > 0
	}
	return c
}

// forget drops all connections.
func (rs remotes) forget() {
	for _, r := range rs {
		if r.closeIdle != nil {
			r.closeIdle()
		}
	}
}

// wants reports whether lines go to stdout.
func (a *App) wantsStdout() bool {
	return slices.ContainsFunc(a.cfg.LogsDestinations, func(d config.Destination) bool { return !d.Remote() })
}
