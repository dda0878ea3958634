package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"powertools-extension/internal/awsemu"
)

// awsFault is a fault of the embedded AWS from an invocation on.
type awsFault struct {
	fault string // as awsemu takes it; empty: none
	from  int    // counted from 1; 0: from the start
}

// parseAWSFault reads NAME[:ARG][@FROM].
func parseAWSFault(text string) (awsFault, error) {
	var f awsFault
	name, from, hasFrom := strings.Cut(text, "@")
	if hasFrom {
		n, err := strconv.Atoi(from)
		if err != nil || n < 1 {
			return f, fmt.Errorf("%q after @ is not the number of an invocation", from)
		}
		f.from = n
	}
	if name == "none" {
		return f, nil
	}
	f.fault = name
	if err := awsemu.New(awsemu.Data{}).SetFault(name); err != nil || name == "" {
		return f, fmt.Errorf("unknown fault %q; --help lists them", name)
	}
	return f, nil
}

// embeddedAWS is awsemu behind a port of its own.
type embeddedAWS struct {
	server *awsemu.Server
	web    *http.Server
	url    string
	faults []awsFault // by from
	done   chan struct{}
}

// startAWS reads the file, if there is one, and serves it on a free port of
// 127.0.0.1.
func startAWS(file string, faults []awsFault) (*embeddedAWS, error) {
	var data awsemu.Data
	if file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, usageError{fmt.Errorf("--params: %w", err)}
		}
		if data, err = awsemu.Parse(content); err != nil {
			return nil, usageError{fmt.Errorf("--params %s:\n  %s", file, strings.ReplaceAll(err.Error(), "\n", "\n  "))}
		}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("embedded AWS: %w", err)
	}
	a := &embeddedAWS{
		server: awsemu.New(data), url: "http://" + listener.Addr().String(), faults: faults, done: make(chan struct{}),
	}
	a.web = &http.Server{Handler: a.server, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(io.Discard, "", 0)}
	go func() {
		defer close(a.done)
		_ = a.web.Serve(listener) // ends with Close
	}()
	a.before(0)
	return a, nil
}

// before switches to the fault that applies to invocation n and returns its
// name, empty for none. Number 0 is the init phase.
func (a *embeddedAWS) before(n int) string {
	if a == nil {
		return ""
	}
	current := ""
	for _, f := range a.faults {
		if f.from <= n {
			current = f.fault
		}
	}
	_ = a.server.SetFault(current) // parsed once already
	return current
}

func (a *embeddedAWS) counts() []awsemu.Count {
	if a == nil {
		return nil
	}
	return a.server.Counts()
}

func (a *embeddedAWS) close() {
	if a != nil {
		_ = a.web.Close()
		<-a.done
	}
}
