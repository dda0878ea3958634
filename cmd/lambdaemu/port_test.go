package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"powertools-extension/test/harness"
)

// A port that is taken is found before the sandbox is started.
func TestPortTaken(t *testing.T) {
	port := harness.FreePort(t)
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, tt := range []struct {
		outcome string
		args    []string
		taken   bool
	}{
		{"in the extension's variable", []string{"--env", "POWERTOOLS_EXTENSION_HTTP_PORT=" + port}, true},
		{"in that of AWS's extension", []string{"--env", "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT=" + port}, true},
		{"of a database that must be there", []string{"--env", "DB_PORT=" + port}, false},
		{"not a port", []string{"--env", "MY_EXTENSION_PORT=none"}, false},
		{"a free one", []string{"--env", "POWERTOOLS_EXTENSION_HTTP_PORT={port}"}, false},
		{"taken on purpose", []string{"--env", "POWERTOOLS_EXTENSION_HTTP_PORT=" + port, "--fault", "port-taken:" + port}, false},
	} {
		t.Run(tt.outcome, func(t *testing.T) {
			box := &fakeBox{}
			got := command(t, t.Context(), box, append(tt.args, "--count", "1", "--", "true")...)
			if taken := got.code == 1; taken != tt.taken || taken != (box.n == 0) {
				t.Errorf("exit code %d after %d invocations\n%s", got.code, box.n, got.stderr)
			}
			variable, _, _ := strings.Cut(tt.args[1], "=")
			want := fmt.Sprintf("port %s is held by process %d (", port, os.Getpid())
			if cure := "--env " + variable + "={port}"; tt.taken && (!strings.Contains(got.stderr, want) || !strings.Contains(got.stderr, cure)) {
				t.Errorf("%s\nwant %s… and %s", got.stderr, want, cure)
			}
		})
	}
}

func TestWantedPorts(t *testing.T) {
	for _, tt := range []struct {
		extensions []string
		env        map[string]string
		want       string
	}{
		{[]string{"bin/powertools-extension"}, nil, "[{POWERTOOLS_EXTENSION_HTTP_PORT 2773}]"},
		{[]string{"bin/powertools-extension"}, map[string]string{"POWERTOOLS_EXTENSION_HTTP_PORT": "4000"}, "[{POWERTOOLS_EXTENSION_HTTP_PORT 4000}]"},
		{[]string{"bin/other"}, nil, "[]"},
		{nil, map[string]string{"POWERTOOLS_RUNTIME_PROXY_PORT": "4001", "DB_PORT": "5432"}, "[{POWERTOOLS_RUNTIME_PROXY_PORT 4001}]"},
		{nil, map[string]string{"A_EXTENSION_PORT": "0", "B_EXTENSION_PORT": "70000"}, "[]"},
	} {
		if got := fmt.Sprint(settings{extensions: tt.extensions}.wantedPorts(tt.env)); got != tt.want {
			t.Errorf("%v %v: %s, want %s", tt.extensions, tt.env, got, tt.want)
		}
	}
}
