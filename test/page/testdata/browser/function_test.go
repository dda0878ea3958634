package browser

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"time"
)

const functionArg = "-function"

// event says what the function of these tests does.
type event struct {
	Lines   []string `json:"lines"`
	SleepMS int      `json:"sleep_ms"`
}

// serveFunction is a runtime and its handler: as many workers as managed
// instances ask for, one elsewhere. FAIL_INIT lets it end before it has begun.
func serveFunction() {
	if os.Getenv("FAIL_INIT") != "" {
		fmt.Println("the function cannot start")
		os.Exit(1)
	}
	workers, _ := strconv.Atoi(os.Getenv("AWS_LAMBDA_MAX_CONCURRENCY"))
	var wg sync.WaitGroup
	for range max(workers, 1) {
		wg.Go(work)
	}
	wg.Wait()
}

func work() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2018-06-01/runtime/invocation/"
	for {
		resp, err := http.Get(api + "next")
		if err != nil {
			return
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			return
		}
		id := resp.Header.Get("Lambda-Runtime-Aws-Request-Id")
		var ev event
		_ = json.Unmarshal(body, &ev)
		for _, line := range ev.Lines {
			fmt.Println(line)
		}
		if os.Getenv("AWS_LAMBDA_MAX_CONCURRENCY") != "" {
			said, _ := json.Marshal(map[string]string{"requestId": id, "message": "worked"})
			fmt.Println(string(said))
		}
		time.Sleep(time.Duration(ev.SleepMS) * time.Millisecond)
		answer, err := http.Post(api+id+"/response", "application/json", bytes.NewReader([]byte(`{"ok":true}`)))
		if err != nil {
			return
		}
		answer.Body.Close()
	}
}
