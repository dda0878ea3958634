package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
)

// The real clients, with the framed descriptor as a pipe, as a socket and
// without: each line is stored once, enriched, between START and END of its
// invocation, and there are as many as without us.
func TestLinesInPlace(t *testing.T) {
	for _, scenario := range []struct {
		name  string
		run   func(t *testing.T, l language, s *sandbox)
		limit time.Duration
	}{
		{"cold start", coldAnswers, 15 * time.Second},
		{"handler error", handlerError, 15 * time.Second},
		{"time-out", timeOut, 6 * time.Second},
	} {
		for _, name := range slices.Sorted(maps.Keys(languages())) {
			for _, descriptor := range []string{"", "pipe", "socket"} {
				if descriptor != "" && (name == "go" || name == "rust" || name == "bash") {
					continue // they write to stdout alone
				}
				t.Run(scenario.name+"/"+name+" "+descriptor, func(t *testing.T) {
					l := languages()[name]
					opt := l.options(t)
					opt.LogDescriptor, opt.Timeout = descriptor, scenario.limit
					if descriptor == "" {
						opt.LogDescriptor = "off"
					}
					if l.slow {
						opt.Timeout, opt.InitTimeout = 20*time.Second, time.Minute
					}
					opt.Env = map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t), "POWERTOOLS_EXTENSION_LOG_LEVEL": "INFO"}
					s := start(t, wrapped(t, opt, "POWERTOOLS_LOGS_MODE", "in-place"))
					scenario.run(t, l, s)
					checkInPlace(t, s)
				})
			}
		}
	}
}

// checkInPlace wants each line stored once, and its own.
func checkInPlace(t *testing.T, s *sandbox) {
	t.Helper()
	lines := s.Lines(lambdaemu.OriginFunction)
	if len(lines) == 0 {
		t.Fatal("no lines")
	}
	for _, l := range lines {
		if l.Text == "" {
			continue // Java's client ends a stack with an empty line
		}
		var object map[string]any
		if err := json.Unmarshal([]byte(l.Text), &object); err != nil {
			t.Errorf("no object: %q", l.Text)
		}
	}
	if copies := s.Enriched(); len(copies) > 0 {
		t.Errorf("%d copies", len(copies))
	}
	if order := s.Emu.LogOrder(); order.Named == 0 || order.BeforeStart > 0 || order.AfterEnd > 0 {
		t.Errorf("order of lines: %+v", order)
	}
	if sum := inPlaceLedgers(t, s); sum.HandOvers < 1 || sum.Written != len(lines) || sum.Bypassed != 0 {
		t.Errorf("ledgers %+v, and %d lines are stored", sum, len(lines))
	}
}

// inPlaceLedger is what a process of the extension says of lines in place when
// it shuts down.
type inPlaceLedger struct {
	HandOvers int `json:"hand_overs"`
	Lines     int `json:"lines"`
	Written   int `json:"written"`
	Parts     int `json:"parts"`
	Withheld  int `json:"withheld"`
	Panics    int `json:"panics"`
	Taken     int `json:"taken"`
	Bypassed  int `json:"bypassed"`
	Events    int `json:"events"`
}

// inPlaceLedgers is the sum over the processes of the sandbox.
func inPlaceLedgers(t *testing.T, s *sandbox) (sum inPlaceLedger) {
	t.Helper()
	for _, l := range s.Printed() {
		if l["in_place"] == nil {
			continue
		}
		raw, err := json.Marshal(l["in_place"])
		if err != nil {
			t.Fatal(err)
		}
		var one inPlaceLedger
		if err := json.Unmarshal(raw, &one); err != nil {
			t.Fatal(err)
		}
		sum.HandOvers += one.HandOvers
		sum.Lines += one.Lines
		sum.Written += one.Written
		sum.Parts += one.Parts
		sum.Withheld += one.Withheld
		sum.Panics += one.Panics
		sum.Taken += one.Taken
		sum.Bypassed += one.Bypassed
		sum.Events += one.Events
	}
	return sum
}
