// Package ports knows TCP ports of 127.0.0.1: which are free, and who holds one.
//
// The rule a reader could break: it looks and takes nothing; what is free now may
// be taken a moment later.
package ports

import "net"

// Free is a port that nobody listens on now.
func Free() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
