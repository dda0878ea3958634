package runtimeapi

import (
	"bufio"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// address is where Lambda's API, or the proxy before us, listens.
type address struct {
	host   string // host:port
	prefix string // of every path; no slash at its end
}

var errAddress = errors.New("not an address of a Runtime API: use host:port of loopback or a link-local address")

// parseAddress reads host:port, with or without http:// and a path. cargo
// lambda and the .NET test tool have both.
func parseAddress(s string) (address, error) {
	s = strings.TrimPrefix(s, "http://")
	host, path, _ := strings.Cut(s, "/")
	name, port, err := net.SplitHostPort(host)
	if err != nil || name == "" || strings.ContainsAny(s, " \t\r\n?#@%") {
		return address{}, errAddress
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return address{}, errAddress
	}
	a := address{host: host}
	if path = strings.Trim(path, "/"); path != "" {
		a.prefix = "/" + path
	}
	return a, nil
}

// near reports whether an address is inside the sandbox, or is the host that
// Lambda itself named.
func (a address) near(lambda address) bool {
	name, _, _ := net.SplitHostPort(a.host)
	if own, _, _ := net.SplitHostPort(lambda.host); name == own || strings.EqualFold(name, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && (ip.IsLoopback() || ip.IsLinkLocalUnicast() || ip.IsUnspecified())
}

// upstream is one connection to Lambda's API. It belongs to one connection of
// the runtime.
type upstream struct {
	net  net.Conn
	r    *bufio.Reader
	to   *address
	used time.Time // wall clock of the last answer
}

// maxIdle is the pause after which a connection is not trusted any more: the
// sandbox may have been frozen.
const maxIdle = 5 * time.Second

// dialTime bounds a connect to a port of this machine.
const dialTime = 5 * time.Second

func dial(to *address) (*upstream, error) {
	c, err := (&net.Dialer{Timeout: dialTime, KeepAlive: -1}).Dial("tcp", to.host)
	if err != nil {
		return nil, err
	}
	return &upstream{net: c, r: bufio.NewReaderSize(c, readBuffer), to: to}, nil
}

// usable reports whether the connection may carry another request: same
// address, no long pause, nothing unread, not closed by the other side.
func (u *upstream) usable(to *address) bool {
	if u.to != to || u.r.Buffered() > 0 {
		return false
	}
	if gap := time.Now().Round(0).Sub(u.used); gap > maxIdle || gap < 0 {
		return false
	}
	raw, ok := u.net.(syscall.Conn)
	if !ok {
		return true
	}
	control, err := raw.SyscallConn()
	if err != nil {
		return false
	}
	alive := false
	err = control.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, peek := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		alive = peek == syscall.EAGAIN // nothing there, and open
		return true
	})
	return err == nil && alive
}

func (u *upstream) close() { _ = u.net.Close() } // its answers are of no use any more
