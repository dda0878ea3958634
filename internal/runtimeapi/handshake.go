package runtimeapi

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"strings"
)

const (
	handshakePath = "/powertools/v1/runtime"
	tokenField    = "x-aws-parameters-secrets-token"
	maxHello      = 64 << 10
)

// Hello is what the wrapper says about the runtime, whose environment has
// more than the extension's. Everything may be empty.
type Hello struct {
	Upstream       string            `json:"upstream"` // AWS_LAMBDA_RUNTIME_API as the runtime would have it
	Handler        string            `json:"handler"`
	ExecutionEnv   string            `json:"execution_env"`
	TaskRoot       string            `json:"task_root"`
	LogGroup       string            `json:"log_group"`
	LogStream      string            `json:"log_stream"`
	XRayDaemon     string            `json:"xray_daemon"`
	MaxConcurrency string            `json:"max_concurrency"`
	Env            map[string]string `json:"env"`      // variables whose values are refs
	EnvPath        string            `json:"env_path"` // POWERTOOLS_PARAMETERS_ENV_PATH
}

// Reply is the answer to a Hello.
type Reply struct {
	Proxy   bool              `json:"proxy"`
	Address string            `json:"address,omitempty"` // of the proxy; filled in here
	Env     map[string]string `json:"env,omitempty"`     // values of parameters: secrets
	Failed  []EnvError        `json:"env_error,omitempty"`
	Logs    *Logs             `json:"logs,omitempty"` // nil: the log descriptors stay the wrapper's
}

// Logs is where the wrapper hands over the function's log descriptors.
type Logs struct {
	Socket string `json:"socket"` // @name: abstract
	Nonce  string `json:"nonce"`
}

// EnvError is a variable whose value could not be read.
type EnvError struct {
	Name string `json:"name"`
	Ref  string `json:"ref"`
	Code string `json:"code"` // of the local API's problem documents
	Cure string `json:"cure"`
}

// handshake answers the wrapper of a runtime. Every refusal leaves things as
// they are; the wrapper then lets the runtime talk to Lambda directly.
func (x *exchange) handshake() bool {
	if string(x.method) != "POST" {
		return x.refuse(405, "the handshake is a POST")
	}
	if !x.authorised() {
		return x.refuse(403, "the token is not the one of this function")
	}
	text, err := io.ReadAll(io.LimitReader(x.body, maxHello+1))
	if len(text) > maxHello {
		return x.refuse(413, "the handshake has more than 64 KiB")
	}
	if err != nil {
		return false
	}
	var hello Hello
	if err := json.Unmarshal(text, &hello); err != nil {
		return x.refuse(400, "the handshake is not a JSON object of the wrapper's form")
	}
	up, err := parseAddress(hello.Upstream)
	if err != nil {
		return x.refuse(400, "upstream: "+errAddress.Error())
	}
	lambda, _ := parseAddress(x.s.opt.Upstream) // checked by New
	switch {
	case x.s.isSelf(up):
		return x.refuse(400, "upstream is the proxy itself")
	case !up.near(lambda):
		return x.refuse(400, "upstream is not in this sandbox")
	case x.s.life.count() > 0:
		return x.refuse(409, "an invocation is open: its answer goes where its event came from")
	}
	x.s.renew(&up)
	x.s.hello.Store(&hello)
	reply := x.reply(hello)
	if reply.Proxy {
		reply.Address = x.s.own
	}
	answer, err := json.Marshal(reply)
	if err != nil {
		return x.refuse(500, "the answer could not be written")
	}
	x.in = appendAnswer(x.in[:0], 200, string(answer), false)
	_, _ = x.net.Write(x.in) // the wrapper has a time-out of its own
	clear(x.in[:cap(x.in)])  // values of parameters
	return false
}

func (x *exchange) reply(hello Hello) Reply {
	if x.s.opt.Handshake == nil {
		return Reply{Proxy: true}
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	x.resume <- struct{}{}
	go func() {
		select {
		case err := <-x.ready: // a wrapper that gave up; one that sends more is none of ours
			x.ready <- err
			cancel()
		case <-ctx.Done():
		}
	}()
	return x.s.opt.Handshake(ctx, hello)
}

// authorised demands exactly one token, of the known. All are compared, so
// that the time says nothing.
func (x *exchange) authorised() bool {
	given, count := []byte(nil), 0
	for i := range x.req.fields {
		if isName(x.req.fields[i].name, tokenField) {
			given, count = x.req.fields[i].value, count+1
		}
	}
	match := 0
	for _, token := range x.s.opt.Tokens() {
		if token != "" {
			match |= subtle.ConstantTimeCompare(given, []byte(token))
		}
	}
	return count == 1 && match == 1
}

// isSelf reports whether an address is this proxy's own port.
func (s *Server) isSelf(a address) bool {
	name, port, _ := net.SplitHostPort(a.host)
	_, own, _ := net.SplitHostPort(s.own)
	ip, err := netip.ParseAddr(name)
	local := err == nil && (ip.IsLoopback() || ip.IsUnspecified()) || strings.EqualFold(name, "localhost")
	return port == own && local
}
