package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"powertools-extension/test/harness"
)

// parameterStore answers GetParameter after a while.
func parameterStore(t *testing.T, after time.Duration, calls *atomic.Int64) string {
	t.Helper()
	stop := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		select {
		case <-time.After(after):
		case <-stop:
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, `{"Parameter":{"ARN":"arn:aws:ssm:us-east-1:123456789012:parameter/app/db","Name":"/app/db","Type":"String","Value":"v","Version":1}}`)
	}))
	t.Cleanup(func() { close(stop); srv.Close() })
	return srv.URL
}

func prefetching(url string, more ...string) []string {
	return append([]string{
		"AWS_ENDPOINT_URL=" + url, "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b",
		"POWERTOOLS_PARAMETERS_PREFETCH=ssm:/app/db",
	}, more...)
}

// What was asked for ahead is there when init ends, and was fetched once.
func TestPrefetchIsABarrier(t *testing.T) {
	var calls, atNext atomic.Int64
	url := parameterStore(t, 100*time.Millisecond, &calls)
	p := newPlatform(t)
	begin := time.Now()
	p.onNext = func() { atNext.CompareAndSwap(0, int64(time.Since(begin))) }
	if out := p.live(prefetching(url)...); out.err != nil {
		t.Fatal(out.err)
	}
	if calls.Load() != 1 || time.Duration(atNext.Load()) < 100*time.Millisecond {
		t.Errorf("%d calls; first next after %s, which is before the answer", calls.Load(), time.Duration(atNext.Load()))
	}
}

// An upstream that hangs holds init for the configured time and no longer.
func TestPrefetchIsBounded(t *testing.T) {
	var calls, atNext atomic.Int64
	url := parameterStore(t, time.Minute, &calls)
	p := newPlatform(t)
	begin := time.Now()
	p.onNext = func() { atNext.CompareAndSwap(0, int64(time.Since(begin))) }
	if out := p.live(prefetching(url, "POWERTOOLS_PARAMETERS_PREFETCH_TIMEOUT=100ms", "POWERTOOLS_PARAMETERS_TIMEOUT=10s")...); out.err != nil {
		t.Fatal(out.err)
	}
	if took := time.Duration(atNext.Load()); took > 5*time.Second {
		t.Errorf("first next after %s, want about 100 ms", took)
	}
}

// Nothing may be fetched into a snapshot.
func TestNoPrefetchUnderSnapStart(t *testing.T) {
	var calls atomic.Int64
	url := parameterStore(t, 0, &calls)
	p := newPlatform(t)
	if out := p.live(prefetching(url, "AWS_LAMBDA_INITIALIZATION_TYPE=snap-start")...); out.err != nil {
		t.Fatal(out.err)
	}
	if calls.Load() != 0 {
		t.Errorf("%d calls before the snapshot", calls.Load())
	}
}

// What is fetched faster than the registration is found by its ARN all the
// same, although only the registration tells whose account this is.
func TestPrefetchBeforeTheRegistration(t *testing.T) {
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:app/db-AbCdEf"
	var calls atomic.Int64
	answered := make(chan struct{}, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		_, _ = io.WriteString(w, `{"ARN":"`+arn+`","Name":"app/db","SecretString":"v","VersionId":"8a2e4d5f-0001-4000-8000-000000000001","VersionStages":["AWSCURRENT"]}`)
		answered <- struct{}{}
	}))
	t.Cleanup(srv.Close)
	port := harness.FreePort(t)
	p := newPlatform(t)
	p.onRegister = func() {
		<-answered
		time.Sleep(50 * time.Millisecond) // time to file it too early
	}
	p.onNext = func() { readSecret(t, port, arn) }
	out := p.live(prefetching(srv.URL, "POWERTOOLS_PARAMETERS_PREFETCH=secret:app/db", "POWERTOOLS_EXTENSION_HTTP_PORT="+port)...)
	if out.err != nil || calls.Load() != 1 {
		t.Errorf("%v, %d calls, want one", out.err, calls.Load())
	}
}

func readSecret(t *testing.T, port, id string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://127.0.0.1:"+port+"/secretsmanager/get?secretId="+id, nil)
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", "token")
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.Header.Get("X-Powertools-Cache") != "hit" {
		t.Errorf("%s %s, want a hit", res.Status, res.Header.Get("X-Powertools-Cache"))
	}
}
