package conformance

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"powertools-extension/test/harness"
)

// What the clients read. The password has what JSON and HTML escape.
const clientsData = `
parameters:
  /demo/db-password: {type: SecureString, value: 'p&<w>''d'}
secrets:
  demo/database: {value: {username: demo, password: geheim-ü}}
appconfig:
  demo/prod/banner: {content_type: text/plain, value: Open on Sunday}
  demo/prod/flags: {value: {dark-mode: {enabled: true}}}
  demo/prod/blob: {content_type: application/octet-stream, value: T3BlbiBvbiBTdW5kYXk=}
  orders/prod/banner: {content_type: text/plain, value: of the service}
`

// withAppConfig runs a sandbox with the AppConfig agent's port.
func withAppConfig(t *testing.T, url string) (s *harness.Sandbox, port string) {
	t.Helper()
	port = harness.FreePort(t)
	return awake(t, url, "POWERTOOLS_EXTENSION_APPCONFIG_PORT", port), port
}

// run runs a client's program with the variables that Lambda gives it and
// returns what it printed.
func run(t *testing.T, s *harness.Sandbox, appConfigPort string, command ...string) string {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "AWS_SESSION_TOKEN="+token, "PARAMETERS_SECRETS_EXTENSION_HTTP_PORT="+s.Port,
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand", "POWERTOOLS_SERVICE_NAME=orders",
		"HTTP_PROXY=http://127.0.0.1:9", "http_proxy=http://127.0.0.1:9", "NO_PROXY=", "no_proxy=",
		"AWS_APPCONFIG_EXTENSION_HTTP_PORT="+appConfigPort)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %v\n%s", command, err, stderr.String())
	}
	return string(out)
}

// The documented requests of AWS's layers, in the languages they are
// documented in, with those layers' variables and ports.
func TestDocumentedRequests(t *testing.T) {
	t.Parallel()
	fake := harness.FakeAWSWith(t, clientsData)
	s, port := withAppConfig(t, fake.URL)
	want := "p&<w>'d\ngeheim-ü\n"
	if port != "" {
		want += "Open on Sunday\n"
	}
	for _, command := range [][]string{
		{"python3", "python/read.py"}, {"node", "node/read.mjs"}, {"bash", "bash/read.sh"}, {"java", "java/Read.java"}, {"go", "run", "./go"},
	} {
		t.Run(command[0], func(t *testing.T) {
			harness.Tool(t, command[0])
			got := run(t, s, port, command...)
			if command[0] == "bash" || command[0] == "java" { // they cut the JSON instead of parsing it
				got = strings.NewReplacer(`\u0026`, "&", `\u003c`, "<", `\u003e`, ">").Replace(got)
			}
			if got != want {
				t.Errorf("printed %q, want %q", got, want)
			}
		})
	}
	s.Shutdown()
}

// The AppConfig-agent client of Powertools for TypeScript, unmodified.
func TestPowertoolsTypeScript(t *testing.T) {
	t.Parallel()
	node, clients := harness.Tool(t, "node"), harness.Need(t, "clients")
	s, port := withAppConfig(t, harness.FakeAWSWith(t, clientsData).URL)
	got := run(t, s, port, "env", "CLIENTS="+clients, node, filepath.Join("node", "powertools.mjs"))
	const want = `{"name":"text","value":"Open on Sunday"}
{"name":"json","value":{"dark-mode":{"enabled":true}}}
{"name":"binary","value":"Open on Sunday"}
{"name":"missing","value":null}
{"name":"throws","error":"ParameterNotFoundError"}
{"name":"service","value":"of the service"}
`
	if got != want {
		t.Errorf("printed\n%s\nwant\n%s", got, want)
	}
	s.Shutdown()
}
