package lambdaemu

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
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
