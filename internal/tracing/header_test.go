package tracing_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"powertools-extension/internal/tracing"
)

const (
	root   = "1-6352a70e-1e2c502e358361800241fd45"
	parent = "35465b3a9e2f7c6a"
)

func TestParseHeader(t *testing.T) {
	sampled := tracing.Header{Root: root, Parent: parent}
	for _, c := range []struct {
		name, header string
		want         tracing.Header
		state        tracing.State
	}{
		{"as Lambda writes it", "Root=" + root + ";Parent=" + parent + ";Sampled=1", sampled, tracing.Sampled},
		{"any order, a lineage, blanks", "Sampled=1; Lineage=1:73f724a8:0 ;Parent=" + parent + ";Root=" + root + ";", sampled, tracing.Sampled},
		{"of a load balancer", "Self=1-67891234-12456789abcdef012345678;Root=" + root + ";Sampled=1", tracing.Header{Root: root}, tracing.Sampled},
		{"none", "", tracing.Header{}, tracing.Missing},
		{"not sampled", "Root=" + root + ";Parent=" + parent + ";Sampled=0", sampled, tracing.Unsampled},
		{"undecided", "Root=" + root + ";Parent=" + parent + ";Sampled=?", sampled, tracing.Unsampled},
		{"without a decision", "Root=" + root + ";Lineage=1:73f724a8:0", tracing.Header{Root: root}, tracing.Unsampled},
		{"sampled twice over", "Root=" + root + ";Sampled=1;Sampled=0", tracing.Header{}, tracing.Garbage},
		{"three parents", "Root=" + root + ";Parent=" + parent + ";Parent=" + parent + ";Parent=" + parent + ";Sampled=1", tracing.Header{}, tracing.Garbage},
		{"two roots", "Root=" + root + ";Root=" + root + ";Sampled=1", tracing.Header{}, tracing.Garbage},
		{"without a root", "Parent=" + parent + ";Sampled=1", tracing.Header{}, tracing.Garbage},
		{"a text", "hello", tracing.Header{}, tracing.Garbage},
		{"the id alone", root, tracing.Header{}, tracing.Garbage},
		{"root of another version", "Root=2" + root[1:] + ";Sampled=1", tracing.Header{}, tracing.Garbage},
		{"root too short", "Root=" + root[:34] + ";Sampled=1", tracing.Header{}, tracing.Garbage},
		{"root of W3C", "Root=" + tracing.W3C(root) + ";Sampled=1", tracing.Header{}, tracing.Garbage},
		{"root of other digits", "Root=1-6352a70e-1e2c502e358361800241fd4g;Sampled=1", tracing.Header{}, tracing.Garbage},
		{"root of zeros", "Root=1-00000000-000000000000000000000000;Sampled=1", tracing.Header{}, tracing.Garbage},
		{"parent too long", "Root=" + root + ";Parent=" + parent + "0;Sampled=1", tracing.Header{}, tracing.Garbage},
		{"empty parent", "Root=" + root + ";Parent=;Sampled=1", tracing.Header{}, tracing.Garbage},
		{"parent of zeros", "Root=" + root + ";Parent=0000000000000000;Sampled=1", tracing.Header{}, tracing.Garbage},
		{"a megabyte", "Root=" + root + ";Sampled=1;" + strings.Repeat("x", 1<<20), tracing.Header{}, tracing.Garbage},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, state := tracing.ParseHeader(c.header)
			if got != c.want || state != c.state {
				t.Errorf("got %+v, %v; want %+v, %v", got, state, c.want, c.state)
			}
		})
	}
}

func TestParseHeaderNeverAllocates(t *testing.T) {
	header := "Root=" + root + ";Parent=" + parent + ";Sampled=1;Lineage=1:73f724a8:0"
	if n := testing.AllocsPerRun(100, func() { tracing.ParseHeader(header) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWithParent(t *testing.T) {
	for from, want := range map[string]string{
		"Root=" + root + ";Parent=" + parent + ";Sampled=1":               "Root=" + root + ";Parent=0123456789abcdef;Sampled=1",
		"Sampled=1; Parent=" + parent + ";Lineage=a:1;Root=" + root + ";": "Sampled=1; Parent=0123456789abcdef;Lineage=a:1;Root=" + root + ";",
		"Root=" + root + ";Sampled=1;":                                    "Root=" + root + ";Sampled=1;Parent=0123456789abcdef",
		"Root=" + root + ";MyParent=7;Parent=" + parent + ";Sampled=1":    "Root=" + root + ";MyParent=7;Parent=0123456789abcdef;Sampled=1",
	} {
		if got := tracing.WithParent(from, "0123456789abcdef"); got != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
	}
}

func TestIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := tracing.NewID()
		if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(id) || seen[id] {
			t.Fatalf("id %q", id)
		}
		seen[id] = true
	}
	trace := tracing.NewRoot(time.Unix(0x6352a70e, 0))
	if trace == tracing.NewRoot(time.Unix(0x6352a70e, 0)) {
		t.Errorf("%s twice", trace)
	}
	if _, state := tracing.ParseHeader("Root=" + trace + ";Sampled=1"); state != tracing.Sampled || !strings.HasPrefix(trace, "1-6352a70e-") {
		t.Errorf("root %q", trace)
	}
	if got := tracing.W3C(root); got != "6352a70e1e2c502e358361800241fd45" {
		t.Errorf("W3C %q", got)
	}
}

// What is rewritten reads as it did, but for its parent.
func FuzzHeader(f *testing.F) {
	f.Add("Root=" + root + ";Parent=" + parent + ";Sampled=1;Lineage=1:73f724a8:0")
	f.Add("Sampled=1 ; Root=" + root)
	f.Fuzz(func(t *testing.T, header string) {
		h, state := tracing.ParseHeader(header)
		if state != tracing.Sampled {
			return
		}
		const id = "0123456789abcdef"
		again, state := tracing.ParseHeader(tracing.WithParent(header, id))
		if state != tracing.Sampled || again.Root != h.Root || again.Parent != id {
			t.Errorf("%q became %q: %+v %v", header, tracing.WithParent(header, id), again, state)
		}
	})
}

func BenchmarkParseHeader(b *testing.B) {
	header := "Root=" + root + ";Parent=" + parent + ";Sampled=0;Lineage=1:73f724a8:0"
	b.ReportAllocs()
	for b.Loop() {
		tracing.ParseHeader(header)
	}
}
