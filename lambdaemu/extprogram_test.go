package lambdaemu

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// extConfig is what a test extension does; EXT holds a map from its name.
type extConfig struct {
	As        string   `json:"as,omitempty"` // register under this name
	Events    []string `json:"events"`       // default INVOKE, SHUTDOWN
	Subscribe []string `json:"subscribe,omitempty"`
	Schema    string   `json:"schema,omitempty"`    // default 2022-12-13
	TimeoutMs int      `json:"timeoutMs,omitempty"` // default 25
	LateSub   bool     `json:"lateSub,omitempty"`   // subscribe in the first invocation

	Say       string `json:"say,omitempty"`       // printed before register
	InitExit  *int   `json:"initExit,omitempty"`  // exit instead of /next
	InitError string `json:"initError,omitempty"` // POST init/error, then as InitExit says
	HangInit  bool   `json:"hangInit,omitempty"`  // never register

	WaitDone       bool `json:"waitDone,omitempty"`       // wait for runtimeDone before /next
	InvokeSleepMs  int  `json:"invokeSleepMs,omitempty"`  // before /next
	InvokeExit     *int `json:"invokeExit,omitempty"`     // exit instead of /next
	InvokeHang     bool `json:"invokeHang,omitempty"`     // never call /next again
	SayInvoke      bool `json:"sayInvoke,omitempty"`      // print the event
	ShutdownHang   bool `json:"shutdownHang,omitempty"`   // ignore SHUTDOWN
	ShutdownWaitMs int  `json:"shutdownWaitMs,omitempty"` // before the exit
	ShutdownExit   int  `json:"shutdownExit,omitempty"`
	Env            bool `json:"env,omitempty"`       // print the environment as JSON
	Status         int  `json:"status,omitempty"`    // answer telemetry with this
	StatusFor      int  `json:"statusFor,omitempty"` // that many times; 0: always
	SlowMs         int  `json:"slowMs,omitempty"`    // answer telemetry late
	DoubleNext     bool `json:"doubleNext,omitempty"`
	Lookup         bool `json:"lookup,omitempty"`    // print what the sandbox's names mean
	Logs           bool `json:"logs,omitempty"`      // subscribe to the Logs API
	ExitError      bool `json:"exitError,omitempty"` // POST exit/error while /next is pending
}

// playExtension is a small extension. What telemetry brings it is appended to
// the file EXT_OUT/<name>, one POST per line.
func playExtension(name string) int {
	all := map[string]extConfig{}
	json.Unmarshal([]byte(os.Getenv("EXT")), &all)
	x := &extPlayer{name: name, cfg: all[name], done: make(chan struct{}, 1000)}
	if x.cfg.Events == nil {
		x.cfg.Events = []string{eventInvoke, eventShutdown}
	}
	return x.play()
}

type extPlayer struct {
	name string
	cfg  extConfig
	id   string
	mu   sync.Mutex
	seen int
	done chan struct{} // one per runtimeDone
}

func (x *extPlayer) url(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + path
}

func (x *extPlayer) play() int {
	if x.cfg.Say != "" {
		fmt.Println(x.cfg.Say)
	}
	if x.cfg.Env {
		body, _ := json.Marshal(append([]string{"argv0=" + os.Args[0], "argc=" + strconv.Itoa(len(os.Args)), "cwd=" + cwd()}, os.Environ()...))
		fmt.Println(string(body))
	}
	if x.cfg.Lookup {
		for _, name := range []string{"sandbox.localdomain", "sandbox"} {
			addrs, err := net.LookupHost(name)
			fmt.Println(name, addrs, err)
		}
	}
	if x.cfg.HangInit {
		time.Sleep(time.Hour)
	}
	listener := x.listen()
	x.register()
	if x.cfg.Subscribe != nil && !x.cfg.LateSub {
		x.subscribe(listener)
	}
	if x.cfg.InitError != "" {
		doPost(x.url("/2020-01-01/extension/init/error"), nil, headerID, x.id, headerErrorType, x.cfg.InitError)
	}
	if x.cfg.InitExit != nil {
		return *x.cfg.InitExit
	}
	if x.cfg.InitError != "" {
		time.Sleep(time.Hour)
	}
	if x.cfg.ExitError {
		go func() {
			time.Sleep(300 * time.Millisecond)
			doPost(x.url("/2020-01-01/extension/exit/error"), nil, headerID, x.id, headerErrorType, "Extension.Leaving")
		}()
	}
	return x.loop(listener)
}

