package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"powertools-extension/lambdaemu"
)

// The same function with copies and in place, side by side: as many lines of
// the function's, and no copy of any.
func TestInPlaceBesideCopies(t *testing.T) {
	var sides [2]string
	var counts, copies [2]int
	for i, mode := range []string{"copy", "in-place"} {
		opt := languages()["python"].options(t)
		opt.Timeout, opt.Env = 15*time.Second, map[string]string{"AWS_ENDPOINT_URL": embeddedAWS(t)}
		s := start(t, wrapped(t, opt, "POWERTOOLS_LOGS_MODE", mode, "POWERTOOLS_RUNTIME_PROXY", "on"))
		handlerError(t, languages()["python"], s)
		lines := s.Lines(lambdaemu.OriginFunction)
		counts[i], copies[i] = len(lines), len(s.Enriched())
		var b strings.Builder
		for _, l := range lines {
			fmt.Fprintf(&b, "function  %s\n", l.Text)
		}
		for _, l := range s.Lines(lambdaemu.OriginExtension) {
			if strings.Contains(l.Text, `"service":"orders"`) && !strings.Contains(l.Text, "_aws") && !strings.Contains(l.Text, "lifetime_ms") {
				fmt.Fprintf(&b, "extension %s\n", l.Text)
			}
		}
		sides[i] = "-- " + mode + " --\n" + anonymous(b.String())
	}
	if counts[0] != counts[1] || copies[0] != counts[0] || copies[1] != 0 {
		t.Errorf("lines of the function %v, copies %v", counts, copies)
	}
	golden(t, "inplace-beside-copies.golden", sides[0]+sides[1])
}

// anonymous takes out what differs from run to run.
func anonymous(text string) string {
	for _, r := range [][2]string{
		{`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "<id>"}, {`1-[0-9a-f]{8}-[0-9a-f]{24}`, "<trace>"},
		{`\d{4}-\d\d-\d\dT[\d:.]+Z`, "<time>"}, {`(\w+_ms|ms|line)"?: ?[\d.]+`, "$1:<n>"}, {`File \\?"[^"]*/`, `File "…/`},
	} {
		text = regexp.MustCompile(r[0]).ReplaceAllString(text, r[1])
	}
	return text
}

// What a runtime says last when it ends by itself is stored, with its request.
func TestInPlaceCrash(t *testing.T) {
	opt := printing(t, "POWERTOOLS_LOGS_MODE", "in-place")
	s := start(t, opt)
	res := s.Invoke(`{"do":"crashes"}`)
	if res.ErrorType != "Runtime.ExitError" {
		t.Errorf("%+v", res)
	}
	s.Shutdown()
	found := false
	for _, l := range s.Lines(lambdaemu.OriginFunction) {
		found = found || strings.Contains(l.Text, "last words") && strings.Contains(l.Text, res.RequestID)
	}
	if !found {
		t.Error("the last words are lost")
	}
}
