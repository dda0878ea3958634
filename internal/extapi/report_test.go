package extapi_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"powertools-extension/internal/extapi"
)

func TestReportsOnTheWire(t *testing.T) {
	type report = func(*extapi.Client, context.Context, string, string) error
	for name, tt := range map[string]struct {
		send   report
		line   string
		in     string
		header string
	}{
		"init error":       {(*extapi.Client).InitError, "POST /2020-01-01/extension/init/error", "Extension.BadConfig", "Extension.BadConfig"},
		"exit error":       {(*extapi.Client).ExitError, "POST /2020-01-01/extension/exit/error", "Extension.NextFailed", "Extension.NextFailed"},
		"line break":       {(*extapi.Client).InitError, "POST /2020-01-01/extension/init/error", "Extension.Bad\r\nX-Other: 1\n", "Extension.BadX-Other: 1"},
		"nothing":          {(*extapi.Client).ExitError, "POST /2020-01-01/extension/exit/error", " \n", "Extension.Unknown"},
		"not ASCII":        {(*extapi.Client).ExitError, "POST /2020-01-01/extension/exit/error", "Extension.Größe\x00\x7f", "Extension.Gre"},
		"without an end":   {(*extapi.Client).ExitError, "POST /2020-01-01/extension/exit/error", strings.Repeat("x", 999), strings.Repeat("x", 256)},
		"spaces at an end": {(*extapi.Client).ExitError, "POST /2020-01-01/extension/exit/error", " Extension.A ", "Extension.A"},
	} {
		t.Run(name, func(t *testing.T) {
			c, p := registered(t, map[string]answer{tt.line: literal(202, nil, `{"status":"OK"}`+"\n")})
			if err := tt.send(c, t.Context(), tt.in, "went\nwrong"); err != nil {
				t.Fatal(err)
			}
			r := p.requests()[1]
			if got := r.header["Lambda-Extension-Function-Error-Type"]; len(got) != 1 || got[0] != tt.header {
				t.Errorf("error type header = %q, want %q", got, tt.header)
			}
			want := `{"errorMessage":"went\nwrong","errorType":"` + tt.header + `","stackTrace":[]}`
			if r.body != want {
				t.Errorf("body = %s, want %s", r.body, want)
			}
		})
	}
}

func TestReportRefused(t *testing.T) {
	c, _ := registered(t, map[string]answer{"POST /2020-01-01/extension/exit/error": literal(403, nil,
		`{"errorMessage":"Lambda-Extension-Function-Error-Type not found","errorType":"Extension.MissingHeader"}`+"\n")})
	err := c.ExitError(t.Context(), "Extension.A", "")
	var api *extapi.APIError
	if !errors.As(err, &api) || api.Operation != "exit/error" || api.Type != "Extension.MissingHeader" {
		t.Errorf("error = %v", err)
	}
}

func TestReportBeforeRegister(t *testing.T) {
	p := newPlatform(t, nil)
	c := newClient(t, p.addr(), extapi.Options{})
	if err := c.InitError(t.Context(), "Extension.A", ""); err == nil || len(p.requests()) != 0 {
		t.Errorf("error %v after %d requests", err, len(p.requests()))
	}
}
