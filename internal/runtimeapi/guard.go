package runtimeapi

import (
	"bytes"
	"strings"
)

// guard refuses what no runtime sends and a web page would: a browser inside
// the function could answer invocations otherwise. Lambda's own port has no
// such guard. X-Forwarded-* and Via pass: a second proxy may add them.
func (h *head) guard(minor int) (status int, reason string) {
	hosts := 0
	for i := range h.fields {
		name, value := h.fields[i].name, h.fields[i].value
		switch {
		case isName(name, "host"):
			if hosts++; hosts > 1 {
				return 400, "more than one Host header"
			}
			if !localHost(value) {
				return 421, "the Host header does not name this machine's loopback"
			}
		case isName(name, "origin"):
			return 403, "the request carries the header Origin"
		case isName(name, "sec-fetch-site"):
			if string(value) != "none" {
				return 403, "the request carries the header Sec-Fetch-Site"
			}
		}
	}
	if hosts == 0 && minor == 1 {
		return 400, "no Host header"
	}
	return 0, ""
}

// localHost knows the three ways a local client writes loopback, with or
// without a port. HTTP/1.0 clients may leave it empty.
func localHost(host []byte) bool {
	name := host
	if i := bytes.LastIndexByte(host, ':'); i >= 0 && !bytes.HasSuffix(host, []byte("]")) {
		if len(host)-i > 6 || strings.Trim(string(host[i+1:]), "0123456789") != "" {
			return false
		}
		name = host[:i]
	}
	return len(host) == 0 || string(name) == "127.0.0.1" || string(name) == "[::1]" || isName(name, "localhost")
}
