package schemaref

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"powertools-extension/internal/jmes"
	"powertools-extension/internal/paramcache"
	"powertools-extension/internal/taskfile"
)

// shelf is a cache that has what the test puts into it.
type shelf struct {
	text string
	err  error
}

func (s *shelf) Get(context.Context, paramcache.Ref, paramcache.Options) (paramcache.Result, error) {
	return paramcache.Result{Value: paramcache.Value{Text: paramcache.Secret(s.text), IsText: true}}, s.err
}

func options(root, place string, cache *shelf) (Options, *observer.ObservedLogs, *[]string) {
	core, logs := observer.New(zap.InfoLevel)
	degraded := &[]string{}
	return Options{Variable: "V", Place: place, Root: func() string { return root }, File: func(name string) ([]byte, error) { return taskfile.Read(root, name) }, Cache: cache, Log: zap.New(core),
		Degraded: func(why string) { *degraded = append(*degraded, why) }}, logs, degraded
}

func fits(t *testing.T, s *Source, value string) bool {
	t.Helper()
	compiled, err := s.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v, err := jmes.Parse([]byte(value))
	if err != nil {
		t.Fatal(err)
	}
	failures, _ := compiled.Validate(v)
	return len(failures) == 0
}

// TestFiles: a file is read once, with what it refers to beside it.
func TestFiles(t *testing.T) {
	root := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("order.json", `{"properties":{"qty":{"$ref":"defs.json#/definitions/positive"}},"requierd":["id"]}`)
	write("defs.json", `{"definitions":{"positive":{"minimum":1}}}`)
	for _, place := range []string{"order.json", root + "/order.json"} {
		opt, logs, degraded := options(root, place, nil)
		s := New(opt)
		Read([]*Source{s}, true)
		if !fits(t, s, `{"qty":1}`) || fits(t, s, `{"qty":0}`) || len(*degraded) != 0 {
			t.Errorf("%s: %v", place, *degraded)
		}
		if got := logs.FilterMessageSnippet("no dialect knows").Len(); got != 1 {
			t.Errorf("%d lines of the misspelt keyword", got)
		}
	}
}

// TestUnusable: each says once what is wrong, with the place.
func TestUnusable(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"bad.json": `{"properties":{"a":{"type":"wrong"}}}`, "none.json": `{`, "remote.json": `{"$ref":"https://example.com/s"}`} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for place, want := range map[string]string{
		"missing.json": "missing.json: no regular file of at most 1 MiB below the task root", "../etc/passwd": "no regular file", ".": "no regular file",
		"bad.json": "/properties/a/type", "none.json": "it is not JSON", "remote.json": "$ref",
		"ssm:/schema": "it cannot be read: denied",
	} {
		opt, logs, degraded := options(root, place, &shelf{err: errors.New("denied")})
		s := New(opt)
		for range 3 {
			if _, err := s.Get(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", place, err, want)
			}
		}
		if lines := logs.FilterLevelExact(zap.ErrorLevel).All(); len(lines) != 1 || len(*degraded) != 1 || !strings.Contains((*degraded)[0], "V: ") {
			t.Errorf("%s: %d lines, degraded %v", place, len(lines), *degraded)
		}
	}
}

// TestLastGood: a bad new version leaves the last good one in force, and a
// good one takes its place.
func TestLastGood(t *testing.T) {
	cache := &shelf{text: `{"minimum":1}`}
	opt, logs, _ := options(t.TempDir(), "appconfig:shop/prod/schema", cache)
	s := New(opt)
	if fits(t, s, "0") {
		t.Error("the first version is not in force")
	}
	for _, bad := range []string{`{"minimum":"1"}`, `{`} {
		if cache.text = bad; fits(t, s, "0") || !fits(t, s, "1") {
			t.Errorf("%s took the place of a good one", bad)
		}
	}
	if got := logs.FilterLevelExact(zap.ErrorLevel).Len(); got != 2 {
		t.Errorf("%d lines", got)
	}
	cache.err = errors.New("throttled")
	if fits(t, s, "0") {
		t.Error("nothing is in force while the store fails")
	}
	if cache.text, cache.err = `{"minimum":0}`, nil; !fits(t, s, "0") {
		t.Error("the next good one is not in force")
	}
}

// TestBadOnce: a version that cannot be used is compiled once, too, not for
// each event.
func TestBadOnce(t *testing.T) {
	opt, _, _ := options(t.TempDir(), "order.json", nil)
	read := map[string]int{}
	opt.File = func(name string) ([]byte, error) {
		read[name]++
		return []byte(map[string]string{"order.json": `{"$ref":"defs.json#/definitions/none"}`, "defs.json": `{}`}[name]), nil
	}
	s := New(opt)
	for range 3 {
		if _, err := s.Get(t.Context()); err == nil {
			t.Error("a ref that leads nowhere is taken")
		}
	}
	if read["defs.json"] != 1 {
		t.Errorf("compiled %d times", read["defs.json"])
	}
}

// TestSnapStart: what comes over the network is not read before a snapshot.
func TestSnapStart(t *testing.T) {
	opt, logs, _ := options(t.TempDir(), "ssm:/schema", &shelf{err: errors.New("denied")})
	Read([]*Source{New(opt)}, true)
	if logs.Len() != 0 {
		t.Errorf("read: %v", logs.All())
	}
}
