package lambdaemu

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// fnEvent is the payload of the test function: what it shall do.
type fnEvent struct {
	Print   []string `json:"print,omitempty"`
	Flood   int      `json:"flood,omitempty"`   // lines of 100 bytes
	SleepMs int      `json:"sleepMs,omitempty"` // before the answer
	Error   string   `json:"error,omitempty"`   // POST /error with this type
	Exit    *int     `json:"exit,omitempty"`    // instead of an answer
	Bytes   int      `json:"bytes,omitempty"`   // size of the answer
	Stream  bool     `json:"stream,omitempty"`
	GapMs   int      `json:"gapMs,omitempty"`   // between the parts of a stream; default 10
	Type    string   `json:"type,omitempty"`    // content type of a stream
	Cut     bool     `json:"cut,omitempty"`     // exit in the middle of a stream
	Trailer string   `json:"trailer,omitempty"` // error type told in the trailer
	Mode    string   `json:"mode,omitempty"`    // value of the response mode header
	Env     bool     `json:"env,omitempty"`     // answer with the environment
	Headers bool     `json:"headers,omitempty"` // answer with the headers of /next
	Touch   string   `json:"touch,omitempty"`   // append to this file
	Child   bool     `json:"child,omitempty"`   // leave a child behind

	ChildPrints bool `json:"childPrints,omitempty"` // with the function's descriptors
	ExitNow     bool `json:"exitNow,omitempty"`     // answer, then exit 0 instead of /next

	ExitOnce string   `json:"exitOnce,omitempty"` // exit unless this file exists; make it
	Frames   []string `json:"frames,omitempty"`   // written to the framed descriptor
	Shell    string   `json:"shell,omitempty"`    // run by sh with the function's descriptors
	Later    []string `json:"later,omitempty"`    // printed after the next /next; ID is the request's id
}

func runtimeURL(path string) string {
	return "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime" + path
}

