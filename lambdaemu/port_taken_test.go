package lambdaemu

import (
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"testing"
)

// listenLow listens on a port below those that the kernel hands out, so that
// nobody gets it by asking for any while it is free.
func listenLow(t *testing.T) net.Listener {
	t.Helper()
	for range 100 {
		if ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(10240+rand.IntN(20000))); err == nil {
			return ln
		}
	}
	t.Fatal("no free port among a hundred")
	return nil
}

// The fault holds the port for as long as the emulator lives.
func TestPortTaken(t *testing.T) {
	ln := listenLow(t)
	addr := ln.Addr().String()
	port := ln.Addr().(*net.TCPAddr).Port
	fault := Fault{Name: "port-taken", Arg: strconv.Itoa(port)}
	if _, err := Start(t.Context(), Options{Command: []string{"/bin/true"}, Faults: []Fault{fault}}); err == nil || !strings.Contains(err.Error(), "fault port-taken") {
		t.Errorf("a port that is taken indeed: %v", err)
	}
	ln.Close()
	r := newRig(t, Options{Faults: []Fault{fault}}, nil)
	if again, err := net.Listen("tcp", addr); err == nil {
		again.Close()
		t.Error("the port is free")
	}
	r.stop()
	again, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}
