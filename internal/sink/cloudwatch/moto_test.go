package cloudwatch_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/cloudwatch"
	"powertools-extension/test/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.StopEmulators()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// TestRealService: a real CloudWatch Logs API takes what is sent and hands it
// out again, from a group and a stream that did not exist.
func TestRealService(t *testing.T) {
	url := harness.Moto(t)
	env := map[string]string{"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": url}
	api := awsapi.New(awsapi.Options{Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	t.Cleanup(api.CloseIdle)
	sender := cloudwatch.New(api, "/aws/lambda/own", "", cloudwatch.Options{FunctionName: "orders", FunctionVersion: "7", SandboxID: "8f3c"})
	g := sink.NewGuarded(sender, sink.GuardOptions{Name: sender.Name(), Buffer: cloudwatch.Bounds(0)})

	now := time.Now().UTC().Truncate(time.Millisecond)
	var want []string
	for i := range 50 {
		line := fmt.Sprintf(`{"message":"order ☕ <%d>","timestamp":%q}`, i, now.Add(time.Duration(i)*time.Millisecond).Format("2006-01-02T15:04:05.000Z"))
		want = append(want, line)
	}
	for i := range want { // not in their order
		g.Put([]byte(want[(i*7)%50]))
	}
	if err := g.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Events []struct {
			Timestamp int64
			Message   string
		}
	}
	if err := api.Call(t.Context(), awsapi.Operation{Service: awsapi.Logs, Name: "GetLogEvents"}, map[string]any{
		"logGroupName": "/aws/lambda/own", "logStreamName": "orders/[7]8f3c", "startFromHead": true,
	}, &answer); err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, e := range answer.Events {
		got = append(got, e.Message)
		if e.Timestamp != now.UnixMilli()+int64(i) {
			t.Errorf("event %d at %d", i, e.Timestamp)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if s := g.Stats(); s.Delivered.Lines != 50 || g.Counters().Tries != 1 {
		t.Errorf("%+v", s)
	}
}
