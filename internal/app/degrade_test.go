package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/config"
	"powertools-extension/internal/emf"
	"powertools-extension/internal/extapi"
	"powertools-extension/internal/jmes"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/ref"
	"powertools-extension/internal/schema"
	"powertools-extension/internal/sink"
)

// A step that panics costs its own feature: the next step runs, the reason is
// kept once, and what the panic carried is told only where the Go runtime
// wrote it.
func TestGuard(t *testing.T) {
	core, logs := observer.New(zapcore.DebugLevel)
	a := &App{log: zap.New(core)}
	a.guard("read lines", func() { panic("s3cret") })
	a.guard("read lines", func() { panic(errors.New("s3cret")) })
	var none []int
	a.guard("count", func() { none[0] = 1 })
	ran := false
	a.guard("go on", func() { ran = true })
	if !ran {
		t.Error("the step after a panic did not run")
	}
	var names []string
	for _, d := range a.health.list() {
		names = append(names, d.Component)
	}
	if d := cmp.Diff([]string{"read lines", "count"}, names); d != "" {
		t.Errorf("degraded (-want +got):\n%s", d)
	}
	text := fmt.Sprint(logs.All())
	if strings.Contains(text, "s3cret") || !strings.Contains(text, "index out of range") || strings.Count(text, "panic, please report it") != 3 {
		t.Error(text)
	}
}

// The first reason why something does not work stays: what follows is its
// consequence more often than not.
func TestFirstReasonStays(t *testing.T) {
	a := &App{}
	a.degrade("telemetry", "first")
	a.degrade("telemetry", "second")
	if list := a.health.list(); len(list) != 1 || list[0].Reason != "first" {
		t.Errorf("%+v", list)
	}
}

// The extension's own lines are JSON with Lambda's names, from the configured
// level on; NONE is silence, and a word that is no level is WARN.
func TestLogger(t *testing.T) {
	for level, want := range map[string]string{
		"DEBUG": "DEBUG INFO WARN ERROR", "INFO": "INFO WARN ERROR", "WARN": "WARN ERROR", "ERROR": "ERROR", "NONE": "", "LOUD": "WARN ERROR",
	} {
		var out bytes.Buffer
		log := NewLogger(&out, level, "1.2.3").Named("validation")
		log.Debug("d")
		log.Info("i")
		log.Warn("w")
		log.Error("e", zap.Duration("after", 1500*time.Millisecond))
		var seen []string
		for text := range strings.Lines(out.String()) {
			var l map[string]any
			if err := json.Unmarshal([]byte(text), &l); err != nil {
				t.Fatalf("%s: %q: %v", level, text, err)
			}
			seen = append(seen, l["level"].(string))
			if l["message"] == "e" && l["after"] != "1.5s" || l["extension"] != "powertools-extension" || l["version"] != "1.2.3" || l["logger"] != "validation" {
				t.Errorf("%s: %s", level, text)
			}
			if _, err := time.Parse("2006-01-02T15:04:05.000Z07:00", l["timestamp"].(string)); err != nil {
				t.Error(err)
			}
		}
		if got := strings.Join(seen, " "); got != want {
			t.Errorf("%s prints %q, want %q", level, got, want)
		}
	}
}

