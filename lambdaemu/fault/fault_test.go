package fault

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	tests := []struct {
		in   string
		want Fault
		bad  string
	}{
		{"telemetry-202", Fault{Name: "telemetry-202"}, ""},
		{"next-500:2@3", Fault{Name: "next-500", Arg: "2", From: 3}, ""},
		{"report-never@2", Fault{Name: "report-never", From: 2}, ""},
		{"port-taken:70000", Fault{}, "want port, default 2773"},
		{"next-500:x", Fault{}, `argument "x", want how many times`},
		{"next-500@x", Fault{}, "is not the number of an invocation"},
		{"telemetry-silent:1", Fault{}, "takes no argument"},
		{"", Fault{}, "unknown fault"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := Parse(tt.in)
			if tt.bad != "" {
				if err == nil || !strings.Contains(err.Error(), tt.bad) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || got != tt.want || got.String() != tt.in {
				t.Errorf("got %v %v", got, err)
			}
		})
	}
}

func TestFaultsWearOffAndBegin(t *testing.T) {
	f := &Set{}
	if err := f.Put(Fault{Name: "next-500", Arg: "2", From: 2}); err != nil {
		t.Fatal(err)
	}
	var got []bool
	for _, invocation := range []int{0, 1, 2, 2, 2, 3} {
		f.Begin(invocation)
		got = append(got, f.Hit("next-500"))
	}
	if diff := cmp.Diff([]bool{false, false, true, true, false, false}, got); diff != "" {
		t.Error(diff)
	}
	f.Put(Fault{Name: "next-500"})
	f.Clear("next-500")
	if f.Hit("next-500") {
		t.Error("a cleared fault applies")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("next-500:2@3")
	f.Fuzz(func(t *testing.T, s string) {
		fault, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(fault.String()); err != nil || again != fault {
			t.Errorf("%q became %v, %v", s, again, err)
		}
	})
}

func ExampleNames() {
	for _, info := range Names()[:2] {
		fmt.Println(info.Name, "·", info.Arg)
	}
	// Output:
	// telemetry-202 · how many times, then normal again; default always
	// telemetry-400 · how many times, then normal again; default always
}

// Every fault of the table can be written as its help says, and the default of
// an argument is in force without one.
func TestEveryFaultOfTheTable(t *testing.T) {
	for _, spec := range allSpecs() {
		f, err := Parse(spec.Name)
		if err != nil {
			t.Errorf("%s: %v", spec.Name, err)
			continue
		}
		if (spec.kind == argNone) != (spec.Arg == "") || spec.Meaning == "" {
			t.Errorf("%s: help and argument differ: %+v", spec.Name, spec.Info)
		}
		set := &Set{}
		if err := set.Put(f); err != nil {
			t.Errorf("%s: %v", spec.Name, err)
		}
		for range 3 {
			if n, ok := set.Value(spec.Name); !ok || n != spec.fallback {
				t.Errorf("%s: %d, %t, want %d each time", spec.Name, n, ok, spec.fallback)
			}
		}
		for _, arg := range []string{"0", "-1", "x", "1.5", ""} {
			if _, err := Parse(spec.Name + ":" + arg); err == nil && arg != "" {
				t.Errorf("%s takes the argument %q", spec.Name, arg)
			}
		}
		if spec.kind == argNone {
			continue
		}
		if f, err = Parse(spec.Name + ":7"); err != nil || set.Put(f) != nil {
			t.Errorf("%s:7: %v", spec.Name, err)
		}
		want := 7
		if spec.kind == argTimes {
			want = 6 // times that are left
		}
		if n, ok := set.Value(spec.Name); !ok || n != want {
			t.Errorf("%s:7: %d, %t, want %d: the later one takes the place of the earlier", spec.Name, n, ok, want)
		}
	}
}

// A fault that ends something applies before its invocation, by default before
// the first.
func TestUntil(t *testing.T) {
	for text, want := range map[string][]bool{ // before the first, first, second, third
		"clock-jump:50":   {true, false, false, false},
		"clock-jump:50@3": {true, true, true, false},
	} {
		f, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		set := &Set{}
		if err := set.Put(f); err != nil {
			t.Fatal(err)
		}
		var got []bool
		for n := range 4 {
			set.Begin(n)
			value, ok := set.Until("clock-jump")
			if ok && value != 50 {
				t.Errorf("%s: %d", text, value)
			}
			got = append(got, ok)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", text, d)
		}
	}
}

// A duration is the fault's while it is in force, else what it is without.
func TestMillis(t *testing.T) {
	set := &Set{}
	if d := set.Millis("runtime-done-late", time.Second); d != time.Second {
		t.Errorf("without the fault %v", d)
	}
	if err := set.Put(Fault{Name: "runtime-done-late", Arg: "20", From: 2}); err != nil {
		t.Fatal(err)
	}
	set.Begin(1)
	if d := set.Millis("runtime-done-late", 0); d != 0 {
		t.Errorf("before its invocation %v", d)
	}
	set.Begin(2)
	if d := set.Millis("runtime-done-late", 0); d != 20*time.Millisecond {
		t.Errorf("%v", d)
	}
}

// A misspelt name is told with those there are, and a fault that is refused is
// not in force.
func TestRefusedFaults(t *testing.T) {
	set := &Set{}
	for _, f := range []Fault{{Name: "runtime-done-lst"}, {Name: "telemetry-silent", Arg: "1"}, {Name: "port-taken", Arg: "65536"}} {
		err := set.Put(f)
		if err == nil || !strings.Contains(err.Error(), f.Name) {
			t.Errorf("%+v: %v", f, err)
		}
		if set.Hit(f.Name) {
			t.Errorf("%+v is in force", f)
		}
	}
	if err := set.Put(Fault{Name: "x"}); err == nil || !strings.Contains(err.Error(), "runtime-done-lost") {
		t.Errorf("%v", err)
	}
	set.Clear("x") // no error
}
