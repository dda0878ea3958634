package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// plain is the argument that makes the test binary itself the plain function:
// a handler that needs nothing of the extension.
const plain = "-plain-function"

func plainFunction() {
	lambda.Start(func(_ context.Context, event json.RawMessage) (any, error) {
		var in struct {
			Fail    bool `json:"fail"`
			SleepMs int  `json:"sleep_ms"`
			Exit    int  `json:"exit"`
			Lines   int  `json:"lines"`
			Length  int  `json:"length"`
			DripMs  int  `json:"drip_ms"` // print a line every 5 ms, for so long
			Count   int  // add to a metric
			Print   []string
		}
		if err := json.Unmarshal(event, &in); err != nil {
			return nil, err
		}
		fmt.Println("a plain line")
		fmt.Println(`{"level":"INFO","message":"a JSON line","order":7}`)
		for _, text := range in.Print {
			fmt.Println(text)
		}
		for i := range in.Lines {
			fmt.Printf("line %d %s\n", i, strings.Repeat("x", in.Length))
		}
		if in.Count > 0 {
			if err := count(in.Count); err != nil {
				return nil, err
			}
		}
		drip(time.Duration(in.DripMs) * time.Millisecond)
		time.Sleep(time.Duration(in.SleepMs) * time.Millisecond)
		if in.Exit != 0 {
			os.Exit(in.Exit)
		}
		if in.Fail {
			return nil, errors.New("the handler failed on purpose")
		}
		return map[string]any{"ok": true}, nil
	})
}

// drip prints numbered lines that tell when they were printed, and when the first
// one was: no two invocations have the same.
func drip(d time.Duration) {
	start := time.Now()
	for i := 0; time.Since(start) < d; i++ {
		fmt.Printf("{\"level\":\"INFO\",\"message\":\"drip %d %d\",\"at\":%d}\n", start.UnixNano(), i, time.Now().UnixMilli())
		time.Sleep(5 * time.Millisecond)
	}
}

// count adds to the metric Orders, as a function in any language would.
func count(n int) error {
	body := fmt.Sprintf(`{"metrics":[{"name":"Orders","unit":"Count","value":%d}]}`, n)
	req, err := http.NewRequest(http.MethodPost, "http://127.0.0.1:"+os.Getenv("POWERTOOLS_EXTENSION_HTTP_PORT")+"/metrics", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Aws-Parameters-Secrets-Token", os.Getenv("AWS_SESSION_TOKEN"))
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("metrics: %s", res.Status)
	}
	return nil
}
