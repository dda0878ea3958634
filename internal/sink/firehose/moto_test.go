package firehose_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"powertools-extension/internal/awsapi"
	"powertools-extension/internal/sink"
	"powertools-extension/internal/sink/firehose"
	"powertools-extension/test/harness"
)

func TestMain(m *testing.M) {
	code := m.Run()
	harness.StopEmulators()
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// ask makes a plain request of the emulator's S3.
func ask(t *testing.T, method, url string) string {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	// An object is private; any signature opens it, for nobody checks it.
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20240115/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %d %v %s", method, url, resp.StatusCode, err, body)
	}
	return string(body)
}

// TestRealService: what a real Firehose API takes ends in its bucket, one line
// after another.
func TestRealService(t *testing.T) {
	url := harness.Moto(t)
	env := map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": url}
	api := awsapi.New(awsapi.Options{Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	t.Cleanup(api.CloseIdle)
	ask(t, "PUT", url+"/own-logs")
	if err := api.Call(t.Context(), awsapi.Operation{Service: awsapi.Firehose, Name: "CreateDeliveryStream"}, map[string]any{
		"DeliveryStreamName": "own", "DeliveryStreamType": "DirectPut",
		"S3DestinationConfiguration": map[string]any{"RoleARN": "arn:aws:iam::123456789012:role/firehose", "BucketARN": "arn:aws:s3:::own-logs"},
	}, nil); err != nil {
		t.Fatal(err)
	}
	sender := firehose.New(api, "own", firehose.Options{})
	g := sink.NewGuarded(sender, sink.GuardOptions{Name: sender.Name(), Buffer: firehose.Bounds(0)})
	var want strings.Builder
	for i := range 1100 {
		line := fmt.Sprintf(`{"message":"order ☕ <%d>"}`, i)
		fmt.Fprintln(&want, line)
		g.Put([]byte(line))
	}
	if err := g.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := g.Counters(); n.Tries != 3 {
		t.Errorf("%d calls, want 500 records in each", n.Tries)
	}
	var list struct {
		Contents []struct{ Key, LastModified string }
	}
	if err := xml.Unmarshal([]byte(ask(t, "GET", url+"/own-logs")), &list); err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, object := range list.Contents {
		for line := range strings.Lines(ask(t, "GET", url+"/own-logs/"+object.Key)) {
			got[line] = true
		}
	}
	for line := range strings.Lines(want.String()) {
		if !got[line] {
			t.Fatalf("line %q is not in the bucket", line)
		}
	}
	if len(got) != 1100 {
		t.Errorf("%d different lines in the bucket", len(got))
	}
}

// TestNoSuchStream: a refusal that names the cure, and the lines are counted.
func TestNoSuchStream(t *testing.T) {
	env := map[string]string{"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": harness.Moto(t)}
	api := awsapi.New(awsapi.Options{Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	t.Cleanup(api.CloseIdle)
	g := sink.NewGuarded(firehose.New(api, "absent", firehose.Options{}), sink.GuardOptions{Name: "firehose:absent", Buffer: firehose.Bounds(0)})
	g.Put([]byte("line"))
	err := g.Flush(t.Context())
	if err == nil || !strings.Contains(err.Error(), "ResourceNotFoundException") || g.Stats().Losses[sink.Refused].Lines != 1 {
		t.Errorf("%v, %+v", err, g.Stats())
	}
}
