//go:build !linux

package bind

import (
	"net"
	"net/netip"
)

// TCP4 listens on an IPv4 address; port 0 is any free one.
func TCP4(address netip.AddrPort) (net.Listener, error) { return net.Listen("tcp4", address.String()) }
