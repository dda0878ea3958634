package app

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/zap"

	"powertools-extension/internal/config"
	"powertools-extension/internal/paramcache"
)

// sized answers every name with a value of so many bytes.
type sized int

func (n sized) Fetch(_ context.Context, ref paramcache.Ref) (paramcache.Value, error) {
	return paramcache.Value{Name: ref.Name, Text: paramcache.Secret(strings.Repeat(ref.Name[:1], int(n))), IsText: true, Version: "1"}, nil
}

// alone is the configuration of a cache without an extension around it.
func alone(config paramcache.Config) paramcache.Config {
	config.Account, config.Deadline = nil, nil
	return config
}

// The limit follows what is cached, up and down.
func TestMemoryLimitFollowsTheCache(t *testing.T) {
	cfg, _ := config.Load(nil)
	var limits []int64
	a := &App{cfg: cfg, deps: Deps{SetMemoryLimit: func(n int64) { limits = append(limits, n) }}}
	cache := paramcache.New(sized(1<<20), zap.NewNop(), alone(a.cacheConfig()))
	empty := MemoryLimit(cfg, 0)
	for i := range 10 {
		if _, err := cache.Get(t.Context(), paramcache.Ref{Source: paramcache.SSM, Name: fmt.Sprint(i)}, paramcache.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	full := limits[len(limits)-1]
	if full < empty+18<<20 || full > empty+24<<20 {
		t.Errorf("with 10 MiB cached the limit is %d, without %d", full, empty)
	}
	cache.PurgeAll()
	if last := limits[len(limits)-1]; last != empty {
		t.Errorf("after a purge %d, want %d", last, empty)
	}
	if len(limits) > 11 {
		t.Errorf("told %d times", len(limits))
	}
}

// AppConfig's sessions hold configurations: none may lie in a snapshot, nor be
// kept where nothing is cached.
func TestKeepsSessions(t *testing.T) {
	for env, want := range map[string][2]bool{ // before and after a restore
		"": {true, true},
		"AWS_LAMBDA_INITIALIZATION_TYPE=snap-start": {false, true},
		"POWERTOOLS_PARAMETERS_CACHE_SIZE=0":        {false, false},
	} {
		cfg, _ := config.Load([]string{env})
		a := &App{cfg: cfg}
		before := a.keepsSessions()
		a.restored.Store(true)
		if got := [2]bool{before, a.keepsSessions()}; got != want {
			t.Errorf("%q: before and after a restore %v, want %v", env, got, want)
		}
	}
}

// TestMemoryLimit: of a sandbox of 128 MB, the function's own, the extension
// takes 14 MiB of heap with its defaults, and more only for what was asked for.
func TestMemoryLimit(t *testing.T) {
	for _, tt := range []struct {
		name   string
		env    []string
		cached int
		want   int64
	}{
		{"defaults", nil, 0, 14_680_064},
		{"1 MB cached", nil, 1_000_000, 16_680_064},
		{"8 MiB of buffer", []string{"POWERTOOLS_EXTENSION_BUFFER_BYTES=8388608"}, 0, 14_680_064 + 3*4_194_304},
		{"a small buffer gives nothing back", []string{"POWERTOOLS_EXTENSION_BUFFER_BYTES=1048576"}, 0, 14_680_064},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cfg, problems := config.Load(tt.env)
			if len(problems) > 0 && len(tt.env) > 0 {
				t.Fatal(problems)
			}
			if got := MemoryLimit(cfg, tt.cached); got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}

// BenchmarkReadBesideACache is the CPU of one read beside 10 KB and beside
// 10 MB of other values, under the process's soft limit.
func BenchmarkReadBesideACache(b *testing.B) {
	for name, values := range map[string]int{"10KB": 1, "10MB": 1000} {
		b.Run(name, func(b *testing.B) {
			cfg, _ := config.Load(nil)
			before := debug.SetMemoryLimit(MemoryLimit(cfg, 0))
			defer debug.SetMemoryLimit(before)
			a := &App{cfg: cfg, deps: Deps{SetMemoryLimit: func(n int64) { debug.SetMemoryLimit(n) }}}
			cache := paramcache.New(sized(10_000), zap.NewNop(), alone(a.cacheConfig()))
			for i := range values {
				if _, err := cache.Get(b.Context(), paramcache.Ref{Source: paramcache.SSM, Name: fmt.Sprint(i)}, paramcache.Options{}); err != nil {
					b.Fatal(err)
				}
			}
			began := cpu(b)
			for b.Loop() {
				res, err := cache.Get(b.Context(), paramcache.Ref{Source: paramcache.SSM, Name: "0"}, paramcache.Options{})
				if err != nil {
					b.Fatal(err)
				}
				answer = []byte(res.Value.Text.Reveal()[:4096]) // what an answer costs the collector
			}
			b.ReportMetric(float64(cpu(b)-began)/float64(b.N), "cpu-ns/op")
		})
	}
}

var answer []byte

func cpu(b *testing.B) int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return used.Utime.Nano() + used.Stime.Nano()
}
