package bind

import (
	"net"
	"net/netip"
	"os"
	"syscall"
)

// backlog is how many connections may wait to be accepted. The kernel lowers
// it to net.core.somaxconn.
const backlog = 4096

// TCP4 listens on an IPv4 address; port 0 is any free one. An error unwraps to
// the system's, such as EADDRINUSE.
func TCP4(address netip.AddrPort) (net.Listener, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, syscall.IPPROTO_TCP)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	socket := os.NewFile(uintptr(fd), "listener")
	defer socket.Close() //nolint:errcheck // the listener has a descriptor of its own
	// A port whose last connections are still being closed is free.
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return nil, os.NewSyscallError("setsockopt", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: address.Addr().As4(), Port: int(address.Port())}); err != nil {
		return nil, os.NewSyscallError("bind", err)
	}
	if err := syscall.Listen(fd, backlog); err != nil {
		return nil, os.NewSyscallError("listen", err)
	}
	return net.FileListener(socket)
}
