package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// fakeAPI answers as the extension does and notes what it was asked.
type fakeAPI struct {
	requests []string
	status   int
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.requests = append(f.requests, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	switch {
	case r.Header.Get("X-Aws-Parameters-Secrets-Token") != "the-token":
		w.WriteHeader(http.StatusUnauthorized)
	case f.status != 0:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(f.status)
		io.WriteString(w, `{"detail":"allow ssm:GetParameter"}`)
	case r.Method == http.MethodPost:
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, `{"accepted":1,"rejected":[]}`)
	default:
		w.Header().Set("X-Powertools-Cache", "hit")
		io.WriteString(w, "Hello")
	}
}

// start points the function's environment at a fake.
func start(t *testing.T, status int) (*function, *fakeAPI) {
	api := &fakeAPI{status: status}
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("POWERTOOLS_EXTENSION_HTTP_PORT", address.Port())
	t.Setenv("AWS_SESSION_TOKEN", "the-token")
	t.Setenv("PARAMETER_NAME", "/shop/greeting")
	return newFunction(), api
}

func TestHandle(t *testing.T) {
	tests := []struct {
		name, event, want string
		requests          []string
	}{
		{"nothing asked", `{}`, `{"greeting":"Hello","cache":"hit"}`,
			[]string{"GET /parameters/ssm/%2Fshop%2Fgreeting", `POST /metrics {"metrics":[{"name":"OrdersPlaced","unit":"Count","value":1}]}`}},
		{"all asked", `{"parameter":"/a b/c","max_age":0,"sleep_ms":1}`, `{"greeting":"Hello","cache":"hit"}`,
			[]string{"GET /parameters/ssm/%2Fa%20b%2Fc?max_age=0", `POST /metrics {"metrics":[{"name":"OrdersPlaced","unit":"Count","value":1}]}`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, api := start(t, 0)
			var e event
			if err := json.Unmarshal([]byte(tt.event), &e); err != nil {
				t.Fatal(err)
			}
			got, err := f.handle(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			got.TookMS = 0
			var want answer
			if err := json.Unmarshal([]byte(tt.want), &want); err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("answer %+v, want %+v", got, want)
			}
			if strings.Join(api.requests, "\n") != strings.Join(tt.requests, "\n") {
				t.Errorf("requests %q, want %q", api.requests, tt.requests)
			}
		})
	}
}

func TestHandleFails(t *testing.T) {
	t.Run("as asked", func(t *testing.T) {
		f, _ := start(t, 0)
		if _, err := f.handle(t.Context(), event{Fail: true}); err == nil || !strings.Contains(err.Error(), "asked for a failure") {
			t.Error(err)
		}
	})
	t.Run("by panic as asked", func(t *testing.T) {
		f, _ := start(t, 0)
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_, _ = f.handle(t.Context(), event{Panic: true})
	})
	t.Run("with the extension's words", func(t *testing.T) {
		f, _ := start(t, http.StatusForbidden)
		_, err := f.handle(t.Context(), event{})
		if err == nil || !strings.Contains(err.Error(), "read parameter /shop/greeting: 403 Forbidden: {\"detail\":\"allow ssm:GetParameter\"}") {
			t.Error(err)
		}
	})
}