// A call is repeated when the platform says so, or when nobody said anything,
// and never while the platform still holds the call before.
func TestTemporary(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"the platform's 500":      {&extapi.APIError{Status: 500}, true},
		"the platform's 403":      {&extapi.APIError{Status: 403}, false},
		"wrapped":                 {fmt.Errorf("x: %w", &extapi.APIError{Status: 403}), false},
		"no answer":               {errors.New("connection reset"), true},
		"a call that still waits": {fmt.Errorf("x: %w", extapi.ErrNextPending), false},
	} {
		if got := temporary(tt.err); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// brokenStdout refuses what is written until it is mended.
type brokenStdout struct {
	err   error
	panic bool
	calls int
}

func (b *brokenStdout) Flush(context.Context) error {
	b.calls++
	if b.panic {
		panic("s3cret")
	}
	return b.err
}

// A stdout that refuses is said once however often it does, and nobody waits
// for it; one that panics is said, too, and nobody hangs.
func TestStdoutRefuses(t *testing.T) {
	for name, out := range map[string]*brokenStdout{"refuses": {err: errors.New("broken pipe")}, "panics": {panic: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				core, logs := observer.New(zapcore.WarnLevel)
				w := newWriter(out, zap.New(core))
				defer w.stop()
				from := time.Now()
				for range 3 {
					w.write(time.Second)
					synctest.Wait()
				}
				if took := time.Since(from); !out.panic && took != 0 {
					t.Errorf("waited %v", took)
				}
				if logs.Len() != 1 || strings.Contains(fmt.Sprint(logs.All()), "s3cret") {
					t.Errorf("%v", logs.All())
				}
			})
		})
	}
}

// flaky answers reads with errors, one after the other, and then with a value.
type flaky struct {
	errs  []error
	calls int
}

func (f *flaky) Fetch(_ context.Context, r ref.Ref) (paramcache.Value, error) {
	f.calls++
	if f.calls <= len(f.errs) && f.errs[f.calls-1] != nil {
		return paramcache.Value{}, f.errs[f.calls-1]
	}
	return textValue("v"), nil
}

// What may pass is asked for again until the time for variables is over; what
// will not change is asked for once. The error names the cure either way.
func TestVariablesAreReadAgain(t *testing.T) {
	failing := func(kind paramcache.Kind, n int) (out []error) {
		for range n {
			out = append(out, &paramcache.Error{Kind: kind, Message: "because of a test"})
		}
		return out
	}
	for name, tt := range map[string]struct {
		errs  []error
		calls int
		code  string
	}{
		"throttled twice":  {failing(paramcache.KindThrottled, 2), 3, ""},
		"unreachable once": {failing(paramcache.KindUnreachable, 1), 2, ""},
		"not there":        {failing(paramcache.KindNotFound, 1), 1, "not_found"},
		"forbidden":        {failing(paramcache.KindAccessDenied, 1), 1, "access_denied"},
		"throttled always": {failing(paramcache.KindThrottled, 100), 0, "throttled"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &flaky{errs: tt.errs}
				a := &App{cfg: config.Config{EnvTimeout: 2 * time.Second}, log: zap.NewNop()}
				a.cache = paramcache.New(f, a.log, paramcache.Config{MaxAge: time.Minute, MaxItems: 10, MaxBytes: 1 << 20, Timeout: time.Second, Account: func() string { return "" }})
				from := time.Now()
				r := a.readEnv(t.Context(), map[string]string{"X": "ssm:/x"}, nil)
				if tt.calls > 0 && f.calls != tt.calls {
					t.Errorf("%d calls, want %d", f.calls, tt.calls)
				}
				if got := codes(r)["X"]; !strings.HasPrefix(got, tt.code) || tt.code == "" && (got != "" || r.values["X"] != "v") {
					t.Errorf("%q %q", got, r.values)
				}
				if took := time.Since(from); took > a.cfg.EnvTimeout || tt.calls == 0 && took != a.cfg.EnvTimeout {
					t.Errorf("took %v of %v", took, a.cfg.EnvTimeout)
				}
			})
		})
	}
}

// Values for variables that are read before a snapshot lie in it and are said
// to; the cache keeps none of them.
func TestVariablesUnderSnapStart(t *testing.T) {
	a, logs := envApp(values{"/a": textValue("1")})
	a.cfg.InitType, a.cfg.EnvRefs = snapStart, []config.EnvRef{{Name: "A", Ref: "ssm:/a"}}
	a.startEnv(t.Context())
	f := a.env.Load()
	<-f.done
	if f.result.values["A"] != "1" || logs.FilterMessageSnippet("they lie in it").Len() != 1 {
		t.Errorf("%v %v", f.result, logs.All())
	}
	if dump := a.cache.Entries(); len(dump) != 0 {
		t.Errorf("in the snapshot: %+v", dump)
	}
}

