package awsemu_test

import (
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"powertools-extension/internal/awsemu"
)

// Who watches hears of every call: what it was about, how it ended, how long it
// took, and which fault was in force.
func TestOnCall(t *testing.T) {
	w := newWorld(t, example(t))
	var mu sync.Mutex
	var calls []awsemu.Call
	w.server.OnCall = func(c awsemu.Call) {
		mu.Lock()
		defer mu.Unlock()
		calls = append(calls, c)
	}
	for _, fault := range []string{"", "throttled", "down", "slow:40ms"} {
		w.fault(t, fault)
		w.ssm.GetParameter(t.Context(), &ssm.GetParameterInput{Name: ptr("/demo/greeting")})
	}
	w.fault(t, "")
	w.ssm.GetParameter(t.Context(), &ssm.GetParameterInput{Name: ptr("/not/there")})
	mu.Lock()
	defer mu.Unlock()
	want := []awsemu.Call{{Status: 200}, {Status: 400, Error: "ThrottlingException", Fault: "throttled"}, {Error: "cut off", Fault: "down"}, {Status: 200, Fault: "slow"}, {Status: 400, Error: "ParameterNotFound"}}
	if len(calls) != len(want) {
		t.Fatalf("got %+v", calls)
	}
	for i, c := range calls {
		name := "/demo/greeting"
		if i == 4 {
			name = "/not/there"
		}
		if c.Operation != "ssm:GetParameter" || len(c.Names) != 1 || c.Names[0] != name || c.Status != want[i].Status || c.Error != want[i].Error || c.Fault != want[i].Fault || c.Began.IsZero() {
			t.Errorf("call %d: %+v", i, c)
		}
	}
	if calls[3].Took < 40*time.Millisecond {
		t.Errorf("the slow call took %s", calls[3].Took)
	}
}
