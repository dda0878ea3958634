package fault

import (
	"fmt"
	"strings"
	"testing"

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
