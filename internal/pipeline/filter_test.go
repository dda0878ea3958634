package pipeline

import (
	"regexp"
	"testing"

	"powertools-extension/internal/telemetry"
)

// TestIncludeExclude: the expressions see the line as the function printed it.
func TestIncludeExclude(t *testing.T) {
	lines := events(
		infoLine("order 1"), textLine("[INFO]\torder 2"), textLine("GET /health 200"), objectLine(`{"level":"DEBUG","message":"order 3"}`),
		objectLine(`{"_aws":{"CloudWatchMetrics":[]},"message":"metric","kind":"health"}`), textLine("first\norder second"),
		telemetry.Event{Kind: telemetry.KindFault, Time: t0, Line: []byte("fault")},
	)
	for _, tc := range []struct {
		name             string
		include, exclude string
		want             string
		excluded         uint64
	}{
		{"neither", "", "", "order [INFO]\\torder GET metric first\\norder fault", 0},
		{"include", "order", "", "order [INFO]\\torder first\\norder fault", 2},
		{"exclude", "", "health", "order [INFO]\\torder first\\norder fault", 2},
		{"both", "order", "2$", "order first\\norder fault", 3},
		{"the key names of the function", `"message":"order`, "", "order fault", 4},
		{"our own key names are not seen", "function_request_id", "", "fault", 6},
		{"what leaves as a time is not seen", "", "timestamp", "order [INFO]\\torder GET metric first\\norder fault", 0},
		{"start of the line", "^first", "", "first\\norder fault", 5},
		{"redaction comes later", "", "s3cret", "order [INFO]\\torder GET metric first\\norder fault", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRig(t, func(o *Options) {
				if tc.include != "" {
					o.Include = regexp.MustCompile(tc.include)
				}
				if tc.exclude != "" {
					o.Exclude = regexp.MustCompile(tc.exclude)
				}
				o.Redact = redactor(t, "re:s3cret")
			}).running()
			r.HandleEvents(lines)
			if got := firstWords(r.messages(t)); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if s := r.Stats(); s.Excluded != tc.excluded {
				t.Errorf("stats %+v, want %d excluded", s, tc.excluded)
			}
			r.balance(t)
			r.HandleEvents(events(report(testID)))
			if got := member(t, r.metrics.got[0], "log_info"); got != float64(2) {
				t.Errorf("%v INFO lines counted, want 2: excluded lines are lines, too", got)
			}
		})
	}
	r := newRig(t, func(o *Options) {
		o.Exclude, o.Redact = regexp.MustCompile("s3cret"), redactor(t, "re:s3cret")
	}).running()
	if got := r.one(textLine("a s3cret b")); got != "" || r.Stats().Excluded != 1 {
		t.Errorf("left: %s", got)
	}
}

// firstWords leaves out numbers and what is behind them.
func firstWords(s string) string {
	return regexp.MustCompile(` (/\S+|\d+|second)`).ReplaceAllString(s, "")
}
