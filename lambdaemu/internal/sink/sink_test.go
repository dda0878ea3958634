package sink

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"powertools-extension/lambdaemu/fault"
	"powertools-extension/lambdaemu/transcript"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newSink(t *testing.T, faults ...string) (*Sink, *transcript.Log) {
	t.Helper()
	set, script := &fault.Set{}, &transcript.Log{}
	for _, text := range faults {
		f, err := fault.Parse(text)
		if err == nil {
			err = set.Put(f)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := New(set, script)
	if err != nil {
		t.Fatal(err)
	}
	return s, script
}

func post(t *testing.T, url, body string) int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Post(url, "text/plain", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// The placeholder becomes the sink's URL wherever it stands, and a configuration
// without it starts no server.
func TestPlaceholder(t *testing.T) {
	if Wanted(map[string]string{"A": "http://x", "B": ""}) || !Wanted(map[string]string{"A": "stdout,{sink}/logs"}) {
		t.Error("asked for by the wrong variable")
	}
	s, _ := newSink(t)
	defer s.Close()
	got := s.Fill(map[string]string{"A": "stdout,{sink}/logs,otlp+{sink}/v1/logs", "B": "as it is"})
	if d := cmp.Diff(map[string]string{"A": "stdout," + s.url + "/logs,otlp+" + s.url + "/v1/logs", "B": "as it is"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// What was accepted is counted with its bytes and lines; what a fault refuses is
// a request and nothing more. Each stands in the transcript.
func TestCounts(t *testing.T) {
	s, script := newSink(t, "sink-500:1@0")
	defer s.Close()
	if status := post(t, s.url+"/a", "one\ntwo\n"); status != 500 {
		t.Errorf("%d", status)
	}
	for range 2 {
		if status := post(t, s.url+"/b", "one\ntwo\n"); status != 200 {
			t.Errorf("%d", status)
		}
	}
	if d := cmp.Diff(Stats{Requests: 3, Accepted: 2, Bytes: 16, Lines: 4}, s.Stats()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	var told []string
	for _, e := range script.Snapshot() {
		told = append(told, e.Who+" "+e.What+" "+e.Detail)
	}
	const sink = transcript.Platform + " " + transcript.Sink
	if d := cmp.Diff([]string{sink + " 500", sink + " 200", sink + " 200"}, told); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// A request that hangs ends with the sink, which waits for nobody.
func TestHungRequestEndsWithTheSink(t *testing.T) {
	s, _ := newSink(t, "sink-hung")
	done := make(chan struct{})
	go func() {
		defer close(done)
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if res, err := client.Post(s.url, "text/plain", strings.NewReader("x")); err == nil {
			_ = res.Body.Close()
		}
	}()
	for end := time.Now().Add(20 * time.Second); s.Stats().Requests == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the request did not arrive")
		}
	}
	select {
	case <-done:
		t.Error("it was answered")
	default:
	}
	s.Close()
	<-done
	if st := s.Stats(); st.Accepted != 0 {
		t.Errorf("%+v", st)
	}
}

// Where nobody asked for a sink there is none, and it has seen nothing.
func TestNoSink(t *testing.T) {
	var s *Sink
	s.Close()
	if st := s.Stats(); st != (Stats{}) {
		t.Errorf("%+v", st)
	}
}
