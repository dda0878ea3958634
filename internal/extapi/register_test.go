package extapi_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/internal/extapi"
)

func TestRegisterOnTheWire(t *testing.T) {
	p := newPlatform(t, map[string]answer{registerLine: registerOK})
	c := newClient(t, p.addr(), extapi.Options{})

	got, err := c.Register(t.Context(), "shim", []extapi.EventType{extapi.Invoke, extapi.Shutdown})
	if err != nil {
		t.Fatal(err)
	}
	want := extapi.Registration{
		AccountID: "123456789012", FunctionName: "helloWorld",
		FunctionVersion: "$LATEST", Handler: "lambda_function.lambda_handler",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("registration (-want +got):\n%s", diff)
	}
	r := p.requests()[0]
	if r.body != `{"events":["INVOKE","SHUTDOWN"]}` {
		t.Errorf("body = %s", r.body)
	}
	for name, want := range map[string]string{
		"Lambda-Extension-Name":           "shim",
		"Lambda-Extension-Accept-Feature": "accountId",
	} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestRegisterForShutdownOnly(t *testing.T) {
	for name, tt := range map[string]struct {
		events []extapi.EventType
		want   string
	}{
		"managed instances": {[]extapi.EventType{extapi.Shutdown}, `{"events":["SHUTDOWN"]}`},
		"nothing":           {nil, `{"events":[]}`},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, map[string]answer{registerLine: registerOK})
			c := newClient(t, p.addr(), extapi.Options{})
			if _, err := c.Register(t.Context(), "shim", tt.events); err != nil {
				t.Fatal(err)
			}
			if got := p.requests()[0].body; got != tt.want {
				t.Errorf("body = %s, want %s", got, tt.want)
			}
		})
	}
}

func TestRegisterRefused(t *testing.T) {
	id := map[string]string{"Lambda-Extension-Identifier": "5b0d3c5e-0f1e-4a26-9d2a-6a5f0c1d2e3f"}
	for name, tt := range map[string]struct {
		answer    answer
		want      extapi.APIError
		temporary bool
	}{
		"INVOKE on managed instances": {
			literal(403, nil, `{"errorMessage":"INVOKE: ErrorInvalidEventType","errorType":"Extension.InvalidEventType"}`+"\n"),
			extapi.APIError{Operation: "register", Status: 403, Type: "Extension.InvalidEventType", Message: "INVOKE: ErrorInvalidEventType"}, false,
		},
		// The identifier of a refusal must not be believed.
		"server error with an identifier": {
			literal(500, id, `{"errorMessage":"Internal Server Error","errorType":"InternalServerError"}`+"\n"),
			extapi.APIError{Operation: "register", Status: 500, Type: "InternalServerError", Message: "Internal Server Error"}, true,
		},
		"throttled without a body": {
			literal(429, nil, ""),
			extapi.APIError{Operation: "register", Status: 429}, true,
		},
		"extensions switched off": {
			literal(404, nil, "404 page not found\n"),
			extapi.APIError{Operation: "register", Status: 404, Message: "404 page not found"}, false,
		},
		"redirect is not followed": {
			literal(302, map[string]string{"Location": "/elsewhere"}, ""),
			extapi.APIError{Operation: "register", Status: 302}, false,
		},
		"torn error body": {
			literal(502, nil, `{"errorMessage":"Inter`),
			extapi.APIError{Operation: "register", Status: 502, Message: `{"errorMessage":"Inter`}, true,
		},
		"error of several lines": {
			literal(400, nil, `{"errorMessage":"one\ntwo","errorType":7}`),
			extapi.APIError{Operation: "register", Status: 400, Message: "one two"}, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, map[string]answer{registerLine: tt.answer})
			c := newClient(t, p.addr(), extapi.Options{})
			_, err := c.Register(t.Context(), "shim", nil)
			var got *extapi.APIError
			if !errors.As(err, &got) {
				t.Fatalf("error = %v, want *APIError", err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
			if got.Temporary() != tt.temporary {
				t.Errorf("Temporary() = %v", got.Temporary())
			}
			if _, err := c.Next(t.Context()); err == nil || len(p.requests()) != 1 {
				t.Errorf("next after a refusal: error %v, %d requests", err, len(p.requests()))
			}
		})
	}
}

func TestRegisterOddAnswers(t *testing.T) {
	id := map[string]string{"Lambda-Extension-Identifier": "5b0d3c5e-0f1e-4a26-9d2a-6a5f0c1d2e3f"}
	torn := func(w http.ResponseWriter) {
		w.Header().Set("Lambda-Extension-Identifier", "5b0d3c5e-0f1e-4a26-9d2a-6a5f0c1d2e3f")
		w.Header().Set("Content-Length", "500")
		_, _ = w.Write([]byte(`{"functionName":"hel`))
	}
	for name, tt := range map[string]struct {
		answer answer
		want   extapi.Registration
		ok     bool
	}{
		"no body":                 {literal(200, id, ""), extapi.Registration{}, true},
		"torn body":               {torn, extapi.Registration{}, true},
		"a field of a wrong type": {literal(200, id, `{"accountId":1,"functionName":"f","later":{}}`), extapi.Registration{FunctionName: "f"}, true},
		"no identifier":           {literal(200, nil, `{"functionName":"f"}`), extapi.Registration{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t, map[string]answer{registerLine: tt.answer})
			c := newClient(t, p.addr(), extapi.Options{})
			got, err := c.Register(t.Context(), "shim", nil)
			if (err == nil) != tt.ok {
				t.Fatalf("error = %v", err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("registration (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCallsEndWithTheirContext(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c := newClient(t, silent.Addr().String(), extapi.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Register(ctx, "shim", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v, want the deadline", err)
	}
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	_, err = newClient(t, l.Addr().String(), extapi.Options{}).Register(t.Context(), "shim", nil)
	var op *net.OpError
	if !errors.As(err, &op) {
		t.Errorf("error = %v, want *net.OpError", err)
	}
}

// The Runtime API is spoken to directly whatever HTTP_PROXY says. The name is
// not a loopback name, because net/http never proxies those.
func TestNoProxy(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://proxy.test:3128")
	}
	p := newPlatform(t, map[string]answer{registerLine: registerOK})
	var asked []string
	c := newClient(t, "runtime.test:9001", extapi.Options{Dial: dialTo(p.addr(), &asked)})
	if _, err := c.Register(t.Context(), "shim", nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"runtime.test:9001"}, asked); diff != "" {
		t.Errorf("dialled (-want +got):\n%s", diff)
	}
}

func TestBadAddress(t *testing.T) {
	if _, err := newClient(t, "bad host\n", extapi.Options{}).Register(t.Context(), "shim", nil); err == nil {
		t.Error("no error")
	}
}
