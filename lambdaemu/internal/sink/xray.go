package sink

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"powertools-extension/lambdaemu/transcript"
)

// XRayPlaceholder in the value of a variable becomes the address of a UDP
// socket that takes what is meant for the X-Ray daemon.
const XRayPlaceholder = "{xray}"

// XRay takes datagrams and puts their documents into the transcript. It answers
// none, as the daemon.
type XRay struct {
	conn  *net.UDPConn
	ended chan struct{}
}

// OpenXRay listens on a free port of 127.0.0.1 if a variable has the
// placeholder, and puts the address there. The caller closes it.
func OpenXRay(env map[string]string, script *transcript.Log) (*XRay, map[string]string, error) {
	wanted := func(value string) bool { return strings.Contains(value, XRayPlaceholder) }
	if !slices.ContainsFunc(slices.Collect(maps.Values(env)), wanted) {
		return nil, env, nil
	}
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, env, fmt.Errorf("built-in X-Ray daemon: %w", err)
	}
	x := &XRay{conn: conn, ended: make(chan struct{})}
	go func() {
		defer close(x.ended)
		for buf := make([]byte, 1<<16); ; {
			n, err := conn.Read(buf)
			if err != nil {
				return // closed
			}
			// A line that names the format stands before the document (AWS X-Ray,
			// sending trace data).
			_, document, _ := strings.Cut(string(buf[:n]), "\n")
			script.Add(transcript.Platform, transcript.XRay, document)
		}
	}()
	filled := make(map[string]string, len(env))
	for key, value := range env {
		filled[key] = strings.ReplaceAll(value, XRayPlaceholder, conn.LocalAddr().String())
	}
	return x, filled, nil
}

// Close ends the intake. A nil one does nothing.
func (x *XRay) Close() {
	if x == nil {
		return
	}
	x.conn.Close()
	<-x.ended
}
