package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"powertools-extension/cmd/lambdaemu/page"
	"powertools-extension/internal/awsemu"
	"powertools-extension/internal/redact"
	"powertools-extension/lambdaemu"
	"powertools-extension/lambdaemu/transcript"
)

// showsPage: serve mode has one unless it is switched off.
func (s *settings) showsPage() bool { return cmp.Or(s.page, fmt.Sprint(s.serves())) == "true" }

// listens: a page needs an address, and so does serve mode.
func (s *settings) listens() bool { return s.serves() || s.showsPage() }

// preparePage asks the emulator for the details that a page shows.
func (s *session) preparePage() {
	if !s.set.showsPage() && s.set.pageFile == "" {
		return
	}
	s.page = page.New(page.Options{Redact: redactor(s.opt.Env), Switches: s.switches(), Controls: &page.Controls{
		Invoke: s.pageInvoke, Fault: s.pageFault, Restart: s.pageRestart, Shutdown: func() { s.stop() },
	}})
	s.opt.Detailed, s.opt.OnEntry, s.opt.CachePort = true, s.page.Entry, s.set.cachePort(s.opt.Env)
	if s.aws != nil {
		s.aws.server.OnCall = s.calls.tell
	}
}

// cachePort is where an extension may list its cache; 0 when nothing says so.
func (s *settings) cachePort(env map[string]string) int {
	for _, w := range s.wantedPorts(env) {
		if strings.HasSuffix(w.variable, "EXTENSION_HTTP_PORT") {
			return w.port
		}
	}
	return 0
}

// redactor takes out of events and answers what the extension takes out of lines.
func redactor(env map[string]string) func([]byte) []byte {
	list := env["POWERTOOLS_LOGS_REDACT"]
	if list == "" {
		return nil
	}
	rules, _ := redact.NewRules(strings.Split(list, ",")) // the extension says what is wrong with one
	if rules == nil {
		return nil
	}
	return func(text []byte) []byte {
		out, _ := rules.Redactor().Apply(text, strings.HasPrefix(strings.TrimSpace(string(text)), "{"))
		return slices.Clone(out)
	}
}

// switches are the faults that can begin in the middle of a run, those with a
// button first.
func (s *session) switches() []page.Switch {
	titles := map[string]string{"telemetry-silent": "Telemetry lost", "function-hung": "Time-out"}
	if slices.ContainsFunc(s.set.env, func(pair string) bool { return strings.Contains(pair, lambdaemu.SinkPlaceholder) }) {
		titles["sink-hung"] = "Sink hung"
	}
	var list []page.Switch
	if s.aws != nil {
		for _, f := range awsemu.Faults() {
			list = append(list, page.Switch{Of: "aws", Name: f.Name, Arg: f.Arg, Meaning: f.Meaning, Title: map[string]string{"down": "Upstream down"}[f.Name]})
		}
	}
	for _, f := range lambdaemu.FaultNames() {
		atStart := f.Name == "port-taken" || f.Name == "shutdown-first" || f.Name == "clock-jump"
		if !atStart && (!strings.HasPrefix(f.Name, "sink-") || titles["sink-hung"] != "") {
			list = append(list, page.Switch{Of: "platform", Name: f.Name, Arg: f.Arg, Meaning: f.Meaning, Title: titles[f.Name]})
		}
	}
	return list
}

// pageBox is what the page needs of the true emulator beyond a sandbox.
type pageBox interface {
	SetFault(lambdaemu.Fault) error
	ClearFault(name string)
	Restart(context.Context) error
	Note(who, what, detail string, data any)
}

// maxAsked bounds the invocations that the page has asked for and that wait.
const maxAsked = 1000

func (s *session) pageInvoke(event []byte) {
	if s.asking.Add(1) > maxAsked {
		s.asking.Add(-1)
		return
	}
	s.asked.Go(func() {
		defer s.asking.Add(-1)
		s.invoke(s.life, lambdaemu.Request{Payload: event})
	})
}

func (s *session) pageFault(change transcript.FaultChange) error {
	box, ok := s.box.(pageBox)
	if !ok {
		return errors.New("the run has not begun")
	}
	text := change.Name
	if change.Arg != "" {
		text += ":" + change.Arg
	}
	switch {
	case change.Of == "aws":
		if err := s.forceAWS(text, change.On); err != nil {
			return err
		}
	case change.On:
		if err := box.SetFault(lambdaemu.Fault{Name: change.Name, Arg: change.Arg}); err != nil {
			return err
		}
	default:
		box.ClearFault(change.Name)
	}
	box.Note(transcript.Platform, transcript.Fault, fmt.Sprintf("%s %s %s", change.Of, text, map[bool]string{true: "on", false: "off"}[change.On]), change)
	return nil
}

// forceAWS puts a fault in place of those of the command line, from now on.
func (s *session) forceAWS(fault string, on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !on {
		fault = ""
	}
	if err := s.aws.server.SetFault(fault); err != nil {
		return err
	}
	s.aws.faults = []awsFault{{fault: fault}}
	return nil
}

func (s *session) pageRestart(ctx context.Context) error {
	box, ok := s.box.(pageBox)
	if !ok {
		return errors.New("the run has not begun")
	}
	return box.Restart(ctx)
}

// writePage writes the file of --page-file.
func (s *session) writePage() error {
	if s.set.pageFile == "" {
		return nil
	}
	f, err := os.OpenFile(s.set.pageFile, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600) // it holds events and answers
	if err != nil {
		return err
	}
	return errors.Join(s.page.WriteFile(f), f.Close())
}

// awsCalls writes the embedded AWS's calls into the transcript; those of the
// init wait until there is one.
type awsCalls struct {
	mu    sync.Mutex
	note  func(who, what, detail string, data any)
	early []awsemu.Call
}

// maxEarly bounds the calls of one init.
const maxEarly = 1000

func (c *awsCalls) tell(call awsemu.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.note != nil {
		c.write(call)
	} else if len(c.early) < maxEarly {
		c.early = append(c.early, call)
	}
}

func (c *awsCalls) open(box sandbox) {
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := box.(pageBox)
	if !ok {
		return
	}
	c.note = b.Note
	for _, call := range c.early {
		c.write(call)
	}
	c.early = nil
}

func (c *awsCalls) write(call awsemu.Call) {
	c.note("aws", transcript.CallTaken, call.Operation, transcript.AWSCall(call))
}
