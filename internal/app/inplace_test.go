package app_test

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"powertools-extension/test/harness"
)

// descriptor is the function's log: what it writes goes through the extension,
// and what the extension writes is what Lambda would store.
type descriptor struct {
	function, log *os.File

	mu   sync.Mutex
	text strings.Builder
	done chan struct{}
}

// handOver does what the wrapper does with a reply that invites it.
func handOver(t *testing.T, reply map[string]any) *descriptor {
	t.Helper()
	logs, _ := reply["logs"].(map[string]any)
	socket, _ := logs["socket"].(string)
	nonce, _ := logs["nonce"].(string)
	if socket == "" || nonce == "" {
		t.Errorf("the wrapper is not invited: %v", reply)
		return nil
	}
	in, function, err := os.Pipe()
	if err != nil {
		t.Error(err)
		return nil
	}
	log, out, err := os.Pipe()
	if err != nil {
		t.Error(err)
		return nil
	}
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Error(err)
		return nil
	}
	defer conn.Close()
	if _, _, err := conn.WriteMsgUnix([]byte(nonce+"l"), syscall.UnixRights(int(in.Fd()), int(out.Fd())), nil); err != nil {
		t.Error(err)
	}
	answer := make([]byte, 8)
	n, _ := conn.Read(answer)
	if n == 0 {
		t.Error("the hand-over was refused")
	}
	_, _ = conn.Write([]byte("go"))
	_ = in.Close()
	_ = out.Close()
	d := &descriptor{function: function, log: log, done: make(chan struct{})}
	go func() {
		defer close(d.done)
		buf := make([]byte, 4096)
		for {
			n, err := log.Read(buf)
			d.mu.Lock()
			d.text.Write(buf[:n])
			d.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return d
}

// stored are the lines that Lambda would have.
func (d *descriptor) stored() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Split(strings.TrimSuffix(d.text.String(), "\n"), "\n")
}

// In place each line is stored once: enriched, redacted, with the request it is
// of; what the telemetry stream says of the same lines is not read, and nothing
// is copied.
func TestLinesInPlace(t *testing.T) {
	runtime := function{t, harness.FreePort(t)}
	p := newPlatform(t)
	l := &lambda{}
	p.runtime = l
	var uri string
	p.onSubscribe = func(u string) { uri = u }
	var d *descriptor
	p.onNext = onNth(func() {
		hello, _ := json.Marshal(map[string]any{"upstream": strings.TrimPrefix(p.srv.URL, "http://")})
		r := runtime.send(http.MethodPost, "/powertools/v1/runtime", string(hello))
		d = handOver(t, r.object(t))
	}, func() {
		if d == nil {
			return
		}
		l.comes(event{id: oldID, text: "{}"})
		runtime.get("/2018-06-01/runtime/invocation/next")
		for _, line := range []string{"order placed password=hunter2\n", `{"level":"ERROR","message":"no stock"}` + "\n"} {
			if _, err := d.function.WriteString(line); err != nil {
				t.Error(err)
			}
		}
		stream(t, &uri, functionLine("order placed password=hunter2"), functionLine(`{\"level\":\"ERROR\",\"message\":\"no stock\"}`))
		runtime.send(http.MethodPost, "/2018-06-01/runtime/invocation/"+oldID+"/response", "1")
		eventually(t, "both lines in the log", func() bool { return len(d.stored()) == 2 })
		_ = d.function.Close() // the runtime ends
	})
	p.next = []answer{call(oldID), bye()}
	out := p.live("POWERTOOLS_RUNTIME_PROXY=on", "POWERTOOLS_RUNTIME_PROXY_PORT="+runtime.port, "POWERTOOLS_LOGS_MODE=in-place", "POWERTOOLS_LOGS_REDACT=re:hunter[0-9]", "POWERTOOLS_SERVICE_NAME=orders")
	if out.err != nil || d == nil {
		t.Fatal(out.err)
	}
	<-d.done
	var messages []any
	for _, text := range d.stored() {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		messages = append(messages, line["message"])
		if line["service"] != "orders" || line["function_request_id"] != oldID {
			t.Errorf("not enriched: %s", text)
		}
	}
	if diff := cmp.Diff([]any{"order placed password=[redacted]", "no stock"}, messages); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	if copies := out.messages(t); len(copies) != 0 {
		t.Errorf("copied as well: %q", copies)
	}
	all := out.objects(t)
	account, _ := all[len(all)-1]["in_place"].(map[string]any)
	if account["hand_overs"] != 1.0 || account["lines"] != 2.0 || account["written"] != 2.0 {
		t.Errorf("ledger: %v", account)
	}
	if e := out.events(t)[oldID]; e["log_error"] != 1.0 {
		t.Errorf("the error line is not counted: %v", e)
	}
}

// Where lines cannot be changed in place they are copied, and that is said: on
// managed instances, and without the proxy.
func TestWhereLinesAreCopiedAllTheSame(t *testing.T) {
	for name, env := range map[string][]string{
		"managed instances": {"AWS_LAMBDA_INITIALIZATION_TYPE=lambda-managed-instances"},
		"without the proxy": {"POWERTOOLS_RUNTIME_PROXY=off"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlatform(t)
			seen := &paper{}
			var uri string
			p.stdout, p.onSubscribe = seen, func(u string) { uri = u }
			p.onNext = onNth(func() {
				stream(t, &uri, functionLine("a line"))
				eventually(t, "the copy", seen.has("a line"))
			})
			out := p.live(append(env, "POWERTOOLS_LOGS_MODE=in-place")...)
			if out.err != nil {
				t.Fatal(out.err)
			}
			said := 0
			for _, entry := range out.logs.All() {
				if strings.Contains(entry.Message, "in-place") && strings.Contains(entry.Message, "copied") {
					said++
				}
			}
			if said != 1 || len(out.messages(t)) != 1 {
				t.Errorf("said %d times, %q", said, out.messages(t))
			}
		})
	}
}
