package bind_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"powertools-extension/internal/bind"
)

func TestTCP4(t *testing.T) {
	ln, err := bind.TCP4(netip.MustParseAddrPort("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	address := ln.Addr().(*net.TCPAddr).AddrPort()
	if address.Addr().String() != "127.0.0.1" || address.Port() == 0 {
		t.Errorf("listens on %v", address)
	}
	if _, err := bind.TCP4(address); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("twice: %v", err)
	}
	go func() {
		c, err := net.Dial("tcp", address.String())
		if err == nil {
			_, _ = io.WriteString(c, "hello")
			_ = c.Close()
		}
	}()
	c, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(c); err != nil || string(text) != "hello" {
		t.Errorf("%q, %v", text, err)
	}
	_ = c.Close()
	if err := ln.Close(); err != nil {
		t.Error(err)
	}
	again, err := bind.TCP4(address) // although a connection of it was just closed
	if err != nil {
		t.Fatal(err)
	}
	_ = again.Close()
}

func TestTCP4Refused(t *testing.T) {
	// 192.0.2.0/24 is for documentation: no machine has it (RFC 5737).
	if _, err := bind.TCP4(netip.MustParseAddrPort("192.0.2.1:0")); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("got %v", err)
	}
}
