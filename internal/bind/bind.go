// Package bind opens a TCP port on an IPv4 address.
//
// The rule a reader could break: it is on the way to the registration.
// net.Listen first looks which families and protocols the machine knows, with
// half a dozen sockets that it throws away, and starts threads for it.
package bind

import (
	"context"
	"net"
	"net/netip"
)

// TCP4 listens on an IPv4 address; port 0 is any free one. An error unwraps to
// the system's, such as EADDRINUSE.
//
// A socket of one's own and net.FileListener would spare a few system calls
// more, once; but its connections get keep-alive probes, four system calls for
// each, and probes on the way to the same machine find nothing.
func TCP4(address netip.AddrPort) (net.Listener, error) {
	config := net.ListenConfig{KeepAlive: -1}
	config.SetMultipathTCP(false) // one more protocol to look for
	return config.Listen(context.Background(), "tcp4", address.String())
}
