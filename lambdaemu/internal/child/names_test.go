package child

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The names resolve for the children, whoever runs them, and for nobody else;
// process number, user and exit code are the command's own.
func TestResolve(t *testing.T) {
	l := NewLauncher()
	defer l.Close()
	const name = "sandbox-of-this-test.localdomain"
	if err := l.Resolve(t.TempDir(), name, "localhost"); err != nil {
		t.Skipf("no names here: %v", err)
	}
	m := &messages{}
	script := "getent hosts " + name + "; getent hosts localhost; id -u; echo $$; exit 3"
	p, err := l.Spawn(Command{Path: "/bin/sh", Args: []string{"-c", script}, Dir: "/", Env: []string{"PATH=" + os.Getenv("PATH")}},
		Handlers{Print: m.add, Room: func() {}, Exit: func(*Process) {}})
	if err != nil {
		t.Fatal(err)
	}
	await(t, p)
	got := m.texts()
	if len(got) < 4 || !strings.HasPrefix(got[0], "127.0.0.1 ") || got[len(got)-2] != strconv.Itoa(os.Getuid()) || got[len(got)-1] != strconv.Itoa(p.PID()) || p.Code() != 3 {
		t.Errorf("got %q, exit %s; user %d, process %d", got, p.Outcome(), os.Getuid(), p.PID())
	}
	if addrs, err := net.LookupHost(name); err == nil {
		t.Errorf("the name resolves outside, too: %v", addrs)
	}
	for path, want := range map[string]string{t.TempDir() + "/none": "UnknownError", t.TempDir(): "PermissionDenied"} {
		if _, err := l.Spawn(Command{Path: path, Dir: "/"}, Handlers{}); err == nil || LaunchErrorType(err) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Without root the children's user namespaces do the same, and a child still dies
// with its launcher. The test runs itself as another user.
func TestResolveWithoutRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("TestResolve is this test already")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "names")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o777)
	binary := filepath.Join(dir, "test")
	data, err := os.ReadFile(self)
	if err != nil || os.WriteFile(binary, data, 0o755) != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "-test.run", "^(TestResolve|TestOnePipeOrTwo|TestAwaitEOF)$", "-test.v")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+dir, "GOCOVERDIR="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestResolve ") && !strings.Contains(string(out), "--- SKIP: TestResolve ") {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP") {
		t.Logf("%s", out)
	}
}

func TestListed(t *testing.T) {
	const hosts = "127.0.0.1 localhost sandbox # sandbox.localdomain\n#10.0.0.1 other\n::1\n10.0.0.2\tsandbox.example\n"
	for name, want := range map[string]bool{"localhost": true, "sandbox": true, "sandbox.localdomain": false, "other": false, "127.0.0.1": false, "sandbox.example": true, "": false} {
		if listed([]byte(hosts), name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}
