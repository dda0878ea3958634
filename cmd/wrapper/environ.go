package main

import (
	"os"
	"strings"
	"syscall"
	"time"
)

// environment are NAME=value strings as execve handed them over: in their
// order, with what is odd about them.
type environment struct{ list []string }

// pair is a name and its value.
type pair struct{ key, value string }

// readEnvironment asks the kernel, because Go's own view drops the second of
// two variables of one name.
func readEnvironment() environment {
	raw, err := readFile("/proc/self/environ", 16<<20)
	if err != nil || raw == "" {
		return environment{os.Environ()}
	}
	return environment{strings.Split(strings.TrimSuffix(raw, "\x00"), "\x00")}
}

// readFile reads a whole file without package os, whose files would start the
// network poller.
func readFile(path string, limit int) (string, error) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	defer syscall.Close(fd) //nolint:errcheck // only read
	buf := make([]byte, 0, 8<<10)
	for len(buf) < limit {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := syscall.Read(fd, buf[len(buf):cap(buf)])
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n <= 0 {
			return string(buf), err
		}
		buf = buf[:len(buf)+n]
	}
	return string(buf), nil
}

// get is the value that counts: of several the last.
func (e *environment) get(name string) string {
	value := ""
	for _, kv := range e.list {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			value = v
		}
	}
	return value
}

func (e *environment) has(name string) bool {
	for _, kv := range e.list {
		if strings.HasPrefix(kv, name+"=") {
			return true
		}
	}
	return false
}

// set gives every entry of the name the value, so that it does not matter
// which one the runtime reads, or adds one.
func (e *environment) set(name, value string) {
	found := false
	for i, kv := range e.list {
		if strings.HasPrefix(kv, name+"=") {
			e.list[i], found = name+"="+value, true
		}
	}
	if !found {
		e.list = append(e.list, name+"="+value)
	}
}

func (e *environment) remove(name string) {
	kept := e.list[:0]
	for _, kv := range e.list {
		if !strings.HasPrefix(kv, name+"=") {
			kept = append(kept, kv)
		}
	}
	e.list = kept
}

// marker begins a value that is the address of a parameter.
const marker = "powertools+"

// refs are the variables whose values are to be read, each name once, of
// several the last. Variables of the extension and of Lambda are not among
// them: the extension would see the ref and the runtime the value.
func (e *environment) refs() (refs []pair) {
	for i, kv := range e.list {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(value, marker) || reserved(name) {
			continue
		}
		later := environment{e.list[i+1:]}
		if later.has(name) {
			say("WARN", "a variable is set twice; the last one counts", []pair{{"variable", name}})
			continue
		}
		refs = append(refs, pair{name, value})
	}
	return refs
}

func reserved(name string) bool {
	return strings.HasPrefix(name, "POWERTOOLS_") || strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "_") || name == ""
}

// apply sets what was answered and returns the refs that were not. A variable
// that is set by hand wins over one that comes from a path.
func (e *environment) apply(refs, values []pair) (missing []pair) {
	answered := func(name string) bool {
		for _, v := range values {
			if v.key == name {
				return true
			}
		}
		return false
	}
	asked := func(name string) bool {
		for _, r := range refs {
			if r.key == name {
				return true
			}
		}
		return false
	}
	for _, v := range values {
		if asked(v.key) || !e.has(v.key) && !reserved(v.key) {
			e.set(v.key, v.value)
		}
	}
	for _, r := range refs {
		if !answered(r.key) {
			missing = append(missing, r)
		}
	}
	return missing
}

const defaultPort = 9019

// port is where the extension's proxy listens.
func (e *environment) port() int {
	if n, ok := number(strings.TrimSpace(e.get("POWERTOOLS_RUNTIME_PROXY_PORT"))); ok && n > 0 && n < 1<<16 {
		return n
	}
	return defaultPort
}

// Bounds of the handshake. What the extension fetches has a bound of its own,
// which begins earlier; the margin is for its answer.
const (
	handshakeTime  = 200 * time.Millisecond
	defaultEnvTime = 5 * time.Second
	longestEnvTime = time.Minute
)

func (e *environment) wait(needed bool) time.Duration {
	if !needed {
		return handshakeTime
	}
	text := strings.TrimSpace(e.get("POWERTOOLS_PARAMETERS_ENV_TIMEOUT"))
	if text == "" {
		return defaultEnvTime + handshakeTime
	}
	if wait := duration(text); wait > 0 {
		return min(wait, longestEnvTime) + handshakeTime
	}
	return longestEnvTime // the extension reads more forms, and answers within its own bound
}

// duration reads the usual forms: seconds, or a whole number with a unit. 0:
// it is none of them.
func duration(text string) time.Duration {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"", time.Second}} {
		if n, ok := strings.CutSuffix(text, unit.name); ok {
			n, _ := number(n)
			return time.Duration(n) * unit.size
		}
	}
	return 0
}

// token is what opens the extension's ports.
func (e *environment) token() string {
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_TOKEN"} {
		value := e.get(name)
		if path, ok := strings.CutPrefix(value, "file://"); ok && name == "AWS_TOKEN" {
			value, _ = readFile(path, 64<<10) // the extension refuses the empty token, and says why
		}
		if value = strings.TrimSpace(value); value != "" && !strings.ContainsAny(value, "\r\n") {
			return value
		}
	}
	return ""
}

// request is the body of the handshake: what the extension's own process is
// not given.
func (e *environment) request(refs []pair, paths string) string {
	var b strings.Builder
	b.WriteByte('{')
	for _, f := range []pair{
		{"upstream", "AWS_LAMBDA_RUNTIME_API"},
		{"handler", "_HANDLER"},
		{"execution_env", "AWS_EXECUTION_ENV"},
		{"task_root", "LAMBDA_TASK_ROOT"},
		{"log_group", "AWS_LAMBDA_LOG_GROUP_NAME"},
		{"log_stream", "AWS_LAMBDA_LOG_STREAM_NAME"},
		{"xray_daemon", "AWS_XRAY_DAEMON_ADDRESS"},
		{"max_concurrency", "AWS_LAMBDA_MAX_CONCURRENCY"},
	} {
		member(&b, f.key, e.get(f.value))
	}
	if paths != "" {
		member(&b, "env_path", paths)
	}
	if len(refs) > 0 {
		comma(&b)
		b.WriteString(`"env":{`)
		for _, r := range refs {
			member(&b, r.key, r.value)
		}
		b.WriteByte('}')
	}
	b.WriteByte('}')
	return b.String()
}

func number(s string) (int, bool) {
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > 1<<24 {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, s != ""
}

func digits(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return digits(n/10) + string(rune('0'+n%10))
}

func loopback(port int) string { return "127.0.0.1:" + digits(port) }
