package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOrigins: what is an origin as browsers send it, and what would open a
// site to every page.
func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		value   string
		want    []string
		problem string
	}{
		{"https://a.example.com", []string{"https://a.example.com"}, ""},
		{" https://a.example.com , http://localhost:3000,", []string{"https://a.example.com", "http://localhost:3000"}, ""},
		{"http://[::1]:3000", []string{"http://[::1]:3000"}, ""},
		{"*", []string{"*"}, ""},
		{"https://a.example.com/", nil, "no origin"},
		{"https://a.example.com/path", nil, "no origin"},
		{"https://A.example.com", nil, "no origin"},
		{"a.example.com", nil, "no origin"},
		{"https://*.example.com", nil, "no origin"},
		{"https://a.example.com:443", nil, "no origin"},
		{"http://a.example.com:80", nil, "no origin"},
		{"http://a.example.com:443", []string{"http://a.example.com:443"}, ""},
		{"https://a.example.com:8443", []string{"https://a.example.com:8443"}, ""},
		{"https://a.example.com:08443", nil, "no origin"},
		{"https://a.example.com:", nil, "no origin"},
		{"https://[::1]:443", nil, "no origin"},
		{"https://bücher.example", nil, "no origin"},
		{"https://xn--bcher-kva.example", []string{"https://xn--bcher-kva.example"}, ""},
		{"null", nil, "null is the origin of any page"},
		{"https://a.example.com,null", []string{"https://a.example.com"}, "null is the origin of any page"},
		{"*,https://a.example.com", []string{"*"}, "the others have no effect"},
	} {
		got, problems := load(t, "POWERTOOLS_CORS_ORIGINS="+c.value)
		text := ""
		for _, p := range problems {
			text += p
		}
		if diff := cmp.Diff(c.want, got.CORS.Origins); diff != "" || (c.problem == "") != (text == "") || !strings.Contains(text, c.problem) {
			t.Errorf("%q: %v, problems %s\n%s", c.value, got.CORS.Origins, text, diff)
		}
	}
	got, problems := load(t, "POWERTOOLS_CORS_ORIGINS=*", "POWERTOOLS_CORS_CREDENTIALS=true")
	if got.CORS.Credentials || len(problems) != 1 || !strings.HasPrefix(problems[0], "POWERTOOLS_CORS_CREDENTIALS") {
		t.Errorf("credentials for everybody: %+v, %v", got.CORS, problems)
	}
}

// TestCORSNames: what a browser would not understand, or compare to the letter.
func TestCORSNames(t *testing.T) {
	for _, c := range []struct {
		variable, value string
		want            []string
		problem         string
	}{
		{"METHODS", "get, put,Patch", []string{"GET", "PUT", "PATCH"}, ""},
		{"METHODS", "PURGE,purge", []string{"PURGE", "purge"}, ""},
		{"METHODS", "*", []string{"*"}, ""},
		{"METHODS", "GET POST", nil, "entry 1"},
		{"METHODS", "GET,POST;PUT", []string{"GET"}, "entry 2"},
		{"HEADERS", "Content-Type, x-order_id", []string{"Content-Type", "x-order_id"}, ""},
		{"HEADERS", "Content-Type;X-A", nil, "entry 1"},
		{"HEADERS", "X-A,\"X-B\",X-C: 1,X-D", []string{"X-A", "X-D"}, "entry 2"},
		{"HEADERS", "X-Größe,X-A", []string{"X-A"}, "entry 1"},
	} {
		got, problems := load(t, "POWERTOOLS_CORS_ORIGINS=*", "POWERTOOLS_CORS_"+c.variable+"="+c.value)
		list, text := got.CORS.Headers, strings.Join(problems, " ")
		if c.variable == "METHODS" {
			list = got.CORS.Methods
		}
		if diff := cmp.Diff(c.want, list); diff != "" || (c.problem == "") != (text == "") || !strings.Contains(text, c.problem) {
			t.Errorf("%s=%s: problems %q\n%s", c.variable, c.value, text, diff)
		}
	}
}