func doPost(url string, body io.Reader, headers ...string) (int, string) {
	req, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		panic(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Fprintln(os.Stderr, "post:", err)
		os.Exit(70)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// playFunction is a small runtime. FN_INIT says what happens before the first
// /next.
func playFunction() int {
	switch mode, arg, _ := strings.Cut(os.Getenv("FN_INIT"), ":"); mode {
	case "print":
		fmt.Println(arg)
	case "exit":
		code, _ := strconv.Atoi(arg)
		return code
	case "sleep":
		d, _ := time.ParseDuration(arg)
		time.Sleep(d)
	case "hang-once": // arg is a file that exists the second time
		if _, err := os.Stat(arg); err != nil {
			os.WriteFile(arg, nil, 0o600)
			time.Sleep(time.Hour)
		}
	case "error":
		doPost(runtimeURL("/init/error"), strings.NewReader(`{"errorMessage":"no module","errorType":"ImportError"}`),
			headerFunctionError, arg)
		return 1
	case "internal":
		registerInternal(arg)
	case "restore":
		if !waitForRestore(arg) {
			time.Sleep(time.Hour)
		}
	case "workers":
		n, _ := strconv.Atoi(arg)
		for range n - 1 {
			go func() {
				for {
					serveOne()
				}
			}()
		}
	}
	for {
		if code, end := serveOne(); end {
			return code
		}
	}
}

// waitForRestore is a runtime with hooks under SnapStart. It prints the
// credentials it has before and after; with an argument its hook fails.
func waitForRestore(errorType string) bool {
	fmt.Println("before", fetchCredentials(os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")))
	resp, err := http.Get(runtimeURL("/restore/next"))
	if err != nil {
		os.Exit(77)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	fmt.Println("restored", resp.StatusCode, len(body))
	fmt.Println("after", fetchCredentials(os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN")))
	if errorType == "" {
		return true
	}
	doPost(runtimeURL("/restore/error"), strings.NewReader(`{"errorMessage":"no socket","errorType":"HookError"}`), headerFunctionError, errorType)
	return false
}

func fetchCredentials(token string) string {
	req, _ := http.NewRequest(http.MethodGet, os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"), nil)
	req.Header.Set("Authorization", token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", string(bytes.TrimSpace(body)))
}

// registerInternal registers an extension inside the runtime's process and
// prints the platform's answer.
func registerInternal(events string) {
	url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension/register"
	status, body := doPost(url, strings.NewReader(`{"events":[`+events+`]}`), headerName, "inner")
	fmt.Printf("internal %d %s", status, body)
	if status != http.StatusOK {
		fmt.Println()
	}
}

func serveOne() (code int, end bool) {
	resp, err := http.Get(runtimeURL("/invocation/next"))
	if err != nil || resp.StatusCode != http.StatusOK {
		return 71, true
	}
	payload, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	var ev fnEvent
	json.Unmarshal(payload, &ev)
	id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
	ev.prepare(id)
	if ev.Exit != nil {
		return *ev.Exit, true
	}
	if ev.ExitOnce != "" {
		if _, err := os.Stat(ev.ExitOnce); err != nil {
			os.WriteFile(ev.ExitOnce, nil, 0o600)
			return 1, true
		}
	}
	ev.answer(id, payload, resp.Header)
	if ev.Later != nil {
		go func() {
			time.Sleep(100 * time.Millisecond)
			for _, text := range ev.Later {
				fmt.Println(strings.ReplaceAll(text, "ID", id))
			}
		}()
	}
	return 0, ev.ExitNow
}

func (ev *fnEvent) prepare(id string) {
	for _, line := range ev.Print {
		fmt.Println(strings.ReplaceAll(line, "REQUEST-ID", id))
	}
	for i := range ev.Flood {
		fmt.Printf("%06d %s\n", i, strings.Repeat("x", 92))
	}
	if ev.Touch != "" {
		f, _ := os.OpenFile(ev.Touch, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		fmt.Fprintln(f, os.Getpid())
		f.Close()
	}
	if ev.Shell != "" {
		sh := exec.Command("/bin/sh", "-c", strings.ReplaceAll(ev.Shell, "REQUEST-ID", id))
		sh.Stdout, sh.Stderr = os.Stdout, os.Stderr
		if fd, err := strconv.Atoi(os.Getenv("_LAMBDA_TELEMETRY_LOG_FD")); err == nil {
			sh.ExtraFiles = []*os.File{os.NewFile(uintptr(fd), "framed")}
		}
		sh.Run()
	}
	if ev.Frames != nil {
		writeFrames(ev.Frames)
	}
	if ev.Child {
		child := exec.Command("/bin/sleep", "1000")
		if ev.ChildPrints {
			child.Stdout = os.Stdout
		}
		child.Start()
	}
	time.Sleep(time.Duration(ev.SleepMs) * time.Millisecond)
}

func (ev *fnEvent) answer(id string, payload []byte, header http.Header) {
	url := runtimeURL("/invocation/" + id + "/response")
	switch {
	case ev.Error != "":
		body := `{"errorMessage":"it broke","errorType":"TestError","stackTrace":[]}`
		doPost(runtimeURL("/invocation/"+id+"/error"), strings.NewReader(body), headerFunctionError, ev.Error)
	case ev.Stream:
		ev.stream(url)
	case ev.Env:
		body, _ := json.Marshal(os.Environ())
		doPost(url, bytes.NewReader(body))
	case ev.Headers:
		body, _ := json.Marshal(header)
		doPost(url, bytes.NewReader(body))
	default:
		body := payload
		if ev.Bytes > 0 {
			body = bytes.Repeat([]byte("y"), ev.Bytes)
		}
		headers := []string{}
		if ev.Mode != "" {
			headers = append(headers, headerResponseMode, ev.Mode)
		}
		status, text := doPost(url, bytes.NewReader(body), headers...)
		if status != http.StatusAccepted {
			fmt.Printf("response %d %s", status, text)
		}
	}
}

func (ev *fnEvent) stream(url string) {
	r, w := io.Pipe()
	req, _ := http.NewRequest(http.MethodPost, url, r)
	req.Header.Set(headerResponseMode, "streaming")
	if ev.Type != "" {
		req.Header.Set("Content-Type", ev.Type)
	}
	req.Trailer = http.Header{headerFunctionError: nil, trailerErrorBody: nil}
	go func() {
		for i := range 3 {
			fmt.Fprintf(w, "part %d\n", i)
			time.Sleep(time.Duration(or(ev.GapMs, 10)) * time.Millisecond)
			if ev.Cut {
				os.Exit(78)
			}
		}
		if ev.Trailer != "" {
			req.Trailer.Set(headerFunctionError, ev.Trailer)
			req.Trailer.Set(trailerErrorBody, "eyJlcnJvck1lc3NhZ2UiOiJsYXRlIn0=")
		}
		w.Close()
	}()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		os.Exit(72)
	}
	if resp.StatusCode != http.StatusAccepted {
		text, _ := io.ReadAll(resp.Body)
		fmt.Printf("response %d %s", resp.StatusCode, text)
	}
	resp.Body.Close()
}

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

// writeFrames writes each text as one frame of a level WARN to the descriptor
// that the platform named.
func writeFrames(texts []string) {
	fd, err := strconv.Atoi(os.Getenv("_LAMBDA_TELEMETRY_LOG_FD"))
	if err != nil {
		fmt.Println("no framed descriptor")
		return
	}
	for _, text := range texts {
		frame := []byte{0xa5, 0x5a, 0x00, 4<<2 | 1}
		frame = binary.BigEndian.AppendUint32(frame, uint32(len(text)))
		syscall.Write(fd, append(frame, text...))
	}
}
