package extapi_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/extapi"
)

const subscribeLine = "PUT /2022-07-01/telemetry"

func TestSubscribeOnTheWire(t *testing.T) {
	for name, tt := range map[string]struct {
		in   extapi.Subscription
		want string
	}{
		"everything": {
			extapi.Subscription{
				SchemaVersion: "2022-12-13", Types: []string{"platform", "function", "extension"},
				Buffering: extapi.Buffering{MaxItems: 1000, MaxBytes: 262144, Timeout: 100 * time.Millisecond},
				URI:       "http://sandbox.localdomain:8080/telemetry",
			},
			`{"schemaVersion":"2022-12-13","types":["platform","function","extension"],"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":100},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/telemetry"}}`,
		},
		"constants": {
			extapi.Subscription{
				SchemaVersion: extapi.SchemaNewest, Types: []string{extapi.TypePlatform, extapi.TypeFunction, extapi.TypeExtension},
				Buffering: extapi.Buffering{Timeout: 25 * time.Millisecond}, URI: "http://sandbox.localdomain:1",
			},
			`{"schemaVersion":"2025-01-29","types":["platform","function","extension"],"buffering":{"timeoutMs":25},"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:1"}}`,
		},
		"no buffering": {
			extapi.Subscription{SchemaVersion: extapi.SchemaFallback, Types: []string{"platform"}, URI: "http://sandbox.localdomain:1"},
			`{"schemaVersion":"2022-12-13","types":["platform"],"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:1"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			// The body of success is a JSON string without a content type.
			c, p := registered(t, map[string]answer{subscribeLine: literal(200, nil, `"OK"`)})
			if err := c.Subscribe(t.Context(), tt.in); err != nil {
				t.Fatal(err)
			}
			r := p.requests()[1]
			if diff := cmp.Diff(tt.want, r.body); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if r.header.Get("Content-Type") != "application/json" || r.header.Get("Lambda-Extension-Identifier") == "" {
				t.Errorf("header = %v", r.header)
			}
		})
	}
}

func TestSubscribeRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		answer answer
		want   extapi.APIError
		text   string
	}{
		"local sandbox": {
			literal(202, nil, `{"errorMessage":"Telemetry API is not supported","errorType":"Telemetry.NotSupported"}`),
			extapi.APIError{Operation: "subscribe", Status: 202, Type: "Telemetry.NotSupported", Message: "Telemetry API is not supported"},
			"subscribe: status 202 Telemetry.NotSupported: Telemetry API is not supported",
		},
		"unknown schema": {
			literal(400, nil, `{"errorType":"ValidationError","errorMessage":"URI port is not provided; types should not be empty"}`),
			extapi.APIError{Operation: "subscribe", Status: 400, Type: "ValidationError", Message: "URI port is not provided; types should not be empty"},
			"subscribe: status 400 ValidationError: URI port is not provided; types should not be empty",
		},
		"too late": {
			literal(403, nil, `{"errorMessage":"Telemetry API subscription is closed already","errorType":"Telemetry.SubscriptionClosed"}`+"\n"),
			extapi.APIError{Operation: "subscribe", Status: 403, Type: "Telemetry.SubscriptionClosed", Message: "Telemetry API subscription is closed already"},
			"subscribe: status 403 Telemetry.SubscriptionClosed: Telemetry API subscription is closed already",
		},
		"not there": {
			literal(404, nil, "404 page not found\n"),
			extapi.APIError{Operation: "subscribe", Status: 404, Message: "404 page not found"},
			"subscribe: status 404: 404 page not found",
		},
		"not implemented": {
			literal(501, nil, ""),
			extapi.APIError{Operation: "subscribe", Status: 501},
			"subscribe: status 501",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := registered(t, map[string]answer{subscribeLine: tt.answer})
			err := c.Subscribe(t.Context(), extapi.Subscription{SchemaVersion: "2025-01-29", Types: []string{"platform"}})
			var got *extapi.APIError
			if !errors.As(err, &got) {
				t.Fatalf("error = %v, want *APIError", err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if err.Error() != tt.text {
				t.Errorf("text = %q, want %q", err, tt.text)
			}
		})
	}
}

func TestSubscribeClosedSocket(t *testing.T) {
	c, _ := registered(t, map[string]answer{subscribeLine: func(http.ResponseWriter) { panic(http.ErrAbortHandler) }})
	err := c.Subscribe(t.Context(), extapi.Subscription{Types: []string{"platform"}})
	var api *extapi.APIError
	if err == nil || errors.As(err, &api) {
		t.Errorf("error = %v, want one that is not the platform's", err)
	}
}

func TestSubscribeBeforeRegister(t *testing.T) {
	p := newPlatform(t, nil)
	c := newClient(t, p.addr(), extapi.Options{})
	if err := c.Subscribe(t.Context(), extapi.Subscription{}); err == nil || len(p.requests()) != 0 {
		t.Errorf("error %v after %d requests", err, len(p.requests()))
	}
}
