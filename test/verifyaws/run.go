package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// probe is one function to deploy, and how it is called.
type probe struct {
	name    string
	runtime string            // provided.al2023 or python3.13
	env     map[string]string // of the function
	layers  []string          // beside the probe's own extension
	place   bool              // with the layer that is tried, and its wrapper
	managed string            // capacity provider; empty: on demand
	calls   []invocation
}

// invocation is one event for a probe.
type invocation struct {
	payload string
	async   bool // as events come from S3 or SNS, with two more tries
	atOnce  int  // so many at the same time
}

// platform is Lambda, or what stands for it in tests.
type platform interface {
	deploy(ctx context.Context, p probe) error
	invoke(ctx context.Context, p probe, call invocation) error
	retire(ctx context.Context, p probe) error // has the sandbox shut down
	settle(ctx context.Context) error          // waits until retries are over and logs are there
	logs(ctx context.Context, p probe) ([]string, error)
	traces(ctx context.Context, ids []string) (map[string]string, error)
	remove(ctx context.Context) error // everything that was made
}

// probes are what is deployed for the questions; some need what not everybody has.
func probes(layer, parametersLayer, capacity string) []probe {
	all := []probe{
		{name: "custom", runtime: "provided.al2023", calls: []invocation{
			{payload: `{"name":"first","hosts":["sandbox.localdomain","sandbox"]}`},
			{payload: `{"name":"fails","fail":true}`},
			{payload: `{"name":"async","fail":true}`, async: true},
			{payload: `{"name":"last"}`},
		}},
		{name: "python", runtime: "python3.13", calls: []invocation{{payload: `{"name":"python"}`}}},
	}
	if layer != "" {
		all = append(all, probe{name: "inplace", runtime: "python3.13", place: true, calls: []invocation{{payload: `{"name":"in place"}`}, {payload: `{"name":"again"}`}},
			env: map[string]string{"POWERTOOLS_LOGS_MODE": "in-place", "AWS_LAMBDA_EXEC_WRAPPER": "/opt/powertools-wrapper", "POWERTOOLS_SERVICE_NAME": "verify"}})
	}
	if parametersLayer != "" {
		all = append(all, probe{name: "parameters", runtime: "provided.al2023", layers: []string{parametersLayer},
			calls: []invocation{{payload: `{"name":"missing","get":"/systemsmanager/parameters/get?name=verify-powertools-missing"}`}}})
	}
	if capacity != "" {
		all = append(all, probe{name: "managed", runtime: "provided.al2023", managed: capacity, calls: []invocation{{payload: `{"name":"managed"}`, atOnce: 50}}})
	}
	return all
}

// collect deploys, calls, waits, and reads what was left. What was made is
// removed, whatever happened.
func collect(ctx context.Context, on platform, all []probe, say func(format string, args ...any)) (e *evidence, err error) {
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute) // also after ctrl-c
		defer cancel()
		say("removing what was made")
		err = errors.Join(err, on.remove(ctx))
	}()
	for _, p := range all {
		say("deploying %s", p.name)
		if err := on.deploy(ctx, p); err != nil {
			return nil, fmt.Errorf("deploy %s: %w", p.name, err)
		}
	}
	for _, p := range all {
		for _, call := range p.calls {
			if err := on.invoke(ctx, p, call); err != nil {
				return nil, fmt.Errorf("invoke %s: %w", p.name, err)
			}
		}
	}
	say("waiting for retries, and for the logs")
	if err := on.settle(ctx); err != nil {
		return nil, err
	}
	for _, p := range all {
		if err := on.retire(ctx, p); err != nil {
			return nil, fmt.Errorf("retire %s: %w", p.name, err)
		}
	}
	if err := on.settle(ctx); err != nil {
		return nil, err
	}
	e = &evidence{lines: map[string][]string{}}
	for _, p := range all {
		if e.lines[p.name], err = on.logs(ctx, p); err != nil {
			return nil, fmt.Errorf("read the log of %s: %w", p.name, err)
		}
	}
	var ids []string
	for _, f := range e.facts("custom", "xray_sent") {
		ids = append(ids, fmt.Sprint(f["trace_id"]))
	}
	if e.traces, err = on.traces(ctx, ids); err != nil {
		return nil, fmt.Errorf("ask X-Ray: %w", err)
	}
	return e, nil
}
