package main

import (
	"strings"
	"testing"

	"powertools-extension/lambdaemu"
)

// --retry tries a failed invocation again under its id and trace, until it
// succeeds or the retries are used up; without it a failure is final.
func TestRetry(t *testing.T) {
	for _, tt := range []struct {
		outcome  string
		args     string
		failures int // of the first event, then it succeeds
		want     []string
	}{
		{"no retry", "--invoke 1 --invoke 2", 1, []string{"1", "2"}},
		{"success in time", "--retry 2 --invoke 1 --invoke 2", 1, []string{"1", "1", "2"}},
		{"retries used up", "--retry 2 --invoke 1 --invoke 2", 9, []string{"1", "1", "1", "2"}},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			var got []lambdaemu.Request
			box := &fakeBox{invoke: func(_ int, req lambdaemu.Request) (lambdaemu.Response, error) {
				got = append(got, req)
				resp := lambdaemu.Response{RequestID: req.RequestID, Payload: []byte(`{}`)}
				if string(req.Payload) == "1" && len(got) <= tt.failures {
					resp.FunctionError = "Unhandled"
				}
				return resp, nil
			}}
			command(t, t.Context(), box, append(strings.Fields(tt.args), "--", "true")...)
			if len(got) != len(tt.want) {
				t.Fatalf("%d invocations, want %v", len(got), tt.want)
			}
			for i, req := range got {
				if string(req.Payload) != tt.want[i] {
					t.Errorf("invocation %d has event %s, want %s", i+1, req.Payload, tt.want[i])
				}
				again := i > 0 && tt.want[i] == tt.want[i-1]
				if again && (req.RequestID != got[i-1].RequestID || req.TraceHeader != got[i-1].TraceHeader || req.RequestID == "") {
					t.Errorf("invocation %d: %+v is no retry of %+v", i+1, req, got[i-1])
				}
				if !again && i > 0 && req.RequestID != "" && req.RequestID == got[i-1].RequestID {
					t.Errorf("invocation %d has the id of the one before", i+1)
				}
			}
		})
	}
}
