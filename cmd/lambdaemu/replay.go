package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"powertools-extension/cmd/lambdaemu/show"
	"powertools-extension/lambdaemu"
)

// recording is what a replay needs of a recorded run.
type recording struct {
	run         recordedRun
	entries     []lambdaemu.Entry
	invocations []recordedInvocation
}

// maxRecordLine bounds one line of a recording: two bodies of 6 MiB, escaped.
const maxRecordLine = 64 << 20

func readRecording(from io.Reader) (recording, error) {
	var rec recording
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxRecordLine)
	for n := 1; lines.Scan(); n++ {
		if err := rec.add(lines.Bytes()); err != nil {
			return rec, fmt.Errorf("line %d: %w", n, err)
		}
	}
	switch {
	case lines.Err() != nil:
		return rec, lines.Err()
	case len(rec.run.Args) == 0:
		return rec, errors.New("no recording: write one with lambdaemu --record FILE")
	case len(rec.entries) == 0:
		return rec, errors.New("the recording has no end: the run was killed")
	}
	return rec, nil
}

func (rec *recording) add(line []byte) error {
	var head struct{ Type string }
	if err := json.Unmarshal(line, &head); err != nil {
		return err
	}
	switch head.Type {
	case "run":
		return json.Unmarshal(line, &rec.run)
	case "entry":
		var e recordedEntry
		err := json.Unmarshal(line, &e)
		rec.entries = append(rec.entries, lambdaemu.Entry{At: e.At, Who: e.Who, What: e.What, Detail: e.Detail})
		return err
	case "invocation":
		var inv recordedInvocation
		err := json.Unmarshal(line, &inv)
		rec.invocations = append(rec.invocations, inv)
		return err
	}
	return nil
}

// replay runs a recorded command line with the recorded events again, and shows
// where what happened differs. It returns the exit code.
func replay(ctx context.Context, args []string, p process) int {
	if len(args) != 1 || strings.HasPrefix(args[0], "-") {
		return fail(p, exitUsage, errors.New("usage: lambdaemu replay FILE, where FILE comes from --record"))
	}
	f, err := os.Open(args[0])
	if err != nil {
		return fail(p, exitUsage, err)
	}
	rec, err := readRecording(f)
	_ = f.Close()
	if err != nil {
		return fail(p, exitFailed, fmt.Errorf("%s: %w", args[0], err))
	}
	again, err := rec.again(ctx, p)
	if err != nil {
		return fail(p, exitFailed, err)
	}
	diff := show.DiffLines(rec.normalised(), again.normalised())
	if len(diff) == 0 {
		fmt.Fprintf(p.stdout, "same: %s, and the transcript of %s\n", show.Plural(len(rec.invocations), "invocation", "invocations"), rec.run.At.Format("2006-01-02 15:04:05"))
		return exitOK
	}
	fmt.Fprintf(p.stdout, "different: - recorded %s, + now\n", rec.run.At.Format("2006-01-02 15:04:05"))
	for _, line := range diff {
		fmt.Fprintln(p.stdout, line)
	}
	return exitFailed
}

// settings is the recorded command line without its files, in the directory it
// was given in.
func (rec *recording) settings() (settings, error) {
	set, err := parseFlags(rec.run.Args)
	if err != nil {
		return set, err
	}
	set.record, set.junit, set.transcript, set.logStream, set.json, set.quiet = "", "", "", "", true, true
	set.listen, set.count, set.gap = "", 0, min(set.gap, replayGap)
	set.source = source{} // its events are in the recording
	from := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(rec.run.Dir, path)
	}
	set.params = from(set.params)
	if set.dir = from(set.dir); set.dir == "" {
		set.dir = rec.run.Dir
	}
	for i := range set.extensions {
		set.extensions[i] = from(set.extensions[i])
	}
	set.invokes = nil
	for _, inv := range rec.invocations {
		set.invokes = append(set.invokes, inv.Event)
	}
	set.count = len(set.invokes)
	return set, nil
}

// replayGap bounds the pauses of a replay.
const replayGap = 2e9

func (rec *recording) again(ctx context.Context, p process) (*recording, error) {
	set, err := rec.settings()
	if err != nil {
		return nil, fmt.Errorf("recorded command line: %w", err)
	}
	if len(set.invokes) == 0 {
		return nil, errors.New("the recording has no invocation")
	}
	out := &recording{}
	quiet := p
	quiet.stdout = io.Discard
	s, err := prepare(set, quiet, false)
	if err != nil {
		return nil, err
	}
	defer s.close()
	s.events = s.events[:0]
	for _, inv := range rec.invocations {
		s.events = append(s.events, []byte(inv.Event)) // as they were, not tidied
	}
	s.view = invocationKeeper{s.view, out}
	if err := s.open(ctx); err != nil {
		s.reportStart(err)
		return nil, err
	}
	err = s.runAll(ctx)
	s.finish()
	out.entries = s.box.Transcript()
	return out, err
}

// invocationKeeper keeps the outcomes.
type invocationKeeper struct {
	show.Reporter
	rec *recording
}

func (k invocationKeeper) Invocation(o show.Outcome) {
	k.rec.invocations = append(k.rec.invocations, recordedOf(o))
}

// normalised is the run as lines without what differs between any two runs.
func (rec *recording) normalised() []string {
	var b strings.Builder
	replaced := varying()
	for _, inv := range rec.invocations {
		outcome := "ok"
		if inv.FunctionError != "" || inv.Error != "" {
			outcome = strings.TrimSpace(inv.FunctionError + " " + inv.ErrorType + " " + inv.Error)
		}
		payload := inv.Payload
		for _, v := range replaced {
			payload = v.pattern.ReplaceAllString(payload, v.name)
		}
		fmt.Fprintf(&b, "#%d %s → %s %s\n", inv.Number, inv.Event, outcome, payload)
	}
	return strings.Split(strings.TrimSuffix(b.String()+lambdaemu.Render(rec.entries), "\n"), "\n")
}

type variation struct {
	name    string
	pattern *regexp.Regexp
}

// varying is what a payload may hold that is never the same twice.
func varying() []variation {
	return []variation{
		{"<uuid>", regexp.MustCompile(`[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}`)},
		{"<trace>", regexp.MustCompile(`1-[0-9a-f]{8}-[0-9a-f]{24}`)},
		{"<time>", regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)`)},
		{"<local>", regexp.MustCompile(`127\.0\.0\.1:\d+`)},
		{"<hex>", regexp.MustCompile(`\b[0-9a-f]{16,}\b`)},
		{"<number>", regexp.MustCompile(`-?\b(?:\d+\.\d+|\d{10,})\b`)},
	}
}
