package app

import (
	"fmt"
	"slices"
	"strconv"

	"go.uber.org/zap"

	"powertools-extension/internal/config"
	"powertools-extension/internal/flush"
	"powertools-extension/internal/remote"
	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/cloudwatch"
	"powertools-extension/internal/sink/firehose"
	"powertools-extension/internal/sink/httppost"
	"powertools-extension/internal/sink/ndjson"
	"powertools-extension/internal/sink/otlp"
)

// newWaysOut builds what is behind a network. With stdout alone there is
// nothing, and nothing of this exists.
func (a *App) newWaysOut() remote.Ways {
	var outlets remote.Outlets
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
		outlets = append(outlets, r)
	}
	outlets = append(outlets, a.spans.Outlets()...)
	mode := flush.Mode(a.cfg.Flush)
	return remote.New(outlets, remote.Options{
		Flush: flush.Options{
			Mode:      mode,
			Budget:    a.cfg.FlushBudget,
			Buffering: mode.Buffering(a.managed()),
			Managed:   a.managed(),
			Log:       a.log,
		},
		SpoolBytes: a.cfg.SpoolBytes, Managed: a.managed(), Snapshot: a.cfg.InitType == snapStart,
		Guard: a.guard, Log: a.log,
	})
}

func (a *App) managed() bool { return a.cfg.InitType == managedInstances }

// outlet is what the packages of the receivers return.
type outlet interface {
	sink.Sender
	Name() string // for logs and the ledger; never with a key
}

func (a *App) newRemote(place int, d config.Destination) (*remote.Outlet, error) {
	out, bounds, err := a.newSender(d)
	if err != nil {
		return nil, err
	}
	r := &remote.Outlet{
		Place:   place,
		Guarded: sink.NewGuarded(out, sink.GuardOptions{Name: out.Name(), Buffer: bounds, TryTimeout: remote.NoTryTimeout, Log: a.log}),
		Half:    uint64(a.cfg.BufferBytes) / 2,
	}
	if c, ok := out.(interface{ CloseIdle() }); ok {
		r.CloseIdle = c.CloseIdle
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
		s, err := ndjson.New(d.URL, a.headersOf(a.cfg.LogsHTTPHeaders), httppost.Options{UserAgent: a.userAgent()})
		return s, ndjson.Bounds(size), err
	case config.OTLP:
		s, err := otlp.New(d.URL, a.headersOf(a.cfg.LogsHTTPHeaders), a.resource, httppost.Options{UserAgent: a.userAgent()})
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

// wants reports whether lines go to stdout.
func (a *App) wantsStdout() bool {
	return slices.ContainsFunc(a.cfg.LogsDestinations, func(d config.Destination) bool { return !d.Remote() })
}
