package mapping_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/batch/mapping"
)

const (
	function = "arn:aws:lambda:eu-west-1:123456789012:function:f:live"
	queue    = "arn:aws:sqs:eu-west-1:123456789012:q"
)

// lister answers with pages: a list of ARNs, those with the setting marked by
// a plus; "…" leads to the next page.
type lister struct {
	pages map[string]string // by EventSourceArn and Marker
	took  time.Duration
	err   error
	asked []url.Values
}

func (l *lister) Call(ctx context.Context, op awsapi.Operation, in, out any) error {
	rest := in.(awsapi.REST)
	if op.Service != awsapi.Lambda || op.Name != "ListEventSourceMappings" || rest.Method != "GET" || rest.Path != "/2015-03-31/event-source-mappings/" {
		return fmt.Errorf("%+v %+v", op, rest)
	}
	query := url.Values{}
	for name := range rest.Query {
		query.Set(name, rest.Query.Get(name))
	}
	l.asked = append(l.asked, query)
	select {
	case <-time.After(l.took):
	case <-ctx.Done():
		return ctx.Err()
	}
	if l.err != nil {
		return l.err
	}
	text, more := strings.CutSuffix(l.pages[query.Get("EventSourceArn")+query.Get("Marker")], "…")
	var list []string
	for arn := range strings.FieldsSeq(text) {
		arn, with := strings.CutSuffix(arn, "+")
		types := ""
		if with {
			types = `"ReportBatchItemFailures"`
		}
		list = append(list, fmt.Sprintf(`{"EventSourceArn":%q,"FunctionResponseTypes":[%s]}`, arn, types))
	}
	next := ""
	if more {
		next = `,"NextMarker":"next"`
	}
	return json.Unmarshal([]byte(`{"EventSourceMappings":[`+strings.Join(list, ",")+`]`+next+`}`), out)
}

// TestWhatMayBeReported: each thing that may be found, in both modes.
func TestWhatMayBeReported(t *testing.T) {
	const yes, no, lax = "yes", "no", "only auto"
	for _, tt := range []struct {
		name  string
		list  lister
		may   string
		calls int
	}{
		{"with the setting", lister{pages: map[string]string{queue: queue + "+"}}, yes, 1},
		{"without", lister{pages: map[string]string{queue: queue}}, no, 1},
		{"two, one without", lister{pages: map[string]string{queue: queue + "+ " + queue}}, no, 1},
		{"on the second page", lister{pages: map[string]string{queue: "…", queue + "next": queue + "+"}}, yes, 2},
		{"without on the second page", lister{pages: map[string]string{queue: queue + "+…", queue + "next": queue}}, no, 2},
		{"none", lister{}, lax, 2},
		{"a consumer of it", lister{pages: map[string]string{"": "arn:other " + queue + "/consumer/c:1+"}}, yes, 2},
		{"a consumer without", lister{pages: map[string]string{"": queue + "/consumer/c:1"}}, no, 2},
		{"another's", lister{pages: map[string]string{"": queue + "2+"}}, lax, 2},
		{"not permitted", lister{err: errors.New("AccessDeniedException")}, lax, 1},
		{"late", lister{took: time.Hour, pages: map[string]string{queue: queue}}, lax, 1},
	} {
		for _, strict := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				list, said := tt.list, ""
				core, lines := observer.New(zap.DebugLevel)
				c := mapping.New(mapping.Options{Caller: &list, Strict: strict, Log: zap.New(core), Degrade: func(reason string) { said += reason[:10] }})
				began := time.Now()
				c.Ask(function, queue)
				for range 2 {
					may, why := c.Reads(t.Context(), function, queue)
					if want := tt.may == yes || tt.may == lax && !strict; may != want || may == (why != "") {
						t.Errorf("%s, strict %v: %v %q", tt.name, strict, may, why)
					}
					time.Sleep(time.Second) // what is late says so now
				}
				synctest.Wait()
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("%s: waited %v", tt.name, took)
				}
				want := map[string]string{yes: "", no: "the event ", lax: "unverified"}[tt.may]
				if tt.may != yes && (lines.Len() != 1 || (lines.All()[0].Level == zap.ErrorLevel) != (tt.may == no) || lines.All()[0].ContextMap()["event_source"] != queue) {
					t.Errorf("%s: %v", tt.name, lines.All())
				}
				if said != want || len(list.asked) != tt.calls || list.asked[0].Get("FunctionName") != function {
					t.Errorf("%s: said %q, asked %v", tt.name, said, list.asked)
				}
			})
		}
	}
}

// TestWaits: no longer than a second, and not beyond the deadline.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := lister{took: 700 * time.Millisecond, pages: map[string]string{queue: queue}}
		c := mapping.New(mapping.Options{Caller: &list})
		began := time.Now()
		c.Ask(function, queue)
		if took := time.Since(began); took != 0 {
			t.Errorf("Ask took %v", took)
		}
		time.Sleep(200 * time.Millisecond)
		if may, _ := c.Reads(t.Context(), function, queue); may || time.Since(began) != 700*time.Millisecond {
			t.Errorf("%v after %v", may, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if may, why := c.Reads(ctx, function, "other"); may || !strings.Contains(why, "no time") {
			t.Errorf("a deadline that passed: %v %q", may, why)
		}
		time.Sleep(time.Minute)
	})
}

// TestAskedAgain: a mapping that was repaired counts after a minute, one with
// the setting is never asked about again, and where there was no answer it is
// asked behind the answer, every ten minutes.
func TestAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := lister{pages: map[string]string{queue: queue}}
		c := mapping.New(mapping.Options{Caller: &list})
		reads := func(want bool, calls int) {
			t.Helper()
			c.Ask(function, queue)
			if may, why := c.Reads(t.Context(), function, queue); may != want {
				t.Errorf("%v %s", may, why)
			}
			synctest.Wait()
			if len(list.asked) != calls {
				t.Errorf("%d calls, want %d", len(list.asked), calls)
			}
		}
		reads(false, 1)
		list.pages[queue] = queue + "+"
		time.Sleep(59 * time.Second)
		reads(false, 1)
		time.Sleep(time.Second)
		reads(true, 2)
		time.Sleep(24 * time.Hour)
		reads(true, 2)
	})
	synctest.Test(t, func(t *testing.T) {
		list := lister{err: errors.New("no")}
		c := mapping.New(mapping.Options{Caller: &list})
		for minute := range 21 {
			c.Ask(function, queue)
			if may, _ := c.Reads(t.Context(), function, queue); !may {
				t.Error("not trusted")
			}
			synctest.Wait()
			if want := 1 + minute/10; len(list.asked) != want {
				t.Errorf("minute %d: %d calls, want %d", minute, len(list.asked), want)
			}
			time.Sleep(time.Minute)
		}
	})
}
