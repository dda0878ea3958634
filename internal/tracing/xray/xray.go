// Package xray sends documents to the X-Ray daemon of the sandbox, one UDP
// datagram each.
//
// The rule a reader could break: nobody answers. That a datagram was sent says
// nothing of whether it arrived, so what is counted is called sent and never
// delivered.
package xray

import (
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
)

// DefaultAddress is the daemon's in Lambda's sandboxes.
const DefaultAddress = "169.254.79.129:2000"

// ErrAddress means that a text names no address of a daemon.
var ErrAddress = errors.New("not host:port, nor the form udp:host:port tcp:host:port")

// ParseAddress reads AWS_XRAY_DAEMON_ADDRESS: host:port, or two addresses of
// which the one for UDP counts, as in "tcp:127.0.0.1:2000
// udp:127.0.0.2:2001". The host is an IP address or localhost: a name would
// have to be looked up. (AWS X-Ray, "Configuring the daemon address")
func ParseAddress(text string) (string, error) {
	address := strings.TrimSpace(text)
	if fields := strings.Fields(address); strings.Contains(address, "udp:") || strings.Contains(address, "tcp:") {
		address = ""
		for _, f := range fields {
			if rest, ok := strings.CutPrefix(f, "udp:"); ok {
				address = rest
			}
		}
	}
	if rest, ok := strings.CutPrefix(address, "localhost:"); ok {
		address = "127.0.0.1:" + rest
	}
	parsed, err := netip.ParseAddrPort(address)
	if err != nil || parsed.Port() == 0 {
		return "", ErrAddress
	}
	return address, nil
}

// Sender sends to one daemon. Safe for concurrent use; it opens nothing before
// the first document.
type Sender struct {
	mu      sync.Mutex
	address string
	conn    net.Conn

	sent, failed atomic.Int64
}

// New returns a sender to an address that ParseAddress has read.
func New(address string) *Sender { return &Sender{address: address} }

// Point moves to another daemon: the runtime's environment names it, and the
// wrapper tells it later.
func (s *Sender) Point(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.address != address {
		s.address = address
		s.dropLocked()
	}
}

// Send writes one datagram and never waits: where the kernel does not take it
// at once it is lost, and counted.
func (s *Sender) Send(datagram []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.writeLocked(datagram)
	if err != nil { // refused for the one before, or of a socket that a snapshot held
		s.dropLocked()
		err = s.writeLocked(datagram)
	}
	if err != nil {
		s.failed.Add(1)
		return err
	}
	s.sent.Add(1)
	return nil
}

func (s *Sender) writeLocked(datagram []byte) error {
	if s.conn == nil {
		conn, err := net.Dial("udp", s.address)
		if err != nil {
			return err
		}
		s.conn = conn
	}
	_, err := s.conn.Write(datagram)
	return err
}

func (s *Sender) dropLocked() {
	if s.conn != nil {
		_ = s.conn.Close() // nothing is kept in it
		s.conn = nil
	}
}

// Forget closes the socket: one that a snapshot held leads nowhere.
func (s *Sender) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropLocked()
}

// Sent counts the datagrams that the kernel took, and those that it did not.
func (s *Sender) Sent() (sent, failed int64) { return s.sent.Load(), s.failed.Load() }
