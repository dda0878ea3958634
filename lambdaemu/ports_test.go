package lambdaemu

import (
	"errors"
	"net"
	"os"
	"strings"
	"testing"
)

// A taken port is told with the process that holds it. [proc_net_tcp]
func TestCheckPort(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", ":0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		err = CheckPort(port)
		taken, ok := errors.AsType[*PortTakenError](err)
		if !ok || taken.Port != port {
			t.Fatalf("%s: %v", address, err)
		}
		switch taken.Process {
		case os.Getpid():
			if name, _ := os.ReadFile("/proc/self/comm"); taken.Name != strings.TrimSpace(string(name)) {
				t.Errorf("name %q, want %q", taken.Name, name)
			}
		case 0:
			t.Logf("this system does not list the sockets of a process: %v", err)
		default:
			t.Errorf("%s: %v, want process %d", address, err, os.Getpid())
		}
		l.Close()
		if err := CheckPort(port); err != nil {
			t.Errorf("%s: free again, %v", address, err)
		}
	}
}

func TestPortTakenError(t *testing.T) {
	for want, err := range map[string]error{
		"2773 is held by process 7 (java)":                       &PortTakenError{2773, 7, "java"},
		"2773 is held by a process of another user or namespace": &PortTakenError{Port: 2773},
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}
