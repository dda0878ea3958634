package localhttp_test

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/emf"
	"powertools-extension/internal/localhttp"
	"powertools-extension/internal/paramcache"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the answers of the golden exchanges")

// TestExchanges plays every file of testdata/exchanges over a socket: the
// request above the line of dashes, the whole answer below it. TOKEN stands
// for the token; the tag and the date of an answer are masked.
func TestExchanges(t *testing.T) {
	fake := &fakeParameters{get: func(_ context.Context, ref paramcache.Ref, _ paramcache.Options) (paramcache.Result, error) {
		res := paramcache.Result{
			State: paramcache.Hit, Age: 12 * time.Second,
			Value: paramcache.Value{
				Name: ref.Name, ARN: "arn:aws:example:eu-west-1:123456789012:" + ref.Name, Text: `{"user":"app","password":"<p&w>"}`, IsText: true,
				Version: "3", Type: "SecureString", DataType: pointer("text"), Modified: time.Date(2026, 1, 31, 12, 0, 0, 250_000_000, time.UTC),
				Stages: []string{"AWSCURRENT"},
			},
		}
		switch {
		case strings.HasSuffix(ref.Name, "denied"):
			return paramcache.Result{}, &paramcache.Error{Kind: paramcache.KindAccessDenied, Code: "AccessDeniedException",
				Message: "not authorized to perform ssm:GetParameter", Cure: "allow ssm:GetParameter on " + ref.Name}
		case strings.HasSuffix(ref.Name, "stale"):
			res.State, res.Err = paramcache.Stale, &paramcache.Error{Kind: paramcache.KindTimeout}
		}
		return res, nil
	}}
	refuse := func(s emf.Sample) error {
		if s.Unit == "count" {
			return &emf.LimitError{Field: "unit", Reason: `unknown unit "count": did you mean Count?`}
		}
		return nil
	}
	s := start(t, localhttp.Deps{Parameters: fake, Metrics: &fakeMetrics{refuse: refuse}}, localhttp.Options{Version: "1.2.3"})
	files, err := filepath.Glob("testdata/exchanges/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no exchanges")
	}
	tag := regexp.MustCompile(`Etag: "[A-Za-z0-9_-]{22}"`)
	day := regexp.MustCompile(`Date: [^\r\n]+`)
	const line = "--------\n"
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			request, want, _ := strings.Cut(string(content), line)
			sent := strings.ReplaceAll(strings.ReplaceAll(request, "TOKEN", token), "\n", "\r\n")
			got := raw(t, s.Addr(), sent)
			got = tag.ReplaceAllString(day.ReplaceAllString(strings.ReplaceAll(got, "\r\n", "\n"), "Date: DATE"), `Etag: "TAG"`)
			if *update {
				if err := os.WriteFile(file, []byte(request+line+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