func cwd() string {
	dir, _ := os.Getwd()
	return dir
}

func (x *extPlayer) listen() net.Listener {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(ln, x)
	return ln
}

func (x *extPlayer) register() {
	body, _ := json.Marshal(map[string]any{"events": x.cfg.Events})
	req, _ := http.NewRequest(http.MethodPost, x.url("/2020-01-01/extension/register"), bytes.NewReader(body))
	req.Header.Set(headerName, or(x.cfg.As, x.name))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		os.Exit(73)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	x.id = resp.Header.Get(headerID)
	if resp.StatusCode != http.StatusOK {
		fmt.Printf("register %d %s", resp.StatusCode, text)
		os.Exit(74)
	}
}

func (x *extPlayer) subscribe(ln net.Listener) {
	body := fmt.Sprintf(`{"schemaVersion":%q,"types":["%s"],"buffering":{"maxItems":1000,"maxBytes":262144,"timeoutMs":%d},`+
		`"destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:%d/telemetry/path?a=b"}}`,
		or(x.cfg.Schema, "2022-12-13"), strings.Join(x.cfg.Subscribe, `","`), or(x.cfg.TimeoutMs, 25), ln.Addr().(*net.TCPAddr).Port)
	path := "/2022-07-01/telemetry"
	if x.cfg.Logs {
		path = "/2020-08-15/logs"
	}
	req, _ := http.NewRequest(http.MethodPut, x.url(path), strings.NewReader(body))
	req.Header.Set(headerID, x.id)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		os.Exit(75)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	fmt.Printf("subscribed %d %s\n", resp.StatusCode, bytes.TrimSpace(text))
}

func (x *extPlayer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.seen++
	f, err := os.OpenFile(filepath.Join(os.Getenv("EXT_OUT"), x.name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		line, _ := json.Marshal(received{r.Method + " " + r.RequestURI, r.Host, r.Header.Get("Content-Type"), string(body)})
		f.Write(append(line, '\n'))
		f.Close()
	}
	time.Sleep(time.Duration(x.cfg.SlowMs) * time.Millisecond)
	if x.cfg.Status != 0 && (x.cfg.StatusFor == 0 || x.seen <= x.cfg.StatusFor) {
		w.WriteHeader(x.cfg.Status)
		return
	}
	for range bytes.Count(body, []byte(`"platform.runtimeDone"`)) {
		x.done <- struct{}{}
	}
}

// received is one POST as a test extension saw it.
type received struct {
	Request     string
	Host        string
	ContentType string
	Body        string
}

func (x *extPlayer) loop(ln net.Listener) int {
	for {
		ev, ok := x.next()
		if !ok {
			return 76
		}
		if strings.Contains(ev, `"SHUTDOWN"`) {
			return x.shutdown(ev)
		}
		if x.cfg.SayInvoke {
			fmt.Println(ev)
		}
		if x.cfg.LateSub {
			x.subscribe(ln)
		}
		x.invoked()
	}
}

func (x *extPlayer) next() (string, bool) {
	if x.cfg.DoubleNext {
		for range 2 { // the one that comes first stays suspended
			go func() {
				status, text := x.get()
				fmt.Printf("second next %d %s", status, text)
			}()
		}
		time.Sleep(time.Hour)
	}
	status, text := x.get()
	if status != http.StatusOK {
		fmt.Printf("next %d %s", status, text)
	}
	return text, status == http.StatusOK
}

func (x *extPlayer) get() (int, string) {
	req, _ := http.NewRequest(http.MethodGet, x.url("/2020-01-01/extension/event/next"), nil)
	req.Header.Set(headerID, x.id)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

func (x *extPlayer) invoked() {
	if x.cfg.WaitDone {
		<-x.done
	}
	time.Sleep(time.Duration(x.cfg.InvokeSleepMs) * time.Millisecond)
	if x.cfg.InvokeHang {
		time.Sleep(time.Hour)
	}
	if x.cfg.InvokeExit != nil {
		os.Exit(*x.cfg.InvokeExit)
	}
}

func (x *extPlayer) shutdown(ev string) int {
	fmt.Println(ev)
	if x.cfg.ShutdownHang {
		time.Sleep(time.Hour)
	}
	time.Sleep(time.Duration(x.cfg.ShutdownWaitMs) * time.Millisecond)
	return x.cfg.ShutdownExit
}
