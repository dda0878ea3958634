package xray_test

import (
	"net"
	"testing"
	"time"

	"powertools-extension/internal/tracing/xray"
)

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]string{
		"169.254.79.129:2000":                   "169.254.79.129:2000",
		" 127.0.0.1:2000 ":                      "127.0.0.1:2000",
		"localhost:2000":                        "127.0.0.1:2000",
		"[::1]:2000":                            "[::1]:2000",
		"tcp:127.0.0.1:2000 udp:127.0.0.2:2001": "127.0.0.2:2001",
		"udp:127.0.0.2:2001 tcp:127.0.0.1:2000": "127.0.0.2:2001",
		"tcp:127.0.0.1:2000":                    "",
		"":                                      "",
		"127.0.0.1":                             "",
		"127.0.0.1:0":                           "",
		"127.0.0.1:70000":                       "",
		"daemon.example.com:2000":               "",
		"http://127.0.0.1:2000":                 "",
		"udp:127.0.0.1:2000:1 tcp:127.0.0.1:2000": "",
	} {
		got, err := xray.ParseAddress(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func listen(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func read(t *testing.T, c *net.UDPConn) string {
	t.Helper()
	buf := make([]byte, 1<<16)
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return string(buf[:n])
}

func TestSender(t *testing.T) {
	one, two := listen(t), listen(t)
	s := xray.New(one.LocalAddr().String())
	defer s.Forget()
	if err := s.Send([]byte("first")); err != nil || read(t, one) != "first" {
		t.Fatal(err)
	}
	s.Point(two.LocalAddr().String())
	if err := s.Send([]byte("second")); err != nil || read(t, two) != "second" {
		t.Fatal(err)
	}
	s.Forget() // a restore
	if err := s.Send([]byte("third")); err != nil || read(t, two) != "third" {
		t.Fatal(err)
	}
	if err := s.Send(make([]byte, 70_000)); err == nil {
		t.Error("a datagram of 70,000 bytes was sent")
	}
	if sent, failed := s.Sent(); sent != 3 || failed != 1 {
		t.Errorf("sent %d, failed %d", sent, failed)
	}
}

// A daemon that is not there refuses with the next datagram's error; that
// datagram goes out all the same.
func TestNobodyListens(t *testing.T) {
	c := listen(t)
	address := c.LocalAddr().String()
	_ = c.Close()
	s := xray.New(address)
	defer s.Forget()
	for range 10 {
		if err := s.Send([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if sent, _ := s.Sent(); sent != 10 {
		t.Errorf("sent %d", sent)
	}
}
