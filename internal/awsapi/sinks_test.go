package awsapi

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// TestHostsOfTheLogSinks holds what botocore's endpoint rules say.
func TestHostsOfTheLogSinks(t *testing.T) {
	for _, tc := range []struct {
		service, region string
		fips, dual      bool
		want            string
	}{
		{"logs", "eu-central-1", false, false, "https://logs.eu-central-1.amazonaws.com/"},
		{"logs", "eu-central-1", false, true, "https://logs.eu-central-1.api.aws/"},
		{"logs", "eu-central-1", true, false, "https://logs-fips.eu-central-1.amazonaws.com/"},
		{"logs", "us-gov-west-1", true, false, "https://logs.us-gov-west-1.amazonaws.com/"},
		{"logs", "us-gov-east-1", true, true, "https://logs-fips.us-gov-east-1.api.aws/"},
		{"logs", "cn-north-1", false, false, "https://logs.cn-north-1.amazonaws.com.cn/"},
		{"logs", "eusc-de-east-1", false, true, "https://logs.eusc-de-east-1.api.amazonwebservices.eu/"},
		{"firehose", "eu-central-1", false, false, "https://firehose.eu-central-1.amazonaws.com/"},
		{"firehose", "us-gov-west-1", true, false, "https://firehose-fips.us-gov-west-1.amazonaws.com/"},
		{"firehose", "us-gov-west-1", true, true, "https://firehose-fips.us-gov-west-1.api.aws/"},
		{"firehose", "us-iso-east-1", false, true, "https://firehose.us-iso-east-1.api.aws.ic.gov/"},
		{"firehose", "cn-north-1", false, true, "https://firehose.cn-north-1.api.amazonwebservices.com.cn/"},
	} {
		svc, ok := lookupService(tc.service)
		if !ok {
			t.Fatalf("no service %s", tc.service)
		}
		e := endpoints{lookup: lookupIn(nil), fips: tc.fips, dualStack: tc.dual}
		got, err := e.resolve(svc, Operation{Service: tc.service, Region: tc.region})
		if err != nil || got.url != tc.want {
			t.Errorf("%s in %s: %s %v, want %s", tc.service, tc.region, got.url, err, tc.want)
		}
	}
}

// TestOnceIsOneTry: the sinks count the tries of their batches themselves.
func TestOnceIsOneTry(t *testing.T) {
	for _, tc := range []struct {
		once bool
		want int32
	}{{true, 1}, {false, 3}} {
		var calls atomic.Int32
		var target atomic.Value
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			target.Store(r.Header.Get("X-Amz-Target"))
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		client := New(Options{Lookup: lookupIn(map[string]string{
			"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "test",
			"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": server.URL,
		})})
		err := client.Call(t.Context(), Operation{Service: "logs", Name: "PutLogEvents", Once: tc.once}, nil, nil)
		client.CloseIdle()
		server.Close()
		if err == nil || calls.Load() != tc.want {
			t.Errorf("once %t: %d calls and %v, want %d", tc.once, calls.Load(), err, tc.want)
		}
		if got := target.Load(); got != "Logs_20140328.PutLogEvents" {
			t.Errorf("target %v", got)
		}
	}
}
