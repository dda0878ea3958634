package lambdaemu

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"powertools-extension/lambdaemu/internal/child"
	"powertools-extension/lambdaemu/transcript"
)

// What Options.Detailed adds to the transcript.

const (
	cacheLimit = 200 * time.Millisecond // an extension that does not answer holds nobody longer
	cacheBytes = 1 << 20
)

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
