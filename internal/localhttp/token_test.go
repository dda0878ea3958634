package localhttp_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"powertools-extension/internal/localhttp"

	"github.com/google/go-cmp/cmp"
)

func TestTokens(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return "file://" + path
	}
	for name, test := range map[string]struct {
		session, container, own string
		want                    []string
		err                     string
	}{
		"nothing":            {},
		"session":            {session: "a+/=", want: []string{"a+/="}},
		"all":                {session: "a", container: "b", own: "c", want: []string{"a", "b", "c"}},
		"space around":       {session: " a\n", want: []string{"a"}},
		"only space":         {session: " \n"},
		"file":               {own: file("good", "secret\n"), want: []string{"secret"}},
		"file missing":       {session: "a", own: "file://" + dir + "/none", want: []string{"a"}, err: "AWS_TOKEN"},
		"file empty":         {own: file("empty", " \n"), err: "empty"},
		"file too large":     {own: file("large", strings.Repeat("CANARY", 20_000)), err: "larger than 64 KiB"},
		"file is a folder":   {own: "file://" + dir, err: "AWS_TOKEN"},
		"not quite a scheme": {own: "file:/x", want: []string{"file:/x"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := localhttp.Tokens(test.session, test.container, test.own)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			switch {
			case (err != nil) != (test.err != ""):
				t.Errorf("error %v, want %q", err, test.err)
			case err != nil && !strings.Contains(err.Error(), test.err):
				t.Errorf("error %v, want %q", err, test.err)
			case err != nil && strings.Contains(err.Error(), "CANARY"):
				t.Errorf("error holds the content: %v", err)
			}
		})
	}
}