// What is to be fetched ahead: parameters decrypted unless the entry says
// otherwise, a path both ways, configurations, and the features' document.
func TestPrefetchedRefs(t *testing.T) {
	cfg, problems := config.Load([]string{
		"POWERTOOLS_METRICS_NAMESPACE=shop",
		"POWERTOOLS_PARAMETERS_PREFETCH=ssm:/a,ssm:/b?decrypt=false,ssm-path:/web/,ssm-path:/plain/?decrypt=false,secret:db",
		"AWS_APPCONFIG_EXTENSION_PREFETCH_LIST=/applications/app/environments/prod/configurations/limits",
		"POWERTOOLS_FEATURE_FLAGS=app/prod/flags",
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	a := &App{cfg: cfg, log: zap.NewNop()}
	a.flags = a.featureFlags()
	var got []string
	for _, r := range a.prefetched() {
		got = append(got, fmt.Sprintf("%s %s path=%t decrypt=%t", r.Source, r.Name, r.Path, r.Decrypt))
	}
	if d := cmp.Diff([]string{
		"ssm /a path=false decrypt=true", "ssm /b path=false decrypt=false",
		"ssm /web path=true decrypt=true", "ssm /web path=true decrypt=false", "ssm /plain path=true decrypt=false",
		"secrets db path=false decrypt=false",
		"appconfig app/prod/limits path=false decrypt=false", "appconfig app/prod/flags path=false decrypt=false",
	}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A schema that was good stays in force when its next version is not; why is
// said once for each reason. Without any version the guard has none to offer.
func TestVersionsOfASchema(t *testing.T) {
	v := values{}
	a, logs := envApp(v)
	a.cfg.Hooks.EventSchema = "ssm:/order"
	a.cache = paramcache.New(v, a.log, paramcache.Config{MaxItems: 0, Timeout: time.Second, Account: func() string { return "" }})
	get := a.schemaOf("POWERTOOLS_VALIDATION_EVENT_SCHEMA", "ssm:/order")
	fits := func(s *schema.Schema, text string) bool {
		v, err := jmes.Parse([]byte(text))
		if err != nil || s == nil {
			return false
		}
		failures, _ := s.Validate(v)
		return len(failures) == 0
	}
	for i, step := range []struct {
		value paramcache.Value
		usable,
		number bool // a number fits
		said int // in all
	}{
		{paramcache.Value{}, false, false, 1},
		{textValue("{"), false, false, 2},
		{textValue(`{"type":"number"}`), true, true, 2},
		{textValue(`{"type":12}`), true, true, 3},
		{textValue(`{"type":12}`), true, true, 3},
		{paramcache.Value{Binary: []byte(`{"type":"string"}`)}, true, false, 3},
	} {
		delete(v, "/order")
		if i > 0 {
			v["/order"] = step.value
		}
		s, err := get(t.Context())
		if (err == nil) != step.usable || step.usable && fits(s, "1") != step.number {
			t.Errorf("step %d: %v, a number fits: %t", i, err, fits(s, "1"))
		}
		if n := logs.FilterMessage("a schema cannot be used").Len(); n != step.said {
			t.Errorf("step %d: said %d times, want %d", i, n, step.said)
		}
	}
}

// A schema of the function's files is a regular file of at most 1 MiB below the
// task root, and is read once.
func TestSchemaFiles(t *testing.T) {
	task := t.TempDir()
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{"ok.json": `{"type":"number"}`, "large.json": strings.Repeat(" ", 1<<20+1)} {
		write(filepath.Join(task, name), text)
	}
	write(filepath.Join(filepath.Dir(task), "outside.json"), `{}`)
	for place, usable := range map[string]bool{"ok.json": true, "large.json": false, ".": false, "none.json": false, "../outside.json": false} {
		a, logs := envApp(values{})
		a.proxy.taskRoot.Store(&task)
		get := a.schemaOf("V", place)
		for range 2 {
			if _, err := get(t.Context()); (err == nil) != usable {
				t.Errorf("%s: %v", place, err)
			}
		}
		if n := logs.Len(); (n == 0) != usable || n > 1 {
			t.Errorf("%s: said %d times", place, n)
		}
	}
	a, _ := envApp(values{})
	gone := filepath.Join(task, "gone")
	a.proxy.taskRoot.Store(&gone)
	if _, err := a.schemaOf("V", "ok.json")(t.Context()); err == nil {
		t.Error("a schema without a task root")
	}
}

// What a header may be made of: a text, a member that is a text or a number,
// without the newline that an editor leaves behind; nothing else.
func TestSecretText(t *testing.T) {
	r := ref.Ref{Source: ref.Secrets, Name: "s"}
	for name, tt := range map[string]struct{ value, key, want string }{
		"text":         {" key\n", "", "key"},
		"member":       {`{"k":" key\n"}`, "k", "key"},
		"number":       {`{"k":17}`, "k", "17"},
		"no member":    {`{"k":1}`, "x", ""},
		"no JSON":      {`key`, "k", ""},
		"a whole JSON": {`{"k":1}`, "", `{"k":1}`},
	} {
		got, err := secretText(r, textValue(tt.value), tt.key)
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if err != nil && (strings.Contains(err.Error(), tt.value)) {
			t.Errorf("%s: the error holds the value: %v", name, err)
		}
	}
}

// A variable whose text is no ref fails with the text it had; one whose member
// is missing with what the value is; others are set all the same.
func TestVariablesThatCannotBe(t *testing.T) {
	a, _ := envApp(values{"/ok": textValue("1"), "/json": textValue(`{"a":1}`), "/text": textValue("plain")})
	r := a.readEnv(t.Context(), map[string]string{
		"OK": "ssm:/ok", "NOWHERE": "vault:x", "NO_KEY": "ssm:/json#", "GROUP": "ssm-path:/json", "MEMBER": "ssm:/json#b", "PLAIN": "ssm:/text#b",
	}, nil)
	if d := cmp.Diff(map[string]string{"OK": "1"}, r.values); d != "" {
		t.Error(d)
	}
	got := codes(r)
	for name, code := range map[string]string{"NOWHERE": "bad_ref", "NO_KEY": "bad_ref", "GROUP": "bad_ref"} {
		if got[name] != code {
			t.Errorf("%s: %q", name, got[name])
		}
	}
	if got["MEMBER"] == "" || got["PLAIN"] == "" || strings.Contains(got["MEMBER"]+got["PLAIN"], "without") || len(got) != 5 {
		t.Errorf("%v", got)
	}
	for _, f := range r.failed {
		if strings.Contains(f.Cure, "plain") {
			t.Errorf("%s tells a value: %s", f.Name, f.Cure)
		}
	}
}

// A receiver whose secret cannot be read at this moment lives, and tries again;
// one whose secret does not exist or is not for us has no use. What failed is
// named, whatever it was.
func TestWhichFailuresEndAReceiver(t *testing.T) {
	h := config.Header{Name: "Authorization", Secret: "app/backend"}
	for kind, lives := range map[paramcache.Kind]bool{
		paramcache.KindThrottled: true, paramcache.KindTimeout: true, paramcache.KindUnreachable: true, paramcache.KindUpstream: true,
		paramcache.KindCredentials: true,
		paramcache.KindNotFound:    false, paramcache.KindAccessDenied: false, paramcache.KindBadRequest: false,
		paramcache.KindTransform: false, paramcache.KindInternal: false,
	} {
		err := headerError(h, fmt.Errorf("read: %w", &paramcache.Error{Kind: kind, Ref: ref.Ref{Source: ref.Secrets, Name: h.Secret}}))
		again, ok := errors.AsType[*sink.RetryableError](err)
		if ok != lives || ok && again.After <= 0 || !strings.Contains(err.Error(), "Authorization") {
			t.Errorf("%s: lives %t: %v", kind, ok, err)
		}
	}
	if _, ok := errors.AsType[*sink.RetryableError](headerError(h, errors.New("no member"))); ok {
		t.Error("a value without the member that is asked for is tried again")
	}
}

// Each source has the time that was set for it, and the general one otherwise.
func TestTimeoutsOfSources(t *testing.T) {
	cfg, problems := config.Load([]string{
		"POWERTOOLS_METRICS_NAMESPACE=shop", "POWERTOOLS_PARAMETERS_TIMEOUT=3s", "SSM_PARAMETER_STORE_TIMEOUT_MILLIS=900",
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	c := (&App{cfg: cfg}).cacheConfig()
	for source, want := range map[paramcache.Source]time.Duration{paramcache.SSM: 900 * time.Millisecond, paramcache.Secrets: 3 * time.Second, paramcache.DynamoDB: 3 * time.Second} {
		if got := c.TimeoutOf(source); got != want {
			t.Errorf("%s: %v, want %v", source, got, want)
		}
	}
}

// What was read at the start is for the runtime that asks for just that: for no
// other set of variables, and for no other ref.
func TestSameRefs(t *testing.T) {
	a := map[string]string{"A": "ssm:/a", "B": "ssm:/b"}
	for name, tt := range map[string]struct {
		b    map[string]string
		want bool
	}{
		"same":      {map[string]string{"B": "ssm:/b", "A": "ssm:/a"}, true},
		"fewer":     {map[string]string{"A": "ssm:/a"}, false},
		"more":      {map[string]string{"A": "ssm:/a", "B": "ssm:/b", "C": ""}, false},
		"others":    {map[string]string{"A": "ssm:/a", "C": "ssm:/b"}, false},
		"elsewhere": {map[string]string{"A": "ssm:/a", "B": "secret:b"}, false},
	} {
		if got := sameRefs(a, tt.b); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// What a room refuses is told with the variable that it came from.
func TestWhichVariableIsTold(t *testing.T) {
	a := &App{log: zap.NewNop()}
	a.complainOf(&emf.LimitError{Field: emf.FieldNamespace, Reason: "starts with AWS/"})
	a.complainOf(&emf.LimitError{Field: "dimensions", Reason: "too many"})
	if re := a.expression("POWERTOOLS_LOGS_INCLUDE", "("); re != nil {
		t.Errorf("an expression that is none is used: %v", re)
	}
	var told []string
	for _, p := range a.problems {
		told = append(told, p.Var+": "+p.Reason)
	}
	if d := cmp.Diff([]string{"POWERTOOLS_METRICS_NAMESPACE: starts with AWS/", "POWERTOOLS_METRICS_DIMENSIONS: too many"}, told); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// Failures of a store are counted by what they have in common, without the id
// of a request.
func TestReasonsOfAStore(t *testing.T) {
	for want, err := range map[string]error{
		"PutItem ThrottlingException": fmt.Errorf("x: %w", &awsapi.ServiceError{Operation: "PutItem", Code: "ThrottlingException", RequestID: "r-1"}),
		"PutItem true":                &awsapi.TransportError{Operation: "PutItem", Timeout: true},
		"":                            errors.New("something of r-1"),
	} {
		if got := reason(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

// brokenPipe is a stdout that nobody reads any more.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// Lines that cannot be written at the end are said, and counted.
func TestLastLinesThatCannotBeWritten(t *testing.T) {
	core, logs := observer.New(zapcore.WarnLevel)
	a := &App{log: zap.New(core), stdout: sink.NewOutlet(sink.NewBuffer(sink.Options{MaxBytes: 1000}), sink.NewWriter(brokenPipe{}))}
	a.stdout.Put([]byte("{}"))
	a.flushStdoutNow(t.Context())
	if n := logs.FilterMessage("stdout not written").Len(); n != 1 || a.stdout.Stats().Delivered.Lines != 0 {
		t.Errorf("said %d times, %+v", n, a.stdout.Stats())
	}
}
