package lambdaemu

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"powertools-extension/lambdaemu/internal/child"
	"powertools-extension/lambdaemu/transcript"
)

// What Options.Detailed adds to the transcript.

const (
	cacheLimit = 200 * time.Millisecond // an extension that does not answer holds nobody longer
	cacheBytes = 1 << 20
)

// notes writes what the platform knows about a run beyond who called what.
type notes struct {
	opt    *Options
	script *transcript.Log
}

// noteLine is a line that reached the log now.
func (p *printer) noteLine(line Line) {
	if !p.opt.Detailed {
		return
	}
	who := or(line.Name, map[Origin]string{OriginFunction: whoRuntime, OriginPlatform: whoPlatform}[line.Origin])
	p.script.AddData(who, transcript.LineTaken, "", transcript.Line{
		Origin: string(line.Origin), Printed: line.Time, Taken: time.Now(), Framed: line.Framed, Text: line.Text,
	})
}

// run says what runs.
func (n notes) run() {
	if !n.opt.Detailed {
		return
	}
	o := n.opt
	n.script.AddData(whoPlatform, transcript.RunTaken, o.FunctionName, transcript.Run{
		Function: o.FunctionName, Runtime: o.Runtime, InitType: o.InitType, LogFormat: o.LogFormat, MemoryMB: o.MemoryMB,
		Timeout: o.Timeout, Concurrency: max(o.Concurrency, 1), Freezes: !o.NoFreeze,
	})
}

func (n notes) init(phase string, took time.Duration, failed *failure) {
	data := transcript.InitEnd{Phase: phase, Status: statusSuccess, Took: took}
	if failed != nil {
		data.Status, data.ErrorType = failed.status, failed.errorType
	}
	n.script.AddData(whoPlatform, transcript.InitDone, initOutcome(failed), data)
}

// invocation is where an invocation begins; its event is told to who asked
// for details.
func (n notes) invocation(inv *invocation) {
	data := transcript.Invocation{RequestID: inv.id, Number: inv.number, Began: inv.start, Deadline: inv.deadline}
	if n.opt.Detailed && json.Valid(inv.req.Payload) {
		data.Event = slices.Clone(inv.req.Payload)
	}
	n.script.AddData(whoPlatform, transcript.Invoke, inv.id, data)
}

// outcome is what the client and the bill have of an invocation.
func (n notes) outcome(status string, r Response) {
	if !n.opt.Detailed {
		return
	}
	n.script.AddData(whoPlatform, transcript.OutcomeTaken, status+" "+r.RequestID, transcript.Outcome{
		RequestID: r.RequestID, Status: status, ErrorType: r.ErrorType, Failed: r.FunctionError != "", Cold: r.ColdStart,
		Init: r.Init, Restore: r.Restore, Latency: r.Latency, Duration: r.Duration, PostRuntime: r.PostRuntime, Billed: r.Billed,
		MemoryMB: r.MaxMemoryUsedMB, Pending: r.TelemetryPending, Dropped: r.TelemetryDropped, Payload: r.Payload,
	})
}

func (n notes) shutdown(exit Exit, stats TelemetryStats) {
	data := transcript.Ending{Reason: exit.Reason, Took: exit.Duration, Events: stats.Events, Delivered: stats.Delivered, Lost: stats.Lost}
	for _, x := range exit.Extensions {
		data.Extensions = append(data.Extensions, transcript.Exit{Name: x.Name, Code: x.Code, Killed: x.Killed, Unsubscribed: x.Unsubscribed, After: x.After})
	}
	n.script.AddData(whoPlatform, transcript.ShutdownEnd, "", data)
}

// noteEnd says how the extensions stand after an invocation. They still run.
func (s *sandbox) noteEnd() {
	if !s.opt.Detailed {
		return
	}
	for _, a := range s.ext.alive() {
		u := child.UsageOf(a.proc.PID())
		usage := transcript.Usage{CPU: u.CPU, RSSKB: u.RSSKB, PeakKB: u.PeakKB}
		s.script.AddData(a.name, transcript.UsageTaken, fmt.Sprintf("CPU %s, memory %d kB, at most %d kB", usage.CPU, usage.RSSKB, usage.PeakKB), usage)
	}
	if s.opt.CachePort != 0 {
		if cache := s.askCache(); cache != nil {
			s.script.AddData(whoPlatform, transcript.CacheTaken, fmt.Sprintf("%d bytes", len(cache)), cache)
		}
	}
}

// askCache returns nil when there is no answer or it is no JSON.
func (s *sandbox) askCache() transcript.Cache {
	ctx, cancel := context.WithTimeout(context.Background(), cacheLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/parameters/cache", s.opt.CachePort), nil)
	if err != nil {
		return nil
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", s.currentCredentials().Token)
	req.Close = true
	resp, err := s.cacheClient.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, cacheBytes))
	if err != nil || resp.StatusCode != http.StatusOK || !json.Valid(body) {
		return nil
	}
	return body
}

// Note adds an entry to the transcript from outside, as of an AWS emulator's calls;
// data may be nil. It must not be called by a hook.
func (e *Emulator) Note(who, what, detail string, data any) {
	e.script.AddData(who, what, detail, data)
}
