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
