package telemetry

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAddressIn(t *testing.T) {
	for _, tt := range []struct{ name, hosts, want string }{
		{"as in a sandbox", "127.0.0.1 localhost.localdomain localhost\n169.254.76.1 sandbox.localdomain sandbox\n", "169.254.76.1"},
		{"alias", "10.0.0.1\tother\tsandbox.localdomain\n", "10.0.0.1"},
		{"no line break at the end", "127.0.0.1 sandbox.localdomain", "127.0.0.1"},
		{"first one wins", "127.0.0.1 sandbox.localdomain\n127.0.0.2 sandbox.localdomain\n", "127.0.0.1"},
		{"commented out", "# 10.0.0.1 sandbox.localdomain\n10.0.0.2 x # sandbox.localdomain\n", ""},
		{"a name that contains it", "10.0.0.1 my-sandbox.localdomain sandbox.localdomain.example\n", ""},
		{"the name where the address should be", "sandbox.localdomain localhost\n", ""},
		{"empty", "", ""},
	} {
		path := filepath.Join(t.TempDir(), "hosts")
		if err := os.WriteFile(path, []byte(tt.hosts), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := addressIn(path, host); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := addressIn(filepath.Join(t.TempDir(), "missing"), host); got != "" {
		t.Errorf("missing file: %q", got)
	}
}
