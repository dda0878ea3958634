package harness

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"powertools-extension/internal/awsemu"
)

// emulator is somebody else's server, started once per test process, which is
// why it proves something.
type emulator struct {
	once sync.Once
	cmd  *exec.Cmd
	url  string
	err  error
}

var moto, dynamoDBLocal emulator

// Moto is the URL of an empty moto server: SSM, Secrets Manager, STS, DynamoDB.
// All tests of a process share it, so that names must differ.
func Moto(t testing.TB) string {
	t.Helper()
	server := Need(t, "python/bin/moto_server")
	return moto.start(t, "/moto-api/", func(port string) *exec.Cmd {
		return exec.Command(server, "-H", "127.0.0.1", "-p", port)
	}, "ssm", "secretsmanager", "sts", "dynamodb", "logs", "firehose", "s3")
}

// DynamoDBLocal is the URL of AWS's own DynamoDB Local, in memory.
func DynamoDBLocal(t testing.TB) string {
	t.Helper()
	lib, java := Need(t, "dynamodb/lib"), Tool(t, "java")
	return dynamoDBLocal.start(t, "/", func(port string) *exec.Cmd {
		return exec.Command(java, "-Djava.library.path="+lib, "-cp", lib+"/*",
			"com.amazonaws.services.dynamodbv2.local.main.ServerRunner", "-inMemory", "-disableTelemetry", "-port", port)
	})
}

// start returns when the server answers at path and has been asked for each of
// the services: moto loads one when it is first asked for, which may take
// seconds, more than the product gives a call.
func (e *emulator) start(t testing.TB, path string, command func(port string) *exec.Cmd, services ...string) string {
	t.Helper()
	e.once.Do(func() {
		port := FreePort(t)
		e.url = "http://127.0.0.1:" + port
		e.cmd = command(port)
		if e.err = e.cmd.Start(); e.err == nil {
			e.err = answers(e.url+path, time.Minute)
		}
		for _, service := range services {
			if e.err == nil {
				e.err = load(e.url, service)
			}
		}
	})
	if e.err != nil {
		t.Fatal(e.err)
	}
	return e.url
}

// StopEmulators ends what Moto and DynamoDBLocal started.
func StopEmulators() {
	for _, e := range []*emulator{&moto, &dynamoDBLocal} {
		if e.cmd != nil && e.cmd.Process != nil {
			_ = e.cmd.Process.Kill()
			_ = e.cmd.Wait()
		}
	}
}

// load sends one request of the service, whose answer does not matter.
func load(url, service string) error {
	req, err := http.NewRequest(http.MethodGet, url+"/", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	if service == "dynamodb" { // loads with its first operation
		req.Header.Set("X-Amz-Target", "DynamoDB_20120810.ListTables")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return res.Body.Close()
}

// answers waits until something listens.
func answers(url string, limit time.Duration) error {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if res, err := http.Get(url); err == nil { //nolint:gosec // loopback
			return res.Body.Close()
		}
	}
	return fmt.Errorf("%s does not answer", url)
}

// Fake is the embedded AWS, for faults that a real emulator does not have.
type Fake struct {
	*awsemu.Server
	URL string
}

// FakeAWS serves examples/params.yaml.
func FakeAWS(t testing.TB) Fake {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(), "examples/params.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return FakeAWSWith(t, string(text))
}

// FakeAWSWith serves a YAML text.
func FakeAWSWith(t testing.TB, yaml string) Fake {
	t.Helper()
	data, err := awsemu.Parse([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	server := awsemu.New(data)
	srv := httptest.NewServer(server)
	t.Cleanup(srv.Close)
	return Fake{server, srv.URL}
}

// Calls sums the calls of the operations, e.g. ssm:GetParameters; none: all.
func (f Fake) Calls(operations ...string) int {
	n := 0
	for _, c := range f.Counts() {
		if len(operations) == 0 {
			n += c.Calls
		}
		for _, name := range operations {
			if c.Operation == name {
				n += c.Calls
			}
		}
	}
	return n
}
